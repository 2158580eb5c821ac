package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestRecovery(t *testing.T) {
	behaviour := func(name string, f func(h *testserver.Harness, mode rawclient.Mode)) {
		t.Run(name, func(t *testing.T) { testserver.ForEachMode(t, testserver.Recovering(), f) })
	}

	behaviour("id, rooms, data and missed events come back", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		before := *g.Stays["/"]
		s := h.MustSocket(before.SID)
		s.Join("a", "b")
		user := &struct{ name string }{"Ann"}
		s.SetData(user)
		h.Emit("first")
		g.Expect("/", "first")

		g.Drop()
		h.Emit("to all", 1)
		h.To("a").Emit("to a room", "x")
		h.To("a", "b").Emit("to both")
		h.To(s.ID()).Emit("to the socket")
		h.To("c").Emit("to another room")
		h.Except("b").Emit("to others")
		h.To("a").Except(s.ID()).Emit("to others of the room")
		h.Volatile().Emit("volatile")
		for range h.Call(context.Background(), "call") {
		}
		h.ComesBackWith(g, "to all 1", "to a room x", "to both", "to the socket")

		after := h.MustSocket(g.Stays["/"].SID)
		if after.ID() != before.SID || g.Stays["/"].PID != before.PID {
			h.T.Errorf("came back as %+v, was %+v", g.Stays["/"], before)
		}
		if rooms := after.Rooms(); !slices.Equal(rooms, []string{before.SID, "a", "b"}) {
			h.T.Errorf("rooms %q", rooms)
		}
		if after.Data() != user {
			h.T.Errorf("data %v", after.Data())
		}
		h.To("a").Emit("live")
		g.Expect("/", "live")
	})

	behaviour("again and again, over long", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		id := g.Stays["/"].SID
		h.MustSocket(id).Join("a")
		for i := range 5 {
			g.Drop()
			h.To("a").Emit("missed", i)
			testserver.Wait(100 * time.Second)
			h.ComesBackWith(g, fmt.Sprint("missed ", i))
			if i%2 == 0 {
				h.MustSocket(id).Emit("live", i)
				g.Expect("/", fmt.Sprint("live ", i))
			}
		}
	})

	behaviour("without ever having got an event", func(h *testserver.Harness, mode rawclient.Mode) {
		other := h.Guest(mode)
		h.Emit("before the guest has come")
		h.Emit("before the guest has come")
		other.Read()
		g := h.Guest(mode)
		for range 2 {
			g.Drop()
			h.ComesBackWith(g)
		}
		g.Drop()
		h.Emit("missed")
		h.ComesBackWith(g, "missed")
		g.Drop()
		g.Stays["/"].Offset = other.Stays["/"].FirstOffset() // of an event before its time
		h.ComesBackWith(g, "missed")
	})

	behaviour("what was sent and has not arrived", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		s := h.MustSocket(g.Stays["/"].SID)
		s.Emit("arrives")
		g.Read()
		s.Emit("lost", 1)
		h.Emit("lost", 2)
		synctest.Wait()
		g.Conn.Drop() // unread
		synctest.Wait()
		h.ComesBackWith(g, "arrives", "lost 1", "lost 2")
	})

	behaviour("binary", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		g.Drop()
		h.Emit("missed", []byte("abc"), "x", map[string][]byte{"b": {1, 2}})
		h.ComesBackWith(g, "missed [97 98 99] x map[b:[1 2]]")
	})

	behaviour("after half an hour without events", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		h.Emit("long ago")
		g.Read()
		for range 180 {
			testserver.Wait(10 * time.Second)
			h.To("others").Emit("not for the guest")
		}
		g.Drop()
		h.Emit("missed")
		testserver.Wait(time.Minute)
		h.ComesBackWith(g, "long ago", "missed")
	})

	behaviour("with a string that is no offset as the last argument of a volatile event", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		h.Emit("first")
		h.Volatile().Emit("typing", "Ann")
		g.Read()
		h.Volatile().Emit("typing")
		synctest.Wait()
		g.Drop()
		h.Emit("missed")
		g.ComeBack()
		g.Returned("/", true)
		if events := g.Stays["/"].Events; events[len(events)-1] != "missed" || events[0] != "first" || slices.Contains(events[1:], "first") {
			h.T.Errorf("got %q", events)
		}
	})

	behaviour("in several namespaces, one made by a pattern", func(h *testserver.Harness, mode rawclient.Mode) {
		family := h.OfPattern(regexp.MustCompile(`^/room-\d$`))
		family.OnConnect(func(s *socketio.Socket) { s.Join("a") })
		g := h.Guest(mode, "/", "/room-1")
		id := g.Stays["/room-1"].SID
		for i := range 2 {
			g.Drop() // the last one of its namespace
			h.Emit("main", i)
			family.To("a").Emit("child", i)
			family.To("b").Emit("other room")
			g.ComeBack()
			g.Returned("/", true)
			g.Returned("/room-1", true)
			g.Expect("/", fmt.Sprint("main ", i))
			g.Expect("/room-1", fmt.Sprint("child ", i))
		}
		if g.Stays["/room-1"].SID != id {
			h.T.Error("another id in the child")
		}
		g.Drop()
		if n := h.Children(family); n != 1 {
			h.T.Errorf("%d children while a session is kept, want 1", n)
		}
		testserver.Wait(3 * time.Minute)
		if n := h.Children(family); n != 0 {
			h.T.Errorf("%d children after that, want 0", n)
		}
	})

	behaviour("not after leaving by will, of either side", func(h *testserver.Harness, mode rawclient.Mode) {
		for _, leave := range []func(g *testserver.Guest){
			func(g *testserver.Guest) { g.Conn.Send("41") },
			func(g *testserver.Guest) { h.MustSocket(g.Stays["/"].SID).Disconnect(false) },
			func(g *testserver.Guest) { h.MustSocket(g.Stays["/"].SID).Disconnect(true) },
		} {
			g := h.Guest(mode)
			leave(g)
			synctest.Wait()
			g.Drop()
			h.Emit("missed")
			g.ComeBack()
			g.Returned("/", false)
			g.Expect("/")
		}
	})

	behaviour("leaving and entering over one connection", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		g.Conn.Send("41")
		g.Enter("/")
		g.Read()
		g.Returned("/", false)
		h.Emit("live")
		g.Expect("/", "live")
	})

	behaviour("an emit to a socket that has lost its client", func(h *testserver.Harness, mode rawclient.Mode) {
		g := h.Guest(mode)
		s := h.MustSocket(g.Stays["/"].SID)
		g.Drop()
		h.Check(s.Emit("kept", 1))
		h.ComesBackWith(g, "kept 1")
		h.Check(s.Emit("kept", 2)) // reaches the one who has come back
		g.Expect("/", "kept 2")
		g.Drop()
		testserver.Wait(3 * time.Minute)
		if err := s.Emit("late"); !errors.Is(err, socketio.ErrDisconnected) {
			h.T.Errorf("an emit when the session is over: %v", err)
		}
	})
}

func TestRecoveryWire(t *testing.T) {
	testserver.ForEachMode(t, testserver.Recovering(), func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Open(mode)
		c.Send("40")
		id := c.Match(`^40\{"sid":"([\w-]{20})","pid":"[\w-]{20}"\}$`)[1]
		synctest.Wait()
		s := h.MustSocket(id)
		s.OnAnyOutgoing(func(event string, args []any) {
			if event != "e" || len(args) > 2 {
				h.T.Errorf("told of %q with %v", event, args)
			}
		})
		const offset = `"[\w-]{8}\.[0-9a-z]+"\]$`
		args := []any{1, "x"}
		h.Emit("e", args...)
		c.Match(`^42\["e",1,"x",` + offset)
		s.Emit("e")
		c.Match(`^42\["e",` + offset)
		h.Check(s.CallFunc(func(*socketio.Reply, error) {}, "e", "x"))
		c.Expect(`420["e","x"]`)
		synctest.Wait()
		s.Volatile().Emit("e", "x")
		c.Expect(`42["e","x",null]`)
	})
	t.Run("clients of Socket.IO 2", func(t *testing.T) {
		o := testserver.Recovering()
		o.AllowEIO3 = true
		testserver.Run(t, o, func(h *testserver.Harness) {
			c := h.OpenWith(rawclient.WebSocket, rawclient.Options{EIO3: true})
			g := h.Guest(rawclient.WebSocket)
			c.Expect("40")
			h.Emit("all", "x")
			c.Expect(`42["all","x"]`)
			synctest.Wait()
			h.Volatile().Emit("all")
			c.Expect(`42["all"]`)
			for s := range h.Sockets() {
				s.Emit("one", 1)
			}
			c.Expect(`42["one",1]`)
			g.Expect("/", "all x", "all", "one 1")
		})
	})
}

func TestRecoveryMiddleware(t *testing.T) {
	guarded := func(h *testserver.Harness) (locked *bool, asked *[]bool) {
		locked, asked = new(bool), new([]bool)
		h.Use(func(_ context.Context, s *socketio.Socket) error {
			*asked = append(*asked, s.Recovered())
			if *locked {
				return &socketio.Error{Message: "locked out"}
			}
			s.Leave("secret")
			s.Join("late")
			return nil
		})
		h.OnConnect(func(s *socketio.Socket) {
			s.Join("secret", "open")
			s.Leave("late")
		})
		return locked, asked
	}
	t.Run("runs again, and decides", func(t *testing.T) {
		testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
			locked, asked := guarded(h)
			g := h.Guest(rawclient.WebSocket)
			id := g.Stays["/"].SID
			g.Drop()
			h.To("secret").Emit("secret")
			h.To("open").Emit("open")
			h.To("late").Emit("too late")
			*locked = true
			g.ComeBack()
			if refused := g.Stays["/"].Refused; refused != "locked out" {
				h.T.Errorf("refused with %q", refused)
			}
			g.Expect("/")
			*locked = false
			g.Enter("/") // once more
			g.Read()
			g.Returned("/", true)
			g.Expect("/", "open")
			if g.Stays["/"].SID != id || !reflect.DeepEqual(*asked, []bool{false, true, true}) {
				h.T.Errorf("id %q, was %q; middleware saw %v", g.Stays["/"].SID, id, *asked)
			}
		})
	})
	t.Run("is skipped if told so", func(t *testing.T) {
		o := testserver.Recovering()
		o.Recovery.SkipMiddleware = true
		testserver.Run(t, o, func(h *testserver.Harness) {
			locked, asked := guarded(h)
			g := h.Guest(rawclient.WebSocket)
			g.Drop()
			*locked = true
			h.To("secret").Emit("secret")
			h.ComesBackWith(g, "secret")
			if len(*asked) != 1 {
				h.T.Errorf("middleware saw %v", *asked)
			}
		})
	})
	t.Run("a client that leaves while it is asked can come back", func(t *testing.T) {
		testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
			g := h.Guest(rawclient.WebSocket)
			g.Drop()
			h.Emit("missed")
			asked := false
			h.Use(func(ctx context.Context, s *socketio.Socket) error {
				if !asked {
					asked = true
					<-ctx.Done()
				}
				return nil
			})
			g.ComeBack()
			g.Drop()
			h.ComesBackWith(g, "missed")
		})
	})
}

func TestRecoveryForgets(t *testing.T) {
	testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
		for range 100 {
			g := h.Guest(rawclient.WebSocket)
			g.Drop()
			h.Emit("missed")
		}
		g := h.Guest(rawclient.WebSocket)
		testserver.Wait(time.Minute)
		g.Drop()
		testserver.Wait(80 * time.Second)
		if sessions, events, timer := h.Kept(); sessions != 1 || events != 100 || !timer {
			h.T.Errorf("%d sessions, %d events, timer %t; want those of the last guest, and events for as long as it may have been deaf", sessions, events, timer)
		}
		testserver.Wait(2 * time.Minute)
		if sessions, events, timer := h.Kept(); sessions != 0 || events != 0 || timer {
			h.T.Errorf("%d sessions, %d events, timer %t; want none", sessions, events, timer)
		}
		h.Emit("nobody is there")
		if _, events, timer := h.Kept(); events != 0 || timer {
			h.T.Errorf("%d events, timer %t; want none while nobody may come back", events, timer)
		}
	})
}

// Clients that come and go do not leave any number of namespaces behind.
func TestNamespacesOfKeptSessions(t *testing.T) {
	const most = 10_000
	testserver.Run(t, &socketio.Options{Recovery: &socketio.Recovery{}, Limits: socketio.Limits{Namespaces: 1000}}, func(h *testserver.Harness) {
		parent := h.OfPattern(regexp.MustCompile("^/r"))
		// leave enters namespaces and loses the connection.
		leave := func(first, n int) {
			c := h.Open(rawclient.WebSocket)
			for i := range n {
				c.Send(fmt.Sprintf("40/r%d,", first+i))
				c.Next()
			}
			c.Drop()
			synctest.Wait()
		}
		for first := 0; first < most; first += 1000 {
			leave(first, 1000)
		}
		if n := h.Children(parent); n != most {
			h.T.Errorf("%d namespaces are kept, want %d", n, most)
		}
		leave(most, 1000)
		if n := h.Children(parent); n != most {
			h.T.Errorf("%d namespaces are kept, want %d", n, most)
		}
		// Another client that was in one of these has a seat there all the same.
		g := h.Guest(rawclient.WebSocket, "/r0")
		g.Drop()
		g.ComeBack()
		g.Returned("/r0", true)
		g.Drop()
		testserver.Wait(3 * time.Minute)
		if n := h.Children(parent); n != 0 {
			h.T.Errorf("%d namespaces are kept for ever", n)
		}
		leave(0, 1000)
		if n := h.Children(parent); n != 1000 {
			h.T.Errorf("later %d namespaces are kept, want 1000", n)
		}
	})
}
