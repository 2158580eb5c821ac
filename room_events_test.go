package socketio_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestRoomEvents(t *testing.T) {
	run(t, nil, func(h *harness) {
		var got []string
		var names = map[string]string{}
		listen := func(n *socketio.Namespace) (off func()) {
			return n.OnRoomEvent(func(e socketio.RoomEvent) {
				got = append(got, fmt.Sprint(e.Kind, " ", e.Room, " ", names[e.SocketID]))
			})
		}
		off := listen(h.Namespace)
		expect := func(what string, want ...string) {
			h.Helper()
			if !slices.Equal(got, want) {
				h.Errorf("%s: got %q, want %q", what, got, want)
			}
			got = nil
		}
		c, d := h.connect(rawclient.WebSocket), h.connect(rawclient.WebSocket)
		names[c.id], names[d.id] = "c", "d"
		a, b := h.socket(c.id), h.socket(d.id)

		a.Join("x", "y")
		expect("first to join", "create-room x c", "join-room x c", "create-room y c", "join-room y c")
		b.Join("x")
		expect("second to join", "join-room x d")
		b.Join("x", d.id)
		b.Leave("z")
		expect("nothing changes")
		a.Leave("x")
		expect("others remain", "leave-room x c")
		b.Leave("x")
		expect("last to leave", "leave-room x d", "delete-room x d")
		a.Disconnect(false)
		c.expect("41")
		synctest.Wait()
		expect("disconnect", "leave-room y c", "delete-room y c")
		off()
		b.Join("z")
		expect("off")
	})

	run(t, nil, func(h *harness) {
		parent := h.OfPattern(regexp.MustCompile("^/r"))
		var got []string
		var in *socketio.Socket
		parent.OnConnect(func(s *socketio.Socket) { in = s })
		c := h.open(rawclient.WebSocket)
		c.enter("/r1")
		parent.OnRoomEvent(func(e socketio.RoomEvent) {
			got = append(got, string(e.Kind))
			if e.Kind == socketio.RoomJoined && e.Room == "a" {
				in.Join("b") // from within
			}
		})
		in.Join("a")
		if want := []string{"create-room", "join-room", "create-room", "join-room"}; !slices.Equal(got, want) {
			h.Errorf("family: got %q, want %q", got, want)
		}
	})
}
