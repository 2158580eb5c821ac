package systemtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// runServers runs f with two servers on one journal.
func runServers(t *testing.T, f func(j *testserver.Journal, a, b *testserver.Harness)) {
	t.Helper()
	j := testserver.NewJournal()
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
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
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
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
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
			if j.Sessions() != 0 {
				a.T.Error("the session is stored again")
			}
		})
	})
	t.Run("without ever having got an event", func(t *testing.T) {
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
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
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			a.Emit("first")
			g.Expect("/", "first")
			g.Drop()
			release := j.Hold()
			for i := range 3 {
				a.Emit("missed", i)
			}
			synctest.Wait() // until they are in the log
			g.Harness = b
			b.ComesBackWith(g, "missed 0", "missed 1", "missed 2")
			a.Emit("live")
			synctest.Wait()
			release()
			g.Expect("/", "live")
		})
	})
	t.Run("an offset that has fallen out of the log", func(t *testing.T) {
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			a.Emit("long ago")
			g.Expect("/", "long ago")
			testserver.Wait(10 * time.Minute)
			a.To("others").Emit("not for the guest")
			testserver.Wait(10 * time.Minute)
			j.Trim(1)
			g.Drop()
			b.Emit("missed")
			synctest.Wait()
			g.Harness = b
			b.ComesBackWith(g, "missed") // from the place that was persisted
			g.Drop()
			b.Emit("missed")
			synctest.Wait()
			j.Trim(2)
			g.ComeBack()
			g.Returned("/", false)
			b.Emit("live")
			g.Expect("/", "live")
		})
	})
	t.Run("Shutdown persists", func(t *testing.T) {
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
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
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			j.Refuse(errors.New("no store"))
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
		runServers(t, func(j *testserver.Journal, a, b *testserver.Harness) {
			g := a.Guest(rawclient.WebSocket)
			g.Conn.Send("41")
			g.Drop()
			if j.Sessions() != 0 {
				a.T.Errorf("%d sessions", j.Sessions())
			}
		})
	})
	t.Run("it is not asked without Options.Recovery", func(t *testing.T) {
		j := testserver.NewJournal()
		testserver.Run(t, &socketio.Options{Adapter: j}, func(h *testserver.Harness) {
			c := h.Connect(rawclient.WebSocket)
			h.Emit("e")
			c.Expect(`42["e"]`)
			c.Drop()
			synctest.Wait()
			if j.Sessions() != 0 {
				h.T.Errorf("%d sessions", j.Sessions())
			}
			c = h.Open(rawclient.WebSocket)
			j.Refuse(errors.New("asked"))
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
