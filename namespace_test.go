package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/socketiotest"
)

func TestNamespaces(t *testing.T) {
	behaviour(t, "many sockets on one connection", func(h *harness, mode rawclient.Mode) {
		var joined []string
		for _, name := range []string{"/", "/chat", "/news"} {
			h.Of(name).OnConnect(func(s *socketio.Socket) { joined = append(joined, s.Namespace().Name()) })
			socketio.OnCall(h.Of(name), "who", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
				return s.ID(), nil
			})
		}
		c := h.join(mode)
		sockets := []*socketiotest.Client{c, c.Of("/chat", nil), c.Of("/news", nil)}
		if !slices.Equal(joined, []string{"/", "/chat", "/news"}) {
			h.Errorf("OnConnect for %q", joined)
		}
		ids := make(map[string]bool)
		for _, s := range sockets {
			ids[s.ID()] = true
			if id := socketiotest.Call[string](s, "who"); id != s.ID() {
				h.Errorf("%s calls itself %s", s.ID(), id)
			}
		}
		if len(ids) != len(sockets) {
			h.Error("sockets share an id")
		}
	})
	behaviour(t, "an unknown one is refused, and the connection stays", func(h *harness, mode rawclient.Mode) {
		c := h.open(mode)
		c.send("40/nothing,")
		c.expect(`44/nothing,{"message":"Invalid namespace"}`)
		h.Of("/nothing")
		c.enter("/nothing")
	})
	behaviour(t, "of a closed connection disconnect all", func(h *harness, mode rawclient.Mode) {
		left := make(chan string, 2)
		for _, name := range []string{"/", "/chat"} {
			h.Of(name).OnConnect(func(s *socketio.Socket) {
				s.OnDisconnect(func(r socketio.Reason) { left <- name + " " + string(r) })
			})
		}
		c := h.connect(mode)
		c.enter("/chat")
		c.Close()
		reasons := []string{<-left, <-left}
		slices.Sort(reasons)
		if want := []string{"/ transport close", "/chat transport close"}; !slices.Equal(reasons, want) {
			h.Errorf("disconnected: %q, want %q", reasons, want)
		}
	})
	behaviour(t, "list their sockets, those of a room, and those of many", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		h.Of("/chat")
		chat := a.enter("/chat")
		h.socket(a.id).Join("x", "y")
		h.socket(b.id).Join("y")
		for _, test := range []struct {
			selection socketio.Broadcast
			want      []string
		}{
			{h.Broadcast, []string{a.id, b.id}},
			{h.Of("/").Broadcast, []string{a.id, b.id}},
			{h.Of("/chat").Broadcast, []string{chat}},
			{h.Of("/chat").In(a.id), nil},
			{h.In("x"), []string{a.id}},
			{h.In("x", "y"), []string{a.id, b.id}},
			{h.In("y").Except("x"), []string{b.id}},
			{h.In("z"), nil},
		} {
			got := slices.Sorted(idsOf(test.selection))
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				h.Errorf("listed %q, want %q", got, test.want)
			}
		}
	})
	behaviour(t, "can be left and entered again", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		echo(h, "echo")
		c.send("41")
		first := c.id
		c.send("40")
		if again := c.connected(""); again == first {
			h.Error("the id is the old one")
		}
		c.send(`42["echo"]`)
		c.expect(`42["echo"]`)
		if n := len(slices.Collect(h.Sockets())); n != 1 {
			h.Errorf("%d sockets", n)
		}
	})
	behaviour(t, "a packet for one that has just been disconnected is ignored", func(h *harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) { s.Disconnect(false) })
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			h.Error("handled")
			return nil
		})
		c := h.open(mode)
		c.send("40")
		c.match(`^40\{"sid"`)
		c.expect("41")
		h.Of("/chat")
		c.send(`42["e"]`, `431["ack"]`, "41")
		c.enter("/chat") // the connection stays
	})
}

func TestOf(t *testing.T) {
	io := socketio.NewServer(nil)
	if io.Of("chat") != io.Of("/chat") || io.Of("chat").Name() != "/chat" {
		t.Error(`Of("chat") is not Of("/chat")`)
	}
	if io.Of("/") != io.Namespace || io.Of("") != io.Namespace || io.Name() != "/" {
		t.Error(`the server is not Of("/")`)
	}
}

func TestHandshake(t *testing.T) {
	behaviour(t, "has the request's query and headers, and each namespace's auth", func(h *harness, mode rawclient.Mode) {
		type auth struct {
			Token string `json:"token"`
			Key   []int  `json:"key"`
		}
		h.Of("/chat")
		before := time.Now()
		wait(time.Second)
		c := h.openWith(mode, rawclient.Options{
			Query:  "room=a&room=b",
			Header: http.Header{"X-Custom": {"value"}, "Origin": {"http://server.test"}},
		})
		wait(time.Second)
		c.send(`40{"token":"main"}`)
		main := h.socket(c.connected(""))
		c.send(`40/chat,{"token":"chat","key":[1,2]}`)
		c.connected("/chat")
		chat := slices.Collect(h.Of("/chat").Sockets())[0]
		for s, want := range map[*socketio.Socket]auth{main: {Token: "main"}, chat: {Token: "chat", Key: []int{1, 2}}} {
			hs := s.Handshake()
			var got auth
			h.check(hs.DecodeAuth(&got))
			if !reflect.DeepEqual(got, want) {
				h.Errorf("auth %+v, want %+v", got, want)
			}
			if query := hs.Query(); !slices.Equal(query["room"], []string{"a", "b"}) || query.Has("token") || query.Get("EIO") != "4" {
				h.Errorf("query %v", query)
			}
			if hs.Header.Get("X-Custom") != "value" || !hs.CrossDomain || hs.Secure || hs.Address == "" || hs.Host != "server.test" ||
				!strings.HasPrefix(hs.URL, "/socket.io/?EIO=4&room=a") || hs.Time.Sub(before) != 2*time.Second {
				h.Errorf("handshake %+v", hs)
			}
		}
	})
	behaviour(t, "without auth leaves the target alone, with auth that does not fit fails", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		got := map[string]int{"a": 1}
		h.check(h.socket(c.id).Handshake().DecodeAuth(&got))
		if len(got) != 1 {
			h.Errorf("auth %v", got)
		}
		other := h.open(mode)
		other.send(`40{"token":"text"}`)
		var misfit struct{ Token int }
		if err := h.socket(other.connected("")).Handshake().DecodeAuth(&misfit); err == nil {
			h.Error("a text became an int")
		}
	})
}

type contextKey struct{}

func TestSocketContext(t *testing.T) {
	run(t, nil, func(h *harness) {
		// A second server, for the http middleware before it.
		outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, "user")))
		})
		h.serve(outer)
		for _, mode := range rawclient.Modes {
			c := h.connect(mode)
			s := h.socket(c.id)
			ctx := s.Context()
			if ctx.Value(contextKey{}) != "user" || ctx.Err() != nil {
				t.Errorf("%s: context %v", mode, ctx)
			}
			c.send("41")
			synctest.Wait()
			for _, ctx := range []context.Context{ctx, s.Context()} {
				cause := context.Cause(ctx)
				if !errors.Is(cause, socketio.ErrDisconnected) || !strings.Contains(fmt.Sprint(cause), "client namespace disconnect") {
					t.Errorf("%s: cause %v, want ErrDisconnected with the reason", mode, cause)
				}
			}
		}
		// One that is asked for only afterwards.
		c := h.connect(rawclient.WebSocket)
		s := h.socket(c.id)
		s.Disconnect(true)
		if cause := context.Cause(s.Context()); !errors.Is(cause, socketio.ErrDisconnected) {
			t.Errorf("cause %v", cause)
		}
	})
}

func TestData(t *testing.T) {
	run(t, nil, func(h *harness) {
		s := h.socket(h.connect(rawclient.WebSocket).id)
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
	behaviour(t, "a socket by its id", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		sa, sb := h.Socket(a.id), h.Socket(b.id)
		if sa == nil || sb == nil || sa.ID() != a.id || sb.ID() != b.id {
			h.Fatalf("found %v and %v", sa, sb)
		}
		sa.Join("room", b.id)
		if s := h.Socket(b.id); s != sb {
			h.Errorf("found %v, a member of a room with that name", s)
		}
		if s := h.Of("/other").Socket(a.id); s != nil {
			h.Errorf("found a socket of another namespace: %v", s)
		}
		for _, id := range []string{"", "room", "unknown"} {
			if s := h.Socket(id); s != nil {
				h.Errorf("%q is %v", id, s)
			}
		}
		b.send("41")
		synctest.Wait()
		if s := h.Socket(b.id); s != nil {
			h.Errorf("found %v, which has left", s)
		}
	})
	behaviour(t, "the rooms and their members, and how many a selection has", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		h.Socket(a.id).Join("x", "y")
		h.Socket(b.id).Join("y", a.id)
		if got, want := rooms(h.Namespace), (map[string]int{"x": 1, "y": 2, a.id: 1}); !maps.Equal(got, want) {
			h.Errorf("rooms %v, want %v", got, want)
		}
		got := []int{h.Count(), h.In("y").Count(), h.In("x", "y").Except(a.id).Count(), h.In("nobody").Count()}
		if want := []int{2, 2, 0, 0}; !slices.Equal(got, want) {
			h.Errorf("counts %v, want %v", got, want)
		}
		for range h.Rooms() { // may be left
			break
		}
		b.send("41")
		synctest.Wait()
		if got, want := rooms(h.Namespace), (map[string]int{"x": 1, "y": 1}); !maps.Equal(got, want) {
			h.Errorf("rooms %v, want %v", got, want)
		}
		if n := h.Count(); n != 1 {
			h.Errorf("%d sockets, want 1", n)
		}
	})
	behaviour(t, "of a parent, in its children together", func(h *harness, mode rawclient.Mode) {
		parent := h.OfPattern(regexp.MustCompile("^/r"))
		c := h.open(mode)
		c.enter("/r1")
		c.enter("/r2")
		for s := range parent.Sockets() {
			s.Join("both", "only "+s.Namespace().Name())
			if got := parent.Socket(s.ID()); got != s {
				h.Errorf("found %v, want %v", got, s)
			}
		}
		if got, want := rooms(parent), (map[string]int{"both": 2, "only /r1": 1, "only /r2": 1}); !maps.Equal(got, want) {
			h.Errorf("rooms %v, want %v", got, want)
		}
		if n := parent.In("both").Count(); n != 2 {
			h.Errorf("%d sockets, want 2", n)
		}
	})
}
