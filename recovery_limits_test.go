package socketio_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestRecoveryLimits(t *testing.T) {
	for _, test := range []struct {
		name      string
		options   socketio.Options
		recovery  socketio.Recovery
		away      func(h *harness)
		recovered bool
	}{
		{name: "just in time", recovered: true, away: func(*harness) { wait(119 * time.Second) }},
		{name: "too late", away: func(*harness) { wait(121 * time.Second) }},
		{name: "MaxAge", recovery: socketio.Recovery{MaxAge: 40 * time.Minute}, recovered: true, away: func(*harness) { wait(39 * time.Minute) }},
		{name: "as many events as there may be", recovery: socketio.Recovery{MaxEvents: 5}, recovered: true, away: emitting(4, 10)},
		{name: "too many events", recovery: socketio.Recovery{MaxEvents: 5}, away: emitting(6, 10)},
		{name: "few enough bytes", recovery: socketio.Recovery{MaxBytes: 1 << 16}, recovered: true, away: emitting(3, 10_000)},
		{name: "too many bytes", recovery: socketio.Recovery{MaxBytes: 1 << 16}, away: emitting(8, 10_000)},
		{name: "more than Limits.Buffered", options: socketio.Options{Limits: socketio.Limits{Buffered: 1 << 16}}, away: emitting(8, 10_000)},
		{name: "more than Limits.Buffered for others", options: socketio.Options{Limits: socketio.Limits{Buffered: 1 << 16}}, recovered: true,
			away: func(h *harness) {
				for range 20 {
					h.To("others").Emit("missed", strings.Repeat("x", 10_000))
				}
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := test.options
			o.Recovery = &test.recovery
			run(t, &o, func(h *harness) {
				g := h.guest(rawclient.WebSocket)
				h.Emit("first")
				g.drop()
				test.away(h)
				g.comeBack()
				g.returned("/", test.recovered)
				h.Emit("live")
				g.read()
				if events := g.stays["/"].events; events[len(events)-1] != "live" || !test.recovered && len(events) != 2 {
					h.Errorf("%d events, the last %q", len(events), events[len(events)-1])
				}
			})
		})
	}
	t.Run("a session whose events have all fallen out, of which none was for it", func(t *testing.T) {
		o := &socketio.Options{Recovery: &socketio.Recovery{MaxEvents: 5}}
		run(t, o, func(h *harness) {
			g := h.guest(rawclient.WebSocket)
			wait(10 * time.Minute)
			g.drop()
			h.comesBackWith(g)
			g.drop()
			emitting(6, 1)(h)
			g.comeBack()
			g.returned("/", false)
		})
	})
	t.Run("offsets that nobody has given", func(t *testing.T) {
		for offset, recovered := range map[string]bool{
			"nonsense":               false,
			"nonsense.but for this_": false,
			"fromhome.1z":            true, // that of a server before this one: the client has no event of this one's
		} {
			run(t, recovering(), func(h *harness) {
				g := h.guest(rawclient.WebSocket)
				g.drop()
				h.Emit("missed")
				g.stays["/"].offset = offset
				g.comeBack()
				g.returned("/", recovered)
			})
		}
	})
	for name, forge := range map[string]func(g *guest){
		"a session that nobody has": func(g *guest) { g.stays["/"].PID = "somebody" },
		"a pid that is none": func(g *guest) {
			g.stays["/"].PID = ""
			g.auth = map[string]any{"pid": 1, "offset": []int{2}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, recovering(), func(h *harness) {
				g := h.guest(rawclient.WebSocket)
				g.drop()
				forge(g)
				g.comeBack()
				g.returned("/", false)
			})
		})
	}
}

// emitting emits events of a size while the guest is away.
func emitting(n, size int) func(h *harness) {
	return func(h *harness) {
		for range n {
			h.Emit("missed", strings.Repeat("x", size))
		}
	}
}

// Clients that come and go do not leave any number of namespaces behind.
func TestNamespacesOfKeptSessions(t *testing.T) {
	const most = 10_000
	run(t, &socketio.Options{Recovery: &socketio.Recovery{}, Limits: socketio.Limits{Namespaces: 1000}}, func(h *harness) {
		parent := h.OfPattern(regexp.MustCompile("^/r"))
		// leave enters namespaces and loses the connection.
		leave := func(first, n int) {
			c := h.open(rawclient.WebSocket)
			for i := range n {
				c.send(fmt.Sprintf("40/r%d,", first+i))
				c.next()
			}
			c.Drop()
			synctest.Wait()
		}
		for first := 0; first < most; first += 1000 {
			leave(first, 1000)
		}
		if n := h.Children(parent); n != most {
			h.Errorf("%d namespaces are kept, want %d", n, most)
		}
		leave(most, 1000)
		if n := h.Children(parent); n != most {
			h.Errorf("%d namespaces are kept, want %d", n, most)
		}
		// Another client that was in one of these has a seat there all the same.
		g := h.guest(rawclient.WebSocket, "/r0")
		g.drop()
		g.comeBack()
		g.returned("/r0", true)
		g.drop()
		wait(3 * time.Minute)
		if n := h.Children(parent); n != 0 {
			h.Errorf("%d namespaces are kept for ever", n)
		}
		leave(0, 1000)
		if n := h.Children(parent); n != 1000 {
			h.Errorf("later %d namespaces are kept, want 1000", n)
		}
	})
}
