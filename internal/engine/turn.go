package engine

import (
	"math"
	"time"
)

// A turn is what the server knows of a client whose turn it seems to be: to
// take what is being written to it, or to poll again. If the server is late,
// the client may have done so already: the writer has not run yet, or the
// request has not been read. So a client is slow only if it has not moved for a
// round.
type turn struct {
	moves   uint32        // how often the client has moved, or its turn has begun
	stalled bool          // the client has not moved for a round
	trial   chan struct{} // closed when a round has shown whether the client moves; nil between trials
}

func (t *turn) moved() {
	t.moves++
	t.stalled = false
}

// took notes that the answer to a poll has been written.
func (s *Session) took() {
	s.mu.Lock()
	s.out.turn.moved()
	s.mu.Unlock()
}

// clientsTurn reports whether what is queued seems to wait for the client. If
// not, it waits for us: for its turn, to be compressed, or for the answer to a
// poll that is there. s.mu is locked.
func (s *Session) clientsTurn() bool {
	if s.ws != nil {
		return s.out.lagging
	}
	return s.poll == nil && !s.answering
}

// undecided reports whether a client without room for more may have taken its
// turn already. s.mu is locked.
func (s *Session) undecided() bool {
	return s.lifecycle() == stateOpen && s.clientsTurn() && !s.out.turn.stalled
}

// try returns the trial of an undecided client. It begins one if need be. s.mu
// is locked.
func (s *Session) try() (trial <-chan struct{}) {
	t := &s.out.turn
	if t.trial == nil {
		t.trial = make(chan struct{})
		go s.judge(t.trial, t.moves)
	}
	return t.trial
}

// judge ends a trial. It closes the session of a client that has not moved for
// a round. With Options.DropOldest it takes the queue back to the limit, and
// admit displaces messages from then on; as long as the queue of a client that
// moves is beyond the limit, there is another trial.
func (s *Session) judge(trial chan struct{}, moves uint32) {
	defer close(trial)
	<-s.server.rounds.join()
	s.mu.Lock()
	t := &s.out.turn
	t.trial = nil
	undecided := s.undecided()
	t.stalled = undecided && t.moves == moves
	slow := t.stalled && !s.server.opts.DropOldest
	if undecided && s.server.opts.DropOldest {
		s.trim()
	}
	lost := s.out.takeLoss()
	s.mu.Unlock()
	s.tellLoss(lost)
	if slow {
		s.dropSlow()
	}
}

// trim drops what is beyond the limit, or begins another trial. s.mu is locked.
func (s *Session) trim() {
	nothing, limit := &Message{}, s.server.opts.MaxBuffered
	switch {
	case s.out.admits(nothing, limit):
	case s.out.turn.stalled:
		gone := s.out.makeRoom(nothing, limit)
		s.out.lost.packets += gone.packets
		s.out.lost.bytes += gone.bytes
	default:
		s.try()
	}
}

// Limits of the wait for the end of a trial. The wait is for this server, and
// never for the client.
const (
	promptTrial = time.Millisecond
	lateTrial   = time.Second
)

// admitPatiently queues a message that there may be room for after a trial, and
// reports whether it could. Where it begins a trial, it gives the server a
// moment, except in a fan-out: there may be many. If twice the limit waits
// already, it waits for up to three trials, after which the message must fit
// within the limit: so no sender is held up at the client's pace.
func (s *Session) admitPatiently(m *Message, fanOut bool) bool {
	full := 0
	for n := range 8 {
		admitted, trial, first := s.admitOrTry(m)
		switch {
		case admitted || trial == nil:
			return admitted
		case !first || full > 0:
			if full == 3 || s.server.opts.DropOldest {
				return s.admitInPlace(m)
			}
			full++
			waitFor(trial, lateTrial)
		case !fanOut && n < 3: // the client may move, and yet be behind
			waitFor(trial, promptTrial)
		}
	}
	return s.admitInPlace(m)
}

// admitOrTry admits a message, or returns the trial after which there may be
// room for it, and whether that has just begun. It returns neither if there
// will be no room.
func (s *Session) admitOrTry(m *Message) (admitted bool, trial <-chan struct{}, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lifecycle() != stateOpen:
		return false, nil, false
	case s.admit(m):
		return true, nil, false
	case !s.undecided():
		return false, nil, false
	}
	first = s.out.turn.trial == nil
	return false, s.try(), first
}

// admitInPlace admits a message, in place of others if that may be.
func (s *Session) admitInPlace(m *Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lifecycle() == stateOpen && (s.admit(m) || s.displace(m))
}

// waitFor waits for the end of a trial.
func waitFor(trial <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-trial:
	case <-timer.C:
	}
}

// twice doubles a limit.
func twice(limit int) int { return limit + min(limit, math.MaxInt-limit) }
