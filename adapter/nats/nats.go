// Package nats connects servers over NATS.
//
//	bus, err := nats.New("nats://10.0.0.5:4222", nil)
//	…
//	io := socketio.NewServer(&socketio.Options{Adapter: bus})
//
// Each socketio.Server needs an Adapter of its own. If NATS is away, the
// servers serve their own clients, and the Adapter connects again by itself.
// The messages of that time are lost. The README of this package describes the
// subjects and the form of the messages.
package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// DefaultPrefix is the default of Options.Prefix.
const DefaultPrefix = "socketio"

// Options configure an Adapter.
type Options struct {
	// Prefix is the beginning of all subjects. Servers with different prefixes
	// do not receive each other's messages. A prefix may contain several
	// tokens. Defaults to DefaultPrefix.
	Prefix string

	// Connect are options of the connection, for example
	// nats.UserCredentials(file) or nats.RootCAs(file) of package nats.go. They
	// may replace the adapter's own: it reconnects for ever, and queues nothing
	// meanwhile.
	Connect []nats.Option

	// RoomSubjects, if true, makes the server subscribe to each room that has a
	// socket here, and to the id of each socket. So it gets messages to a
	// single room only if it has that room. This saves work if there are many
	// servers and most rooms have sockets on few of them. It costs a
	// subscription for each room and socket, and a socket that has just joined
	// may miss the events that other servers emit within a round trip. If
	// false, the server gets the messages to all rooms, and drops most of them
	// before it decodes them. A cluster may contain servers of both kinds.
	// Defaults to false.
	RoomSubjects bool

	// Logger gets a line when messages of other servers are dropped. Defaults
	// to no log.
	Logger *slog.Logger
}

// An Adapter is a connection to NATS that joins one server with others. It
// implements [adapter.Adapter].
type Adapter struct {
	opts   Options
	conn   *nats.Conn
	logger *rarelog.Logger

	reconnects atomic.Uint64 // that Publish knows of
	joined     atomic.Int64  // time of the newest SocketsJoin, in nanoseconds since 1970

	mu         sync.Mutex
	namespaces map[string]*subscription
}

// The connection's times. A NATS server that does not answer is given up after
// two PINGs without PONG.
const (
	connectTime  = 2 * time.Second
	reconnectIn  = 200 * time.Millisecond
	pingInterval = 2 * time.Second
	maxPings     = 2
	writeTime    = 2 * time.Second
	answerTime   = 2 * time.Second
	settleTime   = time.Second

	// lookEvery is how often Publish looks whether the connection still exists.
	lookEvery = 100 * time.Millisecond
)

// New returns an Adapter for the NATS servers of a URL, or of several that are
// separated by commas. It does not wait for the connection, and fails only if
// the URL or an option is invalid.
func New(url string, o *Options) (*Adapter, error) {
	a := &Adapter{namespaces: make(map[string]*subscription)}
	if o != nil {
		a.opts = *o
	}
	a.opts.Prefix = cmp.Or(a.opts.Prefix, DefaultPrefix)
	if !validPrefix(a.opts.Prefix) {
		return nil, fmt.Errorf("nats: Options.Prefix %q is not the beginning of a subject", a.opts.Prefix)
	}
	a.logger = rarelog.New(cmp.Or(a.opts.Logger, slog.New(slog.DiscardHandler)))
	options := []nats.Option{
		nats.Name("socketio"),
		nats.NoEcho(),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectIn),
		nats.ReconnectJitter(reconnectIn, reconnectIn),
		nats.ReconnectBufSize(-1), // what is published meanwhile fails at once
		nats.Timeout(connectTime),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPings),
		nats.FlusherTimeout(writeTime),
		nats.ReconnectOnFlusherError(),
		nats.IgnoreAuthErrorAbort(), // or else it gives up
		nats.ErrorHandler(a.failed),
	}
	var err error
	if a.conn, err = nats.Connect(url, append(options, a.opts.Connect...)...); err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	return a, nil
}

// Conn returns the connection. The program may use it, too, but must not close
// it.
func (a *Adapter) Conn() *nats.Conn { return a.conn }

// Close ends the connection. Close the socketio.Server first.
func (a *Adapter) Close() { a.conn.Close() }

func (a *Adapter) failed(_ *nats.Conn, s *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) && s != nil {
		a.dropped(s.Subject)
		return
	}
	a.logger.Error("NATS reports an error", "err", err)
}

// dropped logs, rarely, that messages are lost because the server takes them too
// slowly.
func (a *Adapter) dropped(subject string) {
	a.logger.About(subject).Warn("messages of other servers dropped: too many wait", "subject", subject, "limit", maxWaiting)
}

// away returns an error while there is no connection.
func (a *Adapter) away() error {
	if a.conn.IsConnected() {
		return nil
	}
	return fmt.Errorf("nats: no connection: %w", cmp.Or(a.conn.LastError(), nats.ErrDisconnected))
}

// A connection is the number of a connection to NATS.
type connection uint64

// connected returns the present connection, or an error while there is none.
func (a *Adapter) connected() (connection, error) {
	n := connection(a.conn.Stats().Reconnects) // before the look at the state: an old number is harmless
	return n, a.away()
}

// broken returns an error if a connection has ended.
func (a *Adapter) broken(c connection) error {
	now, err := a.connected()
	if err == nil && now != c {
		err = fmt.Errorf("nats: %w", nats.ErrDisconnected)
	}
	return err
}

// ready is like connected. After a new connection it first waits until the
// other servers have subscribed again, too.
func (a *Adapter) ready(ctx context.Context) (connection, error) {
	c, err := a.connected()
	if err != nil || a.reconnects.Swap(uint64(c)) == uint64(c) {
		return c, err
	}
	select {
	case <-time.After(settleTime):
		return a.connected()
	case <-ctx.Done():
		return c, ctx.Err()
	}
}

// Publish implements [adapter.Adapter]. It returns when NATS has the whole
// batch.
func (a *Adapter) Publish(ctx context.Context, batch []*adapter.Message) []error {
	c, err := a.ready(ctx)
	if err != nil {
		return all(batch, err)
	}
	ctx, done := a.during(c, ctx)
	defer done()
	errs := adapter.Each(batch, a.publish)
	if err := a.flush(ctx, c); err != nil {
		return all(batch, err)
	}
	return errs
}

// flush waits until NATS has what was published on a connection. Its context is
// one of during: without a connection, FlushWithContext would wait for the next
// one, and then succeed although NATS may lack what was published on the last.
func (a *Adapter) flush(ctx context.Context, c connection) error {
	err := a.conn.FlushWithContext(ctx)
	if broken := a.broken(c); broken != nil {
		return broken
	}
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	return nil
}

// during returns a context that also ends when a connection breaks.
func (a *Adapter) during(c connection, ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var look *time.Timer
	look = time.AfterFunc(time.Hour, func() {
		if err := a.broken(c); err != nil {
			cancel(err)
		} else if ctx.Err() == nil {
			look.Reset(lookEvery)
		}
	})
	look.Reset(lookEvery) // now that the function may use the timer
	return ctx, func() {
		cancel(nil)
		look.Stop()
	}
}

// all returns the error for each message of a batch.
func all(batch []*adapter.Message, err error) []error {
	return adapter.Each(batch, func(*adapter.Message) error { return err })
}

func (a *Adapter) publish(m *adapter.Message) error {
	encoded, err := m.Encode()
	if err != nil {
		return err
	}
	parts, err := split(pack(encoded), int(a.conn.MaxPayload()))
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	subject := a.subject(m)
	for _, part := range parts {
		if err := a.conn.Publish(subject, part); err != nil {
			return fmt.Errorf("nats: %w", err)
		}
	}
	return nil
}

// subject returns the subject of a message. Other servers take a moment to
// subscribe to the rooms of a SocketsJoin, so for a while the messages to rooms
// go to all servers.
func (a *Adapter) subject(m *adapter.Message) string {
	to := a.opts.subjects(m.Namespace)
	if m.Type == adapter.SocketsJoin {
		a.joined.Store(time.Now().UnixNano())
	} else if m.To == "" && time.Now().UnixNano()-a.joined.Load() < int64(settleTime) {
		return to.all()
	}
	return to.of(m)
}

// Servers implements [adapter.Adapter]. NATS does not count subscribers, so
// the servers send each other heartbeats.
func (a *Adapter) Servers(context.Context, string) (int, error) {
	return 0, new(adapter.NoCount)
}
