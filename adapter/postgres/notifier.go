package postgres

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// A notifier keeps the connection that notifies. One goroutine uses the
// connection; between two batches it watches whether the connection is alive.
type notifier struct {
	a    *Adapter
	pid  atomic.Uint32 // of the connection at the server; 0 without
	turn chan struct{} // of the Publish whose batch is next or under way

	mu   sync.Mutex
	job  *job
	wake context.CancelFunc // has the goroutine look at job
	away error              // why there is no connection; nil while there is one
}

// A job is a batch to be sent.
type job struct {
	ctx   context.Context
	batch []*notification
	errs  []error // of each, when done is closed
	done  chan struct{}
}

var (
	errClosed       = errors.New("postgres: the adapter is closed")
	errNotConnected = errors.New("postgres: not connected yet")
)

func newNotifier(a *Adapter) *notifier {
	return &notifier{a: a, turn: make(chan struct{}, 1), wake: func() {}, away: errNotConnected}
}

// publish sends a batch, and returns what has become of each notification.
func (q *notifier) publish(ctx context.Context, batch []*notification) []error {
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		return repeat(context.Cause(ctx), len(batch))
	}
	j := &job{ctx: ctx, batch: batch, errs: make([]error, len(batch)), done: make(chan struct{})}
	q.mu.Lock()
	away := q.away
	if away == nil {
		q.job = j
		q.wake()
	}
	q.mu.Unlock()
	if away != nil {
		return repeat(away, len(batch))
	}
	<-j.done // soon after ctx ends at the latest
	return j.errs
}

// repeat returns n times the same error.
func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// run keeps the connection until ctx ends. It connects only while the listener
// listens, so that no answer to what this server sends is missed.
func (q *notifier) run(ctx context.Context) {
	var p pause
	for {
		select {
		case <-q.a.listener.listening():
		case <-ctx.Done():
			q.lost(errClosed)
			return
		}
		pg, err := q.a.connect(ctx, "notifies", nil)
		if err == nil {
			if err = prepare(ctx, pg); err == nil {
				p = 0
				err = q.serve(ctx, pg)
			}
			q.lost(err)
			hangUp(pg)
		} else {
			q.lost(err)
		}
		p.wait(ctx)
	}
}

// serve sends batches until the connection is lost.
func (q *notifier) serve(ctx context.Context, pg *pgconn.PgConn) error {
	q.pid.Store(pg.PID())
	for {
		interrupted, wake := context.WithCancel(ctx)
		q.mu.Lock()
		q.away = nil
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
	q.away = err
	if j := q.job; j != nil { // it has not been sent
		q.job = nil
		copy(j.errs, repeat(err, len(j.errs)))
		close(j.done)
	}
}
