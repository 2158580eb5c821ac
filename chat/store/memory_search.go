package store

import (
	"context"
	"slices"
	"strings"
)

// Search implements Searcher. It looks at all texts.
func (s *memory) Search(ctx context.Context, q Search) (*Found, error) {
	after, err := ParsePlace(q.After)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	var hits []Message
	for id := range s.rooms {
		for _, m := range s.searched(id, q) {
			if PlaceOf(&m).compare(after) > 0 && contains(&m, q.Terms) {
				hits = append(hits, m)
			}
		}
	}
	slices.SortFunc(hits, func(a, b Message) int { return PlaceOf(&a).compare(PlaceOf(&b)) })
	return Collect(func(yield func(Hit, error) bool) {
		for _, m := range hits {
			if !yield(Hit{m, PlaceOf(&m).String()}, nil) {
				return
			}
		}
	}, q.Limit)
}

// searched returns the messages of a room that the user of a search may read, if
// the search is for the room.
func (s *memory) searched(id string, q Search) []Message {
	homeID, root, thread := Parent(id)
	if !thread {
		homeID = id
	}
	r, home := s.existing(id), s.existing(homeID)
	if r == nil || home == nil || q.Room != "" && q.Room != id && q.Room != homeID || slices.Contains(q.Except, homeID) {
		return nil
	}
	member := home.members[q.User]
	low := Lowest(&home.Room, &member)
	switch {
	case Readable(&home.Room, &member) != nil, thread && root < low:
		return nil
	case thread:
		low = r.Floor
	}
	return r.messages[min(max(low-r.base-1, 0), int64(len(r.messages))):]
}

// contains reports whether a message has all terms.
func contains(m *Message, terms []Term) bool {
	text := words(strings.ToLower(m.Text))
	for _, t := range terms {
		if !t.in(text) {
			return false
		}
	}
	return len(terms) > 0
}
