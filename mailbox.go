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
	first   *job // waiting, or nil
	last    *job
	bytes   int // of the events and replies that wait or are being handled
	running bool
	ended   bool        // no event is taken any more
	discard atomic.Bool // events still there are not handled

	// Of the goroutine at work.
	batch   *job        // the next to do
	events  int         // bytes of those handled
	replies int         // likewise
	cork    *time.Timer // holds the replies to the batch together
}

// A job is an event to handle, or anything else.
type job struct {
	event Event
	do    func() // not the event
	size  int    // of a reply that it delivers, in the connection's budget
	next  *job
}

// corkTime is how long the replies to events that came together may wait for
// each other when a handler takes its time.
const corkTime = time.Millisecond

// putEvent adds an event, on which the work begins with claim. If there is no
// room it does not, and returns a channel that has a value when to try again.
func (b *mailbox) putEvent(j *job) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil
	}
	budget := &b.socket.conn.budget
	if full := budget.take(budget.forEvents(), j.event.size); full != nil {
		return full
	}
	b.append(j)
	return nil
}

// append adds a job. b.mu is locked.
func (b *mailbox) append(j *job) {
	b.bytes += j.event.size + j.size
	if b.first == nil {
		b.first = j
	} else {
		b.last.next = j
	}
	b.last = j
}

// claim reports whether the caller has to Run the mailbox.
func (b *mailbox) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running || b.first == nil {
		return false
	}
	b.running = true
	b.socket.conn.server.workers.Add(1)
	return true
}

// start begins the work on what has been put.
func (b *mailbox) start() {
	if b.claim() {
		go b.Run()
	}
}

// put adds a job and starts the work.
func (b *mailbox) put(do func()) { b.putReply(do, 0) }

// hold adds the first job. Nothing is done before somebody calls Run.
func (b *mailbox) hold(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(&job{do: do})
	b.running = true
	b.socket.conn.server.workers.Add(1)
}

// putReply is put for a job that delivers a reply of the client.
func (b *mailbox) putReply(do func(), size int) {
	b.mu.Lock()
	b.append(&job{do: do, size: size})
	b.mu.Unlock()
	b.start()
}

// end adds a job and takes no events any more.
func (b *mailbox) end(do func()) {
	b.mu.Lock()
	b.ended = true
	b.append(&job{do: do})
	b.mu.Unlock()
	b.socket.conn.budget.wake() // an event that waits for room is not taken any more
	b.start()
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
	for b.batch != nil || b.take() {
		for b.batch != nil {
			next := b.batch
			b.batch, next.next = next.next, nil // handlers may keep events
			b.do(next)
		}
		b.uncork()
	}
	finished = true
	b.socket.conn.server.workers.Done()
}

// take makes what has been put meanwhile the batch. Without any, the work is
// over.
func (b *mailbox) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= b.events + b.replies
	b.socket.conn.budget.give(b.events, b.replies)
	b.events, b.replies = 0, 0
	b.batch, b.first, b.last = b.first, nil, nil
	if b.batch == nil {
		b.running = false
		return false
	}
	if b.batch.next != nil {
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

func (b *mailbox) do(j *job) {
	b.events += j.event.size
	b.replies += j.size
	if j.do != nil {
		j.do()
		return
	}
	if !b.discard.Load() {
		b.socket.handle(&j.event)
	}
}
