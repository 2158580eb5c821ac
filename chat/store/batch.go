package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// A batch contains the rows of one transaction. An operation sees the changes
// of the operations before it.
type batch struct {
	ctx context.Context
	tx  Tx
	now int64 // ms
	err error // of the database: ends the transaction

	rooms     map[string]*roomRow
	members   map[MemberKey]*memberRow
	messages  map[MessageKey]*messageRow
	cids      map[CIDKey]int64
	reactions map[ReactionKey]*flag
	mentions  map[MentionKey]*flag
	blocks    map[BlockKey]*flag
	markers   []Marker
	emptied   []string
	unreacted []MessageKey
	unmarked  []MemberKey
	versions  []Version
	lost      []MessageKey // messages that lose their versions
	erasing   []string
	erased    []string
	files     map[string]*fileRow
	unused    map[string]Unused // by owner
	dropped   []string          // files of messages
	outbox    []MessageKey

	removals map[string]map[string][]string // users that may be removed, by room, with the threads that they follow
}

type (
	roomRow struct {
		Room
		from      int64 // Rev before the batch
		floor     int64 // Floor before the batch
		memberRev int64 // given in the batch to changes of members
		isNew     bool
		dirty     bool
	}
	memberRow struct {
		Member
		dirty bool
	}
	messageRow struct {
		Message
		was          int64 // its weight before the batch
		isNew, dirty bool
	}
	fileRow struct {
		File
		dirty, removed bool
	}
	flag struct{ was, is bool }
)

func newBatch(ctx context.Context, tx Tx) *batch {
	return &batch{
		ctx: ctx, tx: tx,
		rooms:     make(map[string]*roomRow),
		members:   make(map[MemberKey]*memberRow),
		messages:  make(map[MessageKey]*messageRow),
		cids:      make(map[CIDKey]int64),
		reactions: make(map[ReactionKey]*flag),
		mentions:  make(map[MentionKey]*flag),
		blocks:    make(map[BlockKey]*flag),
		files:     make(map[string]*fileRow),
		unused:    make(map[string]Unused),
		removals:  make(map[string]map[string][]string),
	}
}

func (b *batch) lock(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	rooms, now, err := b.tx.Lock(b.ctx, ids)
	if err != nil {
		return err
	}
	b.now = max(b.now, now)
	for _, r := range rooms {
		if b.rooms[r.ID] == nil {
			b.rooms[r.ID] = &roomRow{Room: r, from: r.Rev, floor: r.Floor}
		}
	}
	return nil
}

// take takes the rows that were loaded.
func (b *batch) take(rows *Rows) {
	for _, m := range rows.Members {
		b.members[MemberKey{m.Room, m.User}] = &memberRow{Member: m}
	}
	for _, m := range rows.Messages {
		b.messages[MessageKey{m.Room, m.Seq}] = &messageRow{Message: m, was: m.weight()}
		if m.CID != "" {
			b.cids[CIDKey{m.Room, m.Author, m.CID}] = m.Seq
		}
	}
	for _, k := range rows.Reactions {
		b.reactions[k] = &flag{true, true}
	}
	for _, k := range rows.Blocks {
		b.blocks[k] = &flag{true, true}
	}
	for _, f := range rows.Files {
		b.files[f.ID] = &fileRow{File: f}
	}
	for _, u := range rows.Unused {
		b.unused[u.Owner] = u
	}
}

// room returns a room that exists, or nil.
func (b *batch) room(id string) *roomRow {
	if r := b.rooms[id]; r != nil && !r.Deleted {
		return r
	}
	return nil
}

// member returns the row of a user in a room, a new one if it does not exist.
func (b *batch) member(room, user string) *memberRow {
	k := MemberKey{room, user}
	m := b.members[k]
	if m == nil {
		m = &memberRow{Member: Member{Room: room, User: user}}
		b.members[k] = m
	}
	return m
}

// message returns a message that can be read, or nil.
func (b *batch) message(r *roomRow, seq int64) *messageRow {
	if seq < r.Floor {
		return nil
	}
	return b.messages[MessageKey{r.ID, seq}]
}

// nextRev gives a room's next rev.
func (r *roomRow) nextRev() int64 {
	r.dirty = true
	r.Rev++
	return r.Rev
}

// touch gives a changed member a rev. Successive changes of members share a
// rev.
func (b *batch) touch(r *roomRow, m *memberRow) {
	if r.memberRev == 0 || r.memberRev != r.Rev {
		r.memberRev = r.nextRev()
	}
	m.Rev, m.dirty = r.memberRev, true
}

// flagOf returns the flag of a row, which does not exist unless it was loaded.
func flagOf[K comparable](table map[K]*flag, k K) *flag {
	f := table[k]
	if f == nil {
		f = new(flag)
		table[k] = f
	}
	return f
}

// forget forgets reactions.
func (b *batch) forget(of func(k ReactionKey) bool) {
	for k, f := range b.reactions {
		if of(k) {
			*f = flag{}
		}
	}
}

// changes returns the range of each room that has a new rev.
func (b *batch) changes() []Changes {
	byRoom := make(map[string]*Changes)
	var all []*Changes
	for _, id := range slices.Sorted(maps.Keys(b.rooms)) {
		if r := b.rooms[id]; r.Rev > r.from {
			c := &Changes{Room: r.Room, From: r.from, To: r.Rev, Settings: r.InfoRev > r.from}
			byRoom[id] = c
			all = append(all, c)
		}
	}
	for _, m := range b.messages {
		if c := byRoom[m.Room]; c != nil && m.Rev > c.From && m.Seq >= c.Room.Floor {
			c.Messages = append(c.Messages, m.Message)
		}
	}
	for _, m := range b.members {
		if c := byRoom[m.Room]; c != nil && m.Rev > c.From && m.dirty {
			c.Members = append(c.Members, m.Member)
		}
	}
	done := make([]Changes, len(all))
	for i, c := range all {
		sortByRev(c)
		done[i] = *c
	}
	return done
}

func sortByRev(c *Changes) {
	slices.SortFunc(c.Messages, func(a, b Message) int {
		return cmp.Or(cmp.Compare(a.Rev, b.Rev), cmp.Compare(a.Seq, b.Seq))
	})
	slices.SortFunc(c.Members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Rev, b.Rev), cmp.Compare(a.User, b.User))
	})
}

// writes returns the rows to write, in an order that is the same each time.
func (b *batch) writes() *Writes {
	w := &Writes{Markers: b.markers, Emptied: b.emptied, Unreacted: b.unreacted, Versions: b.versions, Unversioned: b.lost, Unmarked: b.unmarked, Erasing: b.erasing, Erased: b.erased, Outbox: b.outbox}
	for _, id := range slices.Sorted(maps.Keys(b.rooms)) {
		switch r := b.rooms[id]; {
		case r.isNew:
			w.NewRooms = append(w.NewRooms, r.Room)
		case r.dirty:
			w.Rooms = append(w.Rooms, r.Room)
		}
	}
	for _, m := range b.members {
		if m.dirty {
			w.Members = append(w.Members, m.Member)
		}
	}
	for _, m := range b.messages {
		switch {
		case m.isNew:
			w.NewMessages = append(w.NewMessages, m.Message)
		case m.dirty:
			w.Messages = append(w.Messages, m.Message)
		}
	}
	w.Reactions, w.Unreactions = turned(b.reactions)
	w.Mentions, w.Unmentions = turned(b.mentions)
	w.Blocks, w.Unblocks = turned(b.blocks)
	b.writeFiles(w)
	byMember := func(x, y Member) int { return cmp.Or(cmp.Compare(x.Room, y.Room), cmp.Compare(x.User, y.User)) }
	bySeq := func(x, y Message) int { return cmp.Or(cmp.Compare(x.Room, y.Room), cmp.Compare(x.Seq, y.Seq)) }
	slices.SortFunc(w.Members, byMember)
	slices.SortFunc(w.NewMessages, bySeq)
	slices.SortFunc(w.Messages, bySeq)
	byUser := func(x, y BlockKey) int { return cmp.Or(cmp.Compare(x.User, y.User), cmp.Compare(x.Blocked, y.Blocked)) }
	slices.SortFunc(w.Blocks, byUser)
	slices.SortFunc(w.Unblocks, byUser)
	return w
}

// turned returns the keys that must be added, and those that must be removed.
func turned[K comparable](flags map[K]*flag) (on, off []K) {
	for k, f := range flags {
		switch {
		case f.is && !f.was:
			on = append(on, k)
		case f.was && !f.is:
			off = append(off, k)
		}
	}
	return on, off
}
