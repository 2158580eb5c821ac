package engine

import "slices"

// An outbox is a session's bounded queue of messages. Whoever is the
// transport drains it: a WebSocket for the connection's life, a long poll for
// one request. It is guarded by the session's mutex.
type outbox struct {
	queue          []*Message
	head           int // queue[:head] has been taken
	bytes          int // queued or being written
	cork           int // while above zero, messages wait for Uncork
	draining       bool
	idle           bool // draining, but still in the queue of a flusher
	lagging        bool // the connection does not take what it is given
	closeWhenEmpty bool // the connection is over when nothing is left
	overflowed     bool // what was to be queued did not fit
	lost           loss // not yet told of
	turn           turn
}

// messageOverhead is what a queued message counts beyond its size: a flood of
// tiny ones must not take many times what MaxBuffered allows.
const messageOverhead = 64

func (o *outbox) empty() bool { return o.head == len(o.queue) }

// admits reports whether a message may be queued within limit. One may always
// wait, because what is being written may have arrived already.
func (o *outbox) admits(m *Message, limit int) bool {
	return o.empty() || o.fits(m, limit)
}

// fits reports whether the queue is within limit with a message more.
func (o *outbox) fits(m *Message, limit int) bool {
	return o.bytes == 0 || o.bytes+m.Size()+(len(o.queue)-o.head)*messageOverhead <= limit
}

func (o *outbox) push(m *Message) {
	if len(o.queue) == cap(o.queue) && o.head > len(o.queue)/2 {
		n := copy(o.queue, o.queue[o.head:])
		clear(o.queue[n:])
		o.queue, o.head = o.queue[:n], 0
	}
	o.queue = append(o.queue, m)
	o.bytes += m.Size()
}

// take moves the oldest messages to dst, as many as fit. It takes few large ones,
// because a taken message can no longer make room for newer ones.
func (o *outbox) take(dst []*Message) (n int) {
	waiting := o.queue[o.head:]
	for size := 0; n < min(len(dst), len(waiting)) && size < maxGather; n++ {
		dst[n] = waiting[n]
		size += waiting[n].Size()
	}
	clear(o.queue[o.head : o.head+n])
	o.head += n
	if o.empty() {
		o.head = 0
		o.queue = o.queue[:0]
		if cap(o.queue) > maxIdleQueue {
			o.queue = nil
		}
	}
	return n
}

// holdsBinary reports whether a binary message is queued.
func (o *outbox) holdsBinary() bool {
	return slices.ContainsFunc(o.queue[o.head:], func(m *Message) bool { return m.binaries() > 0 })
}

const maxIdleQueue = 16 // capacity that an empty queue may keep

// Send queues a message and writes it at once when nothing else waits and
// the connection takes it. It never blocks on the client. It returns
// ErrClosed when the session has ended; a nil error does not promise
// delivery. Safe for concurrent use; messages sent one after the other
// arrive in that order.
func (s *Session) Send(m *Message) error { return s.send(m, false) }

// SendLater is Send for a message to many sessions: the writing is left to
// goroutines that find all that has been queued meanwhile and write it
// together.
func (s *Session) SendLater(m *Message) error { return s.send(m, true) }

func (s *Session) send(m *Message, later bool) error {
	s.mu.Lock()
	if s.lifecycle() != stateOpen {
		s.mu.Unlock()
		return ErrClosed
	}
	if later || !s.writesAtOnce() {
		if s.pack(m) {
			s.mu.Unlock()
			return nil
		}
		m = m.lasting()
	}
	if !s.admit(m) {
		s.mu.Unlock()
		if !s.admitPatiently(m, later) {
			s.dropSlow()
			return ErrClosed
		}
		s.mu.Lock()
	}
	lost, overdue := s.out.takeLoss(), s.overdue()
	next := s.wake(later)
	s.mu.Unlock()
	s.do(next)
	s.tellLoss(lost)
	if overdue {
		s.catchUp()
	}
	return nil
}

// writesAtOnce reports whether a message that is queued now is written, or
// given up, before Send returns. s.mu is locked.
func (s *Session) writesAtOnce() bool {
	return s.ws != nil && s.out.empty() && !s.out.draining && s.out.cork == 0
}

// Queue is the first part of Send: it neither writes nor calls the receiver, so
// callers may hold a lock. Release must be called after it, and does the rest.
// If wanted is not nil, it is called before the message can leave, and the
// message is queued only if it returns true; it must not use the session.
func (s *Session) Queue(m *Message, wanted func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lifecycle() != stateOpen || s.out.overflowed || wanted != nil && !wanted() {
		return
	}
	m = m.lasting()
	if !s.admit(m) {
		if s.undecided() {
			s.try()
		}
		s.out.overflowed = !s.admit(m) && !s.displace(m)
	}
}

// Release sends what Queue has queued, as Send or, with later true, SendLater
// does.
func (s *Session) Release(later bool) {
	s.mu.Lock()
	if s.out.overflowed && s.lifecycle() == stateOpen {
		s.mu.Unlock()
		s.dropSlow()
		return
	}
	lost, overdue, trial := s.out.takeLoss(), s.overdue(), s.out.turn.trial
	next := s.wake(later)
	s.mu.Unlock()
	s.do(next)
	s.tellLoss(lost)
	if overdue {
		s.catchUp()
	}
	if trial != nil {
		waitFor(trial, promptTrial)
	}
}

// SendVolatile sends a message only if it can leave now, and reports whether
// it does: the client has taken all that was sent before, and over polling a
// poll is there. It respects Cork.
func (s *Session) SendVolatile(m *Message) bool {
	s.mu.Lock()
	ready := s.poll != nil && s.out.empty()
	if s.ws != nil {
		ready = !s.out.lagging && !s.overdue()
	}
	open := s.lifecycle() == stateOpen
	if !open || !ready || !s.out.admits(m, s.server.opts.MaxBuffered) {
		s.mu.Unlock()
		if f := s.server.trace.Dropped; open && f != nil {
			f(s, int(m.packets), m.Size())
		}
		return false
	}
	s.out.push(m.lasting())
	next := s.wake(false)
	s.mu.Unlock()
	s.do(next)
	return true
}

// Cork holds messages back until the matching Uncork, so that the replies to
// what arrived together leave together. Calls may nest.
func (s *Session) Cork() {
	s.mu.Lock()
	s.out.cork++
	s.mu.Unlock()
}

// Uncork ends a Cork and sends what it held back.
func (s *Session) Uncork() {
	s.mu.Lock()
	s.out.cork--
	next := s.wake(false)
	s.mu.Unlock()
	s.do(next)
}

// Flush sends what a Cork holds back without ending it.
func (s *Session) Flush() {
	s.mu.Lock()
	cork := s.out.cork
	s.out.cork = 0
	next := s.wake(false)
	s.out.cork = cork
	s.mu.Unlock()
	s.do(next)
}

// A chore is what a session still has to do for its outbox once s.mu is
// unlocked.
type chore int

const (
	nothing chore = iota
	drain
	drainLater // by a flusher
)

// wake sets the transport to work on the outbox, unless the transport is at it
// already or must not. s.mu is locked. The caller passes the result to do after
// unlocking.
func (s *Session) wake(later bool) chore {
	switch {
	case s.out.empty() || s.out.draining || s.out.cork > 0:
		return nothing
	case s.ws == nil:
		if s.poll != nil {
			s.poll.wake()
		}
		return nothing
	}
	s.out.draining, s.out.idle = true, later
	if later {
		return drainLater
	}
	return drain
}

// do does what wake has left to do. s.mu is not locked.
func (s *Session) do(next chore) {
	switch next {
	case drain:
		s.drain()
	case drainLater:
		s.server.flushers.add(s)
	}
}
