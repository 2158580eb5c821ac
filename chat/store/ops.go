package store

import "encoding/json"

// An Op is an operation of Commit: one of [Post], [Edit], [Delete], [React],
// [Replies], [SetMember], [Create], [SetRoom], [DeleteRoom], [Prune], [Block],
// [Erase], [AddFile], [EndFile], [DropFile] and [RemoveFile].
//
// By is the user that acts. If it is "", the program acts, and no role is
// checked.
type Op interface {
	rooms() []string // what the operation locks, without parents
	needs(b *batch, n *Needs)
	apply(b *batch, r *Result) error
}

// A Post adds a message. If the author has used the CID in the room before,
// Post adds nothing and has the result of the first post.
type Post struct {
	Room, By string // if By is "", the program posts in the name of Author
	Author   string
	CID      string
	Text     string
	Data     json.RawMessage
	Files    []string // ids of files of the author that are in no message
	ReplyTo  int64
	Mentions []string // users that are not members are dropped
	Outbox   bool     // put the message into the outbox; see [Outbox]
	Repeat   bool     // only return the result of an earlier post; NotFound if there is no such post
}

// An Edit replaces the content of a message. Ver is the Message.Ver that the
// author has edited; 0 means any.
type Edit struct {
	Room, By string
	Seq, Ver int64
	Text     string
	Data     json.RawMessage
	Mentions []string
	Keep     bool // the version before
}

// A Delete makes a message a tombstone. Deleting a tombstone does nothing.
type Delete struct {
	Room, By string
	Seq      int64
	Reason   string
	Keep     bool // the version before
}

// A React adds a reaction to a message, or removes it.
type React struct {
	Room, By string // never ""
	Seq      int64
	Emoji    string
	On       bool
}

// A Replies sets the length of a message's thread in the row of the message. It
// does nothing unless the length has grown.
type Replies struct {
	Room      string
	Seq       int64
	Replies   int64
	LastReply int64
}

// A SetMember changes what a user is in a room.
type SetMember struct {
	Room, By string
	User     string
	Do       Do
	Role     Role   // of Join, Add and SetRole
	Until    int64  // of Mute, ms; 0 ends it
	Notify   Notify // of SetNotify
	Reason   string
	Invited  bool  // of Join: the program lets the user in, whatever the kind of the room
	Purge    int64 // of Ban: messages of the last Purge ms are deleted, too
	Keep     bool  // of Ban: the versions of what Purge deletes
	Max      int   // of Join and Add: the largest number of members; 0 means any number
}

// Do says what a SetMember does.
type Do int

// The values of Do.
const (
	Join      Do = iota + 1 // by the user; in a thread, the user follows it
	Add                     // by a moderator
	Leave                   // by the user; hides a direct room, and ends following a thread
	Kick                    // by a moderator
	Ban                     // by a moderator, also of a user that is not a member
	Unban                   // by a moderator
	Mute                    // by a moderator, until Until
	SetRole                 // by a member with a higher role, or by the user to lower it
	SetNotify               // by the user
)

// A Create makes a room. If the room exists, Create changes nothing: the result
// is a Dup if the kind is the same, and Conflict otherwise. The program can
// make a deleted room anew; for users a deleted room is Gone.
type Create struct {
	Room, By string // By becomes the owner
	Kind     Kind
	Settings Settings
	Pair     [2]string // the users of a direct room, sorted
}

// A SetRoom changes the settings of a room. It does not change settings whose
// field is nil.
type SetRoom struct {
	Room, By   string
	Info       json.RawMessage
	SlowMode   *int64
	Visibility *Visibility
	Archived   *bool
	Pin, Unpin int64 // the seq of a message, or 0
	MaxPins    int
}

// A DeleteRoom deletes a room with its messages and members. The room's id and
// counters stay, so that it can be made anew with another epoch.
type DeleteRoom struct{ Room, By string }

// A Prune removes the oldest messages of a room if Keep does not keep them. It
// moves the floor over at most MaxPruned messages; Store.Sweep removes their
// rows. A thread whose message has been removed ends as a whole.
type Prune struct {
	Room string
	Keep Keep
}

// A Block decides whether By gets direct messages and mentions from User.
type Block struct {
	By, User string
	On       bool
}

// An Erase is a part of the erasure of a user. Without a Room, it notes that
// the erasure has begun, or, with Over, that it has ended. The end also removes
// all blocks by and of the user. With a Room, it removes the user from the
// room: some messages of the user become tombstones whose author is [Deleted],
// and the user's membership, marker, reactions and mentions end. The caller
// repeats it while Result.More is true.
type Erase struct {
	Room, User string
	Over       bool
}

// An AddFile adds a file before its content is uploaded. Size is how many bytes
// the content may have.
type AddFile struct {
	File
	MaxFiles int   // how many files of the owner may be in no message
	MaxBytes int64 // how many bytes they may have
}

// An EndFile completes a file after its upload. If the file was dropped
// meanwhile, the error is NotFound.
type EndFile struct {
	ID, Type, SHA256 string
	Size             int64
}

// A DropFile drops a file that is in no message. From then on the file cannot
// be posted, and its content must be removed.
type DropFile struct{ ID string }

// A RemoveFile removes the row of a dropped file, after its content was
// removed.
type RemoveFile struct{ ID string }
