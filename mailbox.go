package socketio

import (
	"sync"
	"sync/atomic"
	"time"
)

// A mailbox runs what a socket has to do, one thing at a time and in order. It
// has a goroutine only while there is something.
type mailbox struct {
	socket *Socket

	mu      sync.Mutex
	jobs    []job
	bytes   int // of the events in jobs or being handled
	running bool
	ended   bool          // no event is taken any more
	discard atomic.Bool   // events still there are not handled
	space   chan struct{} // closed when bytes has fallen, or at the end; made by who waits for it

	// Of the goroutine at work.
	batch []job
	done  int         // bytes of the events handled
	cork  *time.Timer // holds the replies to the batch together
}

// A job is an event to handle, or anything else.
type job struct {
	event *Event
	do    func()
}

const (
	// eventOverhead is what an event costs beside its bytes.
	eventOverhead = 128

	// corkTime is how long the replies to events that came together may wait
	// for each other when a handler takes its time.
	corkTime = time.Millisecond
)

// putEvent adds an event, on which the work begins with claim. If the mailbox
// is full it does not, and returns a channel that is closed when to try again.
func (b *mailbox) putEvent(e *Event) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
	case b.bytes > 0 && b.bytes+e.size > b.socket.namespace.server.opts.MaxInbox:
		if b.space == nil {
			b.space = make(chan struct{})
		}
		return b.space
	default:
		b.jobs = append(b.jobs, job{event: e})
		b.bytes += e.size
	}
	return nil
}

// claim reports whether the caller has to Run the mailbox.
func (b *mailbox) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running || len(b.jobs) == 0 {
		return false
	}
	b.running = true
	b.socket.namespace.server.workers.Add(1)
	return true
}

// start begins the work on what has been put.
func (b *mailbox) start() {
	if b.claim() {
		go b.Run()
	}
}

// put adds a job and starts the work.
func (b *mailbox) put(do func()) {
	b.mu.Lock()
	b.jobs = append(b.jobs, job{do: do})
	b.mu.Unlock()
	b.start()
}

// end adds a job and takes no events any more.
func (b *mailbox) end(do func()) {
	b.mu.Lock()
	b.ended = true
	b.jobs = append(b.jobs, job{do: do})
	b.freeSpace()
	b.mu.Unlock()
	b.start()
}

func (b *mailbox) freeSpace() {
	if b.space != nil {
		close(b.space)
		b.space = nil
	}
}

// Run does jobs until none is left. Its state is in the mailbox, because a
// handler may end the goroutine, as t.FailNow does; then another goes on.
func (b *mailbox) Run() {
	finished := false
	defer func() {
		if !finished {
			b.uncork()
			go b.Run()
		}
	}()
	for len(b.batch) > 0 || b.take() {
		for len(b.batch) > 0 {
			next := b.batch[0]
			b.batch = b.batch[1:]
			b.do(next)
		}
		b.uncork()
	}
	finished = true
	b.socket.namespace.server.workers.Done()
}

// take makes what has been put meanwhile the batch. Without any, the work is
// over.
func (b *mailbox) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= b.done
	b.done = 0
	b.freeSpace()
	if len(b.jobs) == 0 {
		b.running, b.batch = false, nil
		return false
	}
	b.batch, b.jobs = b.jobs, nil
	if len(b.batch) > 1 {
		session := b.socket.conn.session
		session.Cork()
		b.cork = time.AfterFunc(corkTime, session.Uncork)
	}
	return true
}

func (b *mailbox) uncork() {
	if b.cork != nil && b.cork.Stop() {
		b.socket.conn.session.Uncork()
	}
	b.cork = nil
}

func (b *mailbox) do(j job) {
	if j.event == nil {
		j.do()
		return
	}
	b.done += j.event.size
	if !b.discard.Load() {
		b.socket.handle(j.event)
	}
}
