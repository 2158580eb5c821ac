package engine

import (
	"os"
	"runtime"
	"sync"
	"time"
)

// Rounds tell what a late server has not got round to. During a round the
// runtime asks the kernel what has arrived, and all goroutines that it makes
// ready run: requests that waited in the kernel have been read, and answers
// written. A round takes less than a millisecond where the server is not late.
type rounds struct {
	mu      sync.Mutex
	next    chan struct{} // closed at the end of the next round; nil if nobody waits for it
	running bool
}

// join returns a channel that is closed at the end of a round that begins
// after the call. All callers of that time share a round.
func (r *rounds) join() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = make(chan struct{})
	}
	if !r.running {
		r.running = true
		go r.run()
	}
	return r.next
}

func (r *rounds) run() {
	for {
		r.mu.Lock()
		done := r.next
		r.next = nil
		r.running = done != nil
		r.mu.Unlock()
		if done == nil {
			return
		}
		round()
		close(done)
	}
}

const (
	passesInTime = 3  // of a round: a client in the same process takes two to answer
	maxPasses    = 10 // of the round of a server that is late
	pause        = 10 * time.Millisecond
	inTime       = pause + 5*time.Millisecond
)

// round returns after some passes that were in time. A server that is always
// late gets more of them, but not without end.
func round() {
	for n, good := 0, 0; n < maxPasses && good < passesInTime; n++ {
		start := time.Now()
		if err := pass(); err != nil { // the runtime asks the kernel every 10 ms in any case
			time.Sleep(20 * time.Millisecond)
			good++
			continue
		}
		if time.Since(start) < inTime {
			good++
		}
	}
}

// pass lets the runtime ask the kernel once, and the other goroutines run. It
// waits for a byte in a pipe, as the server waits for requests: when that has
// been noticed, so have the requests that were there before. The pause after
// that lets this processor run what others have not got to.
func pass() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	raw, err := r.SyscallConn()
	if err != nil {
		return err
	}
	sent := false
	var failed error
	err = raw.Read(func(uintptr) (readable bool) {
		if sent {
			return true
		}
		sent = true
		_, failed = w.Write([]byte{0})
		return failed != nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	for range 10 {
		runtime.Gosched()
	}
	var buf [2]byte
	_, _ = r.Read(buf[:])
	if err := r.SetReadDeadline(time.Now().Add(pause)); err != nil {
		return err
	}
	_, _ = r.Read(buf[:])
	return nil
}
