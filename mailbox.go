package socketio

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

// A mailbox runs what a socket has to do, one thing at a time and in order:
// events of type E, and anything else. It has a goroutine only while there is
// something.
type mailbox[E any] struct {
	owner owner[E]
	line  *line

	mu      sync.Mutex
	first   *job[E] // waiting, or nil
	last    *job[E]
	bytes   int // of the events and replies that wait or are being handled
	running bool
	ended   bool        // no event is taken any more
	discard atomic.Bool // events still there are not handled

	// Of the goroutine at work.
	batch   *job[E]     // the next to do
	events  int         // bytes of those handled
	replies int         // likewise
	cork    *time.Timer // holds the replies to the batch together
}

// A handler handles the events of a mailbox.
type owner[E any] interface{ handle(e *E) }

// A line is what the mailboxes of one connection share.
type line struct {
	session *engine.Session
	budget  budget
	workers *sync.WaitGroup // counts the mailboxes at work, those of all connections
	batches *atomic.Int64   // counts those that hold replies together, likewise
}

// uncork sends the replies to a batch, which have waited for each other.
func (l *line) uncork() {
	l.batches.Add(-1)
	l.session.Uncork()
}

// A job is an event to handle, or anything else.
type job[E any] struct {
	event E
	do    func() // not the event
	size  int    // of the event, or of the reply that do delivers, in the budget
	next  *job[E]
}

// held returns how much of the budget the job holds, by kind.
func (j *job[E]) held() (events, replies int) {
	if j.do == nil {
		return j.size, 0
	}
	return 0, j.size
}

// corkTime is how long the replies to events that came together may wait for
// each other when a handler takes its time.
const corkTime = time.Millisecond

// putEvent adds an event, on which the work begins with claim. If there is no
// room it does not, and returns a channel that has a value when to try again.
func (b *mailbox[E]) putEvent(j *job[E]) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil
	}
	budget := &b.line.budget
	if full := budget.take(budget.forEvents(), j.size); full != nil {
		return full
	}
	b.append(j)
	return nil
}

// append adds a job. b.mu is locked.
func (b *mailbox[E]) append(j *job[E]) {
	b.bytes += j.size
	if b.first == nil {
		b.first = j
	} else {
		b.last.next = j
	}
	b.last = j
}

// claim reports whether the caller has to Run the mailbox.
func (b *mailbox[E]) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running || b.first == nil {
		return false
	}
	b.running = true
	b.line.workers.Add(1)
	return true
}

// start begins the work on what has been put.
func (b *mailbox[E]) start() {
	if b.claim() {
		go b.Run()
	}
}

// put adds a job and starts the work.
func (b *mailbox[E]) put(do func()) { b.putReply(do, 0) }

// hold adds the first job. No job runs before a call of Run.
func (b *mailbox[E]) hold(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(&job[E]{do: do})
	b.running = true
	b.line.workers.Add(1)
}

// putReply is put for a job that delivers a reply of the client.
func (b *mailbox[E]) putReply(do func(), size int) {
	b.mu.Lock()
	b.append(&job[E]{do: do, size: size})
	b.mu.Unlock()
	b.start()
}

// end adds the last job; later events are ignored.
func (b *mailbox[E]) end(do func()) {
	b.mu.Lock()
	b.ended = true
	b.append(&job[E]{do: do})
	b.mu.Unlock()
	b.line.budget.wake() // an event that waits for room is not taken any more
	b.start()
}

// Run does all jobs that are there. Its state is in the mailbox, because a
// handler may end the goroutine, as t.FailNow does; then another goes on.
func (b *mailbox[E]) Run() {
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
	b.line.workers.Done()
}

// take makes what has been put meanwhile the batch. Without any, the work is
// over.
func (b *mailbox[E]) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= b.events + b.replies
	b.line.budget.give(b.events, b.replies)
	b.events, b.replies = 0, 0
	b.batch, b.first, b.last = b.first, nil, nil
	if b.batch == nil {
		b.running = false
		return false
	}
	if b.batch.next != nil {
		b.line.session.Cork()
		b.line.batches.Add(1)
		b.cork = time.AfterFunc(corkTime, b.line.uncork)
	}
	return true
}

func (b *mailbox[E]) uncork() {
	if b.cork != nil && b.cork.Stop() {
		b.line.uncork()
	}
	b.cork = nil
}

func (b *mailbox[E]) do(j *job[E]) {
	events, replies := j.held()
	b.events += events
	b.replies += replies
	switch {
	case j.do != nil:
		j.do()
	case !b.discard.Load():
		b.owner.handle(&j.event)
	}
}
