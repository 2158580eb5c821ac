// Package store is the contract between package chat and the databases that keep
// its rooms. Programs need it only to name a store: [Memory] is one, others are
// in modules of their own. Whoever writes a store implements [Store], and tests
// it with package storetest.
//
// The rules of a chat are not the store's business. They are in [Apply], once
// for all stores: it decides about operations on the rows that a transaction
// loads, and returns the rows that the transaction writes.
package store

import "context"

// A Store keeps rooms. All methods are safe for concurrent use. Neither
// the caller nor the store modifies what a method has returned.
//
// Every method returns an error that is [ErrUnavailable] if the database can not
// be reached or ctx ends, whatever the driver calls that.
type Store interface {
	// Commit runs operations, in order, in one durable transaction, by
	// [Apply]. An operation that is refused has an error in its Result and
	// leaves the others alone. If Commit returns an error, either no operation
	// has happened, or it is not known whether all have.
	//
	// Rows of a room become visible in the order of their revs: once a reader
	// sees a rev of a room, no smaller one appears. Locking the room's row
	// until the transaction has ended is the way to do this.
	Commit(ctx context.Context, ops []Op) (*Committed, error)

	// Changes returns the rows of a room with a rev above after, in the order
	// of revs, without messages below the floor, and the room as the same
	// snapshot has it. See [Cut] for where it stops. If the room does not exist, Changes returns ErrNotFound.
	Changes(ctx context.Context, room string, after int64, l Limit) (*Changes, error)

	// Behind returns how many rows of a room have a rev above after, or limit
	// if there are more.
	Behind(ctx context.Context, room string, after int64, limit int) (int, error)

	// History returns a page of messages, and the room as the same snapshot
	// has it. If the room does not exist, History returns ErrNotFound.
	History(ctx context.Context, room string, q Query) (*Page, error)

	// Heads returns where rooms are, without those that do not exist.
	Heads(ctx context.Context, rooms []string) ([]Head, error)

	// Look returns what a user is in each of these rooms, whether a member or
	// not, in the same order. A room that does not exist has an empty ID.
	Look(ctx context.Context, user string, rooms []string) ([]Membership, error)

	// Memberships returns the rooms that a user is a member of, with an id
	// above after, in the order of ids. Rooms that are hidden or deleted are
	// left out.
	Memberships(ctx context.Context, user, after string, limit int) ([]Membership, error)

	// Members returns the members of a room, and the users that are banned,
	// with an id above after, in the order of ids.
	Members(ctx context.Context, room, after string, limit int) ([]Member, error)

	// Unread returns the members of a room that have not read a message of
	// author, with an id above after, in the order of ids: their marker is
	// below the seq. The author is left out, and members that block the author.
	// If the room does not exist, Unread returns ErrNotFound.
	Unread(ctx context.Context, k MessageKey, author, after string, limit int) ([]Member, error)

	// Mark merges markers into those that are kept, by [Marker.Merge], clips
	// Read and Delivered to the room's Seq, and returns the results in the
	// same order. Markers of users that are no members are not kept. Mark need
	// not be durable.
	Mark(ctx context.Context, markers []Marker) ([]Marker, error)

	// Reacted returns which of these reactions there are.
	Reacted(ctx context.Context, user, room string, seqs []int64) ([]ReactionKey, error)

	// Extents returns rooms with an id above after, deleted ones included, in
	// the order of ids, each with its oldest message.
	Extents(ctx context.Context, after string, limit int) ([]Extent, error)

	// Sweep removes the oldest messages below the floor of a room, at most
	// limit of them, and all that belongs to them. It returns how many it has
	// removed. With the last message of a thread that is deleted, the room
	// goes, too.
	Sweep(ctx context.Context, room string, limit int) (int, error)

	// Touched returns the seqs above after of messages in a room that a user
	// has written, reacted to or deleted, or that mention the user, ascending.
	Touched(ctx context.Context, user, room string, after int64, limit int) ([]int64, error)

	// Traces returns the ids above after of the rooms that contain anything of
	// a user, deleted ones included, in the order of ids.
	Traces(ctx context.Context, user, after string, limit int) (rooms []string, err error)

	// Blocks returns the users that a user blocks, in the order of ids.
	Blocks(ctx context.Context, user string) ([]string, error)

	// Versions returns the earlier versions of a message, the oldest first.
	Versions(ctx context.Context, k MessageKey) ([]Version, error)

	// Erasures returns the users whose erasure has begun and is not over.
	Erasures(ctx context.Context) (users []string, err error)

	// File returns a file. If the file does not exist, File returns NotFound.
	File(ctx context.Context, id string) (*File, error)

	// Strays returns the files that are in no message and were added before a
	// time in ms, with an id above after, in the order of ids. Those that were
	// dropped are among them.
	Strays(ctx context.Context, before int64, after string, limit int) ([]File, error)

	// NewEpoch gives every room another epoch, for a database that was
	// restored from a backup.
	NewEpoch(ctx context.Context) error

	// Close releases what the store holds. Commits that have begun are
	// finished.
	Close() error
}

// A Watcher is a Store that tells of the commits of other processes.
type Watcher interface {
	Store
	// Watch calls changed with rooms that may have changed, until ctx ends. It
	// may call it too often, and with nil if any room may have changed.
	Watch(ctx context.Context, changed func(rooms []string)) error
}

// A Head says where a room is.
type Head struct {
	Room, Epoch string
	Seq, Rev    int64
	Floor       int64
}

// Head returns the head of a room.
func (r *Room) Head() Head {
	return Head{Room: r.ID, Epoch: r.Epoch, Seq: r.Seq, Rev: r.Rev, Floor: r.Floor}
}

// A Limit ends a page after so many rows, or after the row that makes it longer
// than so many bytes. Bytes are counted by [Message.Size].
type Limit struct{ Rows, Bytes int }

// Changes are all changes of a room in the range (From, To]: each row as it is
// now, if its rev is in the range.
type Changes struct {
	Room     Room // Room.Rev is To unless there is More
	From, To int64
	Messages []Message // in the order of revs
	Members  []Member  // in the order of revs
	Settings bool      // those of the room changed in the range
	More     bool      // changes above To exist
}

// A Query asks for a page of messages. One of Before, After, Around and Seqs is
// set; without them, the query means the newest messages.
type Query struct {
	Before int64   // messages with a smaller seq, the largest of them
	After  int64   // messages with a larger seq, the smallest of them; -1 for the oldest
	Around int64   // messages on both sides of this one, and itself
	Seqs   []int64 // exactly these
	Since  int64   // no message with a smaller seq
	Limit  Limit
}

// A Page is a page of messages in the order of seqs.
type Page struct {
	Room     Room
	Messages []Message
	More     bool // there are more in the direction of the query; for Around, before the page
}

// A Membership is what a user is in a room.
type Membership struct {
	Room     Room
	Member   Member
	Marker   Marker
	Mentions int      // unread messages that mention the user or all
	Last     *Message // the newest message
}

// An Extent is a room and where its messages begin. Those below the floor may
// still be there.
type Extent struct {
	Room     Room
	Oldest   int64 // seq of the oldest message, 0 if there is none
	OldestAt int64 // its time, ms
}

// Committed is what a transaction has done.
type Committed struct {
	Results []Result  // one for each operation
	Changes []Changes // of each room that has a new rev, complete; in the order of ids
}

// A Result is what became of an operation.
type Result struct {
	Err     error    // an *Error if the operation was refused
	Seq     int64    // of the message
	Rev     int64    // of the row
	At      int64    // time of the message, ms
	Dup     bool     // it had been done before
	Author  string   // of the message, of Delete and React
	Members []Member // rows of the members that the operation changed
	Purged  int      // how many messages a ban deleted, or a Prune took away
	More    bool     // of Erase: the room may contain more of the user
}
