package socketio_test

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
)

// A journal is a Loopback with a log and sessions.
type journal struct {
	adapter.Loopback

	mu       sync.Mutex
	log      []*adapter.Message
	sessions map[string]*adapter.Session
	expiry   map[string]time.Time
	late     chan struct{} // if not nil, what is published arrives only when it is closed
	fail     error
}

var _ adapter.Recovery = (*journal)(nil)

func newJournal() *journal {
	return &journal{sessions: make(map[string]*adapter.Session), expiry: make(map[string]time.Time)}
}

// atOffset marks a RequestID that is an offset on its way through the Loopback.
const atOffset = "offset:"

func (j *journal) Publish(ctx context.Context, m *adapter.Message) (offset string, err error) {
	if m.Type != adapter.Broadcast || m.RequestID != "" {
		return j.Loopback.Publish(ctx, m)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return "", j.fail
	}
	logged := *m
	logged.Offset = fmt.Sprintf("%d-0", len(j.log)+1)
	j.log = append(j.log, &logged)
	sent := logged
	sent.RequestID = atOffset + logged.Offset
	_, err = j.Loopback.Publish(ctx, &sent)
	return logged.Offset, err
}

func (j *journal) Subscribe(ctx context.Context, namespace, uid string, deliver func(*adapter.Message)) error {
	return j.Loopback.Subscribe(ctx, namespace, uid, func(m *adapter.Message) {
		if offset, is := strings.CutPrefix(m.RequestID, atOffset); is {
			m.RequestID, m.Offset = "", offset
			j.mu.Lock()
			late := j.late
			j.mu.Unlock()
			if late != nil {
				<-late
			}
		}
		deliver(m)
	})
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
func runServers(t *testing.T, f func(j *journal, a, b *harness)) {
	t.Helper()
	j := newJournal()
	o := recovering()
	o.Adapter = j
	run(t, o, func(a *harness) {
		b := &harness{T: a.T, Server: socketio.NewServer(o)}
		b.serve(b.Server)
		f(j, a, b)
	})
}

func TestRecoveryStore(t *testing.T) {
	t.Run("a client comes back to another server, and then to the first", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			a.Of("/chat")
			b.Of("/chat")
			g := a.guest(rawclient.WebSocket)
			id := g.stays["/"].SID
			a.socket(id).Join("room")
			a.socket(id).SetData(map[string]string{"name": "Ann"})
			b.Emit("of the other server")
			synctest.Wait()
			a.Emit("of its own")
			synctest.Wait()
			a.Volatile().Emit("volatile")
			g.read()
			if tails := fmt.Sprint(g.stays["/"].tails); tails != "[1-0 2-0 <nil>]" {
				a.Errorf("offsets %s", tails)
			}
			g.expect("/", "of the other server", "of its own", "volatile")
			for i, h := range []*harness{b, a} {
				g.drop()
				a.Emit("all", 1)
				b.To("room").Emit("room", []byte{1})
				a.To("other").Emit("other room")
				b.Except("room").Emit("others")
				a.Of("/chat").Emit("other namespace")
				b.To(id).Emit("one")
				synctest.Wait()
				g.h = h
				h.comesBackWith(g, "all 1", "room [1]", "one")
				s := h.socket(id)
				if data, is := socketio.Data[map[string]string](s); !is || data["name"] != "Ann" {
					h.Errorf("data %v is no map: %v", s.Data(), data)
				}
				if rooms := s.Rooms(); !slices.Equal(rooms, []string{id, "room"}) {
					h.Errorf("rooms %q", rooms)
				}
				h.check(s.Emit("live", i))
				synctest.Wait()
				a.Emit("live of a", i)
				synctest.Wait()
				b.Emit("live of b", i)
				g.expect("/", fmt.Sprint("live ", i), fmt.Sprint("live of a ", i), fmt.Sprint("live of b ", i))
			}
		})
	})
	t.Run("Shutdown puts sessions into the store before clients can come back", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			a.Emit("before")
			g := a.guest(rawclient.WebSocket)
			release := make(chan struct{})
			a.socket(g.stays["/"].SID).OnDisconnecting(func(socketio.Reason) { <-release })
			done := a.shutdown(context.Background())
			g.conn.expectClosed()
			b.Emit("missed")
			synctest.Wait()
			g.h = b
			b.comesBackWith(g, "missed")
			close(release)
			a.check(<-done)
			if len(j.sessions) != 0 {
				a.Error("the session is stored again")
			}
		})
	})
	t.Run("without ever having got an event", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			a.Emit("before")
			g := a.guest(rawclient.WebSocket)
			g.drop()
			g.h = b
			b.comesBackWith(g)
			g.drop()
			a.Emit("missed")
			synctest.Wait()
			b.comesBackWith(g, "missed")
		})
	})
	t.Run("what is in the log and has not come here", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			g := a.guest(rawclient.WebSocket)
			a.Emit("first")
			g.expect("/", "first")
			g.drop()
			j.mu.Lock()
			j.late = make(chan struct{})
			j.mu.Unlock()
			for i := range 3 {
				a.Emit("missed", i)
			}
			g.h = b
			b.comesBackWith(g, "missed 0", "missed 1", "missed 2")
			a.Emit("live")
			close(j.late)
			g.expect("/", "live")
		})
	})
	t.Run("an offset that has fallen out of the log", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			g := a.guest(rawclient.WebSocket)
			a.Emit("long ago")
			g.expect("/", "long ago")
			wait(10 * time.Minute)
			a.To("others").Emit("not for the guest")
			wait(10 * time.Minute)
			j.trim(1)
			g.drop()
			b.Emit("missed")
			synctest.Wait()
			g.h = b
			b.comesBackWith(g, "missed") // from the place that was persisted
			g.drop()
			b.Emit("missed")
			j.trim(2)
			g.comeBack()
			g.returned("/", false)
			b.Emit("live")
			g.expect("/", "live")
		})
	})
	t.Run("Shutdown persists", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			g := a.guest(rawclient.WebSocket)
			a.Emit("first")
			g.expect("/", "first")
			a.check(a.Shutdown(context.Background()))
			b.Emit("missed")
			g.h = b
			b.comesBackWith(g, "missed")
		})
	})
	t.Run("a store that fails", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			g := a.guest(rawclient.WebSocket)
			j.fail = errors.New("no store")
			a.Emit("not logged", "x")
			g.read()
			if tails := g.stays["/"].tails; len(tails) != 1 || tails[0] != nil {
				a.Errorf("offsets %v", tails)
			}
			g.drop()
			g.comeBack()
			g.returned("/", false)
		})
	})
	t.Run("a session is not kept when the client has left", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			g := a.guest(rawclient.WebSocket)
			g.conn.send("41")
			g.drop()
			if len(j.sessions) != 0 {
				a.Errorf("%d sessions", len(j.sessions))
			}
		})
	})
	t.Run("it is not asked without Options.Recovery", func(t *testing.T) {
		j := newJournal()
		run(t, &socketio.Options{Adapter: j}, func(h *harness) {
			c := h.connect(rawclient.WebSocket)
			h.Emit("e")
			c.expect(`42["e"]`)
			c.Drop()
			synctest.Wait()
			if len(j.sessions) != 0 {
				h.Errorf("%d sessions", len(j.sessions))
			}
			c = h.open(rawclient.WebSocket)
			j.fail = errors.New("asked")
			c.send(`40{"pid":"x","offset":"1-0"}`)
			c.connected("")
		})
	})
	t.Run("an adapter without log: events of other servers are kept here", func(t *testing.T) {
		o := recovering()
		o.Adapter = new(adapter.Loopback)
		run(t, o, func(a *harness) {
			b := &harness{T: a.T, Server: socketio.NewServer(o)}
			b.serve(b.Server)
			g := a.guest(rawclient.WebSocket)
			g.drop()
			b.Emit("missed", 1)
			a.Emit("missed", 2)
			synctest.Wait()
			g.comeBack()
			g.returned("/", true)
			slices.Sort(g.stays["/"].events)
			g.expect("/", "missed 1", "missed 2")
			g.drop()
			g.h = b
			g.comeBack()
			g.returned("/", false)
		})
	})
}
