package redis

import (
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/clustertest"
)

// A server that dies is not waited for.
func TestDeath(t *testing.T) {
	r := clustertest.StartRedis(t)
	for _, kind := range makers {
		t.Run(kind.name, func(t *testing.T) {
			node := clustertest.StartNode(t, clustertest.NodeOptions{Adapter: kind.name, URL: r.URL})
			proxy := clustertest.StartProxy(t, r.Addr)
			p := newPair(t, r, kind.make(connect(t, r.Addr)), kind.make(connect(t, proxy.Addr)))
			node.Eval(`await connect("c"); await socketOf("c").join("r")`)
			for n := 0; n < 3; p.pause(time.Millisecond) {
				sockets, _ := p.a.In("r").FetchSockets(p.ctx)
				n = len(sockets)
			}
			expect := func(want int) {
				t.Helper()
				if sockets, err := p.a.In("r").FetchSockets(p.ctx); err != nil || len(sockets) != want {
					t.Errorf("%d sockets, %v; want %d", len(sockets), err, want)
				}
			}
			expect(3)
			node.Kill()
			expect(2)
			proxy.Refuse() // what Redis sees of a server that dies
			expect(1)
			p.end()
			if err := p.a.To("r").Emit("n", -1); err != nil {
				t.Error(err)
			}
			if got := received(p.clientA); len(got) != p.emitted {
				t.Errorf("the client of the same server has %d of %d events", len(got), p.emitted)
			}
		})
	}
}
