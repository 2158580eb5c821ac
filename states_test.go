package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A second CONNECT may come while it is being decided about the first.
func TestConnectWhileDeciding(t *testing.T) {
	deciders := map[string]func(h *harness){
		"by recovery": func(h *harness) {},
		"by a family": func(h *harness) {
			h.OfFunc(func(context.Context, string, *socketio.Handshake) bool {
				wait(20 * time.Millisecond)
				return true
			})
		},
	}
	pairs := map[string][]string{
		"with a pid, then without":     {`40/chat,{"pid":"x"}`, "40/chat,"},
		"without a pid, then with":     {"40/chat,", `40/chat,{"pid":"x"}`},
		"with a pid both times":        {`40/chat,{"pid":"x"}`, `40/chat,{"pid":"x"}`},
		"to one that Of makes between": {"40/late,", "40/late,"},
	}
	for decider, set := range deciders {
		for name, packets := range pairs {
			t.Run(decider+", "+name, func(t *testing.T) {
				forEachMode(t, recovering(), func(h *harness, mode rawclient.Mode) {
					set(h)
					h.Of("/chat")
					healthy := h.join(mode)
					c := h.open(mode)
					c.send(packets[0])
					if packets[0] == "40/late," {
						synctest.Wait()
						h.Of("/late")
					}
					_ = c.Send(packets[1])
					both := h.open(mode)
					_ = both.Send(packets...)
					wait(time.Minute)
					healthy.Of("/chat", nil)
				})
			})
		}
	}
}

// A connection whose client comes back over another ends twice.
func TestSupersededConnection(t *testing.T) {
	for _, over := range []socketio.RatePolicy{socketio.RateWait, socketio.RateDrop, socketio.RateDisconnect} {
		o := recovering()
		o.EventRate = socketio.EventRate{PerSecond: 10, Over: over}
		forEachMode(t, o, func(h *harness, mode rawclient.Mode) {
			g := h.guest(mode)
			h.Emit("into the void")
			h.comesBackWith(g, "into the void")
			h.Emit("live")
			g.expect("/", "live")
		})
	}
}
