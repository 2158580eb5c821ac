package socketio_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestFamily(t *testing.T) {
	testserver.Behaviour(t, "pattern: clients connect to namespaces that match, and to no other", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OfPattern(regexp.MustCompile(`^/room-\d+$`))
		c := h.Open(mode)
		c.Enter("/room-1")
		c.Enter("/room-22")
		c.Send("40/room-x,")
		c.Expect(`44/room-x,{"message":"Invalid namespace"}`)
	})

	testserver.Behaviour(t, "the parent's middleware, connect functions and handlers serve the children, before their own", func(h *testserver.Harness, mode rawclient.Mode) {
		var order []string
		note := func(s string) { order = append(order, s) }
		child := h.Of("/room-1") // made by hand before there is a parent: no child
		parent := h.OfPattern(regexp.MustCompile(`^/room-`))
		child.OnConnect(func(*socketio.Socket) { note("stranger") })
		two := h.Of("/room-2") // made by hand: a child
		for who, n := range map[string]*socketio.Namespace{"child": two, "parent": parent} {
			n.Use(func(context.Context, *socketio.Socket) error { note(who + " middleware"); return nil })
			n.OnConnect(func(s *socketio.Socket) { note(who + " connect " + s.Namespace().Name()) })
			n.On("hey", func(context.Context, *socketio.Event) error { note(who + " handler"); return nil })
		}
		c := h.Open(mode)
		c.Enter("/room-1")
		c.Enter("/room-2")
		c.Send(`42/room-2,["hey"]`)
		synctest.Wait()
		want := []string{
			"stranger", "parent middleware", "child middleware", "parent connect /room-2", "child connect /room-2",
			"parent handler", "child handler",
		}
		if !slices.Equal(order, want) {
			h.T.Errorf("got %q, want %q", order, want)
		}
	})

	testserver.Behaviour(t, "the parent emits to all children, and to a room in all of them", func(h *testserver.Harness, mode rawclient.Mode) {
		parent := h.OfPattern(regexp.MustCompile(`^/r`))
		socketio.On(parent, "join", func(_ context.Context, s *socketio.Socket, room string) error {
			s.Join(room)
			return nil
		})
		c := h.Open(mode)
		c.Enter("/r1")
		c.Enter("/r2")
		c.Send(`42/r2,["join","a"]`)
		synctest.Wait()
		h.Check(parent.To("a").Emit("room", 1))
		c.Expect(`42/r2,["room",1]`)
		h.Check(parent.Emit("all", []byte{7}))
		c.Expect(`451-/r1,["all",{"_placeholder":true,"num":0}]`, "bBw==", `451-/r2,["all",{"_placeholder":true,"num":0}]`, "bBw==")
		names := []string{}
		for s := range parent.Sockets() {
			names = append(names, s.Namespace().Name())
		}
		if want := []string{"/r1", "/r2"}; !slices.Equal(names, want) {
			h.T.Errorf("sockets in %q, want %q", names, want)
		}
	})

	testserver.Behaviour(t, "the parent calls the sockets of all children", func(h *testserver.Harness, mode rawclient.Mode) {
		parent := h.OfPattern(regexp.MustCompile(`^/r`))
		c := h.Open(mode)
		c.Enter("/r1")
		c.Enter("/r2")
		sum := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for reply, err := range parent.Call(context.Background(), "n?") {
				var n int
				if err == nil {
					err = reply.Decode(&n)
				}
				h.Check(err)
				sum += n
			}
		}()
		c.Expect(`42/r1,0["n?"]`, `42/r2,0["n?"]`)
		c.Send("43/r2,0[2]", "43/r1,0[40]")
		<-done
		if sum != 42 {
			h.T.Errorf("sum of replies %d, want 42", sum)
		}
	})

	testserver.Behaviour(t, "function: it sees name and auth, may block, and the first that agrees has the child", func(h *testserver.Harness, mode rawclient.Mode) {
		release := make(chan struct{})
		first := h.OfFunc(func(ctx context.Context, name string, hs *socketio.Handshake) bool {
			var auth struct{ Token string }
			_ = hs.DecodeAuth(&auth)
			<-release
			return strings.HasPrefix(name, "/x") && auth.Token == "yes"
		})
		second := h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { return true })
		first.OnConnect(func(s *socketio.Socket) { s.Emit("from", "first") })
		second.OnConnect(func(s *socketio.Socket) { s.Emit("from", "second") })
		c := h.Connect(mode)
		c.Send(`40/x1,{"token":"yes"}`)
		synctest.Wait()
		c.Send(`40/x2,{"token":"no"}`)
		synctest.Wait()
		close(release)
		synctest.Wait()
		got := []string{c.Next(), c.Next(), c.Next(), c.Next()}
		for _, want := range []string{`42/x1,["from","first"]`, `42/x2,["from","second"]`} {
			if !slices.Contains(got, want) {
				h.T.Errorf("got %q without %s", got, want)
			}
		}
	})

	testserver.Behaviour(t, "a second CONNECT ends the context of the function that decides about the first", func(h *testserver.Harness, mode rawclient.Mode) {
		asked, ended := 0, make(chan error, 1)
		h.OfFunc(func(ctx context.Context, _ string, _ *socketio.Handshake) bool {
			if asked++; asked > 1 {
				return true
			}
			<-ctx.Done()
			ended <- ctx.Err()
			return true
		})
		c := h.Open(mode)
		c.Send("40/x,")
		synctest.Wait()
		c.Enter("/x")
		if err := <-ended; err == nil {
			h.T.Error("the function's context has not ended")
		}
	})

	testserver.Behaviour(t, "an empty child is removed and can come again; one that Of has asked for stays", func(h *testserver.Harness, mode rawclient.Mode) {
		parent := h.OfPattern(regexp.MustCompile(`^/r`))
		connected := 0
		parent.OnConnect(func(s *socketio.Socket) { connected++ })
		h.Of("/rkept")
		before := h.Children(parent)
		c := h.Open(mode)
		for range 2 {
			c.Enter("/r1")
			c.Enter("/rkept")
			if got := h.Children(parent); got != before+1 {
				h.T.Errorf("%d children while connected, want %d", got, before+1)
			}
			c.Send("41/r1,")
			c.Send("41/rkept,")
			synctest.Wait()
			if got := h.Children(parent); got != before {
				h.T.Errorf("%d children afterwards, want %d", got, before)
			}
		}
		if connected != 4 {
			h.T.Errorf("%d connects, want 4", connected)
		}
	})

	testserver.Behaviour(t, "a client refused by middleware leaves no child behind, unless others are there", func(h *testserver.Harness, mode rawclient.Mode) {
		parent := h.OfPattern(regexp.MustCompile(`^/r`))
		parent.Use(func(_ context.Context, s *socketio.Socket) error {
			var name string
			_ = s.Handshake().DecodeAuth(&struct{ Name *string }{&name})
			if name == "eve" {
				return &socketio.Error{Message: "no"}
			}
			return nil
		})
		c, eve := h.Open(mode), h.Open(mode)
		eve.Send(`40/r1,{"name":"eve"}`)
		eve.Expect(`44/r1,{"message":"no"}`)
		synctest.Wait()
		if got := h.Children(parent); got != 0 {
			h.T.Errorf("%d children after a refusal, want 0", got)
		}
		c.Enter("/r1")
		eve.Send(`40/r1,{"name":"eve"}`)
		eve.Expect(`44/r1,{"message":"no"}`)
		synctest.Wait()
		if got := h.Children(parent); got != 1 {
			h.T.Errorf("%d children, want 1", got)
		}
	})

	testserver.Behaviour(t, "concurrent connects make a child once", func(h *testserver.Harness, mode rawclient.Mode) {
		parent := h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { return true })
		c, d := h.Open(mode), h.Open(mode)
		c.Send("40/r1,")
		d.Send("40/r1,")
		c.Connected("/r1")
		d.Connected("/r1")
		if got := h.Children(parent); got != 1 {
			h.T.Errorf("%d children, want 1", got)
		}
		h.Check(parent.Emit("hi"))
		c.Expect(`42/r1,["hi"]`)
		d.Expect(`42/r1,["hi"]`)
	})

	testserver.Behaviour(t, "a panic in the function refuses the client", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { panic("oops") })
		c := h.Open(mode)
		c.Send("40/x,")
		c.Expect(`44/x,{"message":"Invalid namespace"}`)
	})
}

// onceOnly can be encoded a single time.
type onceOnly struct{ used *bool }

func (o onceOnly) MarshalJSON() ([]byte, error) {
	if *o.used {
		return nil, errors.New("used up")
	}
	*o.used = true
	return []byte("1"), nil
}

// An event for a family is encoded once, though each child has a form of its own.
func TestFamilyEncodesOnce(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		parent := h.OfPattern(regexp.MustCompile(`^/r`))
		c, d := h.Open(rawclient.WebSocket), h.Open(rawclient.WebSocket)
		c.Enter("/r1")
		d.Enter("/r2")
		h.Check(parent.Emit("e", onceOnly{new(bool)}))
		c.Expect(`42/r1,["e",1]`)
		d.Expect(`42/r2,["e",1]`)
	})
}
