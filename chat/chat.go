package chat

import (
	"context"
	"crypto/rand"
	"errors"
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
	serving    context.Context // ends before, when the server says goodbye
	retire     context.CancelFunc
	work       sync.WaitGroup
	committers []*committer
	commits    sync.WaitGroup // the goroutines of committers
	rates      rates
	markers    markers
	presences  presences
	heads      heads
	hooks      hooks
	outbox     *outbox // nil unless Options.DurableHooks
	id         string  // of this server, among others

	mu      sync.Mutex // a leaf
	live    map[string]*live
	sockets map[*socketio.Socket]*device
	closed  bool
}

// Options configure a Chat.
type Options struct {
	// Store keeps the rooms. Defaults to store.Memory(), which forgets them
	// when the process ends; the logger gets a warning.
	Store store.Store

	// Authenticate says which user a socket is. If it returns an error, the
	// client is refused: the message of the connect_error is the text of
	// Refuse, or "unauthenticated". An error that is ErrUnavailable is no
	// answer: Authenticate is called again, for up to 20 seconds. It is
	// required.
	Authenticate func(ctx context.Context, s *socketio.Socket) (User, error)

	// Policy decides what users may do, besides the roles in their rooms.
	Policy Policy

	// BeforePost may change a draft that a client posts, or refuse it by the
	// error of Refuse. Policy.CanPost and BeforePost may take 3 seconds
	// together; then the post is refused, or it is allowed as the client has
	// sent it if AllowUnfiltered is set and BeforePost is late. A client that
	// repeats a post lets it be asked again, and gets the first answer
	// whatever it says now.
	BeforePost      func(ctx context.Context, d *Draft) error
	AllowUnfiltered bool

	// OnReport is called when a user reports a message to the moderators, with
	// a reason that may be "". A client may send a report again. Without it,
	// reports are refused.
	OnReport func(ctx context.Context, by User, m Message, reason string) error

	// Users returns the names and data of users, for other users that may see
	// them. Without it, only the users with a device on this server are known.
	Users func(ctx context.Context, ids []string) ([]User, error)

	// KeepVersions keeps what messages said before they were edited or
	// deleted, for moderators. Defaults to false.
	KeepVersions bool

	// OnPost is called after a post was committed by this server, for example
	// to send pushes to [Posted.Recipients]: at most once, in the order of the
	// posts of a room. The calls for different rooms run at the same time. An
	// error is logged. The context ends after a minute.
	OnPost func(ctx context.Context, p *Posted) error

	// DurableHooks makes the store keep a list of the posts that OnPost must be
	// called for. OnPost is called at least once, also after a crash, by any
	// server, in the order of a room's posts on all servers. If it returns an
	// error or panics, it is called again after a second, then after two
	// seconds, and so on up to five minutes; the later posts of the room wait
	// for that. After a day the chat gives the post up. The message is as it is
	// when OnPost is called; messages that no longer exist are left out. The
	// store must be a [store.Outbox]: those for SQLite and Postgres are, and
	// Memory is for tests.
	DurableHooks bool

	// PushDelay is how long after a post Posted.Recipients decides. Defaults
	// to 5 s.
	PushDelay time.Duration

	// Limits bound what users may do.
	Limits Limits

	// Retention says which messages rooms keep. Defaults to all. RetentionOf, if
	// it is not nil, says it for each room instead. A thread keeps what its
	// parent does, and goes with its message. Messages go within an hour.
	Retention   Retention
	RetentionOf func(r RoomInfo) Retention

	// LargeRoom is from how many followers on a server a room is large: it has
	// no typing, its receipts go to the reader's own devices only, and changes
	// within 50 ms are sent together. Defaults to 100.
	LargeRoom int

	// Grace is how long after the end of a user's last device the user is
	// still shown as online. Defaults to 20 s.
	Grace time.Duration

	// WatchInterval is how often the store is asked for changes that other
	// servers have not told. Defaults to 5 s.
	WatchInterval time.Duration

	// Logger gets a line for each failure. Defaults to no log.
	Logger *slog.Logger

	// Trace contains functions that are called, for metrics. They must return
	// soon.
	Trace Trace
}

// A User is a user of the program. Other users can see the name and the data.
type User struct {
	ID   string `json:"id"` // 1 to 128 bytes, neither "*" nor "deleted"
	Name string `json:"name,omitempty"`
	Data any    `json:"data,omitempty"` // sent as JSON
}

// A Policy decides what users may do. A nil function allows what the roles in a
// room allow; a function that returns an error forbids it.
type Policy struct {
	// CanJoin is asked when a user joins a room, and returns the user's role.
	// Without it, users join open rooms as members.
	CanJoin func(ctx context.Context, u User, r RoomInfo) (Role, error)

	// CanRead is asked when a user opens a room or asks for its messages, about
	// the newest message of each room in a list, and every 30 s about the
	// followers of a room. Posted.Recipients does not ask it. If it allows, a
	// device is not asked about again for 30 s, unless the membership of the
	// user or the settings of the room change.
	CanRead func(ctx context.Context, u User, r RoomInfo) error

	// CanPost is asked about each post, before BeforePost.
	CanPost func(ctx context.Context, u User, r RoomInfo, d *Draft) error

	// CanCreate is asked when a user creates a room, also a direct one.
	CanCreate func(ctx context.Context, u User, r RoomInfo) error

	// CanModerate is asked about the commands of moderators, by name: "add",
	// "kick", "ban", "unban", "mute", "role", "set", "versions".
	CanModerate func(ctx context.Context, u User, r RoomInfo, command, user string) error

	// CanSee is asked when a user wants to know the presence or the name of another.
	// Without it, users see the members of their rooms.
	CanSee func(ctx context.Context, u User, other string) error
}

// A Trace contains functions for metrics. Each may be nil.
type Trace struct {
	Committed func(ops int, took time.Duration)             // a transaction
	Delivered func(room string, rev int64)                  // changes up to rev were sent to the followers on this server
	CaughtUp  func(room string, from, to int64, why string) // a client opened a room; why is "ring", "store" or "reset"
	Refused   func(command string, code Code)               // a command was refused
}

// New makes a chat of a namespace. The namespace must not have other handlers
// for the commands of a chat.
func New(ns *socketio.Namespace, o *Options) (*Chat, error) {
	if o == nil || o.Authenticate == nil {
		return nil, errors.New("chat: Options.Authenticate is required")
	}
	c := &Chat{
		opts:    *o,
		limits:  o.Limits.withDefaults(),
		ns:      ns,
		store:   o.Store,
		log:     o.Logger,
		live:    make(map[string]*live),
		sockets: make(map[*socketio.Socket]*device),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.store == nil {
		c.store = store.Memory()
		c.log.Warn("chat: rooms are kept in memory only, because Options.Store is nil")
	}
	if o.DurableHooks && o.OnPost != nil {
		kept, is := c.store.(store.Outbox)
		if !is {
			return nil, errors.New("chat: the store has no outbox, which Options.DurableHooks needs")
		}
		c.outbox = &outbox{store: kept, wake: make(chan struct{}, 1), workers: make(map[string]*worker)}
	}
	c.opts.LargeRoom = orDefault(o.LargeRoom, 100)
	c.opts.Grace = orDefault(o.Grace, 20*time.Second)
	c.opts.WatchInterval = orDefault(o.WatchInterval, 5*time.Second)
	c.opts.PushDelay = orDefault(o.PushDelay, 5*time.Second)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.serving, c.retire = context.WithCancel(c.ctx)
	c.startCommitters()
	c.markers.known = make(map[store.MemberKey]*marker)
	c.spawn(c.watch)
	c.spawn(c.keepMarkers)
	c.presences.init()
	c.heads.init()
	c.hooks.waiting = make(map[string][]*Posted)
	c.spawn(c.keepHeads)
	c.spawn(c.keepRetention)
	c.id = rand.Text()
	c.spawn(c.keepPresence)
	if c.outbox != nil {
		c.hooks.work.Go(c.keepOutbox)
	}
	c.serve()
	return c, nil
}

// closeTime is how long Close waits for OnPost before its context ends.
const closeTime = 5 * time.Second

// Close ends the chat: it commits waiting operations, calls OnPost for waiting
// posts, and closes the store. The server must be closed before.
func (c *Chat) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	for _, m := range c.committers {
		m.close()
	}
	c.commits.Wait()
	c.retire()
	c.hooks.wait(closeTime)
	c.stop()
	c.hooks.work.Wait()
	c.work.Wait()
	return c.store.Close()
}

// spawn runs f on a goroutine that Close waits for. After Close it does nothing.
func (c *Chat) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.work.Go(f)
	}
}

func orDefault[T int | time.Duration | int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}
