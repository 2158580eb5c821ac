// Package postgres connects servers by PostgreSQL's LISTEN and NOTIFY, together
// with JavaScript servers that use @socket.io/postgres-adapter.
//
// An [Adapter] is for servers. An [Emitter] is for programs that only send, such
// as workers: it can also emit as part of a transaction.
//
// Messages that are long or contain binary go through a table, which the program
// creates, as for the JavaScript adapter:
//
//	CREATE TABLE IF NOT EXISTS socket_io_attachments (
//	  id         bigserial UNIQUE,
//	  created_at timestamptz DEFAULT NOW(),
//	  payload    bytea
//	);
//
// LISTEN needs connections to the primary server, without a pooler that shares
// connections between transactions.
//
// # When PostgreSQL is away
//
// Emit never waits for PostgreSQL, and the clients of the server itself get each
// event at once. Messages to other servers are held back for 2 seconds. If
// PostgreSQL is not back by then, they are lost, and so are later ones; the server
// counts them in its log. When PostgreSQL is back, each server first listens
// again, and publishes half a second later, when the others listen too.
//
// PostgreSQL keeps notifications in memory only. If only the listening
// connection breaks, the server receives nothing for some milliseconds, and its
// clients lose the events that others publish in that time. There is no
// recovery of clients over this adapter.
package postgres

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// An Adapter is an [adapter.Adapter] on PostgreSQL. One Adapter serves all
// namespaces of a server. Messages of one server arrive at the others in the
// order of their publication.
//
// The Adapter opens two connections with the settings of a pool, one that
// listens and one that notifies. They are not among the pool's own connections.
// The first Subscribe opens them, and they are opened again when they are lost.
type Adapter struct {
	o        options
	log      *rarelog.Logger
	pool     *pgxpool.Pool
	config   *pgxpool.Config // of the pool
	listener *listener
	notifier *notifier

	makesRoom atomic.Bool

	start  sync.Once
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// New returns an adapter that connects with the settings of a pool. It also
// uses the pool itself, to delete old rows. New does not connect; its error is
// about the options. Call [Adapter.Close] after the server's Close, and close
// the pool after that.
func New(pool *pgxpool.Pool, o *Options) (*Adapter, error) {
	resolved, err := o.resolve()
	if err != nil {
		return nil, err
	}
	a := &Adapter{o: resolved, log: rarelog.New(resolved.Logger), pool: pool, config: pool.Config()}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.listener, a.notifier = newListener(a), newNotifier(a)
	return a, nil
}

// Close closes the adapter's connections. Messages that a server publishes
// later are lost.
func (a *Adapter) Close() {
	a.start.Do(func() {}) // not any more
	a.cancel()
	a.ended.Wait()
}

// Publish implements adapter.Adapter.
func (a *Adapter) Publish(ctx context.Context, batch []*adapter.Message) []error {
	notifications := make([]*notification, 0, len(batch))
	errs := make([]error, len(batch))
	for i, m := range batch {
		channel, err := a.o.channel(m.Namespace)
		if err == nil {
			err = a.listener.joined(ctx, channel, m.Type)
		}
		var n *notification
		if err == nil {
			n, err = a.o.notification(channel, m)
		}
		if errs[i] = err; err == nil {
			notifications = append(notifications, n)
		}
	}
	failed := len(notifications) < len(batch)
	var sent []error
	if len(notifications) > 0 {
		sent = a.notifier.publish(ctx, notifications)
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i], sent = sent[0], sent[1:]
		}
		failed = failed || errs[i] != nil
	}
	if !failed {
		return nil
	}
	return errs
}

// Subscribe implements adapter.Adapter. The error says so if the name of the
// namespace is too long for the name of a channel.
func (a *Adapter) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	channel, err := a.o.channel(s.Namespace())
	if err != nil {
		return err
	}
	a.start.Do(func() {
		a.notifier.lost(errNotConnected)
		a.ended.Go(func() { a.listener.run(a.ctx) })
		a.ended.Go(func() { a.notifier.run(a.ctx) })
		a.ended.Go(func() { a.cleanUp(a.ctx) })
	})
	return a.listener.subscribe(ctx, channel, s)
}

// Servers implements adapter.Adapter. PostgreSQL does not count listeners, so
// the servers send each other heartbeats.
func (a *Adapter) Servers(context.Context, string) (int, error) {
	return 0, &adapter.NoCount{HeartbeatInterval: a.o.HeartbeatInterval, HeartbeatTimeout: a.o.HeartbeatTimeout}
}
