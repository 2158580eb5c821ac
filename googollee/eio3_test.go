package googollee_test

import (
	"testing"
	"testing/synctest"

	gosocketio "github.com/googollee/go-socket.io"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/googollee"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestEIO3(t *testing.T) {
	run(t, func(t *testing.T) *googollee.Server {
		return googollee.Wrap(socketio.NewServer(&socketio.Options{AllowEIO3: true}))
	}, func(h *harness, mode rawclient.Mode) {
		h.OnConnect("/", func(c gosocketio.Conn) error { c.Emit("hi"); return nil })
		h.OnEvent("/", "e", func(c gosocketio.Conn, s string) string { return "got " + s })
		c, err := rawclient.Open(h.Context(), h.listener.Dial, mode, rawclient.Options{Path: "/socket.io/", EIO3: true, Pong: true})
		if err != nil {
			t.Fatal(err)
		}
		h.Cleanup(c.Drop)
		cl := &client{Client: c, h: h}
		cl.expect("40", `42["hi"]`)
		cl.send(`427["e","x"]`)
		cl.expect(`437["got x"]`)
		synctest.Wait()
	})
}
