package systemtest

import (
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestRecoveryLimits(t *testing.T) {
	for _, test := range []struct {
		name      string
		options   socketio.Options
		recovery  socketio.Recovery
		away      func(h *testserver.Harness)
		recovered bool
	}{
		{name: "just in time", recovered: true, away: func(*testserver.Harness) { testserver.Wait(119 * time.Second) }},
		{name: "too late", away: func(*testserver.Harness) { testserver.Wait(121 * time.Second) }},
		{name: "MaxAge", recovery: socketio.Recovery{MaxAge: 40 * time.Minute}, recovered: true, away: func(*testserver.Harness) { testserver.Wait(39 * time.Minute) }},
		{name: "as many events as there may be", recovery: socketio.Recovery{MaxEvents: 5}, recovered: true, away: emitting(4, 10)},
		{name: "too many events", recovery: socketio.Recovery{MaxEvents: 5}, away: emitting(6, 10)},
		{name: "few enough bytes", recovery: socketio.Recovery{MaxBytes: 1 << 16}, recovered: true, away: emitting(3, 10_000)},
		{name: "too many bytes", recovery: socketio.Recovery{MaxBytes: 1 << 16}, away: emitting(8, 10_000)},
		{name: "more than Limits.Buffered", options: socketio.Options{Limits: socketio.Limits{Buffered: 1 << 16}}, away: emitting(8, 10_000)},
		{name: "more than Limits.Buffered for others", options: socketio.Options{Limits: socketio.Limits{Buffered: 1 << 16}}, recovered: true,
			away: func(h *testserver.Harness) {
				for range 20 {
					h.To("others").Emit("missed", strings.Repeat("x", 10_000))
				}
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := test.options
			o.Recovery = &test.recovery
			testserver.Run(t, &o, func(h *testserver.Harness) {
				g := h.Guest(rawclient.WebSocket)
				h.Emit("first")
				g.Drop()
				test.away(h)
				g.ComeBack()
				g.Returned("/", test.recovered)
				h.Emit("live")
				g.Read()
				if events := g.Stays["/"].Events; events[len(events)-1] != "live" || !test.recovered && len(events) != 2 {
					h.T.Errorf("%d events, the last %q", len(events), events[len(events)-1])
				}
			})
		})
	}
	t.Run("a session whose events have all fallen out, of which none was for it", func(t *testing.T) {
		o := &socketio.Options{Recovery: &socketio.Recovery{MaxEvents: 5}}
		testserver.Run(t, o, func(h *testserver.Harness) {
			g := h.Guest(rawclient.WebSocket)
			testserver.Wait(10 * time.Minute)
			g.Drop()
			h.ComesBackWith(g)
			g.Drop()
			emitting(6, 1)(h)
			g.ComeBack()
			g.Returned("/", false)
		})
	})
	t.Run("offsets that nobody has given", func(t *testing.T) {
		for offset, recovered := range map[string]bool{
			"nonsense":               false,
			"nonsense.but for this_": false,
			"fromhome.1z":            true, // that of a server before this one: the client has no event of this one's
		} {
			testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
				g := h.Guest(rawclient.WebSocket)
				g.Drop()
				h.Emit("missed")
				g.Stays["/"].Offset = offset
				g.ComeBack()
				g.Returned("/", recovered)
			})
		}
	})
	for name, forge := range map[string]func(g *testserver.Guest){
		"a session that nobody has": func(g *testserver.Guest) { g.Stays["/"].PID = "somebody" },
		"a pid that is none": func(g *testserver.Guest) {
			g.Stays["/"].PID = ""
			g.Auth = map[string]any{"pid": 1, "offset": []int{2}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
				g := h.Guest(rawclient.WebSocket)
				g.Drop()
				forge(g)
				g.ComeBack()
				g.Returned("/", false)
			})
		})
	}
}

// emitting emits events of a size while the guest is away.
func emitting(n, size int) func(h *testserver.Harness) {
	return func(h *testserver.Harness) {
		for range n {
			h.Emit("missed", strings.Repeat("x", size))
		}
	}
}
