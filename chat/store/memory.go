package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory returns a store that keeps everything in memory and forgets it when the
// process ends.
func Memory() Store {
	return &memory{
		rooms:   make(map[string]*memoryRoom),
		joined:  make(map[string]map[string]bool),
		blocks:  make(map[BlockKey]bool),
		erasing: make(map[string]bool),
		files:   make(map[string]File),
		outbox:  make(map[string][]int64),
		claims:  make(map[string]memoryClaim),
	}
}

type memory struct {
	mu      sync.RWMutex
	rooms   map[string]*memoryRoom
	joined  map[string]map[string]bool // rooms with a row of the user
	blocks  map[BlockKey]bool
	erasing map[string]bool
	files   map[string]File
	outbox  map[string][]int64 // seqs, by room
	claims  map[string]memoryClaim
	news    []memoryNews
	newest  int64 // number of the last transaction that had news
	closed  bool
}

// A memoryRoom is a room with all its rows.
type memoryRoom struct {
	Room
	messages  []Message // of seq base+i+1
	base      int64     // those up to here were removed
	members   map[string]Member
	markers   map[string]Marker
	cids      map[CIDKey]int64
	reactions map[ReactionKey]bool
	mentions  map[MentionKey]bool
	versions  map[int64][]Version
	log       []logged // of each change, in the order of revs
}

// A logged names the row that got a rev. It is stale when the row has another
// rev.
type logged struct {
	rev, seq int64
	user     string // of a member; seq is 0
}

// at returns a message, or nil.
func (r *memoryRoom) at(seq int64) *Message {
	if i := seq - r.base - 1; i >= 0 && i < int64(len(r.messages)) {
		return &r.messages[i]
	}
	return nil
}

// stale reports whether the row of an entry has changed since.
func (r *memoryRoom) stale(e logged) bool {
	if e.seq > 0 {
		m := r.at(e.seq)
		return m == nil || m.Rev != e.rev
	}
	m, is := r.members[e.user]
	return !is || m.Rev != e.rev
}

// note notes which rows got revs in a transaction.
func (r *memoryRoom) note(entries []logged) {
	slices.SortFunc(entries, func(a, b logged) int { return cmp.Compare(a.rev, b.rev) })
	r.log = append(r.log, entries...)
	if len(r.log) > 2*(len(r.messages)+len(r.members))+64 {
		r.log = slices.DeleteFunc(r.log, r.stale)
	}
}

func (s *memory) Commit(ctx context.Context, ops []Op) (*Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	w, done, err := Apply(ctx, (*memoryTx)(s), ops)
	if err != nil {
		return nil, err
	}
	s.write(w)
	done.News = s.noteNews(w.News)
	return done, nil
}

// usable returns an error if the store is closed or the context has ended.
func (s *memory) usable(ctx context.Context) error {
	if s.closed || ctx.Err() != nil {
		return refuse(Unavailable, "the store is closed or the request has ended")
	}
	return nil
}

func (s *memory) write(w *Writes) {
	for _, id := range w.Emptied {
		s.empty(s.rooms[id])
	}
	for _, r := range slices.Concat(w.NewRooms, w.Rooms) {
		s.room(r.ID).Room = r
	}
	s.writeNoted(w)
	for _, k := range w.Unreacted {
		r := s.rooms[k.Room]
		maps.DeleteFunc(r.reactions, func(x ReactionKey, _ bool) bool { return x.Seq == k.Seq })
	}
	for _, k := range w.Reactions {
		s.rooms[k.Room].reactions[k] = true
	}
	for _, k := range w.Unreactions {
		delete(s.rooms[k.Room].reactions, k)
	}
	for _, k := range w.Mentions {
		s.rooms[k.Room].mentions[k] = true
	}
	for _, k := range w.Unmentions {
		delete(s.rooms[k.Room].mentions, k)
	}
	for _, m := range w.Markers {
		s.mark(m)
	}
	s.erase(w)
	for _, k := range w.Outbox {
		s.outbox[k.Room] = append(s.outbox[k.Room], k.Seq)
	}
	for _, k := range w.Blocks {
		s.blocks[k] = true
	}
	for _, k := range w.Unblocks {
		delete(s.blocks, k)
	}
	s.writeFiles(w)
}

// writeNoted writes the messages and members, and notes which of them got revs.
func (s *memory) writeNoted(w *Writes) {
	notes := make(map[string][]logged)
	for _, m := range slices.Concat(w.NewMessages, w.Messages) {
		r := s.rooms[m.Room]
		if old := r.at(m.Seq); old != nil {
			if old.CID != m.CID {
				delete(r.cids, CIDKey{old.Room, old.Author, old.CID})
			}
			*old = m
		} else {
			r.messages = append(r.messages, m)
		}
		notes[m.Room] = append(notes[m.Room], logged{rev: m.Rev, seq: m.Seq})
		if m.CID != "" {
			r.cids[CIDKey{m.Room, m.Author, m.CID}] = m.Seq
		}
	}
	for _, m := range w.Members {
		if before, is := s.rooms[m.Room].members[m.User]; !is || before.Rev != m.Rev {
			notes[m.Room] = append(notes[m.Room], logged{rev: m.Rev, user: m.User})
		}
		s.writeMember(m)
	}
	for room, entries := range notes {
		s.rooms[room].note(entries)
	}
}

func (s *memory) writeMember(m Member) {
	s.rooms[m.Room].members[m.User] = m
	if s.joined[m.User] == nil {
		s.joined[m.User] = make(map[string]bool)
	}
	s.joined[m.User][m.Room] = true
}

// room returns a room's rows, and makes them if they do not exist.
func (s *memory) room(id string) *memoryRoom {
	r := s.rooms[id]
	if r == nil {
		r = new(memoryRoom)
		s.rooms[id] = r
		s.empty(r)
		r.cids = make(map[CIDKey]int64)
		r.versions = make(map[int64][]Version)
	}
	return r
}

// empty drops the rows of users.
func (s *memory) empty(r *memoryRoom) {
	for user := range r.members {
		delete(s.joined[user], r.ID)
	}
	r.members = make(map[string]Member)
	r.markers = make(map[string]Marker)
	r.reactions = make(map[ReactionKey]bool)
	r.mentions = make(map[MentionKey]bool)
	r.log = slices.DeleteFunc(r.log, r.stale)
}

// mark merges a marker into the one that is kept.
func (s *memory) mark(m Marker) Marker {
	r := s.rooms[m.Room]
	if r == nil || r.Deleted || r.members[m.User].Role == "" {
		return m
	}
	m.Read, m.Delivered = min(m.Read, r.Seq), min(m.Delivered, r.Seq)
	if old, is := r.markers[m.User]; is {
		m = old.Merge(m)
	}
	r.markers[m.User] = m
	return m
}

func (s *memory) Mark(ctx context.Context, markers []Marker) ([]Marker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	merged := make([]Marker, len(markers))
	for i, m := range markers {
		merged[i] = s.mark(m)
	}
	return merged, nil
}

func (s *memory) NewEpoch(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	for _, r := range s.rooms {
		r.Epoch = NewEpoch()
	}
	return nil
}

func (s *memory) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// A memoryTx is the store while it is locked.
type memoryTx memory

func (tx *memoryTx) Lock(_ context.Context, ids []string) (rooms []Room, now int64, err error) {
	for _, id := range ids {
		if r := tx.rooms[id]; r != nil {
			rooms = append(rooms, r.Room)
		}
	}
	return rooms, time.Now().UnixMilli(), nil
}

func (tx *memoryTx) Load(_ context.Context, n *Needs) (*Rows, error) {
	rows := new(Rows)
	for _, k := range n.Members {
		if r := tx.rooms[k.Room]; r != nil {
			if m, is := r.members[k.User]; is {
				rows.Members = append(rows.Members, m)
			}
		}
	}
	keys := slices.Clone(n.Messages)
	for _, k := range n.CIDs {
		if r := tx.rooms[k.Room]; r != nil {
			keys = append(keys, MessageKey{k.Room, r.cids[k]})
		}
	}
	for _, k := range keys {
		if r := tx.rooms[k.Room]; r != nil {
			if m := r.at(k.Seq); m != nil {
				rows.Messages = append(rows.Messages, *m)
			}
		}
	}
	for _, k := range n.Reactions {
		if r := tx.rooms[k.Room]; r != nil && r.reactions[k] {
			rows.Reactions = append(rows.Reactions, k)
		}
	}
	for _, k := range n.Blocks {
		if tx.blocks[k] {
			rows.Blocks = append(rows.Blocks, k)
		}
	}
	tx.loadFiles(n, rows)
	return rows, nil
}

func (tx *memoryTx) Threads(_ context.Context, k MemberKey) (rooms []string, err error) {
	for id := range tx.joined[k.User] {
		if parent, _, is := Parent(id); is && parent == k.Room && tx.rooms[id].members[k.User].Role != "" {
			rooms = append(rooms, id)
		}
	}
	return rooms, nil
}

func (tx *memoryTx) Posts(_ context.Context, k MemberKey, since int64, limit int) (posts []Message, err error) {
	r := tx.rooms[k.Room]
	if r == nil {
		return nil, nil
	}
	for _, m := range slices.Backward(r.messages) {
		if m.At < since || m.Seq < r.Floor || len(posts) == limit {
			break
		}
		if m.Author == k.User && m.Deleted == nil {
			posts = append(posts, m)
		}
	}
	return posts, nil
}
