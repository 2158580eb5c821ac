package engine

import (
	"runtime"
	"sync"
)

// flushers write what fan-outs have queued. There is one for each processor,
// and each has a goroutine only while it has sessions to write to. A session
// that gets further messages while it waits for its turn is written to once.
type flushers []flusher

type flusher struct {
	mu      sync.Mutex
	pending []*Session
	spare   []*Session // what pending was before
	running bool
	_       [64]byte // keeps neighbours off one cache line
}

func newFlushers() flushers { return make(flushers, runtime.GOMAXPROCS(0)) }

func (fs flushers) add(s *Session) {
	f := &fs[int(s.shard)%len(fs)]
	f.mu.Lock()
	f.pending = append(f.pending, s)
	start := !f.running
	f.running = true
	f.mu.Unlock()
	if start {
		go f.run()
	}
}

func (f *flusher) run() {
	f.mu.Lock()
	for len(f.pending) > 0 {
		batch := f.pending
		f.pending = f.spare
		f.mu.Unlock()
		for _, s := range batch {
			s.drainIdle()
		}
		clear(batch)
		f.mu.Lock()
		f.spare = batch[:0]
	}
	f.running = false
	f.mu.Unlock()
}

// drainIdle is drain by a flusher, unless another goroutine has done it meanwhile.
func (s *Session) drainIdle() {
	s.mu.Lock()
	idle := s.out.idle
	s.out.idle = false
	s.mu.Unlock()
	if idle {
		s.drain()
	}
}
