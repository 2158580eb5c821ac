package store

import "encoding/json"

// A Room is the row of a room. A thread is a room, too; see [Parent].
type Room struct {
	ID    string
	Kind  Kind
	Epoch string // differs from that of any other room that had this id

	Seq     int64 // of the newest message
	Rev     int64 // of the newest change
	Floor   int64 // messages with a smaller seq are gone
	LastAt  int64 // time of the newest message, ms
	Since   int64 // the largest Member.Since
	Members int   // how many users are members
	Owners  int   // how many of them are owners
	Bytes   int64 // of the texts and data of the messages from the floor on

	Settings
	InfoRev int64     // of the last change of the settings
	Pair    [2]string // the two users of a direct room, sorted
	Deleted bool
}

// Settings are the part of a room that moderators change.
type Settings struct {
	Info       json.RawMessage // the program's
	SlowMode   int64           // pause between two posts of a member, ms
	Visibility Visibility
	Archived   bool    // nothing more can be posted
	Pins       []int64 // seqs of messages
}

// A Kind says which users may find and join a room.
type Kind string

// The kinds of rooms.
const (
	KindOpen   Kind = "open"   // every user may read and join
	KindClosed Kind = "closed" // only members know that it exists
	KindDirect Kind = "direct" // of two users
	KindThread Kind = "thread" // of a message; permissions are those of its parent
)

// A Visibility says which old messages members may read.
type Visibility string

// The visibilities. The zero value is VisibleAll.
const (
	VisibleAll    Visibility = ""
	VisibleJoined Visibility = "joined" // only messages since the member has joined
)

// A Member is the row of a user in a room. The row stays when the user is
// removed.
type Member struct {
	Room, User string
	Role       Role   // "" if the user is not a member
	Rev        int64  // of the last change
	Since      int64  // the first seq that the member may see in a joined room
	JoinRev    int64  // of the room when the user became a member
	Banned     bool   // the user cannot become a member
	MutedUntil int64  // ms
	LastPost   int64  // time of the user's newest post, ms
	Notify     Notify // which messages the user wants to be told of
	Hidden     bool   // the user has left this direct room, until its next message
	Why        string // reason of a removal: "leave", "kick", "ban" or "erase"
}

// A Role says what a member may do.
type Role string

// The roles. Each role includes the rights of the roles after it.
const (
	RoleOwner     Role = "owner"
	RoleModerator Role = "moderator"
	RoleMember    Role = "member"
	RoleReader    Role = "reader" // reads only
)

// Rank returns 4 for owners, 3 for moderators, 2 for members, 1 for readers, and
// 0 for anything else.
func (r Role) Rank() int {
	switch r {
	case RoleOwner:
		return 4
	case RoleModerator:
		return 3
	case RoleMember:
		return 2
	case RoleReader:
		return 1
	}
	return 0
}

// A Notify says which messages a member wants to be told of.
type Notify string

// The values of Notify. The zero value is NotifyAll.
const (
	NotifyAll      Notify = ""
	NotifyMentions Notify = "mentions"
	NotifyNone     Notify = "none"
)

// A Message is the row of a message. A deleted message stays as a tombstone: it
// keeps its seq, author, cid and time. The slices of a Message are never
// modified.
type Message struct {
	Room      string          `json:"-"`
	Seq       int64           `json:"seq"`
	Rev       int64           `json:"rev"` // of the last change
	Ver       int64           `json:"ver"` // rev of the last change of its content
	Author    string          `json:"author"`
	CID       string          `json:"cid,omitempty"` // unique within room and author, unless ""
	At        int64           `json:"at"`            // ms
	Text      string          `json:"text,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	Files     []Attachment    `json:"files,omitempty"`
	ReplyTo   int64           `json:"replyTo,omitempty"`
	Mentions  []string        `json:"mentions,omitempty"` // members, or "*" for all
	EditedAt  int64           `json:"editedAt,omitempty"`
	Deleted   *Deletion       `json:"deleted,omitempty"`
	Reactions []Reaction      `json:"reactions,omitempty"`
	Replies   int64           `json:"replies,omitempty"`   // seq of its thread
	LastReply int64           `json:"lastReply,omitempty"` // time of its thread's newest message, ms
}

// Size returns about how many bytes the message takes on the wire.
func (m *Message) Size() int {
	n := 160 + len(m.Author) + len(m.CID) + len(m.Text) + len(m.Data)
	for _, f := range m.Files {
		n += 50 + len(f.ID) + len(f.Name) + len(f.Type)
	}
	for _, u := range m.Mentions {
		n += len(u) + 3
	}
	for _, r := range m.Reactions {
		n += 30 + len(r.Emoji)
		for _, u := range r.By {
			n += len(u) + 3
		}
	}
	return n
}

// An Attachment is a file as its message shows it.
type Attachment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // a media type
	Size int64  `json:"size"` // bytes
}

// A File is the row of a file. Its content is not in the store.
type File struct {
	Attachment
	Owner  string // the user that has uploaded the file
	SHA256 string // of the content, in hexadecimal digits; "" during the upload, when Size is the largest size
	At     int64  // time of the upload, ms; 0 if the file was dropped
	Room   string // of the message that has the file, or ""
	Seq    int64  // likewise
}

// A Version is the content of a message before it was edited or deleted.
type Version struct {
	Room string          `json:"-"`
	Seq  int64           `json:"-"`
	Ver  int64           `json:"ver"` // Message.Ver at that time
	At   int64           `json:"at"`  // when the message got this content, ms
	Text string          `json:"text,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// A Deletion describes how a message was deleted.
type Deletion struct {
	By     string `json:"by,omitempty"`
	At     int64  `json:"at"`
	Reason string `json:"reason,omitempty"`
}

// A Reaction is the summary of one emoji at a message.
type Reaction struct {
	Emoji string   `json:"e"`
	N     int      `json:"n"`
	By    []string `json:"by"` // at most MaxReactors of the users, the earliest first
}

// MaxReactors is how many users the summary of a reaction names. MaxEmoji is
// how many different emoji a message may have.
const (
	MaxReactors = 20
	MaxEmoji    = 100
)

// A Marker says how far a user has read a room.
type Marker struct {
	Room, User      string
	Read, Delivered int64 // seqs
	Gen             int64 // how often the user has set Read back
}

// Merge returns the marker that results from both: the larger Delivered, and
// the Read of the marker with the larger Gen, or the larger Read if the Gens
// are equal.
func (m Marker) Merge(other Marker) Marker {
	switch {
	case other.Gen > m.Gen:
		other.Delivered = max(m.Delivered, other.Delivered)
		return other
	case other.Gen == m.Gen:
		m.Read = max(m.Read, other.Read)
	}
	m.Delivered = max(m.Delivered, other.Delivered)
	return m
}

// Keys of rows.
type (
	MemberKey   struct{ Room, User string }
	CIDKey      struct{ Room, Author, CID string }
	ReactionKey struct {
		Room        string
		Seq         int64
		User, Emoji string
	}
	MentionKey struct {
		Room string
		Seq  int64
		User string // or "*"
	}
	MessageKey struct {
		Room string
		Seq  int64
	}
	BlockKey struct{ User, Blocked string }
	BelowKey struct { // messages with a smaller seq
		Room string
		Seq  int64
	}
)
