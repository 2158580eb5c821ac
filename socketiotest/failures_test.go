package socketiotest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/socketiotest"
)

// What a test that fails is told.
func TestFailures(t *testing.T) {
	type client = socketiotest.Client
	for name, test := range map[string]struct {
		f    func(io *socketio.Server, srv *socketiotest.Server, c *client)
		want []string
	}{
		"nothing comes": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) { c.Next("e") },
			[]string{`no event "e" within 10s; no other event received`},
		},
		"something else comes": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("other", 1, []byte("x"))
				io.Emit("third")
				c.Expect("e", 1)
			},
			[]string{`no event "e" within 10s; received instead: "other" [1,"eA=="], "third" []`},
		},
		"other arguments come": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("e", map[string]int{"a": 1}, "x")
				c.Expect("e", struct{ A int }{1})
			},
			[]string{`got "e" [{"a":1},"x"], want [{"A":1}]`},
		},
		"long arguments are abridged": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("e", strings.Repeat("x", 1000))
				c.Expect("e")
			},
			[]string{`xxx…, want []`},
		},
		"one type comes for another": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("e", "text")
				socketiotest.Receive[int](c, "e")
			},
			[]string{`"e" ["text"]: parser: argument 0: `},
		},
		"an argument is missing": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("e")
				socketiotest.Receive[int](c, "e")
			},
			[]string{`"e" []: parser: too few arguments`},
		},
		"something comes where nothing should": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				time.AfterFunc(time.Second, func() { io.Emit("e", 1) })
				c.ExpectNothing(time.Minute)
			},
			[]string{`got "e" [1], want nothing`},
		},
		"no handler replies": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("instead")
				socketiotest.Call[int](c, "unknown")
			},
			[]string{`no reply to "unknown" within 10s; received instead: "instead" []`},
		},
		"the reply is of another type": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				socketio.OnCall(io, "e", func(ctx context.Context, s *socketio.Socket, _ struct{}) (int, error) {
					return 0, &socketio.Error{Message: "not today"}
				})
				socketiotest.Call[int](c, "e")
			},
			[]string{`reply [{"error":"not today"}] to "e"`},
		},
		"the server wants no reply": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Emit("e")
				c.Next("e").Ack()
			},
			[]string{`the server wants no reply to "e" []`},
		},
		"the end comes instead": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Close()
				c.Next("")
			},
			[]string{"no event; disconnected: transport close; no other event received"},
		},
		"an event after the end": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				c.Disconnect()
				c.Emit("e")
			},
			[]string{`EVENT "e": disconnected: io client disconnect`},
		},
		"the end does not come": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				c.ExpectDisconnect("io server disconnect")
			},
			[]string{`still connected, want "io server disconnect" within 10s`},
		},
		"another end comes": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				c.Close()
				c.ExpectDisconnect("io server disconnect")
			},
			[]string{`disconnected: transport close, want "io server disconnect"`},
		},
		"a namespace refuses": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) { c.Of("/unknown", nil) },
			[]string{"connect to /unknown: Invalid namespace"},
		},
		"a namespace does not decide": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				io.Of("/slow").Use(func(ctx context.Context, s *socketio.Socket) error { <-ctx.Done(); return nil })
				c.Of("/slow", nil)
			},
			[]string{"no answer from namespace /slow within 10s"},
		},
		"the client is in the namespace already": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) { c.Of("/", nil) },
			[]string{"connect to /: the connection is in / already"},
		},
		"the server refuses": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				srv.Connect(&socketiotest.Options{Path: "/elsewhere/"})
			},
			[]string{"connect: status 404: 404: Engine.IO is served at /socket.io/"},
		},
		"there is no such transport": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) {
				srv.Connect(&socketiotest.Options{Transport: "pigeon"})
			},
			[]string{`unknown transport "pigeon"; there are ["polling" "websocket" "upgrade"]`},
		},
		"arguments cannot be encoded": {
			func(io *socketio.Server, srv *socketiotest.Server, c *client) { c.Emit("e", make(chan int)) },
			[]string{`EVENT "e": `, "unsupported type"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				expectFailure(t, func(t testing.TB) {
					io := socketio.NewServer(nil)
					srv := socketiotest.NewServer(t, io)
					test.f(io, srv, srv.Connect(nil))
				}, test.want...)
			})
		})
	}
}
