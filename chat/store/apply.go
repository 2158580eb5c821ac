package store

import (
	"context"
	"slices"
)

// A Tx is a transaction that [Apply] works in.
type Tx interface {
	// Lock locks rooms until the end of the transaction, in the order of
	// their ids, which are sorted, and returns those that exist. Deleted rooms
	// exist. Lock must be a statement of its own, because the rows
	// that Load returns must have been read after the locks were granted. It also returns the store's
	// time in ms. Apply calls Lock once, and then perhaps once more for the
	// threads of these rooms.
	Lock(ctx context.Context, ids []string) (rooms []Room, now int64, err error)

	// Load returns the rows that exist of those needed. Keys may be repeated.
	// Apply calls Load once, and seldom once more.
	Load(ctx context.Context, n *Needs) (*Rows, error)

	// Threads returns the threads of a room that a user follows.
	Threads(ctx context.Context, k MemberKey) (rooms []string, err error)

	// Posts returns messages of a user in a room that are not deleted and not
	// older than since, in ms, at most limit.
	Posts(ctx context.Context, k MemberKey, since int64, limit int) ([]Message, error)
	// Touched is Store.Touched from the first message on, in any order; seqs
	// may be repeated.
	Touched(ctx context.Context, k MemberKey, limit int) (seqs []int64, err error)
	// Reacted is Store.Reacted, of rooms that are deleted, too.
	Reacted(ctx context.Context, user, room string, seqs []int64) ([]ReactionKey, error)
}

// Needs are the keys of rows that operations depend on.
type Needs struct {
	Members   []MemberKey
	Messages  []MessageKey
	CIDs      []CIDKey // messages by cid
	Reactions []ReactionKey
	Blocks    []BlockKey
	Files     []string // to be locked until the end of the transaction, in the order of ids
	Uploaders []string // users, each to be locked as a whole before the files

	authors []MessageKey // messages; the members that are their authors are needed, too
}

// Rows are rows that exist.
type Rows struct {
	Members   []Member
	Messages  []Message // of Needs.Messages and of Needs.CIDs, also if they are below the floor
	Reactions []ReactionKey
	Blocks    []BlockKey
	Files     []File
	Unused    []Unused // of uploaders that have such files
}

// Unused says how many files of a user are in no message. Those that were
// dropped do not count.
type Unused struct {
	Owner string
	Files int
	Bytes int64
}

// Writes are the rows that a transaction has to write. Rows are whole: an
// existing row with the same key is replaced.
type Writes struct {
	NewRooms    []Room // rows that did not exist; if another process has made one meanwhile, Commit has to run Apply again
	Rooms       []Room
	Members     []Member
	NewMessages []Message
	Messages    []Message
	Reactions   []ReactionKey // to add
	Unreactions []ReactionKey // to remove, those that exist
	Unreacted   []MessageKey  // messages that lose all reactions, before any are added
	Mentions    []MentionKey  // to add
	Unmentions  []MentionKey  // to remove, those that exist
	Markers     []Marker      // to merge into those that exist, by Marker.Merge
	Blocks      []BlockKey    // to add
	Unblocks    []BlockKey    // to remove, those that exist
	Versions    []Version     // to add
	Unversioned []MessageKey  // messages that lose all versions, after any are added
	Unmarked    []MemberKey   // markers to remove, after members are written
	Erasing     []string      // users to add to those whose erasure has begun
	Erased      []string      // users to remove from them, with all blocks by and of them; their files are to be dropped without name and owner
	Files       []File
	Dropped     []string     // files to drop, after Files: Room becomes "", Seq and At become 0
	Below       []BelowKey   // likewise those of these messages, and of their threads
	Removed     []string     // files to remove
	Outbox      []MessageKey // to add, if the store is an Outbox
	Emptied     []string     // rooms that lose all rows of members, markers, reactions and mentions, before anything else is written
}

// Empty reports whether there is nothing to write.
func (w *Writes) Empty() bool {
	return len(w.NewRooms)+len(w.Rooms)+len(w.Members)+len(w.NewMessages)+len(w.Messages)+len(w.Reactions)+
		len(w.Unreactions)+len(w.Mentions)+len(w.Unmentions)+len(w.Markers)+len(w.Blocks)+len(w.Unblocks)+len(w.Emptied)+len(w.Unreacted)+
		len(w.Versions)+len(w.Unversioned)+len(w.Unmarked)+len(w.Erasing)+len(w.Erased)+len(w.Outbox)+
		len(w.Files)+len(w.Dropped)+len(w.Below)+len(w.Removed) == 0
}

// Apply decides about operations inside a transaction. The caller writes what
// Apply returns, commits, and then returns the Committed from Store.Commit.
func Apply(ctx context.Context, tx Tx, ops []Op) (*Writes, *Committed, error) {
	b := newBatch(ctx, tx)
	if err := b.load(ops); err != nil {
		return nil, nil, err
	}
	done := &Committed{Results: make([]Result, len(ops))}
	for i, op := range ops {
		r := &done.Results[i]
		if err := op.apply(b, r); err != nil {
			*r = Result{Err: err}
		}
		if b.err != nil { // of the database
			return nil, nil, b.err
		}
	}
	b.weigh()
	done.Changes = b.changes()
	return b.writes(), done, nil
}

// load locks the rooms of the operations and loads the rows that they need.
func (b *batch) load(ops []Op) error {
	if err := b.lock(roomsOf(ops)); err != nil {
		return err
	}
	var n Needs
	for _, op := range ops {
		op.needs(b, &n)
	}
	if threads := roomsNamed(n.threads(b)); len(threads) > 0 {
		if err := b.lock(threads); err != nil {
			return err
		}
		for _, id := range threads {
			for user := range b.removals[Home(id)] {
				n.Members = append(n.Members, MemberKey{id, user})
			}
		}
	}
	if b.err != nil {
		return b.err
	}
	rows, err := b.tx.Load(b.ctx, &n)
	if err != nil {
		return err
	}
	b.take(rows)
	return b.loadAuthors(n.authors)
}

// loadAuthors loads the members that are the authors of messages.
func (b *batch) loadAuthors(messages []MessageKey) error {
	var n Needs
	for _, k := range messages {
		if m := b.messages[k]; m != nil {
			n.Members = append(n.Members, MemberKey{Home(k.Room), m.Author})
		}
	}
	if len(n.Members) == 0 {
		return nil
	}
	rows, err := b.tx.Load(b.ctx, &n)
	if err == nil {
		b.take(rows)
	}
	return err
}

// threads returns the threads of the users that the operations may remove from
// their parents.
func (n *Needs) threads(b *batch) (ids []string) {
	for room, users := range b.removals {
		for user := range users {
			rooms, err := b.tx.Threads(b.ctx, MemberKey{room, user})
			if err != nil {
				b.err = err
				return nil
			}
			users[user] = rooms
			ids = append(ids, rooms...)
		}
	}
	return ids
}

// roomsOf returns the ids of the rooms that operations lock, and of their
// parents, sorted.
func roomsOf(ops []Op) []string {
	var ids []string
	for _, op := range ops {
		for _, id := range op.rooms() {
			ids = append(ids, id, Home(id))
		}
	}
	return roomsNamed(ids)
}

func roomsNamed(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
