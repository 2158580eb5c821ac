package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A store that is before the bus: the client has events, or gets them from the
// store, that come to its new server only then.
func TestRecoveryStoreBeforeTheBus(t *testing.T) {
	for name, o := range map[string]struct{ had, missed, late int }{
		"events that the client has":                        {had: 3},
		"events that the client has missed":                 {missed: 3},
		"events that it has, and others that it has missed": {had: 3, missed: 3},
		"and later ones":                                    {had: 2, missed: 2, late: 2},
		"later ones only":                                   {late: 2},
	} {
		t.Run(name, func(t *testing.T) {
			runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
				c := a.Guest(rawclient.WebSocket)
				a.Emit("before")
				c.Expect("/", "before")
				release := j.Hold()
				defer release()
				emit := func(what string, n int) (events []string) {
					for i := range n {
						a.Emit(what, i)
						synctest.Wait()
						a.Volatile().Emit("volatile")
						synctest.Wait()
						a.To("others").Emit("others")
						events = append(events, fmt.Sprint(what, " ", i))
						if what == "had" {
							events = append(events, "volatile")
						}
					}
					return events
				}
				c.Expect("/", emit("had", o.had)...)
				c.Drop()
				missed := emit("missed", o.missed)
				c.Harness = b
				b.ComesBackWith(c, missed...)
				var late []string
				for i := range o.late {
					a.Emit("late", i)
					late = append(late, fmt.Sprint("late ", i))
				}
				synctest.Wait()
				release()
				c.Expect("/", late...)
				for i := range 3 { // and all goes on
					a.Emit("live", i)
					synctest.Wait()
					b.Emit("live of b", i)
					c.Expect("/", fmt.Sprint("live ", i), fmt.Sprint("live of b ", i))
				}
				fresh := b.Guest(rawclient.WebSocket)
				a.Emit("to all")
				fresh.Expect("/", "to all")
			})
		})
	}
	t.Run("a server that has begun after the events", func(t *testing.T) {
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			a.Emit("first")
			a.Emit("second")
			g.Expect("/", "first", "second")
			g.Drop()
			o := testserver.Recovering()
			o.Adapter = j
			c := a.Other(o)
			g.Harness = c
			c.ComesBackWith(g)
			a.Emit("live")
			g.Expect("/", "live")
		})
	})
}

func TestRecoveryStoreLocal(t *testing.T) {
	runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
		g := a.Guest(rawclient.WebSocket)
		a.Emit("first")
		a.Local().Emit("to who is here")
		g.Expect("/", "first", "to who is here")
		g.Drop()
		a.Local().Emit("not kept")
		a.Emit("missed")
		synctest.Wait()
		a.ComesBackWith(g, "missed")
	})
}

// sendAway shuts a server down, and calls f when the session of its guest is in
// the store while the guest's connection is still there.
func sendAway(h *testserver.Harness, g *testserver.Guest, f func()) {
	h.T.Helper()
	release := make(chan struct{})
	h.Of("/slow").On("wait", func(context.Context, *socketio.Event) error {
		<-release
		return nil
	})
	g.Conn.Send(`42/slow,["wait"]`)
	synctest.Wait()
	done := shutdown(h, context.Background())
	synctest.Wait()
	f()
	synctest.Wait()
	close(release)
	h.Check(<-done)
	g.Read()
}

// A session that Shutdown has put into the store follows what becomes of its
// socket until that has left.
func TestRecoveryStoredEarly(t *testing.T) {
	early := func(name string, f func(j *testserver.Journal, a, b *testserver.Harness, g *testserver.Guest, s *socketio.Socket)) {
		t.Run(name, func(t *testing.T) {
			runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
				a.Of("/slow")
				b.Of("/slow")
				a.Emit("before")
				synctest.Wait()
				g := a.Guest(rawclient.WebSocket, "/", "/slow")
				s := a.MustSocket(g.Stays["/"].SID)
				s.Join("old")
				synctest.Wait()
				f(j, a, b, g, s)
			})
		})
	}
	for name, kick := range map[string]func(a, b *testserver.Harness, s *socketio.Socket, g *testserver.Guest){
		"Disconnect":                   func(_, _ *testserver.Harness, s *socketio.Socket, _ *testserver.Guest) { s.Disconnect(false) },
		"Disconnect of the connection": func(_, _ *testserver.Harness, s *socketio.Socket, _ *testserver.Guest) { s.Disconnect(true) },
		"DisconnectSockets":            func(a, _ *testserver.Harness, _ *socketio.Socket, _ *testserver.Guest) { a.DisconnectSockets(false) },
		"DisconnectSockets by another server": func(_, b *testserver.Harness, s *socketio.Socket, _ *testserver.Guest) {
			b.In(s.ID()).DisconnectSockets(true)
		},
		"a DISCONNECT of the client": func(_, _ *testserver.Harness, _ *socketio.Socket, g *testserver.Guest) { g.Conn.Send("41") },
		"ExpireAt":                   func(_, _ *testserver.Harness, s *socketio.Socket, _ *testserver.Guest) { s.ExpireAt(time.Now()) },
	} {
		early(name+" ends it", func(j *testserver.Journal, a, b *testserver.Harness, g *testserver.Guest, s *socketio.Socket) {
			sendAway(a, g, func() {
				expectStored(j, g, true)
				kick(a, b, s, g)
				synctest.Wait()
				expectStored(j, g, false)
			})
			expectStored(j, g, false)
			g.Harness = b
			g.ComeBack()
			g.Returned("/", false)
		})
	}
	early("Join, Leave and SetData are in it", func(j *testserver.Journal, a, b *testserver.Harness, g *testserver.Guest, s *socketio.Socket) {
		sendAway(a, g, func() {
			s.Join("new")
			s.Leave("old")
			s.SetData("Ann")
		})
		b.To("new").Emit("to the new room")
		b.To("old").Emit("to the old room")
		synctest.Wait()
		g.Harness = b
		b.ComesBackWith(g, "to the new room")
		var name string
		raw, _ := b.MustSocket(s.ID()).Data().(json.RawMessage)
		if err := json.Unmarshal(raw, &name); err != nil || name != "Ann" {
			b.T.Errorf("data %q, %v", raw, err)
		}
	})
	early("they are not stored for a client that is back already", func(j *testserver.Journal, a, b *testserver.Harness, g *testserver.Guest, s *socketio.Socket) {
		s.OnDisconnecting(func(socketio.Reason) {
			g.Harness = b
			b.ComesBackWith(g)
			s.Join("late")
		})
		sendAway(a, g, func() {})
		expectStored(j, g, false)
	})
	early("what the store has not taken is put there when the socket leaves", func(j *testserver.Journal, a, b *testserver.Harness, g *testserver.Guest, _ *socketio.Socket) {
		j.Refuse(errors.New("no store"))
		sendAway(a, g, func() { j.Refuse(nil) })
		b.Emit("missed")
		synctest.Wait()
		g.Harness = b
		b.ComesBackWith(g, "missed")
	})
	early("what the store may have taken although it failed is deleted at a kick", func(j *testserver.Journal, a, b *testserver.Harness, g *testserver.Guest, s *socketio.Socket) {
		j.Refuse(errors.New("no answer in time"))
		sendAway(a, g, func() {
			expectStored(j, g, true)
			j.Refuse(nil)
			s.Disconnect(false)
		})
		expectStored(j, g, false)
	})
}

// expectStored wants the journal to have the guest's session in "/", or not.
func expectStored(j *testserver.Journal, g *testserver.Guest, want bool) {
	g.Harness.T.Helper()
	if has := j.Has(g.Stays["/"].PID); has != want {
		g.Harness.T.Errorf("session stored: %t, want %t", has, want)
	}
}

// A slowStore takes a session only when the socket has ended.
type slowStore struct {
	*testserver.Journal
	ended <-chan struct{}
}

func (s *slowStore) PersistSession(ctx context.Context, session *adapter.Session, maxAge time.Duration) error {
	select {
	case <-s.ended:
	case <-ctx.Done():
	}
	return s.Journal.PersistSession(ctx, session, maxAge)
}

// A client leaves while Shutdown puts its session into the store. Nothing but
// time relates the two, so that the race detector sees what both use.
func TestClientLeavesDuringShutdown(t *testing.T) {
	store := &slowStore{Journal: testserver.NewJournal()}
	o := testserver.Recovering()
	o.Adapter = store
	testserver.Run(t, o, func(h *testserver.Harness) {
		h.Emit("before")
		g := h.Guest(rawclient.WebSocket)
		store.ended = h.MustSocket(g.Stays["/"].SID).Context().Done()
		time.AfterFunc(time.Millisecond, g.Conn.Drop)
		done := make(chan error, 1)
		go func() { done <- h.Shutdown(context.Background()) }()
		h.Check(<-done)
		expectStored(store.Journal, g, true)
	})
}
