package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/parser"
)

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

// startPostgres starts a server that has the table.
func startPostgres(t testing.TB, settings ...string) *clustertest.Postgres {
	t.Helper()
	pg := clustertest.StartPostgres(t, settings...)
	pg.Do("CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)")
	return pg
}

// open returns a pool that closes with the test.
func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

var prefixes atomic.Int32

// isolated returns options that no other test has.
func isolated() Options {
	return Options{ChannelPrefix: fmt.Sprint("test", prefixes.Add(1))}
}

// join returns an adapter that closes with the test.
func join(t testing.TB, url string, o Options) *Adapter {
	t.Helper()
	a, err := New(open(t, url), &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// A subscriber keeps the messages that it gets.
type subscriber struct {
	adapter.Subscriber // not called
	namespace, uid     string
	messages           chan *adapter.Message
}

func (s *subscriber) Namespace() string          { return s.namespace }
func (s *subscriber) UID() string                { return s.uid }
func (s *subscriber) Deliver(m *adapter.Message) { s.messages <- m }

// subscribe subscribes until the returned function is called.
func subscribe(t testing.TB, a *Adapter, namespace, uid string) (s *subscriber, unsubscribe func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s = &subscriber{namespace: namespace, uid: uid, messages: make(chan *adapter.Message, 100_000)}
	if err := a.Subscribe(ctx, s); err != nil {
		t.Fatal(err)
	}
	return s, cancel
}

// next returns the text of the next message's packet.
func (s *subscriber) next(t testing.TB) string {
	t.Helper()
	return string(s.nextMessage(t).Packet.Text)
}

func (s *subscriber) nextMessage(t testing.TB) *adapter.Message {
	t.Helper()
	select {
	case m := <-s.messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message")
		return nil
	}
}

// event returns a message with a packet.
func event(namespace, uid, packet string, attachments ...[]byte) *adapter.Message {
	return &adapter.Message{
		Type: adapter.Broadcast, UID: uid, Namespace: namespace, Packet: parser.Encoded{Text: []byte(packet), Attachments: attachments},
	}
}

// publish publishes messages as one batch. As a server does, it tries again while
// there is no connection yet.
func publish(t testing.TB, a *Adapter, batch ...*adapter.Message) {
	t.Helper()
	for _, err := range tryPublish(a, batch...) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func tryPublish(a *Adapter, batch ...*adapter.Message) []error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		errs := a.Publish(ctx, batch)
		if ctx.Err() != nil || !slices.Contains(errs, errNotConnected) {
			return errs
		}
		<-time.After(time.Millisecond)
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !is(); {
		if time.Now().After(until) {
			t.Fatalf("not %s in time", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// A record keeps the lines of a log.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

func (r *record) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// last returns the time of the last line that contains a text.
func (r *record) last(text string) (at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(r.text.String()) {
		if head, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " "); strings.Contains(line, text) {
			at, _ = time.Parse(time.RFC3339Nano, head)
		}
	}
	return at
}

// count returns how many lines contain a text.
func (r *record) count(text string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.text.String(), text)
}
