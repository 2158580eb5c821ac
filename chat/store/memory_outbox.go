package store

import (
	"context"
	"maps"
	"slices"
	"time"
)

// A memoryClaim is a claim of an owner, or a pause without one.
type memoryClaim struct {
	owner string
	until time.Time
	tries int
}

// Claim implements Outbox.
func (s *memory) Claim(ctx context.Context, owner string, settle []Claim, hold time.Duration, limit int) (claims []Claim, lost []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	for _, c := range settle {
		if s.claims[c.Room].owner != owner {
			lost = append(lost, c.Room)
			continue
		}
		s.outbox[c.Room] = slices.DeleteFunc(s.outbox[c.Room], func(seq int64) bool { return seq <= c.Done })
		if len(s.outbox[c.Room]) == 0 {
			delete(s.outbox, c.Room)
		}
		switch {
		case !c.Over:
			s.claims[c.Room] = memoryClaim{owner, now.Add(hold), c.Tries}
		case c.Pause > 0:
			s.claims[c.Room] = memoryClaim{"", now.Add(c.Pause), c.Tries}
		default:
			delete(s.claims, c.Room)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(s.outbox)) {
		if c := s.claims[room]; len(claims) < limit && !c.until.After(now) {
			s.claims[room] = memoryClaim{owner, now.Add(hold), c.tries}
			claims = append(claims, Claim{Room: room, Tries: c.tries})
		}
	}
	return claims, lost, nil
}

// Waiting implements Outbox.
func (s *memory) Waiting(ctx context.Context, room string, after int64, limit int) (posts []Message, now int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	var seqs []int64
	for _, seq := range s.outbox[room] {
		if seq > after && len(seqs) < limit {
			seqs = append(seqs, seq)
		}
	}
	now = time.Now().UnixMilli()
	if r := s.existing(room); r != nil {
		return FillPosts(room, r.Floor, seqs, r.messages), now, nil
	}
	return FillPosts(room, 0, seqs, nil), now, nil
}
