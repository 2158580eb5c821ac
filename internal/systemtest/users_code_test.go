package systemtest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

// A userCode is a place where the library calls the program's code. Its
// parts may be nil.
type userCode struct {
	options func(b *bomb, o *socketio.Options)
	server  func(b *bomb, h *testserver.Harness)
	socket  func(b *bomb, h *testserver.Harness, s *socketio.Socket)
	socket2 func(b *bomb, h *testserver.Harness, s *socketio.Socket) // on a goroutine of the program
	answer  string                                                   // that the client gets among others
	goexit  bool                                                     // may end its goroutine, too
}

const internalAnswer = `[{"error":"internal error"}]`

func usersCode() map[string]userCode {
	all := map[string]userCode{
		"Namespace.Use":       {server: func(b *bomb, h *testserver.Harness) { h.Use(b.middleware) }, answer: `44{"message":"internal error"}`},
		"Namespace.OnConnect": {server: func(b *bomb, h *testserver.Harness) { h.OnConnect(func(*socketio.Socket) { b.explode() }) }, goexit: true},
		"Namespace.On":        {server: func(b *bomb, h *testserver.Harness) { h.On("ask", b.handler) }, answer: "431" + internalAnswer, goexit: true},
		"Namespace.OnRoomEvent": {server: func(b *bomb, h *testserver.Harness) {
			h.OnRoomEvent(func(socketio.RoomEvent) { b.explode() })
		}},
		"Namespace.OnServerSide": {server: func(b *bomb, h *testserver.Harness) { h.OnServerSide("question", b.handler) }, goexit: true},
		"Server.OfFunc": {server: func(b *bomb, h *testserver.Harness) {
			h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { b.explode(); return false })
		}, answer: `44/family,{"message":"Invalid namespace"}`},
		"Socket.On":    {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) { s.On("ask", b.handler) }, answer: "431" + internalAnswer, goexit: true},
		"Socket.Use":   {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) { s.Use(b.handler) }, answer: "431" + internalAnswer, goexit: true},
		"Socket.OnAny": {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) { s.OnAny(b.handler) }, goexit: true},
		"Socket.OnAnyOutgoing": {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) {
			s.OnAnyOutgoing(func(string, []any) { b.explode() })
		}},
		"Socket.OnDisconnecting": {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) {
			s.OnDisconnecting(func(socketio.Reason) { b.explode() })
		}},
		"Socket.OnDisconnect": {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) {
			s.OnDisconnect(func(socketio.Reason) { b.explode() })
		}},
		"Conn.OnUpgrade": {socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) { s.Conn().OnUpgrade(b.explode) }},
		"Socket.CallFunc": {socket: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
			wantNoErr(h, b, s.CallFunc(func(*socketio.Reply, error) { b.explode() }, "question"))
		}, goexit: true},
		"On":     {server: func(b *bomb, h *testserver.Harness) { socketio.On(h.Server, "ask", b.typed) }, answer: "431" + internalAnswer, goexit: true},
		"OnCall": {server: func(b *bomb, h *testserver.Harness) { socketio.OnCall(h.Server, "ask", b.called) }, answer: "431" + internalAnswer, goexit: true},

		"Options.AllowRequest": {options: func(b *bomb, o *socketio.Options) { b.in(o, "AllowRequest") }},
		"Options.GenerateID": {options: func(b *bomb, o *socketio.Options) {
			o.GenerateID = func(*http.Request) (string, error) { b.explode(); return engine.NewID(), nil }
		}},
		"CORS.AllowOrigin": {options: func(b *bomb, o *socketio.Options) { b.in(&o.CORS, "AllowOrigin") }},
		"the error of AllowRequest": {options: func(b *bomb, o *socketio.Options) {
			o.AllowRequest = func(*http.Request) error {
				if b.disarmed.Load() {
					return nil
				}
				return errBomb{b}
			}
		}},

		"the parser's Encode":     {options: func(b *bomb, o *socketio.Options) { o.Parser = parserBomb{b: b, in: "Encode"} }},
		"the parser's NewDecoder": {options: func(b *bomb, o *socketio.Options) { o.Parser = parserBomb{b: b, in: "NewDecoder"} }},
		"the parser's Text":       {options: func(b *bomb, o *socketio.Options) { o.Parser = parserBomb{b: b, in: "Text"} }},
		"the parser's Args": {options: func(b *bomb, o *socketio.Options) { o.Parser = parserBomb{b: b, in: "Args"} },
			server: func(b *bomb, h *testserver.Harness) {
				socketio.On(h.Server, "ask", func(context.Context, *socketio.Socket, string) error { return nil })
			}, answer: "431" + internalAnswer},

		"the adapter's Publish":   {options: func(b *bomb, o *socketio.Options) { o.Adapter = &adapterBomb{b: b, in: "Publish"} }},
		"the adapter's Subscribe": {options: func(b *bomb, o *socketio.Options) { o.Adapter = &adapterBomb{b: b, in: "Subscribe"} }},
		"the adapter's Servers":   {options: func(b *bomb, o *socketio.Options) { o.Adapter = &adapterBomb{b: b, in: "Servers"} }},
	}
	for name, value := range map[string]func(b *bomb) any{
		"MarshalJSON": func(b *bomb) any { return jsonBomb{b} },
		"MarshalText": func(b *bomb) any { return map[string]any{"a": textBomb{b}} },
	} {
		all[name+" in Emit"] = userCode{socket2: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
			wantErr(h, b, s.Emit("e", value(b)))
			wantErr(h, b, h.Emit("e", value(b)))
			wantErr(h, b, s.Compress(false).Emit("e", value(b)))
		}}
		all[name+" in ServerSideEmit"] = userCode{socket2: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
			wantErr(h, b, h.ServerSideEmit("e", value(b)))
		}}
		all[name+" in Call"] = userCode{socket2: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
			_, err := socketio.Call[int](briefly(time.Second), s, "e", value(b))
			wantErr(h, b, err)
			wantErr(h, b, s.CallFunc(func(*socketio.Reply, error) {}, "e", value(b)))
			for _, err := range h.Call(briefly(time.Second), "e", value(b)) {
				wantErr(h, b, err)
			}
		}}
		all[name+" in OnCall"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			socketio.OnCall(h.Server, "ask", func(context.Context, *socketio.Socket, any) (any, error) { return value(b), nil })
		}, answer: "431" + internalAnswer}
		all[name+" in Ack"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			h.On("ask", func(_ context.Context, e *socketio.Event) error { return e.Ack(value(b)) })
		}, answer: "431" + internalAnswer}
		all[name+" in Error"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			socketio.OnCall(h.Server, "ask", func(context.Context, *socketio.Socket, any) (any, error) {
				return nil, &socketio.Error{Message: "m", Data: value(b)}
			})
		}, answer: "431" + internalAnswer}
		all[name+" in ConnectError"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			h.Use(func(context.Context, *socketio.Socket) error {
				if b.disarmed.Load() {
					return nil
				}
				return &socketio.Error{Message: "m", Data: value(b)}
			})
		}, answer: `44{"message":"internal error"}`}
		all[name+" in SetData"] = userCode{socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) { s.SetData(value(b)) }}
		all[name+" in a server's answer"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			h.OnServerSide("question", func(_ context.Context, e *socketio.Event) error { return e.Ack(value(b)) })
		}}
	}
	for name, failure := range map[string]func(b *bomb) error{
		"Error":          func(b *bomb) error { return errBomb{b} },
		"Unwrap":         func(b *bomb) error { return unwrapB{b} },
		"Is":             func(b *bomb) error { return isBomb{b} },
		"As":             func(b *bomb) error { return asBomb{b} },
		"Error, in Join": func(b *bomb) error { return errors.Join(errors.New("one"), errBomb{b}) },
	} {
		armed := func(b *bomb) error {
			if b.disarmed.Load() {
				return nil
			}
			return failure(b)
		}
		all[name+" of middleware"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			h.Use(func(context.Context, *socketio.Socket) error { return armed(b) })
		}, answer: `44{"message":"internal error"}`}
		all[name+" of Socket.Use"] = userCode{socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) {
			s.Use(func(context.Context, *socketio.Event) error { return armed(b) })
		}, answer: "431" + internalAnswer}
		all[name+" of OnAny"] = userCode{socket: func(b *bomb, _ *testserver.Harness, s *socketio.Socket) {
			s.OnAny(func(context.Context, *socketio.Event) error { return armed(b) })
		}}
		all[name+" of a Handler"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			h.On("ask", func(context.Context, *socketio.Event) error { return armed(b) })
		}, answer: "431" + internalAnswer}
		all[name+" of On"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			socketio.On(h.Server, "ask", func(context.Context, *socketio.Socket, struct{}) error { return armed(b) })
		}, answer: "431" + internalAnswer}
		all[name+" of OnCall"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			socketio.OnCall(h.Server, "ask", func(context.Context, *socketio.Socket, struct{}) (int, error) { return 1, armed(b) })
		}, answer: "431" + internalAnswer}
		all[name+" of OnServerSide"] = userCode{server: func(b *bomb, h *testserver.Harness) {
			h.OnServerSide("question", func(context.Context, *socketio.Event) error { return armed(b) })
		}}
	}
	decode := func(name string, u userCode) { all["UnmarshalJSON in "+name] = u }
	decode("On", userCode{server: func(b *bomb, h *testserver.Harness) {
		socketio.On(h.Server, "ask", func(context.Context, *socketio.Socket, target) error { return nil })
	}, answer: "431" + internalAnswer})
	decode("OnCall", userCode{server: func(b *bomb, h *testserver.Harness) {
		socketio.OnCall(h.Server, "ask", func(context.Context, *socketio.Socket, target) (int, error) { return 1, nil })
	}, answer: "431" + internalAnswer})
	decode("DecodeAuth", userCode{server: func(b *bomb, h *testserver.Harness) {
		h.Use(func(_ context.Context, s *socketio.Socket) error { return s.Handshake().DecodeAuth(new(target)) })
	}, answer: `44{"message":"internal error"}`})
	decode("Call", userCode{socket2: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
		_, err := socketio.Call[target](briefly(time.Second), s, "question")
		wantErr(h, b, err)
	}})
	decode("Reply.Decode", userCode{socket2: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
		for r, err := range h.In(s.ID()).Call(briefly(time.Second), "question") {
			wantNoErr(h, b, err)
			wantErr(h, b, r.Decode(new(target)))
		}
	}})
	decode("DecodeData", userCode{socket2: func(b *bomb, h *testserver.Harness, s *socketio.Socket) {
		all, err := h.In(s.ID()).FetchSockets(briefly(time.Second))
		wantNoErr(h, b, err)
		for _, found := range all {
			wantErr(h, b, found.DecodeData(new(target)))
		}
	}})
	trace := reflect.TypeFor[socketio.Trace]()
	for i := range trace.NumField() {
		if name := trace.Field(i).Name; name != "ServerCreated" { // a panic there is NewServer's
			all["Trace."+name] = userCode{options: func(b *bomb, o *socketio.Options) { b.in(o.Trace, name) }}
		}
	}
	all["what Trace.Handle returns"] = userCode{options: func(b *bomb, o *socketio.Options) {
		o.Trace.Handle = func(ctx context.Context, _ *socketio.Event) (context.Context, func(error)) {
			return ctx, func(error) { b.explode() }
		}
	}}
	return all
}

func wantErr(h *testserver.Harness, b *bomb, err error) {
	h.T.Helper()
	if err == nil && b.instead == nil {
		h.T.Error("no error")
	}
}

func wantNoErr(h *testserver.Harness, b *bomb, err error) {
	h.T.Helper()
	if b.instead == nil {
		h.Check(err)
	}
}

// briefly returns a context with a deadline.
func briefly(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// TestEveryCallOfUsersCode has each call of the program's code panic. The
// process lives, who waits is told "internal error", and the log has one line
// with the stack for each panic.
func TestEveryCallOfUsersCode(t *testing.T) {
	for name, u := range usersCode() {
		t.Run(name, func(t *testing.T) { u.check(t, false) })
		if u.goexit {
			t.Run(name+"/Goexit", func(t *testing.T) { u.check(t, true) })
		}
	}
}

func (u *userCode) check(t *testing.T, goexit bool) {
	log, b := new(testserver.LogBook), &bomb{quiet: goexit}
	unmarshalBomb.Store(b)
	o := &socketio.Options{
		Adapter:     new(adapter.Loopback),
		Trace:       new(socketio.Trace),
		Limits:      socketio.Limits{EventRate: socketio.EventRate{PerSecond: 1, Burst: 20, Over: socketio.RateDrop}},
		PingTimeout: 5 * time.Second,
		Logger:      slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if u.options != nil {
		u.options(b, o)
	}
	testserver.Run(t, o, func(h *testserver.Harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: o.Adapter, Logger: o.Logger})
		h.T.Cleanup(func() { b.disarmed.Store(true); other.Close() })
		if !strings.Contains(t.Name(), "OfFunc") {
			h.OfFunc(func(_ context.Context, name string, _ *socketio.Handshake) bool { return name == "/family" })
		}
		if u.server != nil {
			u.server(b, h)
		}
		h.OnConnect(func(s *socketio.Socket) {
			if u.socket != nil {
				u.socket(b, h, s)
			}
		})
		got := live(h, u, b, other)
		if u.answer != "" && !slices.Contains(got, u.answer) {
			t.Errorf("the client got %q, want %s among it", got, u.answer)
		}
		lines := 0
		for _, line := range log.Lines() {
			if strings.Contains(line, "panic=boom") && strings.Contains(line, "goroutine ") {
				lines++
			}
		}
		calls := int(b.calls.Load())
		if want := calls; calls == 0 || !goexit && lines != want {
			t.Errorf("%d panics, %d lines:\n%s", calls, lines, strings.Join(log.Lines(), "\n"))
		}
		b.disarmed.Store(true)
		socketio.OnCall(h.Server, "alive", func(context.Context, *socketio.Socket, struct{}) (string, error) { return "yes", nil })
		c := h.Connect(rawclient.WebSocket)
		c.Send(`427["alive"]`)
		for p := ""; p != `437["yes"]`; {
			p = c.Next()
		}
	})
}

// live goes through what makes a server call the program's code, and returns
// what the client has got. Its requests may fail.
func live(h *testserver.Harness, u *userCode, b *bomb, other *socketio.Server) (got []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	origin := rawclient.Options{Path: "/socket.io/", Pong: true, Header: http.Header{"Origin": {"https://page.test"}}}
	for _, mode := range []rawclient.Mode{rawclient.Upgrade, rawclient.WebSocket} {
		if c, err := rawclient.Open(ctx, h.Dial, mode, origin); err == nil {
			c.Drop()
		}
		c, err := rawclient.Open(context.Background(), h.Dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
		if err != nil {
			continue
		}
		_ = c.Send(`40{"token":"x"}`)
		synctest.Wait()
		_ = c.Send("40/family,", `40/none,`)
		synctest.Wait()
		_ = c.Send(`421["ask",{"a":1}]`)
		synctest.Wait()
		for s := range h.Sockets() {
			s.Join("room")
			s.Leave("room")
			if u.socket2 != nil {
				done := make(chan struct{})
				go func() {
					defer close(done)
					u.socket2(b, h, s)
				}()
				synctest.Wait()
				_ = c.Send(`430[1]`, `431[1]`, `432[1]`, `433[1]`, `434[1]`, `435[1]`)
				<-done
			}
		}
		_ = c.Send(`430[1]`)
		h.Emit("e")
		h.Volatile().Emit("e")
		h.Volatile().Emit("e")
		other.Emit("e")
		_, _ = other.FetchSockets(ctx)
		for range other.ServerSideCall(ctx, "question") {
		}
		for range 25 {
			_ = c.Send(`42["flood"]`)
		}
		synctest.Wait()
		_ = c.Send("41/family,", "41")
		synctest.Wait()
		c.Drop()
		for p := range c.Packets() {
			got = append(got, p)
		}
	}
	web := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.Dial(ctx) }}}
	defer web.CloseIdleConnections()
	if r, err := web.Get("http://server.test/socket.io/?EIO=4&transport=pigeon"); err == nil {
		r.Body.Close()
	}
	synctest.Wait()
	return got
}

// Every method that takes a function, and every function of the options, has a
// row.
func TestEveryCallOfUsersCodeIsThere(t *testing.T) {
	rows := usersCode()
	want := func(row string) {
		if _, there := rows[row]; !there {
			t.Errorf("no row %q", row)
		}
	}
	takesFunc := func(f reflect.Type) bool {
		for i := 1; i < f.NumIn(); i++ {
			if f.In(i).Kind() == reflect.Func {
				return true
			}
		}
		return false
	}
	inherited := reflect.TypeFor[*socketio.Namespace]()
	for _, of := range []reflect.Type{
		reflect.TypeFor[*socketio.Namespace](), reflect.TypeFor[*socketio.Socket](), reflect.TypeFor[*socketio.Server](),
	} {
		for i := range of.NumMethod() {
			m := of.Method(i)
			if _, twice := inherited.MethodByName(m.Name); twice && of == reflect.TypeFor[*socketio.Server]() {
				continue
			}
			if takesFunc(m.Type) {
				want(of.Elem().Name() + "." + m.Name)
			}
		}
	}
	for prefix, of := range map[string]reflect.Type{
		"Options.": reflect.TypeFor[socketio.Options](), "CORS.": reflect.TypeFor[socketio.CORS](), "Trace.": reflect.TypeFor[socketio.Trace](),
	} {
		for i := range of.NumField() {
			if row := prefix + of.Field(i).Name; of.Field(i).Type.Kind() == reflect.Func && row != "Trace.ServerCreated" {
				want(row)
			}
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[adapter.Adapter](), reflect.TypeFor[parser.Parser]()} {
		for i := range of.NumMethod() {
			want("the " + strings.ToLower(of.Name()) + "'s " + of.Method(i).Name)
		}
	}
}
