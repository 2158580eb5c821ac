package eventlog

import (
	"slices"
	"time"
)

// A Session is what is kept of a socket whose client may come back. D is the
// program's data about it.
type Session[D any] struct {
	PID      string // by which the client shows who it was; a secret
	SocketID string
	Rooms    []string
	Data     D
	Ended    time.Time
	Place
}

// Sessions are those of a namespace, bounded in number. The zero value is
// empty.
type Sessions[D any] struct {
	Forgotten func(*Session[D]) // if set, called with each session that goes otherwise than by Remove

	byPID map[string]*Session[D]
	order []*Session[D] // by end, also removed ones
}

const maxSessions = 1 << 16

// Len returns how many sessions there are.
func (ss *Sessions[D]) Len() int { return len(ss.byPID) }

// Get returns the session of a client, or nil.
func (ss *Sessions[D]) Get(pid string) *Session[D] { return ss.byPID[pid] }

// Put adds a session that has just ended, and returns how many others had to
// go for it.
func (ss *Sessions[D]) Put(s *Session[D]) (forgotten int) {
	if ss.byPID == nil {
		ss.byPID = make(map[string]*Session[D])
	}
	ss.byPID[s.PID] = s
	if len(ss.order) > 2*len(ss.byPID)+maxRemoved {
		ss.order = slices.DeleteFunc(ss.order, func(s *Session[D]) bool { return ss.byPID[s.PID] != s })
	}
	ss.order = append(ss.order, s)
	for len(ss.byPID) > maxSessions {
		forgotten += ss.drop()
	}
	return forgotten
}

// maxRemoved is how many removed sessions the order may have in any case.
const maxRemoved = 64

// Remove removes a session.
func (ss *Sessions[D]) Remove(s *Session[D]) { delete(ss.byPID, s.PID) }

// drop removes the oldest, and returns how many sessions that is.
func (ss *Sessions[D]) drop() int {
	s := ss.order[0]
	ss.order[0] = nil
	ss.order = ss.order[1:]
	if ss.byPID[s.PID] != s {
		return 0
	}
	ss.Remove(s)
	if ss.Forgotten != nil {
		ss.Forgotten(s)
	}
	return 1
}

// Clear forgets all sessions, and returns how many.
func (ss *Sessions[D]) Clear() (forgotten int) {
	for len(ss.order) > 0 {
		forgotten += ss.drop()
	}
	return forgotten
}

// Expire forgets the sessions that ended before, and returns how many.
func (ss *Sessions[D]) Expire(before time.Time) (forgotten int) {
	for len(ss.order) > 0 && !ss.order[0].Ended.After(before) {
		forgotten += ss.drop()
	}
	return forgotten
}

// Oldest returns when the oldest session ended, and false if no session is kept.
func (ss *Sessions[D]) Oldest() (ended time.Time, any bool) {
	if len(ss.order) == 0 {
		return time.Time{}, false
	}
	return ss.order[0].Ended, true
}
