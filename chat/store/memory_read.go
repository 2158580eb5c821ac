package store

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
)

// read runs f with a room that exists, under the lock.
func (s *memory) read(ctx context.Context, room string, f func(r *memoryRoom) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	r := s.existing(room)
	if r == nil {
		return refuse(NotFound, "no such room")
	}
	return f(r)
}

// existing returns a room that is not deleted, or nil.
func (s *memory) existing(room string) *memoryRoom {
	if r := s.rooms[room]; r != nil && !r.Deleted {
		return r
	}
	return nil
}

func (s *memory) Changes(ctx context.Context, room string, after int64, l Limit) (c *Changes, err error) {
	err = s.read(ctx, room, func(r *memoryRoom) error {
		c, err = ReadChanges(r.Room, after, l, r)
		return err
	})
	return c, err
}

func (s *memory) Behind(ctx context.Context, room string, after int64, limit int) (n int, err error) {
	err = s.read(ctx, room, func(r *memoryRoom) error {
		for range r.since(after) {
			if n++; n == limit {
				break
			}
		}
		return nil
	})
	return n, err
}

func (s *memory) History(ctx context.Context, room string, q Query) (p *Page, err error) {
	err = s.read(ctx, room, func(r *memoryRoom) error {
		p, err = ReadPage(r.Room, q, r)
		return err
	})
	return p, err
}

func (s *memory) Heads(ctx context.Context, rooms []string) (heads []Head, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for _, id := range rooms {
		if r := s.existing(id); r != nil {
			heads = append(heads, r.Head())
		}
	}
	return heads, nil
}

func (s *memory) Look(ctx context.Context, user string, rooms []string) ([]Membership, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	all := make([]Membership, len(rooms))
	for i, id := range rooms {
		if r := s.existing(id); r != nil {
			all[i] = r.membership(user)
		}
	}
	return all, nil
}

func (s *memory) Memberships(ctx context.Context, user, after string, limit int) (all []Membership, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(s.joined[user])) {
		r := s.existing(id)
		if id <= after || r == nil {
			continue
		}
		if m := r.members[user]; m.Role == "" || m.Hidden {
			continue
		}
		if all = append(all, r.membership(user)); len(all) == limit {
			break
		}
	}
	return all, nil
}

// membership returns what a user is in the room.
func (r *memoryRoom) membership(user string) Membership {
	m := Membership{Room: r.Room, Member: r.members[user], Marker: r.markers[user]}
	m.Member.Room, m.Member.User = r.ID, user
	m.Marker.Room, m.Marker.User = r.ID, user
	for k := range r.mentions {
		if (k.User == user || k.User == "*") && k.Seq > m.Marker.Read && k.Seq >= r.Floor {
			m.Mentions++
		}
	}
	if r.Seq >= r.Floor {
		last := *r.at(r.Seq)
		m.Last = &last
	}
	return m
}

func (s *memory) Members(ctx context.Context, room, after string, limit int) (all []Member, err error) {
	err = s.read(ctx, room, func(r *memoryRoom) error {
		for _, m := range r.members {
			if m.User > after && (m.Role != "" || m.Banned) {
				all = append(all, m)
			}
		}
		slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.User, b.User) })
		all = all[:min(len(all), limit)]
		return nil
	})
	return all, err
}

func (s *memory) Unread(ctx context.Context, k MessageKey, author, after string, limit int) (all []Member, err error) {
	err = s.read(ctx, k.Room, func(r *memoryRoom) error {
		for _, m := range r.members {
			if m.User > after && m.Role != "" && m.User != author && r.markers[m.User].Read < k.Seq && !s.blocks[BlockKey{m.User, author}] {
				all = append(all, m)
			}
		}
		slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.User, b.User) })
		all = all[:min(len(all), limit)]
		return nil
	})
	return all, err
}

func (s *memory) Reacted(ctx context.Context, user, room string, seqs []int64) (all []ReactionKey, err error) {
	err = s.read(ctx, room, func(r *memoryRoom) error {
		all = r.reacted(user, seqs)
		return nil
	})
	return all, err
}

func (r *memoryRoom) reacted(user string, seqs []int64) (all []ReactionKey) {
	for k := range r.reactions {
		if k.User == user && slices.Contains(seqs, k.Seq) {
			all = append(all, k)
		}
	}
	return all
}

// Up implements Reader.
func (r *memoryRoom) Up(from int64, _ int) iter.Seq2[Message, error] {
	i := min(max(from-r.base-1, 0), int64(len(r.messages)))
	return withoutError(slices.Values(r.messages[i:]))
}

// Down implements Reader.
func (r *memoryRoom) Down(from, to int64, _ int) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for seq := from; seq >= max(to, r.base+1); seq-- {
			if !yield(*r.at(seq), nil) {
				return
			}
		}
	}
}

// Some implements Reader.
func (r *memoryRoom) Some(seqs []int64) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for _, seq := range seqs {
			if m := r.at(seq); m != nil && !yield(*m, nil) {
				return
			}
		}
	}
}

// Messages implements Reader.
func (r *memoryRoom) Messages(after int64, _ int) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for e := range r.since(after) {
			if e.seq > 0 && !yield(*r.at(e.seq), nil) {
				return
			}
		}
	}
}

// Members implements Reader.
func (r *memoryRoom) Members(after int64, _ int) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		for e := range r.since(after) {
			if e.seq == 0 && !yield(r.members[e.user], nil) {
				return
			}
		}
	}
}

// since yields the rows with a rev above after, in the order of revs. Messages
// below the floor are left out.
func (r *memoryRoom) since(after int64) iter.Seq[logged] {
	i, _ := slices.BinarySearchFunc(r.log, after, func(e logged, rev int64) int {
		if e.rev <= rev {
			return -1
		}
		return 1
	})
	return func(yield func(logged) bool) {
		for _, e := range r.log[i:] {
			if !r.stale(e) && (e.seq == 0 || e.seq >= r.Floor) && !yield(e) {
				return
			}
		}
	}
}

func withoutError[T any](values iter.Seq[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}
