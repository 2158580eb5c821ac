package socketio

import (
	"slices"
	"time"
)

// A session is what is kept of a socket whose client may come back.
type session struct {
	pid   string
	id    string
	rooms []string
	data  *data
	ended time.Time
	place
}

// sessions are those of a namespace, bounded in number.
type sessions struct {
	byPID map[string]*session
	order []*session // by end, also removed ones
}

const maxSessions = 1 << 16

// put adds a session and returns how many others had to go for it.
func (ss *sessions) put(s *session) (forgotten int) {
	ss.byPID[s.pid] = s
	if len(ss.order) > 2*len(ss.byPID)+maxRemoved {
		ss.order = slices.DeleteFunc(ss.order, func(s *session) bool { return ss.byPID[s.pid] != s })
	}
	ss.order = append(ss.order, s)
	for len(ss.byPID) > maxSessions {
		forgotten += ss.drop()
	}
	return forgotten
}

// maxRemoved is how many removed sessions the order may have in any case.
const maxRemoved = 64

func (ss *sessions) remove(s *session) { delete(ss.byPID, s.pid) }

// drop removes the oldest, and returns how many sessions that is.
func (ss *sessions) drop() int {
	s := ss.order[0]
	ss.order[0] = nil
	ss.order = ss.order[1:]
	if ss.byPID[s.pid] != s {
		return 0
	}
	ss.remove(s)
	return 1
}

// expire forgets the sessions that ended before, and returns how many.
func (ss *sessions) expire(before time.Time) (forgotten int) {
	for len(ss.order) > 0 && !ss.order[0].ended.After(before) {
		forgotten += ss.drop()
	}
	return forgotten
}

// oldest returns when the oldest ended.
func (ss *sessions) oldest() (ended time.Time, any bool) {
	if len(ss.order) == 0 {
		return time.Time{}, false
	}
	return ss.order[0].ended, true
}
