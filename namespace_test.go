package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/socketiotest"
)

func TestNamespaces(t *testing.T) {
	testserver.Behaviour(t, "many sockets on one connection", func(h *testserver.Harness, mode rawclient.Mode) {
		var joined []string
		for _, name := range []string{"/", "/chat", "/news"} {
			h.Of(name).OnConnect(func(s *socketio.Socket) { joined = append(joined, s.Namespace().Name()) })
			socketio.OnCall(h.Of(name), "who", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
				return s.ID(), nil
			})
		}
		c := h.TestClient(mode)
		sockets := []*socketiotest.Client{c, c.Of("/chat", nil), c.Of("/news", nil)}
		if !slices.Equal(joined, []string{"/", "/chat", "/news"}) {
			h.T.Errorf("OnConnect for %q", joined)
		}
		ids := make(map[string]bool)
		for _, s := range sockets {
			ids[s.ID()] = true
			if id := socketiotest.Call[string](s, "who"); id != s.ID() {
				h.T.Errorf("%s calls itself %s", s.ID(), id)
			}
		}
		if len(ids) != len(sockets) {
			h.T.Error("sockets share an id")
		}
	})
	testserver.Behaviour(t, "an unknown one is refused, and the connection stays", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Open(mode)
		c.Send("40/nothing,")
		c.Expect(`44/nothing,{"message":"Invalid namespace"}`)
		h.Of("/nothing")
		c.Enter("/nothing")
	})
	testserver.Behaviour(t, "a packet before the answer is an error, also if the refusal overtakes it", func(h *testserver.Harness, mode rawclient.Mode) {
		verdict := make(chan error)
		var asked *socketio.Socket
		h.Of("/closed").Use(func(_ context.Context, s *socketio.Socket) error {
			asked = s
			return <-verdict
		})
		c := h.Open(mode)
		c.Send("40/closed,")
		synctest.Wait()
		for _, decided := range []bool{false, true} {
			if decided {
				verdict <- errors.New("no")
				c.Expect(`44/closed,{"message":"no"}`)
				synctest.Wait()
			}
			for _, kind := range []parser.Type{parser.Event, parser.Ack, parser.Disconnect} {
				if asked.Takes(kind) == nil {
					h.T.Errorf("no error for a packet of type %d, decided: %t", kind, decided)
				}
			}
		}
	})
	testserver.Behaviour(t, "of a closed connection disconnect all", func(h *testserver.Harness, mode rawclient.Mode) {
		left := make(chan string, 2)
		for _, name := range []string{"/", "/chat"} {
			h.Of(name).OnConnect(func(s *socketio.Socket) {
				s.OnDisconnect(func(r socketio.Reason) { left <- name + " " + string(r) })
			})
		}
		c := h.Connect(mode)
		c.Enter("/chat")
		c.Close()
		reasons := []string{<-left, <-left}
		slices.Sort(reasons)
		if want := []string{"/ transport close", "/chat transport close"}; !slices.Equal(reasons, want) {
			h.T.Errorf("disconnected: %q, want %q", reasons, want)
		}
	})
	testserver.Behaviour(t, "list their sockets, those of a room, and those of many", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		h.Of("/chat")
		chat := a.Enter("/chat")
		h.MustSocket(a.ID).Join("x", "y")
		h.MustSocket(b.ID).Join("y")
		for _, test := range []struct {
			selection socketio.Broadcast
			want      []string
		}{
			{h.To(), []string{a.ID, b.ID}},
			{h.Of("/").To(), []string{a.ID, b.ID}},
			{h.Of("/chat").To(), []string{chat}},
			{h.Of("/chat").In(a.ID), nil},
			{h.In("x"), []string{a.ID}},
			{h.In("x", "y"), []string{a.ID, b.ID}},
			{h.In("y").Except("x"), []string{b.ID}},
			{h.In("z"), nil},
		} {
			got := slices.Sorted(testserver.IDs(test.selection))
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				h.T.Errorf("listed %q, want %q", got, test.want)
			}
		}
	})
	testserver.Behaviour(t, "can be left and entered again", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		testserver.Echo(h, "echo")
		c.Send("41")
		first := c.ID
		c.Send("40")
		if again := c.Connected(""); again == first {
			h.T.Error("the id is the old one")
		}
		c.Send(`42["echo"]`)
		c.Expect(`42["echo"]`)
		if n := len(slices.Collect(h.Sockets())); n != 1 {
			h.T.Errorf("%d sockets", n)
		}
	})
	testserver.Behaviour(t, "a packet for one that has just been disconnected is ignored", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) { s.Disconnect(false) })
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			h.T.Error("handled")
			return nil
		})
		c := h.Open(mode)
		c.Send("40")
		c.Match(`^40\{"sid"`)
		c.Expect("41")
		h.Of("/chat")
		c.Send(`42["e"]`, `431["ack"]`, "41")
		c.Enter("/chat") // the connection stays
	})
}

func TestOf(t *testing.T) {
	io := socketio.NewServer(nil)
	if io.Of("chat") != io.Of("/chat") || io.Of("chat").Name() != "/chat" {
		t.Error(`Of("chat") is not Of("/chat")`)
	}
	if io.Of("/") != io.Of("") || io.Of("/").Name() != "/" || io.Name() != "/" {
		t.Error(`the server is not Of("/")`)
	}
}

type contextKey struct{}

func TestSocketContext(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		// A second server, for the http middleware before it.
		outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, "user")))
		})
		h.Serve(outer)
		for _, mode := range rawclient.Modes {
			c := h.Connect(mode)
			s := h.MustSocket(c.ID)
			ctx := s.Context()
			if ctx.Value(contextKey{}) != "user" || ctx.Err() != nil {
				t.Errorf("%s: context %v", mode, ctx)
			}
			c.Send("41")
			synctest.Wait()
			for _, ctx := range []context.Context{ctx, s.Context()} {
				cause := context.Cause(ctx)
				if !errors.Is(cause, socketio.ErrDisconnected) || !strings.Contains(fmt.Sprint(cause), "client namespace disconnect") {
					t.Errorf("%s: cause %v, want ErrDisconnected with the reason", mode, cause)
				}
			}
		}
		// One that is asked for only afterwards.
		c := h.Connect(rawclient.WebSocket)
		s := h.MustSocket(c.ID)
		s.Disconnect(true)
		if cause := context.Cause(s.Context()); !errors.Is(cause, socketio.ErrDisconnected) {
			t.Errorf("cause %v", cause)
		}
	})
}

func TestData(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		s := h.MustSocket(h.Connect(rawclient.WebSocket).ID)
		if s.Data() != nil {
			t.Errorf("data %v at first", s.Data())
		}
		s.SetData("user")
		s.Disconnect(true)
		if s.Data() != "user" {
			t.Errorf("data %v, want user", s.Data())
		}
	})
}

func TestWhoIsHere(t *testing.T) {
	rooms := func(n *socketio.Namespace) map[string]int { return maps.Collect(n.Rooms()) }
	testserver.Behaviour(t, "a socket by its id", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		sa, sb := h.Socket(a.ID), h.Socket(b.ID)
		if sa == nil || sb == nil || sa.ID() != a.ID || sb.ID() != b.ID {
			h.T.Fatalf("found %v and %v", sa, sb)
		}
		sa.Join("room", b.ID)
		if s := h.Socket(b.ID); s != sb {
			h.T.Errorf("found %v, a member of a room with that name", s)
		}
		if s := h.Of("/other").Socket(a.ID); s != nil {
			h.T.Errorf("found a socket of another namespace: %v", s)
		}
		for _, id := range []string{"", "room", "unknown"} {
			if s := h.Socket(id); s != nil {
				h.T.Errorf("%q is %v", id, s)
			}
		}
		b.Send("41")
		synctest.Wait()
		if s := h.Socket(b.ID); s != nil {
			h.T.Errorf("found %v, which has left", s)
		}
	})
	testserver.Behaviour(t, "the rooms and their members, and how many a selection has", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		h.Socket(a.ID).Join("x", "y")
		h.Socket(b.ID).Join("y", a.ID)
		if got, want := rooms(h.Of("/")), (map[string]int{"x": 1, "y": 2, a.ID: 1}); !maps.Equal(got, want) {
			h.T.Errorf("rooms %v, want %v", got, want)
		}
		got := []int{h.Count(), h.In("y").Count(), h.In("x", "y").Except(a.ID).Count(), h.In("nobody").Count()}
		if want := []int{2, 2, 0, 0}; !slices.Equal(got, want) {
			h.T.Errorf("counts %v, want %v", got, want)
		}
		for range h.Rooms() { // may be left
			break
		}
		b.Send("41")
		synctest.Wait()
		if got, want := rooms(h.Of("/")), (map[string]int{"x": 1, "y": 1}); !maps.Equal(got, want) {
			h.T.Errorf("rooms %v, want %v", got, want)
		}
		if n := h.Count(); n != 1 {
			h.T.Errorf("%d sockets, want 1", n)
		}
	})
	testserver.Behaviour(t, "of a parent, in its children together", func(h *testserver.Harness, mode rawclient.Mode) {
		parent := h.OfPattern(regexp.MustCompile("^/r"))
		c := h.Open(mode)
		c.Enter("/r1")
		c.Enter("/r2")
		for s := range parent.Sockets() {
			s.Join("both", "only "+s.Namespace().Name())
			if got := parent.Socket(s.ID()); got != s {
				h.T.Errorf("found %v, want %v", got, s)
			}
		}
		if got, want := rooms(parent), (map[string]int{"both": 2, "only /r1": 1, "only /r2": 1}); !maps.Equal(got, want) {
			h.T.Errorf("rooms %v, want %v", got, want)
		}
		if n := parent.In("both").Count(); n != 2 {
			h.T.Errorf("%d sockets, want 2", n)
		}
	})
}

func TestMaxNamespaces(t *testing.T) {
	var seen tally
	o := socketio.Options{Limits: socketio.Limits{Namespaces: 3}, Trace: &socketio.Trace{Refused: seen.trace().Refused}}
	testserver.LoggedOnce(t, o, []string{"Options.Limits.Namespaces", "limit=3"}, func(h *testserver.Harness, mode rawclient.Mode) {
		h.OfPattern(regexp.MustCompile("^/r"))
		deciding := make(chan struct{})
		h.OfFunc(func(ctx context.Context, name string, _ *socketio.Handshake) bool {
			select {
			case <-deciding:
			case <-ctx.Done():
			}
			return strings.HasPrefix(name, "/slow")
		})
		testserver.Echo(h, "echo")
		c := h.Connect(mode)
		c.Send("40/slow1,", "40/slow2,") // count while it is decided about them
		synctest.Wait()
		c.Send("40/r1,")
		c.Expect(`44/r1,{"message":"Too many namespaces"}`)
		seen.expect(h.T, `refused nothing: Too many namespaces "/r1"`)
		close(deciding)
		got := []string{c.Next()[:11], c.Next()[:11]}
		if slices.Sort(got); !slices.Equal(got, []string{`40/slow1,{"`, `40/slow2,{"`}) {
			h.T.Fatalf("got %q", got)
		}
		synctest.Wait()
		c.Send("40/nowhere,")
		c.Expect(`44/nowhere,{"message":"Too many namespaces"}`)

		c.Send("41/slow1,")
		for i := range 10 { // as many as it likes, one after the other
			c.Enter(fmt.Sprint("/r", i))
			c.Send(`40/r11,`)
			c.Expect(`44/r11,{"message":"Too many namespaces"}`)
			c.Send(fmt.Sprintf("41/r%d,", i))
		}
		c.Send(`42["echo",1]`) // the others are still there
		c.Expect(`42["echo",1]`)
		c.Send("40/nowhere,")
		c.Expect(`44/nowhere,{"message":"Invalid namespace"}`)
		synctest.Wait() // the hook may be called after the client has the answer
		seen.told = nil
	})
}

func TestRoomEvents(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		var got []string
		var names = map[string]string{}
		listen := func(n *socketio.Namespace) (off func()) {
			return n.OnRoomEvent(func(e socketio.RoomEvent) {
				got = append(got, fmt.Sprint(e.Kind, " ", e.Room, " ", names[e.SocketID]))
			})
		}
		off := listen(h.Of("/"))
		expect := func(what string, want ...string) {
			h.T.Helper()
			if !slices.Equal(got, want) {
				h.T.Errorf("%s: got %q, want %q", what, got, want)
			}
			got = nil
		}
		c, d := h.Connect(rawclient.WebSocket), h.Connect(rawclient.WebSocket)
		names[c.ID], names[d.ID] = "c", "d"
		a, b := h.MustSocket(c.ID), h.MustSocket(d.ID)

		a.Join("x", "y")
		expect("first to join", "create-room x c", "join-room x c", "create-room y c", "join-room y c")
		b.Join("x")
		expect("second to join", "join-room x d")
		b.Join("x", d.ID)
		b.Leave("z")
		expect("nothing changes")
		a.Leave("x")
		expect("others remain", "leave-room x c")
		b.Leave("x")
		expect("last to leave", "leave-room x d", "delete-room x d")
		a.Disconnect(false)
		c.Expect("41")
		synctest.Wait()
		expect("disconnect", "leave-room y c", "delete-room y c")
		off()
		b.Join("z")
		expect("off")
	})

	testserver.Run(t, nil, func(h *testserver.Harness) {
		parent := h.OfPattern(regexp.MustCompile("^/r"))
		var got []string
		var in *socketio.Socket
		parent.OnConnect(func(s *socketio.Socket) { in = s })
		c := h.Open(rawclient.WebSocket)
		c.Enter("/r1")
		parent.OnRoomEvent(func(e socketio.RoomEvent) {
			got = append(got, string(e.Kind))
			if e.Kind == socketio.RoomJoined && e.Room == "a" {
				in.Join("b") // from within
			}
		})
		in.Join("a")
		if want := []string{"create-room", "join-room", "create-room", "join-room"}; !slices.Equal(got, want) {
			h.T.Errorf("family: got %q, want %q", got, want)
		}
	})
}

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

// TestContextOfASocket holds that package context treats a socket's context as
// one of its own.
func TestContextOfASocket(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		ctx := h.AnySocket(h.Of("/")).Context()
		type key struct{}
		child, cancel := context.WithTimeout(context.WithValue(ctx, key{}, "value"), time.Hour)
		defer cancel()
		stopped, called, after := false, make(chan string, 3), "after the end"
		stop := context.AfterFunc(ctx, func() { stopped = true })
		context.AfterFunc(ctx, func() { called <- "of the socket" })
		context.AfterFunc(child, func() { called <- "of the child" })
		synctest.Wait()
		if ctx.Err() != nil || context.Cause(ctx) != nil || child.Err() != nil || !stop() || stop() {
			t.Error("the context has ended before the socket")
		}
		if _, has := ctx.Deadline(); has || child.Value(key{}) != "value" {
			t.Error("a deadline, or no value")
		}
		c.Drop()
		synctest.Wait()
		for _, ctx := range []context.Context{ctx, child} {
			<-ctx.Done()
			if ctx.Err() != context.Canceled || !errors.Is(context.Cause(ctx), socketio.ErrDisconnected) {
				t.Errorf("%v, cause %v", ctx.Err(), context.Cause(ctx))
			}
		}
		late, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(ctx, func() { called <- after })
		synctest.Wait()
		if late.Err() == nil || !errors.Is(context.Cause(late), socketio.ErrDisconnected) || len(called) != 3 || stopped {
			t.Errorf("late context: %v, cause %v; %d functions called; a stopped one: %v", late.Err(), context.Cause(late), len(called), stopped)
		}
	})
}
