package engine

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Hold is how a Receiver waits within Text or Binary when it can take no more
// for now. It returns when until is closed or the session has ended, and
// reports whether the session goes on. The client's messages wait meanwhile,
// but its heartbeat goes on, and its hang-up ends the session at once.
//
// Since a PONG may stand behind messages that wait, whatever arrives is taken
// for a sign of life. A WebSocket is read ahead for that, up to 64 KiB. If more
// waits, it is enough that the client's system acknowledges PINGs or, where
// that is unknown, that there is always a little more to read. Over polling
// the next GET is such a sign.
func (s *Session) Hold(until <-chan struct{}) bool {
	s.mu.Lock()
	if s.lifecycle() != stateOpen {
		s.mu.Unlock()
		return false
	}
	ended := make(chan struct{})
	s.heldUntil = ended
	ws := s.ws
	if s.request != nil { // there may be a WebSocket that waits for this POST
		ws = nil
	}
	s.mu.Unlock()

	s.catchingUp = true
	s.held.Store(true)
	if s.fresh { // a PONG may be among what has arrived
		s.fresh = false
		s.server.heart.sign(&s.beat)
	}
	var hungUp <-chan struct{}
	if ws != nil {
		ws.standBy(true)
	} else {
		hungUp = s.request.Done()
	}
	for waiting := true; waiting; {
		waiting = false
		select {
		case <-until:
		case <-ended:
		case <-hungUp:
			if waiting = s.request.Err() == context.DeadlineExceeded; !waiting { // which is one of the program
				s.abort(ReasonTransportClose)
			}
			hungUp = nil
		}
	}
	if ws != nil {
		ws.standBy(false)
	}
	s.held.Store(false)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.heldUntil = nil
	return s.lifecycle() == stateOpen
}

// A lookout reads a WebSocket ahead while its receiver waits, to see whether
// the client is there. It stays until the connection's owner reads on.
type lookout struct {
	c       *wsConn
	stop    chan struct{} // closed to have it read no more; nil if it has never read
	stopped chan struct{} // closed when it reads no more
	full    atomic.Bool   // it has read all that it may
	data    []byte        // of who reads until stopped is closed, and of the owner then
	err     error         // likewise

	mu     sync.Mutex
	waits  bool // the receiver does, so that a hang-up is the end
	hungUp bool
}

// standBy begins or ends the time of waiting: a hang-up of the client then ends
// the session at once, also with unhandled messages. The connection's owner calls it,
// or the goroutine that keeps the owner waiting.
func (c *wsConn) standBy(waits bool) {
	l := c.lookout.Load()
	if l == nil {
		l = &lookout{c: c}
		l.hungUp = c.hasLeft()
		c.lookout.Store(l)
	}
	if waits {
		l.start()
	}
	l.mu.Lock()
	l.waits = waits
	over := waits && l.hungUp
	l.mu.Unlock()
	if over {
		c.session.abort(ReasonTransportClose)
	}
}

const (
	maxAhead = 64 << 10
	maxSip   = 64 // bytes at a time beyond maxAhead

	watchTime = 250 * time.Millisecond
)

// start has the connection read, if it is not already.
func (l *lookout) start() {
	if l.stop != nil || l.err != nil {
		return
	}
	l.stop, l.stopped = make(chan struct{}), make(chan struct{})
	go l.read()
}

func (l *lookout) read() {
	defer close(l.stopped)
	buf := readPool.Get().(*[]byte)
	defer readPool.Put(buf)
	heart := l.c.session.server.heart
	for {
		space := *buf
		if left := maxAhead - len(l.data); left <= 0 {
			if !l.mayReadOn() {
				return
			}
			space = space[:maxSip]
		} else if left < len(space) {
			space = space[:left]
		}
		n, err := l.c.conn.Read(space)
		if n > 0 {
			l.data = append(l.data, space[:n]...)
			heart.sign(&l.c.session.beat)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return // the owner reads on, or the session is over
		}
		if err != nil {
			l.err = err
			l.hangUp()
			return
		}
	}
}

// mayReadOn waits until a little may be read beyond maxAhead. It reports false
// if the owner reads on. Where the system knows whether the client is there, it
// does not let anything be read, and watches for the client's hang-up instead.
func (l *lookout) mayReadOn() bool {
	pause := max(l.c.session.server.heart.timeout/4, time.Millisecond)
	_, _, known := lastHeard(l.c.conn)
	if known {
		l.full.Store(true)
		pause = watchTime
	}
	next := time.NewTicker(pause)
	defer next.Stop()
	for {
		select {
		case <-l.stop:
			return false
		case <-next.C:
		}
		if !known {
			return true
		}
		if _, connected, _ := lastHeard(l.c.conn); !connected {
			l.hangUp()
			return false
		}
	}
}

// hangUp notes that the client has hung up.
func (l *lookout) hangUp() {
	l.mu.Lock()
	l.hungUp = true
	over := l.waits
	l.mu.Unlock()
	if over {
		l.c.session.abort(ReasonTransportClose)
	}
}

// takeAhead ends the reading ahead, and reports whether it has read bytes that
// must be handled first. The connection's owner calls it before it reads on.
func (c *wsConn) takeAhead() (some bool, err error) {
	l := c.lookout.Load()
	if l == nil {
		return false, nil
	}
	if l.stop != nil {
		close(l.stop)
		_ = c.conn.SetReadDeadline(longAgo)
		<-l.stopped
		c.session.mu.Lock()
		if c.session.lifecycle() != stateClosed {
			_ = c.conn.SetReadDeadline(time.Time{})
		}
		c.session.mu.Unlock()
	}
	c.lookout.Store(nil)
	if len(l.data) == 0 {
		return false, l.err
	}
	c.in.append(l.data)
	if l.err != nil {
		c.lookout.Store(&lookout{c: c, err: l.err, hungUp: true}) // comes after the data
	}
	return true, nil
}

// unheard reports whether there may be a PONG that can't be seen, of a client
// whose system has acknowledged what it was sent at a time.
func (s *Session) unheard(sent time.Time) bool {
	s.mu.Lock()
	ws := s.ws
	s.mu.Unlock()
	if ws == nil {
		return false
	}
	l := ws.lookout.Load()
	if l == nil || !l.full.Load() {
		return false
	}
	ago, _, _ := lastHeard(ws.conn)
	const precision = 10 * time.Millisecond // of the system's clock
	return ago <= time.Since(sent)+precision
}
