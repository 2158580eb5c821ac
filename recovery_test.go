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
)

// recovering is the options of most tests below.
func recovering() *socketio.Options { return &socketio.Options{Recovery: &socketio.Recovery{}} }

func TestRecovery(t *testing.T) {
	behaviour := func(name string, f func(h *harness, mode rawclient.Mode)) {
		t.Run(name, func(t *testing.T) { forEachMode(t, recovering(), f) })
	}

	behaviour("id, rooms, data and missed events come back", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		before := *g.stays["/"]
		s := h.socket(before.SID)
		s.Join("a", "b")
		user := &struct{ name string }{"Ann"}
		s.SetData(user)
		h.Emit("first")
		g.expect("/", "first")

		g.drop()
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
		h.comesBackWith(g, "to all 1", "to a room x", "to both", "to the socket")

		after := h.socket(g.stays["/"].SID)
		if after.ID() != before.SID || g.stays["/"].PID != before.PID {
			h.Errorf("came back as %+v, was %+v", g.stays["/"], before)
		}
		if rooms := after.Rooms(); !slices.Equal(rooms, []string{before.SID, "a", "b"}) {
			h.Errorf("rooms %q", rooms)
		}
		if after.Data() != user {
			h.Errorf("data %v", after.Data())
		}
		h.To("a").Emit("live")
		g.expect("/", "live")
	})

	behaviour("again and again, over long", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		id := g.stays["/"].SID
		h.socket(id).Join("a")
		for i := range 5 {
			g.drop()
			h.To("a").Emit("missed", i)
			wait(100 * time.Second)
			h.comesBackWith(g, fmt.Sprint("missed ", i))
			if i%2 == 0 {
				h.socket(id).Emit("live", i)
				g.expect("/", fmt.Sprint("live ", i))
			}
		}
	})

	behaviour("without ever having got an event", func(h *harness, mode rawclient.Mode) {
		other := h.guest(mode)
		h.Emit("before the guest has come")
		h.Emit("before the guest has come")
		other.read()
		g := h.guest(mode)
		for range 2 {
			g.drop()
			h.comesBackWith(g)
		}
		g.drop()
		h.Emit("missed")
		h.comesBackWith(g, "missed")
		g.drop()
		g.stays["/"].offset = other.stays["/"].firstOffset() // of an event before its time
		h.comesBackWith(g, "missed")
	})

	behaviour("what was sent and has not arrived", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		s := h.socket(g.stays["/"].SID)
		s.Emit("arrives")
		g.read()
		s.Emit("lost", 1)
		h.Emit("lost", 2)
		synctest.Wait()
		g.conn.Drop() // unread
		synctest.Wait()
		h.comesBackWith(g, "arrives", "lost 1", "lost 2")
	})

	behaviour("binary", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		g.drop()
		h.Emit("missed", []byte("abc"), "x", map[string][]byte{"b": {1, 2}})
		h.comesBackWith(g, "missed [97 98 99] x map[b:[1 2]]")
	})

	behaviour("after half an hour without events", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		h.Emit("long ago")
		g.read()
		for range 180 {
			wait(10 * time.Second)
			h.To("others").Emit("not for the guest")
		}
		g.drop()
		h.Emit("missed")
		wait(time.Minute)
		h.comesBackWith(g, "long ago", "missed")
	})

	behaviour("with a string that is no offset as the last argument of a volatile event", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		h.Emit("first")
		h.Volatile().Emit("typing", "Ann")
		g.read()
		h.Volatile().Emit("typing")
		synctest.Wait()
		g.drop()
		h.Emit("missed")
		g.comeBack()
		g.returned("/", true)
		if events := g.stays["/"].events; events[len(events)-1] != "missed" || events[0] != "first" || slices.Contains(events[1:], "first") {
			h.Errorf("got %q", events)
		}
	})

	behaviour("in several namespaces, one made by a pattern", func(h *harness, mode rawclient.Mode) {
		family := h.OfPattern(regexp.MustCompile(`^/room-\d$`))
		family.OnConnect(func(s *socketio.Socket) { s.Join("a") })
		g := h.guest(mode, "/", "/room-1")
		id := g.stays["/room-1"].SID
		for i := range 2 {
			g.drop() // the last one of its namespace
			h.Emit("main", i)
			family.To("a").Emit("child", i)
			family.To("b").Emit("other room")
			g.comeBack()
			g.returned("/", true)
			g.returned("/room-1", true)
			g.expect("/", fmt.Sprint("main ", i))
			g.expect("/room-1", fmt.Sprint("child ", i))
		}
		if g.stays["/room-1"].SID != id {
			h.Error("another id in the child")
		}
		g.drop()
		if n := h.Children(family); n != 1 {
			h.Errorf("%d children while a session is kept, want 1", n)
		}
		wait(3 * time.Minute)
		if n := h.Children(family); n != 0 {
			h.Errorf("%d children after that, want 0", n)
		}
	})

	behaviour("not after leaving by will, of either side", func(h *harness, mode rawclient.Mode) {
		for _, leave := range []func(g *guest){
			func(g *guest) { g.conn.send("41") },
			func(g *guest) { h.socket(g.stays["/"].SID).Disconnect(false) },
			func(g *guest) { h.socket(g.stays["/"].SID).Disconnect(true) },
		} {
			g := h.guest(mode)
			leave(g)
			synctest.Wait()
			g.drop()
			h.Emit("missed")
			g.comeBack()
			g.returned("/", false)
			g.expect("/")
		}
	})

	behaviour("leaving and entering over one connection", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		g.conn.send("41")
		g.enter("/")
		g.read()
		g.returned("/", false)
		h.Emit("live")
		g.expect("/", "live")
	})

	behaviour("an emit to a socket that has lost its client", func(h *harness, mode rawclient.Mode) {
		g := h.guest(mode)
		s := h.socket(g.stays["/"].SID)
		g.drop()
		h.check(s.Emit("kept", 1))
		h.comesBackWith(g, "kept 1")
		h.check(s.Emit("kept", 2)) // reaches the one who has come back
		g.expect("/", "kept 2")
		g.drop()
		wait(3 * time.Minute)
		if err := s.Emit("late"); !errors.Is(err, socketio.ErrDisconnected) {
			h.Errorf("an emit when the session is over: %v", err)
		}
	})
}

// comesBackWith has a guest come back to its session, with these events.
func (h *harness) comesBackWith(g *guest, want ...string) {
	h.Helper()
	g.comeBack()
	g.returned("/", true)
	g.expect("/", want...)
}

func TestRecoveryWire(t *testing.T) {
	forEachMode(t, recovering(), func(h *harness, mode rawclient.Mode) {
		c := h.open(mode)
		c.send("40")
		id := c.match(`^40\{"sid":"([\w-]{20})","pid":"[\w-]{20}"\}$`)[1]
		synctest.Wait()
		s := h.socket(id)
		s.OnAnyOutgoing(func(event string, args []any) {
			if event != "e" || len(args) > 2 {
				h.Errorf("told of %q with %v", event, args)
			}
		})
		const offset = `"[\w-]{8}\.[0-9a-z]+"\]$`
		args := []any{1, "x"}
		h.Emit("e", args...)
		c.match(`^42\["e",1,"x",` + offset)
		s.Emit("e")
		c.match(`^42\["e",` + offset)
		h.check(s.CallFunc(func(*socketio.Reply, error) {}, "e", "x"))
		c.expect(`420["e","x"]`)
		synctest.Wait()
		s.Volatile().Emit("e", "x")
		c.expect(`42["e","x",null]`)
	})
	t.Run("clients of Socket.IO 2", func(t *testing.T) {
		o := recovering()
		o.AllowEIO3 = true
		run(t, o, func(h *harness) {
			c := h.openWith(rawclient.WebSocket, rawclient.Options{EIO3: true})
			g := h.guest(rawclient.WebSocket)
			c.expect("40")
			h.Emit("all", "x")
			c.expect(`42["all","x"]`)
			synctest.Wait()
			h.Volatile().Emit("all")
			c.expect(`42["all"]`)
			for s := range h.Sockets() {
				s.Emit("one", 1)
			}
			c.expect(`42["one",1]`)
			g.expect("/", "all x", "all", "one 1")
		})
	})
}

func TestRecoveryMiddleware(t *testing.T) {
	guarded := func(h *harness) (locked *bool, asked *[]bool) {
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
		run(t, recovering(), func(h *harness) {
			locked, asked := guarded(h)
			g := h.guest(rawclient.WebSocket)
			id := g.stays["/"].SID
			g.drop()
			h.To("secret").Emit("secret")
			h.To("open").Emit("open")
			h.To("late").Emit("too late")
			*locked = true
			g.comeBack()
			if refused := g.stays["/"].refused; refused != "locked out" {
				h.Errorf("refused with %q", refused)
			}
			g.expect("/")
			*locked = false
			g.enter("/") // once more
			g.read()
			g.returned("/", true)
			g.expect("/", "open")
			if g.stays["/"].SID != id || !reflect.DeepEqual(*asked, []bool{false, true, true}) {
				h.Errorf("id %q, was %q; middleware saw %v", g.stays["/"].SID, id, *asked)
			}
		})
	})
	t.Run("is skipped if told so", func(t *testing.T) {
		o := recovering()
		o.Recovery.SkipMiddleware = true
		run(t, o, func(h *harness) {
			locked, asked := guarded(h)
			g := h.guest(rawclient.WebSocket)
			g.drop()
			*locked = true
			h.To("secret").Emit("secret")
			h.comesBackWith(g, "secret")
			if len(*asked) != 1 {
				h.Errorf("middleware saw %v", *asked)
			}
		})
	})
	t.Run("a client that leaves while it is asked can come back", func(t *testing.T) {
		run(t, recovering(), func(h *harness) {
			g := h.guest(rawclient.WebSocket)
			g.drop()
			h.Emit("missed")
			asked := false
			h.Use(func(ctx context.Context, s *socketio.Socket) error {
				if !asked {
					asked = true
					<-ctx.Done()
				}
				return nil
			})
			g.comeBack()
			g.drop()
			h.comesBackWith(g, "missed")
		})
	})
}
