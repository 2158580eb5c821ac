package systemtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A journal is a Loopback with a log and sessions.
type journal struct {
	adapter.Loopback

	mu       sync.Mutex
	log      []*adapter.Message
	sessions map[string]*adapter.Session
	expiry   map[string]time.Time
	late     chan struct{} // if not nil, what another server publishes arrives only when it is closed
	fail     error
}

var _ adapter.SessionStore = (*journal)(nil)

func newJournal() *journal {
	return &journal{sessions: make(map[string]*adapter.Session), expiry: make(map[string]time.Time)}
}

// A message that is in the log passes the Loopback with its offset as RequestID,
// and with another UID, so that its sender gets it, too.
const (
	atOffset = "offset:"
	logged   = "logged:"
)

func (j *journal) Publish(ctx context.Context, batch []*adapter.Message) []error {
	return adapter.Each(batch, func(m *adapter.Message) error { return j.publish(ctx, m) })
}

func (j *journal) publish(ctx context.Context, m *adapter.Message) error {
	sent := *m
	if m.Type == adapter.Broadcast && m.RequestID == "" {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.fail != nil {
			return j.fail
		}
		entry := *m
		entry.Offset = fmt.Sprintf("%d-0", len(j.log)+1)
		j.log = append(j.log, &entry)
		sent.RequestID, sent.UID = atOffset+entry.Offset, logged+m.UID
	}
	return errors.Join(j.Loopback.Publish(ctx, []*adapter.Message{&sent})...)
}

func (j *journal) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	return j.Loopback.Subscribe(ctx, reader{s, j})
}

// A reader is a subscriber of a journal.
type reader struct {
	adapter.Subscriber
	journal *journal
}

func (r reader) Deliver(m *adapter.Message) {
	if offset, is := strings.CutPrefix(m.RequestID, atOffset); is {
		m.RequestID, m.Offset = "", offset
		m.UID = strings.TrimPrefix(m.UID, logged)
		r.journal.mu.Lock()
		late := r.journal.late
		r.journal.mu.Unlock()
		if late != nil && m.UID != r.UID() {
			<-late
		}
	}
	r.Subscriber.Deliver(m)
}

func (j *journal) PersistSession(_ context.Context, s *adapter.Session, maxAge time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sessions[s.Namespace+s.PID], j.expiry[s.Namespace+s.PID] = s, time.Now().Add(maxAge)
	return j.fail
}

func (j *journal) RestoreSession(_ context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.sessions[namespace+pid]
	if s == nil || time.Now().After(j.expiry[namespace+pid]) || j.fail != nil {
		return nil, nil, j.fail
	}
	for _, from := range []string{offset, s.Offset} {
		i := slices.IndexFunc(j.log, func(m *adapter.Message) bool { return m.Offset == from })
		if i < 0 {
			continue
		}
		delete(j.sessions, namespace+pid)
		restored := *s
		restored.Offset = from
		missed := slices.DeleteFunc(slices.Clone(j.log[i+1:]), func(m *adapter.Message) bool { return m.Namespace != namespace })
		return &restored, missed, nil
	}
	return nil, nil, nil
}

func (j *journal) DeleteSession(_ context.Context, namespace, pid string) (had bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, had = j.sessions[namespace+pid]
	delete(j.sessions, namespace+pid)
	return had, j.fail
}

// Compare compares the numbers that offsets begin with.
func (j *journal) Compare(a, b string) int {
	number := func(offset string) (n int) {
		fmt.Sscanf(offset, "%d-0", &n)
		return n
	}
	return number(a) - number(b)
}

// trim forgets the log's first messages.
func (j *journal) trim(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log = j.log[n:]
}

// runServers runs f with two servers on one journal.
func runServers(t *testing.T, f func(j *journal, a, b *testserver.Harness)) {
	t.Helper()
	j := newJournal()
	o := testserver.Recovering()
	o.Adapter = j
	testserver.Run(t, o, func(a *testserver.Harness) {
		b := &testserver.Harness{T: a.T, Server: socketio.NewServer(o)}
		b.Serve(b.Server)
		f(j, a, b)
	})
}

func TestRecoveryStore(t *testing.T) {
	t.Run("a client comes back to another server, and then to the first", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			a.Of("/chat")
			b.Of("/chat")
			g := a.Guest(rawclient.WebSocket)
			id := g.Stays["/"].SID
			a.MustSocket(id).Join("room")
			a.MustSocket(id).SetData(map[string]string{"name": "Ann"})
			b.Emit("of the other server")
			synctest.Wait()
			a.Emit("of its own")
			synctest.Wait()
			a.Volatile().Emit("volatile")
			g.Read()
			if tails := fmt.Sprint(g.Stays["/"].Tails); tails != "[1-0 2-0 <nil>]" {
				a.T.Errorf("offsets %s", tails)
			}
			g.Expect("/", "of the other server", "of its own", "volatile")
			for i, h := range []*testserver.Harness{b, a} {
				g.Drop()
				a.Emit("all", 1)
				synctest.Wait()
				b.To("room").Emit("room", []byte{1})
				synctest.Wait()
				a.To("other").Emit("other room")
				b.Except("room").Emit("others")
				a.Of("/chat").Emit("other namespace")
				b.To(id).Emit("one")
				synctest.Wait()
				g.Harness = h
				h.ComesBackWith(g, "all 1", "room [1]", "one")
				s := h.MustSocket(id)
				if data, is := socketio.Data[map[string]string](s); !is || data["name"] != "Ann" {
					h.T.Errorf("data %v is no map: %v", s.Data(), data)
				}
				if rooms := s.Rooms(); !slices.Equal(rooms, []string{id, "room"}) {
					h.T.Errorf("rooms %q", rooms)
				}
				h.Check(s.Emit("live", i))
				synctest.Wait()
				a.Emit("live of a", i)
				synctest.Wait()
				b.Emit("live of b", i)
				g.Expect("/", fmt.Sprint("live ", i), fmt.Sprint("live of a ", i), fmt.Sprint("live of b ", i))
			}
		})
	})
	t.Run("Shutdown puts sessions into the store before clients can come back", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			a.Emit("before")
			synctest.Wait()
			g := a.Guest(rawclient.WebSocket)
			release := make(chan struct{})
			a.MustSocket(g.Stays["/"].SID).OnDisconnecting(func(socketio.Reason) { <-release })
			done := shutdown(a, context.Background())
			g.Conn.ExpectClosed()
			b.Emit("missed")
			synctest.Wait()
			g.Harness = b
			b.ComesBackWith(g, "missed")
			close(release)
			a.Check(<-done)
			if len(j.sessions) != 0 {
				a.T.Error("the session is stored again")
			}
		})
	})
	t.Run("without ever having got an event", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			a.Emit("before")
			synctest.Wait()
			g := a.Guest(rawclient.WebSocket)
			g.Drop()
			g.Harness = b
			b.ComesBackWith(g)
			g.Drop()
			a.Emit("missed")
			synctest.Wait()
			b.ComesBackWith(g, "missed")
		})
	})
	t.Run("what is in the log and has not come here", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			a.Emit("first")
			g.Expect("/", "first")
			g.Drop()
			j.mu.Lock()
			j.late = make(chan struct{})
			j.mu.Unlock()
			for i := range 3 {
				a.Emit("missed", i)
			}
			g.Harness = b
			b.ComesBackWith(g, "missed 0", "missed 1", "missed 2")
			a.Emit("live")
			close(j.late)
			g.Expect("/", "live")
		})
	})
	t.Run("an offset that has fallen out of the log", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			a.Emit("long ago")
			g.Expect("/", "long ago")
			testserver.Wait(10 * time.Minute)
			a.To("others").Emit("not for the guest")
			testserver.Wait(10 * time.Minute)
			j.trim(1)
			g.Drop()
			b.Emit("missed")
			synctest.Wait()
			g.Harness = b
			b.ComesBackWith(g, "missed") // from the place that was persisted
			g.Drop()
			b.Emit("missed")
			j.trim(2)
			g.ComeBack()
			g.Returned("/", false)
			b.Emit("live")
			g.Expect("/", "live")
		})
	})
	t.Run("Shutdown persists", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			a.Emit("first")
			g.Expect("/", "first")
			a.Check(a.Shutdown(context.Background()))
			b.Emit("missed")
			g.Harness = b
			b.ComesBackWith(g, "missed")
		})
	})
	t.Run("a store that fails", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			j.fail = errors.New("no store")
			a.Emit("not logged", "x")
			g.Read()
			if tails := g.Stays["/"].Tails; len(tails) != 1 || tails[0] != nil {
				a.T.Errorf("offsets %v", tails)
			}
			g.Drop()
			g.ComeBack()
			g.Returned("/", false)
		})
	})
	t.Run("a session is not kept when the client has left", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			g.Conn.Send("41")
			g.Drop()
			if len(j.sessions) != 0 {
				a.T.Errorf("%d sessions", len(j.sessions))
			}
		})
	})
	t.Run("it is not asked without Options.Recovery", func(t *testing.T) {
		j := newJournal()
		testserver.Run(t, &socketio.Options{Adapter: j}, func(h *testserver.Harness) {
			c := h.Connect(rawclient.WebSocket)
			h.Emit("e")
			c.Expect(`42["e"]`)
			c.Drop()
			synctest.Wait()
			if len(j.sessions) != 0 {
				h.T.Errorf("%d sessions", len(j.sessions))
			}
			c = h.Open(rawclient.WebSocket)
			j.fail = errors.New("asked")
			c.Send(`40{"pid":"x","offset":"1-0"}`)
			c.Connected("")
		})
	})
	t.Run("an adapter without log: events of other servers are kept here", func(t *testing.T) {
		o := testserver.Recovering()
		o.Adapter = new(adapter.Loopback)
		testserver.Run(t, o, func(a *testserver.Harness) {
			b := &testserver.Harness{T: a.T, Server: socketio.NewServer(o)}
			b.Serve(b.Server)
			g := a.Guest(rawclient.WebSocket)
			g.Drop()
			b.Emit("missed", 1)
			a.Emit("missed", 2)
			synctest.Wait()
			g.ComeBack()
			g.Returned("/", true)
			slices.Sort(g.Stays["/"].Events)
			g.Expect("/", "missed 1", "missed 2")
			g.Drop()
			g.Harness = b
			g.ComeBack()
			g.Returned("/", false)
		})
	})
}
