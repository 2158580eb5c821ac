package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// holdTime is how long messages are held back for a connection that has been
	// lost. Later ones fail at once.
	holdTime = 2 * time.Second

	// settleTime is the pause between hearing the other servers again and sending
	// to them: until then those that lost their connections at the same time hear,
	// too.
	settleTime = 2 * maxPause
)

// A notifier keeps the connection that notifies. One goroutine uses the
// connection; between two batches it watches whether the connection is alive.
type notifier struct {
	a    *Adapter
	pid  atomic.Uint32 // of the connection at PostgreSQL; 0 without
	turn chan struct{} // full while a batch is being sent

	mu      sync.Mutex
	job     *job
	wake    context.CancelFunc // has the goroutine look at job
	away    error              // why there is no connection; nil while there is one
	until   time.Time          // messages are held back until then, if there is no connection
	changed chan struct{}      // closed when away changes
}

// A job is a batch to be sent.
type job struct {
	ctx   context.Context
	batch []*notification
	done  chan struct{}

	// To be read when done is closed.
	errs      []error // of each
	untouched bool    // the connection was lost before
}

var (
	errClosed       = errors.New("postgres: the adapter is closed")
	errNotConnected = errors.New("postgres: not connected yet")
)

func newNotifier(a *Adapter) *notifier {
	q := &notifier{a: a, turn: make(chan struct{}, 1), wake: func() {}, changed: make(chan struct{})}
	q.lost(errNotConnected)
	return q
}

// publish sends a batch, and returns what has become of each notification.
func (q *notifier) publish(ctx context.Context, batch []*notification) []error {
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		return slices.Repeat([]error{context.Cause(ctx)}, len(batch))
	}
	for {
		j := &job{ctx: ctx, batch: batch, errs: make([]error, len(batch)), done: make(chan struct{})}
		if err := q.begin(j); err != nil {
			return slices.Repeat([]error{err}, len(batch))
		}
		<-j.done // soon after ctx ends at the latest
		if !j.untouched {
			return j.errs
		}
	}
}

// begin hands a job to the goroutine as soon as there is a connection. While
// the listening connection is being replaced, begin waits for it first, because
// otherwise the answers to the job's messages would be missed.
func (q *notifier) begin(j *job) error {
	q.a.listener.replaced(j.ctx)
	for {
		q.mu.Lock()
		away, changed, left := q.away, q.changed, time.Until(q.until)
		if away == nil {
			q.job = j
			q.wake()
		}
		q.mu.Unlock()
		switch {
		case away == nil:
			return nil
		case left <= 0:
			return away
		}
		select {
		case <-changed:
		case <-time.After(left):
		case <-j.ctx.Done():
			return away
		}
	}
}

// run keeps the connection until ctx ends. It connects only while the listener
// listens, so that no answer to what this server sends is missed.
func (q *notifier) run(ctx context.Context) {
	var p pause
	for ctx.Err() == nil {
		q.a.listener.settled(ctx)
		var since time.Time
		pg, err := q.a.connect(ctx, "notifies", nil)
		if err == nil {
			since = time.Now()
			if err = prepare(ctx, pg); err == nil {
				err = q.serve(ctx, pg)
			}
		}
		q.lost(err)
		if pg != nil {
			hangUp(pg)
		}
		p.wait(ctx, since)
	}
	q.lost(errClosed)
}

// serve sends batches until the connection is lost.
func (q *notifier) serve(ctx context.Context, pg *pgconn.PgConn) error {
	q.pid.Store(pg.PID())
	for {
		interrupted, wake := context.WithCancel(ctx)
		q.mu.Lock()
		if q.away != nil {
			q.away = nil
			q.change()
		}
		j := q.job
		q.job, q.wake = nil, wake
		q.mu.Unlock()
		var err error
		if j != nil {
			err = send(q.a, pg, j)
			close(j.done)
		} else {
			err = wait(ctx, interrupted, pg)
		}
		wake()
		if err != nil {
			return err
		}
	}
}

// lost notes why there is no connection.
func (q *notifier) lost(err error) {
	q.pid.Store(0)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.away == nil || errors.Is(err, errNotConnected) {
		q.until = time.Now().Add(holdTime)
	}
	if errors.Is(err, errClosed) {
		q.until = time.Time{}
	}
	q.away = err
	q.change()
	if j := q.job; j != nil {
		q.job = nil
		j.untouched = true
		close(j.done)
	}
}

// change wakes the goroutines that wait for a change of away. q.mu is locked.
func (q *notifier) change() {
	close(q.changed)
	q.changed = make(chan struct{})
}
