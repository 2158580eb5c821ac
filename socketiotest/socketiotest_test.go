package socketiotest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
	"github.com/goroomcast/socketio/socketiotest"
)

// forEach runs f over each transport, with each parser, in a synctest bubble
// and outside.
func forEach(t *testing.T, f func(t *testing.T, io *socketio.Server, connect func() *socketiotest.Client)) {
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		for _, p := range []parser.Parser{parser.JSON{}, msgpack.Parser{}} {
			run := func(t *testing.T) {
				io := socketio.NewServer(&socketio.Options{Parser: p, PingTimeout: time.Minute, UpgradeTimeout: time.Minute})
				srv := socketiotest.NewServer(t, io)
				f(t, io, func() *socketiotest.Client {
					t.Helper()
					return srv.Connect(&socketiotest.Options{Transport: transport, Parser: p})
				})
			}
			name := fmt.Sprintf("%s/%T", transport, p)
			t.Run(name, run)
			t.Run(name+"/bubble", func(t *testing.T) { synctest.Test(t, run) })
		}
	}
}

func TestEvents(t *testing.T) {
	type file struct {
		Name    string `json:"name"`
		Content []byte `json:"content"`
	}
	forEach(t, func(t *testing.T, io *socketio.Server, connect func() *socketiotest.Client) {
		io.On("echo", func(ctx context.Context, e *socketio.Event) error {
			var name string
			var f file
			var n int
			if err := e.Decode(&name, &f, &n); err != nil {
				return err
			}
			return errors.Join(e.Socket().Emit("before"), e.Socket().Emit(name, f, n))
		})
		c := connect()
		sent := file{Name: "a", Content: []byte{1, 2}}
		for range 3 {
			c.Emit("echo", "file", sent, 7)
		}
		c.Expect("file", sent, 7)
		if got := socketiotest.Receive[file](c, "file"); !reflect.DeepEqual(got, sent) {
			t.Errorf("received %v", got)
		}
		e := c.Next("file")
		var got file
		var n int
		if e.Decode(&got, &n); !reflect.DeepEqual(got, sent) || n != 7 || e.Name() != "file" {
			t.Errorf("received %v, %v %v", e, got, n)
		}
		c.Expect("before")
		for range 2 { // left for later by those above
			if e := c.Next(""); e.Name() != "before" {
				t.Errorf("got %v", e)
			}
		}
	})
}

func TestCalls(t *testing.T) {
	forEach(t, func(t *testing.T, io *socketio.Server, connect func() *socketiotest.Client) {
		socketio.OnCall(io, "ask", func(ctx context.Context, s *socketio.Socket, question string) (string, error) {
			return socketio.Call[string](ctx, s, "question", question, []byte{1})
		})
		io.On("mute", func(ctx context.Context, e *socketio.Event) error { return e.Ack() })
		a, b := connect(), connect()
		a.Answer("question", "yes")
		if reply := socketiotest.Call[string](a, "ask", "sure?"); reply != "yes" {
			t.Errorf("reply %q", reply)
		}
		b.Emit("ask", "really?")
		q := b.Next("question")
		var text string
		var data []byte
		if q.Decode(&text, &data); text != "really?" || !slices.Equal(data, []byte{1}) {
			t.Errorf("question %q, % x", text, data)
		}
		q.Ack("no")
		socketiotest.Call[struct{}](b, "mute")

		b.Answer("question", "b's")
		replies := 0
		for r, err := range io.Call(t.Context(), "question") {
			var text string
			if err := errors.Join(err, r.Decode(&text)); err != nil || (text == "b's") != (r.SocketID() == b.ID()) {
				t.Errorf("%s replies %q, %v", r.SocketID(), text, err)
			}
			replies++
		}
		if replies != 2 {
			t.Errorf("%d replies", replies)
		}
	})
}

func TestNamespaces(t *testing.T) {
	forEach(t, func(t *testing.T, io *socketio.Server, connect func() *socketiotest.Client) {
		io.Of("/news").OnConnect(func(s *socketio.Socket) {
			var auth struct{ Name string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				t.Error(err)
			}
			s.Emit("hello", auth.Name)
		})
		socketio.On(io, "main", func(ctx context.Context, s *socketio.Socket, _ struct{}) error {
			return s.Emit("main", s.Namespace().Name())
		})
		c := connect()
		news := c.Of("news", map[string]string{"name": "Ann"})
		news.Expect("hello", "Ann")
		if news.ID() == c.ID() || news.ID() == "" {
			t.Errorf("ids %q and %q", news.ID(), c.ID())
		}
		news.Disconnect()
		c.Of("/news", nil).Expect("hello", "")
		c.Emit("main")
		c.Expect("main", "/")
	})
}

func TestDisconnects(t *testing.T) {
	forEach(t, func(t *testing.T, io *socketio.Server, connect func() *socketiotest.Client) {
		reasons := make(chan socketio.Reason, 1)
		io.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(r socketio.Reason) { reasons <- r })
		})
		socketio.On(io, "hello", func(ctx context.Context, s *socketio.Socket, _ struct{}) error { return nil })
		socketio.On(io, "leave", func(ctx context.Context, s *socketio.Socket, close bool) error {
			s.Emit("goodbye")
			s.Disconnect(close)
			return nil
		})
		for _, test := range []struct {
			leave         func(c *socketiotest.Client)
			client        string
			server        socketio.Reason
			goodbyeBefore bool
		}{
			{func(c *socketiotest.Client) { c.Disconnect() }, "io client disconnect", socketio.ReasonClientDisconnect, false},
			{func(c *socketiotest.Client) { c.Close() }, "transport close", socketio.ReasonTransportClose, false},
			{func(c *socketiotest.Client) { c.Emit("leave", false) }, "io server disconnect", socketio.ReasonServerDisconnect, true},
			{func(c *socketiotest.Client) { c.Emit("leave", true) }, "io server disconnect", socketio.ReasonServerDisconnect, true},
			{func(c *socketiotest.Client) { io.Close() }, "transport close", socketio.ReasonServerShutdown, false},
		} {
			c := connect()
			socketiotest.Call[struct{}](c, "hello")
			test.leave(c)
			if r := <-reasons; r != test.server {
				t.Errorf("the server's reason is %q, want %q", r, test.server)
			}
			c.ExpectDisconnect(test.client)
			if test.goodbyeBefore {
				c.Expect("goodbye")
			}
		}
	})
}

// A client that nobody asks answers the heartbeat.
func TestSilence(t *testing.T) {
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		synctest.Test(t, func(t *testing.T) {
			io := socketio.NewServer(nil)
			c := socketiotest.NewServer(t, io).Connect(&socketiotest.Options{Transport: transport})
			start := time.Now()
			c.ExpectNothing(10 * time.Minute)
			if d := time.Since(start); d != 10*time.Minute {
				t.Errorf("silent for %v", d)
			}
			io.Emit("end")
			c.Expect("end")
		})
	}
}

func TestOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := socketio.NewServer(&socketio.Options{Path: "/chat/io", CORS: socketio.CORS{Origins: []string{"https://app.test"}}})
		outer := http.NewServeMux() // what stands before the server
		outer.Handle("/chat/io/", io)
		t.Cleanup(func() { io.Close() })
		srv := socketiotest.NewServer(t, outer)
		socketio.OnCall(io, "who", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
			return s.Handshake().Query().Get("lang") + s.Handshake().Header.Get("X-Trace"), nil
		})
		o := socketiotest.Options{
			Path: "/chat/io/", Query: url.Values{"lang": {"a&b"}}, Header: http.Header{"Origin": {"https://app.test"}, "X-Trace": {"7"}},
		}
		if got := socketiotest.Call[string](srv.Connect(&o), "who"); got != "a&b7" {
			t.Errorf("got %q", got)
		}
		o.Header = http.Header{"Origin": {"https://evil.test"}}
		if _, err := srv.Dial(&o); err == nil || !strings.Contains(err.Error(), "status 403") {
			t.Errorf("error %v", err)
		}
		if _, err := srv.Dial(nil); err == nil || !strings.Contains(err.Error(), "status 404") {
			t.Errorf("error %v", err)
		}
	})
}

func TestRecoveryOffsets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
		c := socketiotest.NewServer(t, io).Connect(nil)
		io.Emit("none")
		c.Expect("none")
		io.Emit("two", 1, "x")
		e := c.Next("two")
		var n int
		var s string
		if e.Decode(&n, &s); n != 1 || s != "x" {
			t.Errorf("got %s", e)
		}
		io.Emit("two", 1, "x")
		c.Expect("two", 1, "x")
		c.Answer("call", "reply")
		for r, err := range io.Call(t.Context(), "call", "x") {
			if err := errors.Join(err, r.Decode(&s)); err != nil || s != "reply" {
				t.Errorf("got %q, %v", s, err)
			}
		}
	})
}

func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := socketio.NewServer(nil)
		io.Use(func(ctx context.Context, s *socketio.Socket) error {
			return fmt.Errorf("wrapped: %w", &socketio.Error{Message: "full", Data: map[string]any{"limit": 1}})
		})
		srv := socketiotest.NewServer(t, io)
		for _, transport := range []string{"websocket", "polling", "upgrade"} {
			_, err := srv.Dial(&socketiotest.Options{Transport: transport})
			want := &socketio.Error{Message: "full", Data: map[string]any{"limit": 1.0}}
			if !reflect.DeepEqual(err, want) {
				t.Errorf("error %#v, want %#v", err, want)
			}
		}
	})
}

// In a bubble OnConnect has run when Connect or Of return.
func TestConnected(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			connected := 0
			io := socketio.NewServer(nil)
			for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("/news")} {
				n.OnConnect(func(s *socketio.Socket) { connected++ })
			}
			c := socketiotest.NewServer(t, io).Connect(nil)
			c.Of("/news", nil)
			if connected != 2 {
				t.Errorf("OnConnect has run %d times", connected)
			}
		})
	}
}

func TestSeveralArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type pair struct {
			socketio.Args
			Name string
			N    *int
		}
		io := socketio.NewServer(nil)
		socketio.OnCall(io, "swap", func(_ context.Context, s *socketio.Socket, p pair) (pair, error) {
			s.Emit("swapping", p.Name)
			n := len(p.Name)
			return pair{Name: p.Name + "!", N: &n}, nil
		})
		c := socketiotest.NewServer(t, io).Connect(nil)
		if p := socketiotest.Call[pair](c, "swap", "ann"); p.Name != "ann!" || p.N == nil || *p.N != 3 {
			t.Errorf("got %+v", p)
		}
		if p := socketiotest.Receive[pair](c, "swapping"); p.Name != "ann" || p.N != nil {
			t.Errorf("got %+v", p)
		}
	})
}
