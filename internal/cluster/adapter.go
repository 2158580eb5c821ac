package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// All calls of an adapter are here. An adapter is not our code and may wait
// for a bus that does not answer: each call has a deadline, and a panic becomes
// an error.

// errAdapter stands for a panic of the adapter, which has been logged.
var errAdapter = errors.New("socketio: panic in the adapter")

// guard calls the adapter with a context that has a deadline.
func (c *Member) guard(ctx context.Context, method string, f func(ctx context.Context) error) error {
	return guard(ctx, c.host, method, f)
}

// guard calls an adapter with a context that has a deadline.
func guard(ctx context.Context, s Surroundings, method string, f func(ctx context.Context) error) (err error) {
	ctx, cancel := WithTimeout(ctx)
	defer cancel()
	if !s.Guard("Adapter."+method, func() { err = f(ctx) }) {
		return errAdapter
	}
	return err
}

// WithTimeout bounds a context that has no deadline, by 5 seconds.
func WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, requestTimeout)
}

// servers asks how many servers there are.
func (c *Member) servers(ctx context.Context) (n int, err error) {
	err = c.guard(ctx, "Servers", func(ctx context.Context) (err error) {
		n, err = c.bus.adapter.Servers(ctx, c.namespace)
		return err
	})
	return n, err
}

// subscribe subscribes until the server leaves. The deadline is not that of
// the context, because the subscription lasts as long as this one.
func (c *Member) subscribe() error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	late := time.AfterFunc(requestTimeout, func() { cancel(context.DeadlineExceeded) })
	err := c.guard(ctx, "Subscribe", func(context.Context) error {
		return c.bus.adapter.Subscribe(ctx, subscriber{c})
	})
	if !late.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel(nil)
	}
	return err
}

// A subscriber is the Member that an adapter sees.
type subscriber struct{ c *Member }

func (s subscriber) Namespace() string                { return s.c.namespace }
func (s subscriber) UID() string                      { return s.c.uid }
func (s subscriber) Deliver(m *adapter.Message)       { s.c.receive(m) }
func (s subscriber) Rooms() []string                  { return s.c.host.Rooms() }
func (s subscriber) Sockets(rooms ...string) []string { return s.c.host.Sockets(rooms...) }

func (s subscriber) WatchRooms(f func(room string, private, exists bool)) {
	s.c.host.WatchRooms(func(room string, private, exists bool) {
		if s.c.ctx.Err() == nil {
			s.c.host.Guard("Subscriber.WatchRooms", func() { f(room, private, exists) })
		}
	})
}

// Publish sends a message to the other servers. It does not wait.
func (c *Member) Publish(m *adapter.Message) error {
	switch {
	case c == nil:
		return nil
	case c.ctx.Err() != nil:
		return errClosed
	}
	c.publish(m, nil)
	return nil
}

// publish queues a message, and calls sent, if that is not nil, when it has been
// sent or is lost.
func (c *Member) publish(m *adapter.Message, sent func(error)) {
	m.UID, m.Namespace = c.uid, c.namespace
	if err := c.bus.put(&sending{Message: m, sent: sent}); err != nil && sent != nil {
		sent(err)
	}
}

// publishNow sends a message and waits until it has been sent or is lost. It does
// not wait longer than ctx; the message may have been sent by then, so that is no
// error.
func (c *Member) publishNow(ctx context.Context, m *adapter.Message) error {
	if c.ctx.Err() != nil {
		return errClosed
	}
	sent := make(chan error, 1)
	c.publish(m, func(err error) { sent <- err })
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return nil
	}
}

// Respond answers a request of another server.
func (c *Member) Respond(request, answer *adapter.Message) {
	answer.To, answer.RequestID = request.UID, request.RequestID
	_ = c.Publish(answer)
}

// A Store is an adapter that keeps a log and the sessions of clients that may
// come back.
type Store struct {
	member  *Member
	adapter adapter.SessionStore
}

// Store returns the adapter as a store, or nil if the adapter is not a store.
// With a store the server's own events come back to the Host: Store must be
// called before Join.
func (c *Member) Store() *Store {
	if c == nil {
		return nil
	}
	a, is := c.bus.adapter.(adapter.SessionStore)
	if !is {
		return nil
	}
	c.echo = &echo{member: c}
	return &Store{c, a}
}

// Persist has the adapter keep a session.
func (s *Store) Persist(session *adapter.Session, maxAge time.Duration) error {
	return s.member.guard(context.Background(), "PersistSession", func(ctx context.Context) error {
		return s.adapter.PersistSession(ctx, session, maxAge)
	})
}

// Restore takes a session off the adapter, with what its client has missed.
// Session and error are nil if the adapter does not have it.
func (s *Store) Restore(ctx context.Context, pid, offset string) (kept *adapter.Session, missed []*adapter.Message, err error) {
	namespace := s.member.namespace
	err = s.member.guard(ctx, "RestoreSession", func(ctx context.Context) (err error) {
		kept, missed, err = s.adapter.RestoreSession(ctx, namespace, pid, offset)
		return err
	})
	switch {
	case err != nil || kept == nil:
	case kept.PID != pid, kept.Namespace != namespace, kept.SocketID == "":
		err = errors.New("the adapter has returned another session than the one asked for")
	case kept.Data.Text != nil:
		if _, invalid := (parser.JSON{}).DecodeValue(kept.Data); invalid != nil {
			err = fmt.Errorf("the adapter has returned a session with invalid data: %w", invalid)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return kept, missed, nil
}

// Delete has the adapter forget a session, and reports whether it had it.
func (s *Store) Delete(pid string) (had bool, err error) {
	err = s.member.guard(context.Background(), "DeleteSession", func(ctx context.Context) (err error) {
		had, err = s.adapter.DeleteSession(ctx, s.member.namespace, pid)
		return err
	})
	return had, err
}

// Compare compares two offsets. It waits for nothing.
func (s *Store) Compare(a, b string) int {
	order := 1
	s.member.host.Guard("Adapter.Compare", func() { order = s.adapter.Compare(a, b) })
	return order
}
