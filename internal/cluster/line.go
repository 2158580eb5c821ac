package cluster

import (
	"sync"
	"time"
)

// A line is functions that wait until the events that were sent before them are
// back from the adapter's log.
type line struct {
	mu      sync.Mutex
	sent    uint64 // events that must come back
	back    uint64 // those that are back
	waiting []deferred
	running bool // a goroutine calls them
	timer   *time.Timer
}

type deferred struct {
	f    func()
	sent uint64
	due  time.Time // when it is called anyway
}

// sends notes an event that must come back.
func (l *line) sends() {
	l.mu.Lock()
	l.sent++
	l.mu.Unlock()
}

// returned notes that an event has come back.
func (l *line) returned() {
	l.mu.Lock()
	l.back = min(l.back+1, l.sent)
	l.mu.Unlock()
	l.run()
}

// end stops waiting for events.
func (l *line) end() {
	l.mu.Lock()
	l.back = l.sent
	l.mu.Unlock()
	l.run()
}

// after calls f when the events that have been sent before are back, or at once
// if they are back already.
func (l *line) after(f func()) {
	l.mu.Lock()
	if !l.busy() {
		l.mu.Unlock()
		f()
		return
	}
	l.waiting = append(l.waiting, deferred{f, l.sent, time.Now().Add(requestTimeout)})
	if l.timer == nil {
		l.timer = time.AfterFunc(requestTimeout, l.overdue)
	}
	l.mu.Unlock()
	l.run()
}

// ahead reports whether a function would have to wait.
func (l *line) ahead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy()
}

func (l *line) busy() bool { return l.back != l.sent || len(l.waiting) > 0 || l.running }

// run calls the functions that have waited long enough, in order, unless
// another goroutine does.
func (l *line) run() {
	finished := false
	defer func() {
		if !finished { // a function has ended the goroutine
			l.mu.Lock()
			l.running = false
			l.mu.Unlock()
			go l.run()
		}
	}()
	l.mu.Lock()
	if !l.running {
		for len(l.waiting) > 0 && l.waiting[0].sent <= l.back {
			l.running = true
			f := l.waiting[0].f
			l.waiting[0] = deferred{}
			l.waiting = l.waiting[1:]
			l.mu.Unlock()
			f()
			l.mu.Lock()
		}
		l.running = false
	}
	l.mu.Unlock()
	finished = true
}

// overdue stops waiting for events that do not come back.
func (l *line) overdue() {
	l.mu.Lock()
	now := time.Now()
	for _, d := range l.waiting {
		if d.due.After(now) {
			break
		}
		l.back = max(l.back, d.sent)
	}
	if l.timer = nil; len(l.waiting) > 0 {
		last := l.waiting[len(l.waiting)-1].due
		l.timer = time.AfterFunc(max(last.Sub(now), time.Millisecond), l.overdue)
	}
	l.mu.Unlock()
	l.run()
}
