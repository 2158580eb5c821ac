package store

import (
	"context"
	"maps"
	"slices"
)

// erase writes what belongs to erasures.
func (s *memory) erase(w *Writes) {
	for _, v := range w.Versions {
		r := s.rooms[v.Room]
		r.versions[v.Seq] = append(slices.Clip(r.versions[v.Seq]), v)
	}
	for _, k := range w.Unversioned {
		delete(s.rooms[k.Room].versions, k.Seq)
	}
	for _, k := range w.Unmarked {
		delete(s.rooms[k.Room].markers, k.User)
	}
	for _, user := range w.Erasing {
		s.erasing[user] = true
	}
	for _, user := range w.Erased {
		delete(s.erasing, user)
		s.forgetNews(user)
		maps.DeleteFunc(s.blocks, func(k BlockKey, _ bool) bool { return k.User == user || k.Blocked == user })
	}
}

func (s *memory) Versions(ctx context.Context, k MessageKey) (all []Version, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[k.Room]; r != nil {
		all = r.versions[k.Seq]
	}
	return all, s.usable(ctx)
}

func (s *memory) Erasures(ctx context.Context) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.erasing)), s.usable(ctx)
}

func (s *memory) Blocks(ctx context.Context, user string) (blocked []string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k := range s.blocks {
		if k.User == user {
			blocked = append(blocked, k.Blocked)
		}
	}
	slices.Sort(blocked)
	return blocked, s.usable(ctx)
}

func (s *memory) Traces(ctx context.Context, user, after string, limit int) (rooms []string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(s.rooms)) {
		if id > after && len(rooms) < limit && s.rooms[id].knows(user) {
			rooms = append(rooms, id)
		}
	}
	return rooms, s.usable(ctx)
}

// knows reports whether the room contains anything of a user.
func (r *memoryRoom) knows(user string) bool {
	_, marked := r.markers[user]
	m, member := r.members[user]
	return marked || member && m.Why != whyErased || len(r.touched(user, 0, 1)) > 0
}

func (s *memory) Touched(ctx context.Context, user, room string, after int64, limit int) (seqs []int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[room]; r != nil {
		seqs = r.touched(user, after, limit)
	}
	return seqs, s.usable(ctx)
}

func (r *memoryRoom) touched(user string, after int64, limit int) (seqs []int64) {
	reacted := make(map[int64]bool)
	for k := range r.reactions {
		reacted[k.Seq] = reacted[k.Seq] || k.User == user
	}
	for _, m := range r.messages {
		mentioned := r.mentions[MentionKey{r.ID, m.Seq, user}]
		deleter := m.Deleted != nil && m.Deleted.By == user
		if m.Seq > after && len(seqs) < limit && (m.Author == user || mentioned || deleter || reacted[m.Seq]) {
			seqs = append(seqs, m.Seq)
		}
	}
	return seqs
}

func (tx *memoryTx) Touched(_ context.Context, k MemberKey, limit int) ([]int64, error) {
	if r := tx.rooms[k.Room]; r != nil {
		return r.touched(k.User, 0, limit), nil
	}
	return nil, nil
}

func (tx *memoryTx) Reacted(_ context.Context, user, room string, seqs []int64) ([]ReactionKey, error) {
	if r := tx.rooms[room]; r != nil {
		return r.reacted(user, seqs), nil
	}
	return nil, nil
}
