package socketio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// legacy runs f for each way in which a client of Socket.IO 2 connects.
func legacy(t *testing.T, o socketio.Options, f func(h *harness, mode rawclient.Mode)) {
	o.AllowEIO3 = true
	forEachMode(t, &o, f)
}

// connectLegacy opens a connection, which is in "/" without asking.
func (h *harness) connectLegacy(mode rawclient.Mode) *client {
	h.Helper()
	c := h.openWith(mode, rawclient.Options{EIO3: true})
	c.expect("40")
	synctest.Wait()
	c.id = c.Handshake.SID
	return c
}

// Ids are what the client takes them for.
func TestLegacyIDs(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *harness, mode rawclient.Mode) {
		var ids []string
		for _, n := range []*socketio.Namespace{h.Namespace, h.Of("/admin")} {
			n.OnConnect(func(s *socketio.Socket) { ids = append(ids, s.ID()) })
		}
		c := h.connectLegacy(mode)
		c.send("40/admin?x=1,")
		c.expect("40/admin,")
		synctest.Wait()
		if want := "/admin#" + c.id; len(ids) != 2 || ids[0] != c.id || ids[1] != want {
			t.Errorf("ids %q, want %q and %q", ids, c.id, want)
		}
		// The next socket of the namespace has the same one.
		c.send("41/admin,", "40/admin,")
		c.expect("40/admin,")
		synctest.Wait()
		h.check(h.Of("/admin").To(ids[1]).Emit("again"))
		c.expect(`42/admin,["again"]`)
	})
}

// The query of a namespace is the auth object of its socket, in the main
// namespace there is none.
func TestLegacyAuth(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *harness, mode rawclient.Mode) {
		var auths []map[string]string
		note := func(_ context.Context, s *socketio.Socket) error {
			var auth map[string]string
			h.check(s.Handshake().DecodeAuth(&auth))
			auths = append(auths, auth)
			if s.Handshake().DecodeAuth(new(int)) == nil && len(auth) > 0 {
				t.Errorf("auth decodes to a number")
			}
			return nil
		}
		h.Use(note)
		h.Of("/admin").Use(note)
		c := h.connectLegacy(mode)
		c.send("40/admin?token=a%2Cb+%C3%A9&x=1&x=2&flag,")
		c.expect("40/admin,")
		if len(auths) != 2 || len(auths[0]) != 0 {
			t.Fatalf("auths %v", auths)
		}
		if got := auths[1]; len(got) != 3 || got["token"] != "a,b é" || got["x"] != "2" || got["flag"] != "" {
			t.Errorf("auth %q", got)
		}
	})
}

// A client whom the main namespace refuses may still connect to others. If it
// does not, the connection ends.
func TestLegacyRefused(t *testing.T) {
	legacy(t, socketio.Options{PingInterval: time.Hour}, func(h *harness, mode rawclient.Mode) {
		h.Of("/open")
		h.Use(func(context.Context, *socketio.Socket) error { return errors.New("nope") })
		stays := h.openWith(mode, rawclient.Options{EIO3: true})
		stays.expect(`44"nope"`)
		stays.send("40/open,")
		stays.expect("40/open,")
		goes := h.openWith(mode, rawclient.Options{EIO3: true})
		goes.expect(`44"nope"`)
		wait(44 * time.Second)
		stays.send("41/open,", "40/open,")
		stays.expect("40/open,")
		goes.expectClosed()
	})
}

// Clients of both revisions share rooms, and an event that is encoded once.
func TestLegacyBroadcast(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *harness, mode rawclient.Mode) {
		var clients []*client
		for range 20 { // enough for the flushers
			clients = append(clients, h.connectLegacy(mode), h.connect(mode))
		}
		for range 3 {
			h.check(h.Emit("picture", []byte{4, 1}, "é😀", []byte{}))
			h.check(h.Emit("text", "€"))
		}
		for _, c := range clients {
			for range 3 {
				c.expect(`452-["picture",{"_placeholder":true,"num":0},"é😀",{"_placeholder":true,"num":1}]`, "bBAE=", "b")
				c.expect(`42["text","€"]`)
			}
		}
	})
}

func TestLegacyShutdown(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *harness, mode rawclient.Mode) {
		c := h.connectLegacy(mode)
		h.check(h.Emit("bye"))
		h.check(h.Shutdown(context.Background()))
		c.expect(`42["bye"]`)
		c.expectClosed()
	})
}
