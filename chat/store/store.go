// Package store is the contract between package chat and the databases that
// keep its rooms. Programs need it only to name a store, such as [Memory];
// other stores are in modules of their own. A new store must implement [Store]
// and pass the tests of package storetest.
//
// A store does not know the rules of a chat. [Apply] contains them, once for
// all stores: it decides on operations by the rows that a transaction has
// loaded, and returns the rows that the transaction must write.
package store

import "context"

// A Store keeps rooms. All methods are safe for concurrent use. Neither
// the caller nor the store modifies what a method has returned.
//
// If the database cannot be reached or ctx ends, every method returns an error
// that is [ErrUnavailable], whatever error the driver returns.
type Store interface {
	// Commit runs operations, in order, in one durable transaction, by [Apply].
	// An operation that is refused has an error in its Result, and the others
	// still take effect. If Commit returns an error, either all operations have
	// taken effect or no operation has, and the caller does not know which.
	//
	// Rows of a room become visible in the order of their revs: once a reader
	// sees a rev of a room, no smaller one appears. A store ensures this by
	// locking the room's row until the transaction has ended.
	Commit(ctx context.Context, ops []Op) (*Committed, error)

	// Changes returns the rows of a room with a rev above after, in the order
	// of revs, without messages below the floor. It also returns the room, from
	// the same snapshot. [ReadChanges] says where Changes stops. If the room
	// does not exist, Changes returns ErrNotFound.
	Changes(ctx context.Context, room string, after int64, l Limit) (*Changes, error)

	// Behind returns how many rows of a room have a rev above after, but at
	// most limit.
	Behind(ctx context.Context, room string, after int64, limit int) (int, error)

	// History returns a page of messages, and the room, from the same snapshot.
	// If the room does not exist, History returns ErrNotFound.
	History(ctx context.Context, room string, q Query) (*Page, error)

	// Heads returns the heads of these rooms. It leaves out rooms that do not
	// exist.
	Heads(ctx context.Context, rooms []string) ([]Head, error)

	// Look returns what a user is in each of these rooms, in the same order,
	// also if the user is not a member. The Room.ID of a room that does not
	// exist is "".
	Look(ctx context.Context, user string, rooms []string) ([]Membership, error)

	// Memberships returns the rooms that a user is a member of, with an id
	// above after, in the order of ids. Rooms that are hidden or deleted are
	// left out.
	Memberships(ctx context.Context, user, after string, limit int) ([]Membership, error)

	// Members returns the members of a room, and the users that are banned,
	// with an id above after, in the order of ids.
	Members(ctx context.Context, room, after string, limit int) ([]Member, error)

	// Unread returns the members of a room that have not read a message of
	// author: their Marker.Read is below its seq. It returns those with an id
	// above after, in the order of ids, and leaves out the author and members
	// that block the author. If the room does not exist, Unread returns
	// ErrNotFound.
	Unread(ctx context.Context, k MessageKey, author, after string, limit int) ([]Member, error)

	// Mark merges markers into the store's, by [Marker.Merge], reduces Read and
	// Delivered to the room's Seq if they are larger, and returns the results
	// in the same order. It does not keep markers of users that are not
	// members. Mark need not be durable.
	Mark(ctx context.Context, markers []Marker) ([]Marker, error)

	// Reacted returns the reactions of a user to these messages.
	Reacted(ctx context.Context, user, room string, seqs []int64) ([]ReactionKey, error)

	// Extents returns rooms with an id above after, including deleted rooms, in
	// the order of ids, each with the place of its oldest message.
	Extents(ctx context.Context, after string, limit int) ([]Extent, error)

	// Sweep removes the oldest messages below the floor of a room, at most
	// limit of them, with all rows that belong to them. It returns the number
	// of removed messages. If it has removed the last message of a deleted
	// thread, it removes the thread's room, too.
	Sweep(ctx context.Context, room string, limit int) (int, error)

	// Touched returns the seqs of the messages in a room that a user has
	// written, reacted to or deleted, or that mention the user. It returns seqs
	// above after, in order.
	Touched(ctx context.Context, user, room string, after int64, limit int) ([]int64, error)

	// Traces returns the ids of the rooms that contain anything of a user,
	// including deleted rooms. It returns ids above after, in order.
	Traces(ctx context.Context, user, after string, limit int) (rooms []string, err error)

	// Blocks returns the users that a user blocks, in the order of ids.
	Blocks(ctx context.Context, user string) ([]string, error)

	// News returns the facts that transactions with a number above after have
	// changed, in the order of numbers, about limit of them, those of a transaction
	// together, and the number to go on with: if it is after, there is no more. If after is negative, News
	// returns no facts, and the number of the newest transaction. A store keeps
	// news for [NewsTime]. It gives numbers in the order in which transactions
	// become visible: once a reader has seen a number, no smaller one appears.
	News(ctx context.Context, after int64, limit int) (news []News, last int64, err error)

	// Versions returns the earlier versions of a message, the oldest first.
	Versions(ctx context.Context, k MessageKey) ([]Version, error)

	// Erasures returns the users whose erasure has begun and has not ended.
	Erasures(ctx context.Context) (users []string, err error)

	// File returns a file. If the file does not exist, File returns NotFound.
	File(ctx context.Context, id string) (*File, error)

	// Strays returns the files that are in no message and were added before a
	// time in ms, with an id above after, in the order of ids. Dropped files
	// are among them.
	Strays(ctx context.Context, before int64, after string, limit int) ([]File, error)

	// NewEpoch gives every room another epoch, for a database that was
	// restored from a backup.
	NewEpoch(ctx context.Context) error

	// Close releases the store's resources, after the commits that have begun.
	Close() error
}

// A Watcher is a Store that reports the commits of other processes.
type Watcher interface {
	Store
	// Watch calls changed with the rooms that may have changed, until ctx ends.
	// It may also call changed with rooms that have not changed, and with nil
	// if any room may have changed.
	Watch(ctx context.Context, changed func(rooms []string)) error
}

// A Head contains the newest seq and rev of a room.
type Head struct {
	Room, Epoch string
	Seq, Rev    int64
	Floor       int64
}

// Head returns the head of a room.
func (r *Room) Head() Head {
	return Head{Room: r.ID, Epoch: r.Epoch, Seq: r.Seq, Rev: r.Rev, Floor: r.Floor}
}

// A Limit ends a page after Rows rows, or after the row with which the page
// reaches Bytes bytes. [Message.Size] counts the bytes.
type Limit struct{ Rows, Bytes int }

// Changes are all changes of a room in the range (From, To]. They contain each
// row whose rev is in the range, as the row is now.
type Changes struct {
	Room     Room // Room.Rev is To unless there is More
	From, To int64
	Messages []Message // in the order of revs
	Members  []Member  // in the order of revs
	Settings bool      // the room's settings changed in the range
	More     bool      // there are changes above To
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

// An Extent is a room with the place of its oldest message. The oldest message
// may be below the floor.
type Extent struct {
	Room     Room
	Oldest   int64 // seq of the oldest message, 0 without messages
	OldestAt int64 // its time, ms
}

// Committed contains the results of a transaction.
type Committed struct {
	Results []Result  // one for each operation
	Changes []Changes // of each room with a new rev; complete, and in the order of ids
	News    int64     // number of the transaction in Store.News, 0 if it has no news
}

// A Result is the outcome of an operation.
type Result struct {
	Err     error    // an *Error if the operation was refused
	Seq     int64    // of the message
	Rev     int64    // of the row
	At      int64    // time of the message, ms
	Dup     bool     // the operation has changed nothing, because it had been done before
	Author  string   // of Delete and React: the author of the message
	Members []Member // rows of the members that the operation changed
	Purged  int      // how many messages a ban has deleted, or a Prune has removed
	More    bool     // of Erase: the room may still contain rows of the user
}
