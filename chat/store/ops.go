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

// A Post adds a message. With a CID that its author has used in the room
// before, it does nothing, and the result is that of the first one.
type Post struct {
	Room, By string // By "" is the program in the name of Author
	Author   string
	CID      string
	Text     string
	Data     json.RawMessage
	Files    []string // ids of the author's files, which no message has
	ReplyTo  int64
	Mentions []string // those that are no members are dropped
	Outbox   bool     // put the message into the outbox; see [Outbox]
	Repeat   bool     // only repeat an answer: NotFound if there is no such post
}

// An Edit replaces the content of a message. Ver is that of the message it was
// made from; 0 means any.
type Edit struct {
	Room, By string
	Seq, Ver int64
	Text     string
	Data     json.RawMessage
	Mentions []string
	Keep     bool // the version before
}

// A Delete makes a message a tombstone. To delete it again does nothing.
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

// A Replies shows at a message how long its thread is. It does nothing if a
// larger number is shown.
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
	Invited  bool  // of Join: the program allows it whatever the room's kind
	Purge    int64 // of Ban: messages of the last Purge ms are deleted, too
	Keep     bool  // of Ban: the versions of what Purge deletes
	Max      int   // of Join and Add: how many members the room may have; 0 means any number
}

// Do says what a SetMember does.
type Do int

// The values of Do.
const (
	Join      Do = iota + 1 // by the user; in a thread, the user follows it
	Add                     // by a moderator
	Leave                   // by the user; in a direct room it hides the room, in a thread it ends following
	Kick                    // by a moderator
	Ban                     // by a moderator, also of a user that is no member
	Unban                   // by a moderator
	Mute                    // by a moderator, until Until
	SetRole                 // by a member with a higher role, or by the user to lower it
	SetNotify               // by the user
)

// A Create makes a room. If the room exists, it does nothing, and the result is
// a Dup if the kind is the same and Conflict otherwise; a deleted room is made
// anew by the program and is Gone for others.
type Create struct {
	Room, By string // By becomes the owner
	Kind     Kind
	Settings Settings
	Pair     [2]string // the users of a direct room, sorted
}

// A SetRoom changes settings. Fields that are nil stay.
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

// A Prune takes the oldest messages of a room away that Keep does not keep: it
// moves the floor, over MaxPruned of them at most. A thread whose message is
// gone ends as a whole. The rows are left to Store.Sweep.
type Prune struct {
	Room string
	Keep Keep
}

// A Block decides whether a user gets direct messages from another.
type Block struct {
	By, User string
	On       bool
}

// An Erase is a part of the erasure of a user. Without a Room, it notes that the
// erasure has begun, or is over, which also removes all blocks by and of the
// user. With a Room, it removes the user from the room: some messages of the
// user become tombstones whose author is [Deleted], and the user's membership,
// marker, reactions and mentions end. It is repeated while the result has More.
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

// An EndFile says what was uploaded. It is refused with NotFound if the file was
// dropped meanwhile.
type EndFile struct {
	ID, Type, SHA256 string
	Size             int64
}

// A DropFile drops a file that is in no message: it can not be posted any longer,
// and its content has to be removed.
type DropFile struct{ ID string }

// A RemoveFile removes the row of a dropped file, after its content.
type RemoveFile struct{ ID string }
