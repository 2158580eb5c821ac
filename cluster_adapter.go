package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// All calls of an adapter are here. An adapter is not our code and may wait
// for a bus that does not answer: each call has a deadline, and a panic becomes
// an error.

// errAdapter stands for a panic of the adapter, which has been logged.
var errAdapter = errors.New("socketio: panic in the adapter")

// guard calls the adapter with a context that has a deadline.
func (c *cluster) guard(ctx context.Context, method string, f func(ctx context.Context) error) error {
	ctx, cancel := withRequestTimeout(ctx)
	defer cancel()
	err := c.namespace.server.guard("Adapter."+method, c.namespace.name, "", func() error { return f(ctx) })
	if errors.Is(err, errPanic) {
		return errAdapter
	}
	return err
}

// withRequestTimeout bounds a context that has no deadline.
func withRequestTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, requestTimeout)
}

// servers asks how many servers there are.
func (c *cluster) servers(ctx context.Context) (n int, err error) {
	err = c.guard(ctx, "Servers", func(ctx context.Context) (err error) {
		n, err = c.adapter.Servers(ctx, c.namespace.name)
		return err
	})
	return n, err
}

// subscribe subscribes until the server leaves. The deadline is not that of
// the context, because the subscription lasts as long as this one.
func (c *cluster) subscribe() error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	late := time.AfterFunc(requestTimeout, func() { cancel(context.DeadlineExceeded) })
	err := c.guard(ctx, "Subscribe", func(context.Context) error {
		return c.adapter.Subscribe(ctx, c.namespace.name, c.uid, c.receive)
	})
	if !late.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel(nil)
	}
	return err
}

// publish sends a message to the other servers. The error has been logged.
func (c *cluster) publish(m *adapter.Message) error {
	_, err := c.publishAt(m)
	return err
}

// publishEvent sends an event to the other servers, and returns its place in
// the adapter's log, if it has got there. The error is about the event.
func (c *cluster) publishEvent(b Broadcast, out *outgoing) (offset string, err error) {
	m, err := out.messageForOthers(b)
	if err == nil {
		offset, _ = c.publishAt(m) // the error has been logged
	}
	return offset, err
}

// publishAt is publish that returns the message's place in the adapter's log.
func (c *cluster) publishAt(m *adapter.Message) (offset string, err error) {
	if c.ctx.Err() != nil {
		return "", errClosed
	}
	return c.publishWith(c.ctx, m)
}

func (c *cluster) publishWith(ctx context.Context, m *adapter.Message) (offset string, err error) {
	m.UID, m.Namespace = c.uid, c.namespace.name
	err = c.guard(ctx, "Publish", func(ctx context.Context) (err error) {
		offset, err = c.adapter.Publish(ctx, m)
		return err
	})
	if err != nil {
		c.namespace.server.logger.Error("cannot send to the other servers",
			"namespace", m.Namespace, "type", int(m.Type), "err", err)
	}
	return offset, err
}

// persist has the adapter keep a session.
func (c *cluster) persist(store adapter.Recovery, s *adapter.Session, maxAge time.Duration) error {
	return c.guard(context.Background(), "PersistSession", func(ctx context.Context) error {
		return store.PersistSession(ctx, s, maxAge)
	})
}

// restore takes a session off the adapter, with what its client has missed.
// Session and error are nil if the adapter does not have it.
func (c *cluster) restore(
	ctx context.Context, store adapter.Recovery, pid, offset string,
) (kept *adapter.Session, missed []*adapter.Message, err error) {
	err = c.guard(ctx, "RestoreSession", func(ctx context.Context) (err error) {
		kept, missed, err = store.RestoreSession(ctx, c.namespace.name, pid, offset)
		return err
	})
	switch {
	case err != nil || kept == nil:
	case kept.PID != pid, kept.Namespace != c.namespace.name, kept.SocketID == "":
		err = errors.New("the adapter has returned another session than the one asked for")
	case kept.Data != nil && !json.Valid(kept.Data):
		err = errors.New("the adapter has returned a session whose data is not JSON")
	}
	if err != nil {
		return nil, nil, err
	}
	return kept, missed, nil
}

// deleteSession has the adapter forget a session, and reports whether it had
// it.
func (c *cluster) deleteSession(store adapter.Recovery, pid string) (had bool, err error) {
	err = c.guard(context.Background(), "DeleteSession", func(ctx context.Context) (err error) {
		had, err = store.DeleteSession(ctx, c.namespace.name, pid)
		return err
	})
	return had, err
}

// compare compares two offsets. It waits for nothing.
func (c *cluster) compare(store adapter.Recovery, a, b string) int {
	order := 1
	_ = c.namespace.server.guard("Adapter.Compare", c.namespace.name, "", func() error {
		order = store.Compare(a, b)
		return nil
	})
	return order
}
