package nats

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/internal/jobs"
)

// rooms are those that have a socket on this server, by their tokens. Messages
// to others are dropped before they are decoded.
type rooms struct {
	mu   sync.RWMutex
	here map[string]int // 2 for a room that is also the id of a socket

	// subscribe subscribes to a room. It is nil if the server gets the messages
	// of all rooms. jobs calls it, and so keeps the order of changes without
	// making a socket that joins wait.
	subscribe func(room string) (*nats.Subscription, error)
	jobs      jobs.Queue
	subs      map[string]*nats.Subscription // of the jobs
}

// changed notes that the first socket has joined a room, or that the last one
// has left it.
func (r *rooms) changed(room string, _, exists bool) {
	room = token(room)
	r.mu.Lock()
	if r.here == nil {
		r.here = make(map[string]int)
	}
	before := r.here[room]
	now := before - 1
	if exists {
		now = before + 1
	}
	if r.here[room] = now; now <= 0 {
		delete(r.here, room)
	}
	r.mu.Unlock()
	if r.subscribe != nil && (before > 0) != (now > 0) {
		r.jobs.Put(0, func() { r.update(room, exists) })
	}
}

func (r *rooms) has(room string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.here[room] > 0
}

// update is a job: it subscribes to a room, or ends that.
func (r *rooms) update(room string, exists bool) {
	if r.subs == nil {
		r.subs = make(map[string]*nats.Subscription)
	}
	if sub := r.subs[room]; !exists && sub != nil {
		_ = sub.Unsubscribe() // fails only if the connection is closed
		delete(r.subs, room)
	} else if exists {
		if sub, err := r.subscribe(room); err == nil { // likewise
			r.subs[room] = sub
		}
	}
}

// settle waits until the changes so far have been made.
func (r *rooms) settle(ctx context.Context) error {
	if r.subscribe == nil {
		return nil
	}
	done := make(chan struct{})
	r.jobs.Put(0, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end ends all subscriptions.
func (r *rooms) end() {
	r.jobs.Put(0, func() {
		r.jobs.Stop()
		for _, sub := range r.subs {
			_ = sub.Unsubscribe()
		}
	})
}
