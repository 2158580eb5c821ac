package engine

import (
	"slices"
	"sync"
	"time"
)

const (
	// probedPoll is how long a poll waits once the probe of an upgrade has been
	// answered. Most clients complete the upgrade within that time.
	probedPoll = 100 * time.Millisecond

	// endTogether is how much earlier a poll ends if another one ends then.
	endTogether = 25 * time.Millisecond
)

// probedPolls are the polls that wait for at most probedPoll. When the time of
// one is over, those that would follow soon end, too: what wakes an idle server
// costs more than the answer to a poll.
type probedPolls struct {
	mu    sync.Mutex
	queue []probedPollEnd // the earliest first; a timer runs while it is not empty
}

type probedPollEnd struct {
	session *Session
	poll    *poll
	due     time.Time
}

// add ends the wait of a session's poll within probedPoll. s.mu is locked.
func (ps *probedPolls) add(s *Session) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.queue = append(ps.queue, probedPollEnd{s, s.poll, time.Now().Add(probedPoll)})
	if len(ps.queue) == 1 {
		time.AfterFunc(probedPoll, ps.end)
	}
}

// end ends the polls that are due.
func (ps *probedPolls) end() {
	for _, e := range ps.takeDue() {
		e.session.mu.Lock()
		e.poll.wake()
		e.session.mu.Unlock()
	}
}

// takeDue takes the polls that are due out of the queue, and sees to the others.
func (ps *probedPolls) takeDue() []probedPollEnd {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	now := time.Now()
	n := slices.IndexFunc(ps.queue, func(e probedPollEnd) bool { return e.due.Sub(now) > endTogether })
	if n < 0 {
		due := ps.queue
		ps.queue = nil
		return due
	}
	due := slices.Clone(ps.queue[:n])
	ps.queue = slices.Delete(ps.queue, 0, n)
	time.AfterFunc(ps.queue[0].due.Sub(now), ps.end)
	return due
}
