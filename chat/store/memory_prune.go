package store

import (
	"context"
	"maps"
	"slices"
)

func (s *memory) Extents(ctx context.Context, after string, limit int) (all []Extent, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(s.rooms)) {
		if id <= after {
			continue
		}
		r := s.rooms[id]
		e := Extent{Room: r.Room}
		if len(r.messages) > 0 {
			e.Oldest, e.OldestAt = r.messages[0].Seq, r.messages[0].At
		}
		if all = append(all, e); len(all) == limit {
			break
		}
	}
	return all, nil
}

func (s *memory) Sweep(ctx context.Context, room string, limit int) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	r := s.rooms[room]
	if r == nil {
		return 0, nil
	}
	n = max(min(limit, len(r.messages), int(r.Floor-1-r.base)), 0)
	low := r.base + int64(n) + 1
	for _, m := range r.messages[:n] {
		delete(r.cids, CIDKey{m.Room, m.Author, m.CID})
	}
	maps.DeleteFunc(r.reactions, func(k ReactionKey, _ bool) bool { return k.Seq < low })
	maps.DeleteFunc(r.versions, func(seq int64, _ []Version) bool { return seq < low })
	maps.DeleteFunc(r.mentions, func(k MentionKey, _ bool) bool { return k.Seq < low })
	r.messages = slices.Clone(r.messages[n:])
	r.base += int64(n)
	r.log = slices.DeleteFunc(r.log, r.stale)
	if _, _, thread := Parent(room); thread && r.Deleted && len(r.messages) == 0 {
		delete(s.rooms, room)
	}
	return n, nil
}
