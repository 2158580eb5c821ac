package systemtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestAThousandNamespaces has one client in all of them, alone and with everything
// that a namespace may have beside its sockets.
func TestAThousandNamespaces(t *testing.T) {
	const many = 1000
	for name, o := range map[string]*socketio.Options{
		"alone":                     {},
		"with adapter and recovery": {Adapter: new(adapter.Loopback), Recovery: new(socketio.Recovery)},
	} {
		t.Run(name, func(t *testing.T) {
			o.Limits.Namespaces = many
			testserver.Run(t, o, func(h *testserver.Harness) {
				for i := range many {
					n := h.Of(fmt.Sprint("/", i))
					n.On("ping", func(_ context.Context, e *socketio.Event) error { return e.Ack(e.Socket().Namespace().Name()) })
				}
				c := h.Open(rawclient.WebSocket)
				for i := range many {
					c.Send(fmt.Sprintf("40/%d,", i))
					c.Match(fmt.Sprintf(`^40/%d,`, i))
				}
				for i := range many {
					c.Send(fmt.Sprintf(`42/%d,7["ping"]`, i))
					c.Expect(fmt.Sprintf(`43/%d,7["/%d"]`, i, i))
					h.Check(h.Of(fmt.Sprint(i)).Emit("e"))
					if got, want := c.Next(), fmt.Sprintf(`42/%d,["e"`, i); !strings.HasPrefix(got, want) {
						t.Fatalf("got %q, want %s", got, want)
					}
				}
				h.Of("/more")
				c.Send("40/more,")
				c.Expect(`44/more,{"message":"Too many namespaces"}`)
				c.Close()
				synctest.Wait()
				for name, n := range h.Stats().Namespaces {
					if n.Sockets != 0 {
						t.Fatalf("%s has %d sockets in the end", name, n.Sockets)
					}
				}
			})
		})
	}
}
