package chat

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// A Chat serves one namespace. All methods are safe for concurrent use.
type Chat struct {
	opts   Options
	limits Limits
	ns     *socketio.Namespace
	store  store.Store
	log    *slog.Logger

	ctx        context.Context // ends with Close
	stop       context.CancelFunc
	serving    context.Context // ends earlier than ctx: when the server shuts down
	retire     context.CancelFunc
	work       sync.WaitGroup
	committers []*committer
	commits    sync.WaitGroup // the goroutines of committers
	rates      rates
	markers    markers
	presences  presences
	heads      heads
	showings   showings
	news       news
	hooks      hooks
	outbox     *outbox       // nil unless Options.DurableHooks
	id         string        // of this server, among others
	over       chan struct{} // closed when Close has ended
	late       error         // of Close

	mu       sync.Mutex // a leaf
	live     map[string]*live
	sockets  map[*socketio.Socket]*device
	entering map[*socketio.Socket]func() bool // those that are not connected yet; ends watching for their end
	closed   bool
}

// Options configure a Chat.
type Options struct {
	// Store keeps the rooms. The chat closes it, so each chat needs a store of
	// its own, on the same database perhaps. Defaults to store.Memory(), which
	// forgets the rooms when the process ends; the logger gets a warning.
	Store store.Store

	// Authenticate returns the user of a socket. If it returns an error, the
	// chat refuses the client with a connect_error: its message is the text of
	// an error of Refuse, and "unauthenticated" for any other error. If the
	// error is ErrUnavailable, the chat calls Authenticate again each second,
	// for up to 20 seconds. Authenticate is required.
	Authenticate func(ctx context.Context, s *socketio.Socket) (User, error)

	// Policy decides what users may do, besides the roles in their rooms.
	Policy Policy

	// BeforePost is called with each post and edit of a client. It may change
	// the draft, or refuse it by an error of Refuse. Policy.CanPost and
	// BeforePost together may take 3 seconds. Then the chat refuses the draft
	// with ErrUnavailable; if BeforePost is late and AllowUnfiltered is true,
	// the chat accepts the draft as the client has sent it. When a client
	// repeats a post that is in the store, BeforePost is called again, but the
	// reply is the first one.
	BeforePost      func(ctx context.Context, d *Draft) error
	AllowUnfiltered bool

	// OnReport is called when a user reports a message to the moderators. The
	// reason may be "". A client may send the same report twice. If OnReport is
	// nil, the chat refuses reports.
	OnReport func(ctx context.Context, by User, m Message, reason string) error

	// Users returns the names and data of users. The chat shows them to the
	// users that may see them. If Users is nil, the chat knows only the users
	// that have a device on this server.
	Users func(ctx context.Context, ids []string) ([]User, error)

	// KeepVersions, if true, keeps the text and data that messages had before
	// they were edited or deleted. Moderators can read them. Defaults to false.
	KeepVersions bool

	// OnPost is called after this server has committed a post, for example to
	// send pushes to [Posted.Recipients]. It is called at most once for a post,
	// and one at a time for the posts of a room, in their order. The calls for
	// different rooms run at the same time. The context ends after a minute.
	// The chat logs an error. If 10,000 posts wait for OnPost, the chat drops
	// further ones and logs that.
	OnPost func(ctx context.Context, p *Posted) error

	// DurableHooks, if true, makes the store keep a list of the posts for which
	// OnPost must be called. Then any server calls OnPost at least once for
	// each post, also after a crash, in the order of the room's posts on all
	// servers. If OnPost returns an error or panics, the server calls it again
	// after a second, then after two seconds, and so on up to five minutes. The
	// later posts of the room wait meanwhile. The chat gives up a post that is
	// older than a day, after at least ten calls. OnPost gets the message as it
	// is at the time of the call. It is not called for messages that no longer
	// exist. The store must be a [store.Outbox], as the stores for SQLite and
	// Postgres are. Memory is one too, for tests. Defaults to false.
	DurableHooks bool

	// PushDelay is how long after a post Posted.Recipients finds out which
	// members have not read it. Defaults to 5 s.
	PushDelay time.Duration

	// Limits bound what users may do.
	Limits Limits

	// Retention says which messages rooms keep. If RetentionOf is not nil, it
	// decides for each room instead. A thread has the retention of its parent,
	// and is removed with its message. The chat removes messages once an hour.
	// Defaults to all messages.
	Retention   Retention
	RetentionOf func(r RoomInfo) Retention

	// LargeRoom is the number of followers on one server above which a room is
	// large. A large room has no typing events, sends the event read only to
	// the reader's own devices, and tells its followers how many users are
	// there. Defaults to 100.
	LargeRoom int

	// Grace is how long a user keeps the same presence after the last device
	// has disconnected. Defaults to 20 s.
	Grace time.Duration

	// WatchInterval is how often the chat asks the store for changes, in case a
	// message from another server was lost. Defaults to 5 s.
	WatchInterval time.Duration

	// Logger gets a line for each failure. Its handler must not call methods of
	// the Chat, because the chat waits for it. Defaults to no log.
	Logger *slog.Logger

	// Trace contains functions that the chat calls, for metrics. They must
	// return quickly.
	Trace Trace
}

// A User is a user of the program. Other users can see the name and the data.
type User struct {
	ID   string `json:"id"` // 1 to 128 bytes, neither "*" nor "deleted"
	Name string `json:"name,omitempty"`
	Data any    `json:"data,omitempty"` // sent as JSON
}

// A Draft is a message before it is posted.
type Draft struct {
	Room     string // set by the chat
	Author   string // likewise
	Text     string
	Data     json.RawMessage
	Files    []string // ids of files that the author has uploaded and that no message has; see Chat.Files
	ReplyTo  int64
	Mentions []string
	Key      string // if not "", the author posts only one message with this key in the room; for calls of Room.Post
}

// Posted is a message that was committed.
type Posted struct {
	Room    string
	Message Message

	c  *Chat
	at time.Time // of the commit
}

// A Retention says which messages a room keeps. The chat removes the oldest
// messages while there are too many or they are too old, but never a message
// that is younger than a day. A field that is 0 is no limit.
type Retention struct {
	Age   time.Duration // how old a message may be
	Count int64         // how many messages
	Bytes int64         // how many bytes of texts and data
}

// A Policy decides what users may do. A nil function allows what the roles in a
// room allow; a function that returns an error forbids it.
type Policy struct {
	// CanJoin is asked when a user joins a room, and returns the user's role.
	// If it is nil, users join open rooms as members.
	CanJoin func(ctx context.Context, u User, r RoomInfo) (Role, error)

	// CanRead is asked when a user opens a room or asks for its messages,
	// before a list of rooms shows the newest message of the room, and every 30
	// s for each follower of the room. The chat keeps a permission for 30 s for
	// each device, unless the user's membership or the room's settings change.
	// Posted.Recipients does not ask CanRead.
	CanRead func(ctx context.Context, u User, r RoomInfo) error

	// CanPost is asked about each post and edit of a client, before BeforePost.
	CanPost func(ctx context.Context, u User, r RoomInfo, d *Draft) error

	// CanCreate is asked when a user creates a room, including a direct room.
	CanCreate func(ctx context.Context, u User, r RoomInfo) error

	// CanModerate is asked about a moderator's command: "add", "kick", "ban",
	// "unban", "mute", "role", "set" or "versions". For "set" and "versions"
	// user is "".
	CanModerate func(ctx context.Context, u User, r RoomInfo, command, user string) error

	// CanSee is asked when a user wants to know the presence or the name of
	// another user. If it is nil, users see the members of their rooms.
	CanSee func(ctx context.Context, u User, other string) error
}

// A Trace contains functions for metrics. Each may be nil. They must not call
// methods of the Chat, because the chat waits for them.
type Trace struct {
	Committed func(ops int, took time.Duration)             // a transaction
	Delivered func(room string, rev int64)                  // changes up to rev were sent to the followers on this server
	CaughtUp  func(room string, from, to int64, why string) // a client opened a room; why is "ring", "store" or "reset"
	Refused   func(command string, code Code)               // a command was refused
}

// spawn runs f on a goroutine that Close waits for. After Close it does nothing.
func (c *Chat) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.work.Go(f)
	}
}

// pause waits, and reports false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
