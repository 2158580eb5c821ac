package engine

import (
	"slices"
	"sync"
)

const (
	batchSize = 32       // messages taken at once
	maxGather = 16 << 10 // bytes copied together into one write
)

// A writer moves messages from a session's outbox to its WebSocket. Small
// frames are copied together, because a system call costs more than a copy; a
// frame that goes alone is written where it is.
type writer struct {
	s       *Session
	batch   [batchSize]*Message
	next    int // batch[next:end] is still to be written
	end     int
	data    []byte  // being written
	buf     *[]byte // from gatherPool, when data lies in it
	written int     // since the outbox was last told
	packets int     // in data
}

// load makes data ready to be written. When nothing is left it gives up
// outbox.draining and returns false.
func (w *writer) load() bool {
	if w.next == w.end {
		if !w.take() {
			return false
		}
		if w.s.ws.deflate != nil {
			w.compress()
		}
	}
	w.packets = 0
	w.data = w.gather()
	w.s.sent(w.packets, len(w.data))
	return true
}

// gather returns the next message's frames, with those that fit into one
// write with them.
func (w *writer) gather() []byte {
	pack := w.batch[w.next].pack
	first := w.pop()
	if w.next == w.end || len(first)+len(w.peek()) > maxGather {
		w.buf = pack
		return first
	}
	w.buf = gatherPool.Get().(*[]byte)
	data := append((*w.buf)[:0], first...)
	for w.next < w.end && len(data)+len(w.peek()) <= maxGather {
		data = append(data, w.pop()...)
	}
	return data
}

func (w *writer) peek() []byte { return w.batch[w.next].frames(w.s.ws.dialect) }

// pop returns the next message's frames and corrects what will be counted as
// written, because the outbox counts Size.
func (w *writer) pop() []byte {
	frames := w.peek()
	w.written += w.batch[w.next].Size() - len(frames)
	w.packets += int(w.batch[w.next].packets)
	w.next++
	return frames
}

func (w *writer) take() bool {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.bytes -= w.written
	w.written = 0
	if s.lifecycle() == stateClosed {
		return false
	}
	w.next, w.end = 0, s.out.take(w.batch[:])
	if w.end == 0 {
		s.out.draining, s.out.lagging = false, false
		if s.out.closeWhenEmpty {
			s.ws.kill()
		}
		return false
	}
	return true
}

// settle tells the outbox what the client has taken so far, and whether it is
// behind.
func (w *writer) settle(behind bool) {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.bytes -= w.written
	w.written = 0
	s.out.lagging = behind
	s.out.turn.moved()
}

// keep copies the rest of data after the client has taken a part.
func (w *writer) keep() {
	if w.buf == nil && w.batch[w.next-1].transient {
		w.data = slices.Clone(w.data)
	}
}

// wrote notes that n bytes of data have been written.
func (w *writer) wrote(n int) {
	w.data = w.data[n:]
	w.written += n
	if len(w.data) == 0 && w.buf != nil {
		gatherPool.Put(w.buf)
		w.buf = nil
	}
}

// drain writes until nothing is left, or the client does not take it: then it
// returns false.
func (w *writer) drain() bool {
	for w.load() {
		n, err := w.s.ws.tryWrite(w.data)
		if err != nil {
			w.s.abort(ReasonTransportClose)
			return true
		}
		if w.wrote(n); len(w.data) > 0 {
			w.settle(true)
			w.keep()
			return false
		}
	}
	return true
}

// drainBlocking is drain for a client that is slower than we are, or whose
// connection has no descriptor to try.
func (w *writer) drainBlocking() {
	for done := false; !done; done = w.drain() {
		n, err := w.s.ws.conn.Write(w.data)
		w.wrote(n)
		if err != nil {
			w.s.abort(ReasonTransportClose)
			return
		}
		w.settle(false)
	}
}

var gatherPool = sync.Pool{New: func() any { b := make([]byte, 0, maxGather); return &b }}

// drain writes what is queued without blocking. The caller owns s.out.draining.
// A goroutine that lives until the queue is empty writes the bytes that the
// kernel refuses.
func (s *Session) drain() {
	w := writer{s: s}
	if !w.drain() {
		rest := w
		go rest.drainBlocking()
	}
}
