package store

import (
	"context"
	"slices"
)

// A Tx is a transaction that [Apply] works in.
type Tx interface {
	// Lock locks rooms until the end of the transaction, in the order of the
	// sorted ids. It returns the rooms that exist, including deleted rooms, and
	// the store's time in ms. Lock must be a statement of its own, because Load
	// must read its rows after the locks were granted. Apply calls Lock once,
	// and perhaps once more for threads of these rooms.
	Lock(ctx context.Context, ids []string) (rooms []Room, now int64, err error)

	// Load returns the needed rows that exist. Needs may contain a key twice.
	// Apply calls Load once, and sometimes once more.
	Load(ctx context.Context, n *Needs) (*Rows, error)

	// Threads returns the threads of a room that a user follows.
	Threads(ctx context.Context, k MemberKey) (rooms []string, err error)

	// Posts returns at most limit messages of a user in a room that are not
	// deleted and not older than since, a time in ms.
	Posts(ctx context.Context, k MemberKey, since int64, limit int) ([]Message, error)
	// Touched is Store.Touched from the first message on, but in any order, and
	// with a seq perhaps twice.
	Touched(ctx context.Context, k MemberKey, limit int) (seqs []int64, err error)
	// Reacted is Store.Reacted, also for deleted rooms.
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

// Rows are the rows that Load returns.
type Rows struct {
	Members   []Member
	Messages  []Message // of Needs.Messages and of Needs.CIDs, also if they are below the floor
	Reactions []ReactionKey
	Blocks    []BlockKey
	Files     []File
	Unused    []Unused // of the uploaders that have unused files
}

// Unused says how many files of a user are in no message. Dropped files do not
// count.
type Unused struct {
	Owner string
	Files int
	Bytes int64
}

// Writes are the rows that a transaction must write. A row is complete: it
// replaces an existing row with the same key.
type Writes struct {
	NewRooms    []Room // rows that did not exist; if another process has added one meanwhile, Commit must run Apply again
	Rooms       []Room
	Members     []Member
	NewMessages []Message
	Messages    []Message
	Reactions   []ReactionKey // to add
	Unreactions []ReactionKey // to remove if they exist
	Unreacted   []MessageKey  // messages that lose all reactions, before reactions are added
	Mentions    []MentionKey  // to add
	Unmentions  []MentionKey  // to remove if they exist
	Markers     []Marker      // to merge into existing markers, by Marker.Merge
	Blocks      []BlockKey    // to add
	Unblocks    []BlockKey    // to remove if they exist
	Versions    []Version     // to add
	Unversioned []MessageKey  // messages that lose all versions, after versions are added
	Unmarked    []MemberKey   // markers to remove, after members are written
	Erasing     []string      // users to add to the users whose erasure has begun
	Erased      []string      // users to remove from those, with all blocks by and of them, and their news; drop their files, without name and owner
	Files       []File
	Dropped     []string     // files to drop, after Files: Room becomes "", Seq and At become 0
	Below       []BelowKey   // drop the files of these messages and of their threads, too
	Removed     []string     // files to remove
	Outbox      []MessageKey // to add, if the store is an Outbox
	News        []Fact       // to add, with one number for the transaction, which is Committed.News
	Emptied     []string     // rooms that lose all rows of members, markers, reactions and mentions, before anything else is written
}

// Empty reports whether there is nothing to write.
func (w *Writes) Empty() bool {
	return len(w.NewRooms)+len(w.Rooms)+len(w.Members)+len(w.NewMessages)+len(w.Messages)+len(w.Reactions)+
		len(w.Unreactions)+len(w.Mentions)+len(w.Unmentions)+len(w.Markers)+len(w.Blocks)+len(w.Unblocks)+len(w.Emptied)+len(w.Unreacted)+
		len(w.Versions)+len(w.Unversioned)+len(w.Unmarked)+len(w.Erasing)+len(w.Erased)+len(w.Outbox)+
		len(w.Files)+len(w.Dropped)+len(w.Below)+len(w.Removed)+len(w.News) == 0
}

// Apply decides on operations inside a transaction. The caller writes the
// Writes, commits the transaction, and returns the Committed from Store.Commit.
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
	w := b.writes()
	w.News = newsOf(ops, done)
	return w, done, nil
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
