package systemtest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestClusterNoGhosts(t *testing.T) {
	t.Run("a server without uid is no peer", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(testserver.Silent)}
		testserver.Run(t, o, func(h *testserver.Harness) {
			nobody := h.Peer(o.Adapter, "")
			c := h.Connect(rawclient.WebSocket)
			nobody.Say(`"type":4,"data":{` + testserver.NoOpts + `,"rooms":["a"]}`)
			if rooms := h.MustSocket(c.ID).Rooms(); !slices.Contains(rooms, "a") {
				h.T.Errorf("rooms %q: its command has not been obeyed", rooms)
			}
			nobody.Say(`"type":2`)
			if d := h.TimeCall(); d != 0 {
				h.T.Errorf("it is waited for %v", d)
			}
		})
	})
	t.Run("nothing is sent after Close", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(adapter.Loopback)}
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			var emitting sync.WaitGroup
			for range 8 {
				emitting.Go(func() {
					for range 100 {
						_ = h.Emit("e")
					}
				})
			}
			h.Close()
			emitting.Wait()
			heard := p.Heard()
			if i := slices.Index(heard, `{"type":13}`); i < 0 || len(heard)-1-i > 8 { // those that had begun
				h.T.Errorf("%d messages, Close is number %d", len(heard), i)
			}
		})
	})
}

func TestClusterPendingAcks(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback), Limits: socketio.Limits{PendingAcks: 1}}
	testserver.Run(t, o, func(a *testserver.Harness) {
		b := a.Other(o)
		c := b.Connect(rawclient.WebSocket)
		s := b.MustSocket(c.ID)
		a.Check(s.CallFunc(func(*socketio.Reply, error) {}, "first"))
		n := 0
		for r, err := range a.Call(context.Background(), "e") {
			a.Check(testserver.WantErr(err, socketio.ErrPendingAcks))
			if n++; r.SocketID() != c.ID {
				a.T.Errorf("of socket %q", r.SocketID())
			}
		}
		if n != 1 {
			a.T.Errorf("%d pairs", n)
		}
	})
}
