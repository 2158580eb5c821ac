package adaptertest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A link is an adapter whose server can be made to die, for the others, and
// that can be made to fail.
type link struct {
	adapter.Adapter
	dead   atomic.Bool
	down   atomic.Bool                                                 // cannot publish
	hung   atomic.Pointer[chan struct{}]                               // no method returns before it is closed
	lag    atomic.Int64                                                // nanoseconds that counting the servers takes
	filter atomic.Pointer[func(m *adapter.Message) []*adapter.Message] // of what the server hears

	refused atomic.Int64 // events that were not published

	mu        sync.Mutex
	stop      []context.CancelFunc
	persisted map[string]bool // pids of sessions
}

var errLinkDown = errors.New("adaptertest: link down")

func (l *link) Publish(ctx context.Context, batch []*adapter.Message) []error {
	switch {
	case l.dead.Load():
		return nil
	case l.down.Load() || l.stick() != nil:
		return adapter.Each(batch, l.refuse)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // the machine may be slow
	defer cancel()
	return l.Adapter.Publish(ctx, batch)
}

func (l *link) refuse(m *adapter.Message) error {
	if m.Type == adapter.Broadcast {
		l.refused.Add(1)
	}
	return errLinkDown
}

// hang has the methods wait until release is called, even if their contexts end
// before, and then fail.
func (l *link) hang() (release func()) {
	released := make(chan struct{})
	l.hung.Store(&released)
	return sync.OnceFunc(func() {
		l.hung.Store(nil)
		close(released)
	})
}

// stick waits while the link hangs.
func (l *link) stick() error {
	released := l.hung.Load()
	if released == nil {
		return nil
	}
	<-*released
	return errLinkDown
}

func (l *link) Servers(ctx context.Context, namespace string) (int, error) {
	if err := l.stick(); err != nil {
		return 0, err
	}
	<-time.After(time.Duration(l.lag.Load()))
	return l.Adapter.Servers(ctx, namespace)
}

func (l *link) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	if err := l.stick(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	l.stop = append(l.stop, cancel)
	l.mu.Unlock()
	return l.Adapter.Subscribe(ctx, linked{s, l})
}

// linked is a Subscriber that hears nothing when its server is dead.
type linked struct {
	adapter.Subscriber
	link *link
}

func (s linked) Deliver(m *adapter.Message) {
	if s.link.dead.Load() {
		return
	}
	if f := s.link.filter.Load(); f != nil {
		for _, m := range (*f)(m) {
			s.Subscriber.Deliver(m)
		}
		return
	}
	s.Subscriber.Deliver(m)
}

// A storeLink is a link of an adapter that keeps sessions.
type storeLink struct {
	*link
	store adapter.SessionStore
}

func (l storeLink) PersistSession(ctx context.Context, s *adapter.Session, maxAge time.Duration) error {
	err := l.store.PersistSession(ctx, s, maxAge)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.persisted[s.PID] = err == nil
	return err
}

func (l storeLink) RestoreSession(ctx context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	return l.store.RestoreSession(ctx, namespace, pid, offset)
}

func (l storeLink) DeleteSession(ctx context.Context, namespace, pid string) (had bool, err error) {
	return l.store.DeleteSession(ctx, namespace, pid)
}

func (l storeLink) Compare(a, b string) int { return l.store.Compare(a, b) }

// hasPersisted reports whether the session of a client that has left is stored.
func (l *link) hasPersisted(pid string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.persisted[pid]
}

// forget has hasPersisted wait for a new session.
func (l *link) forget(pid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.persisted, pid)
}

// kill makes the server vanish without a word.
func (l *link) kill() {
	l.dead.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, stop := range l.stop {
		stop()
	}
}

// lines are what a server logs, from Info on.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *lines) WithGroup(string) slog.Handler                    { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	return nil
}

// with returns the lines that contain a text.
func (l *lines) with(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
