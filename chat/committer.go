package chat

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// storeTimeout is how long the store may take for one call.
const storeTimeout = 5 * time.Second

// A batch has at most so many operations.
const maxBatch = 512

// maxBatchBytes is how many bytes of texts and data a batch has about at most.
const maxBatchBytes = 1 << 20

// A committer commits the operations of some rooms. It takes what waits, so a
// batch grows while the store is at work, and an operation alone does not wait.
// A room always has the same committer; so its commits are delivered in order.
type committer struct {
	c       *Chat
	mu      sync.Mutex
	waiting []*pending
	closed  bool
	wake    chan struct{}
	done    chan delivery
}

// A pending is an operation that waits for its result.
type pending struct {
	op     store.Op
	size   int
	until  time.Time // when nobody waits for the result any longer
	result chan store.Result
}

// A delivery is a batch that was committed.
type delivery struct {
	batch []*pending
	done  *store.Committed
}

func (c *Chat) startCommitters() {
	n := 1
	if many, is := c.store.(interface{ Committers() int }); is {
		n = max(many.Committers(), 1)
	}
	for range n {
		m := &committer{c: c, wake: make(chan struct{}, 1), done: make(chan delivery, 1)}
		c.committers = append(c.committers, m)
		c.commits.Go(m.commit)
		c.commits.Go(m.deliver)
	}
}

var seed = maphash.MakeSeed()

// committer returns that of a room. A thread has that of its parent.
func (c *Chat) committer(room string) *committer {
	return c.committers[maphash.String(seed, store.Home(room))%uint64(len(c.committers))]
}

// do commits an operation and waits for its result. If it returns
// ErrUnavailable, the operation may happen all the same.
func (c *Chat) do(ctx context.Context, room string, op store.Op) (store.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if post, is := op.(store.Post); is && !post.Repeat {
		post.Outbox = c.outbox != nil
		op = post
	}
	p := &pending{op: op, until: time.Now().Add(storeTimeout), size: sizeOf(op), result: make(chan store.Result, 1)}
	if !c.committer(room).put(p) {
		return store.Result{}, ErrUnavailable
	}
	select {
	case r := <-p.result:
		return r, r.Err
	case <-ctx.Done():
		return store.Result{}, ErrUnavailable
	}
}

func sizeOf(op store.Op) int {
	switch op := op.(type) {
	case store.Post:
		return 200 + len(op.Text) + len(op.Data)
	case store.Edit:
		return 200 + len(op.Text) + len(op.Data)
	case store.SetRoom:
		return 200 + len(op.Info)
	}
	return 200
}

// put adds an operation. It reports false after close.
func (m *committer) put(p *pending) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.waiting = append(m.waiting, p)
	m.signal()
	return true
}

func (m *committer) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// close makes commit return after the operations that wait.
func (m *committer) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.signal()
}

// take returns the next batch. It waits for one, and returns nil after close.
// Operations that nobody waits for any longer are left out: while the store does
// not answer, there would be more and more of them.
func (m *committer) take() []*pending {
	for {
		m.mu.Lock()
		now, n, bytes := time.Now(), 0, 0
		batch := m.waiting[:0]
		for ; n < len(m.waiting) && len(batch) < maxBatch && (len(batch) == 0 || bytes < maxBatchBytes); n++ {
			if p := m.waiting[n]; now.Before(p.until) {
				batch = append(batch, p) // in place
				bytes += p.size
			}
		}
		batch, m.waiting = batch[:len(batch):len(batch)], m.waiting[n:]
		closed := m.closed
		m.mu.Unlock()
		if len(batch) > 0 || closed {
			return batch
		}
		<-m.wake
	}
}

// commit commits batches until close.
func (m *committer) commit() {
	defer close(m.done)
	for batch := m.take(); len(batch) > 0; batch = m.take() {
		m.run(batch)
	}
}

// run commits a batch. If the database refuses it for a reason of its own, each
// operation is tried alone, so that one does not spoil the others. That does no
// harm if the batch was committed, because each operation can be repeated.
func (m *committer) run(batch []*pending) {
	ops := make([]store.Op, len(batch))
	for i, p := range batch {
		ops[i] = p.op
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	start := time.Now()
	done, err := m.c.store.Commit(ctx, ops)
	cancel()
	switch {
	case err == nil:
		if m.c.opts.Trace.Committed != nil {
			m.c.opts.Trace.Committed(len(ops), time.Since(start))
		}
		m.done <- delivery{batch, done}
	case len(batch) > 1 && !errors.Is(err, store.ErrUnavailable):
		for _, p := range batch {
			m.run([]*pending{p})
		}
	default:
		m.c.log.Error("chat: the store has not committed", "operations", len(ops), "err", err)
		for _, p := range batch {
			p.result <- store.Result{Err: err}
		}
	}
}

// deliver delivers what was committed, and then answers. While it does, the next
// batch is committed.
func (m *committer) deliver() {
	for d := range m.done {
		for i := range d.done.Changes {
			m.c.advance(&d.done.Changes[i])
		}
		m.c.hint(d.done.Changes, d.done.News)
		m.c.tellPosted(&d)
		m.c.tellOwn(&d)
		for i := range d.done.Results { // also if nobody waits for the result any longer
			m.c.shown(d.done.Results[i].Members, d.done.News)
		}
		for i, p := range d.batch {
			p.result <- d.done.Results[i]
		}
	}
}
