package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// TestRecoveryReturn is about clients that are back before the server has done
// with their former sockets.
func TestRecoveryReturn(t *testing.T) {
	t.Run("before it is noticed to be gone", func(t *testing.T) {
		forEachMode(t, recovering(), func(h *harness, mode rawclient.Mode) {
			var order []string
			h.OnConnect(func(s *socketio.Socket) {
				order = append(order, fmt.Sprint("connect ", s.Recovered()))
				s.OnDisconnect(func(r socketio.Reason) { order = append(order, string(r)) })
			})
			h.Of("/chat")
			g := h.guest(mode, "/", "/chat")
			h.socket(g.stays["/"].SID).Join("a")
			old := g.conn
			h.To("a").Emit("into the void")
			h.Of("/chat").Emit("into the void")
			synctest.Wait()
			h.comesBackWith(g, "into the void")
			g.returned("/chat", true)
			g.expect("/chat", "into the void")
			synctest.Wait()
			if got := strings.Join(order, ", "); got != "connect false, transport close, connect true" {
				h.Errorf("order: %s", got)
			}
			old.Drop()
			h.Emit("live")
			g.expect("/", "live")
		})
	})
	t.Run("an event that came long after the last one, to a client gone silent", func(t *testing.T) {
		run(t, recovering(), func(h *harness) {
			g := h.guest(rawclient.WebSocket)
			g.answers = true
			g.drop()
			g.comeBack()
			h.Emit("long ago")
			g.expect("/", "long ago")
			for range 180 {
				wait(10 * time.Second)
				g.read()
				h.To("others").Emit("not for the guest")
			}
			wait(30 * time.Second) // of silence
			h.Emit("into the void")
			wait(2 * time.Minute)
			h.Emit("missed")
			h.comesBackWith(g, "into the void", "missed")
		})
	})
	t.Run("while its handler is running", func(t *testing.T) {
		run(t, recovering(), func(h *harness) {
			socketio.On(h.Server, "take", func(_ context.Context, s *socketio.Socket, d time.Duration) error {
				wait(d)
				s.Join("at last")
				return s.Emit("done")
			})
			g := h.guest(rawclient.WebSocket)
			take := func(d time.Duration) {
				g.conn.send(fmt.Sprintf(`42["take",%d]`, d))
				g.drop()
				g.comeBack()
				if g.stays["/"].SID != "" {
					h.Error("back before the handler is done")
				}
			}
			take(3 * time.Second)
			wait(3 * time.Second)
			g.read()
			g.returned("/", true)
			g.expect("/", "done")
			h.To("at last").Emit("in the room")
			g.expect("/", "in the room")

			take(7 * time.Second)
			wait(6 * time.Second) // 5 are enough
			g.read()
			g.returned("/", false)
			wait(5 * time.Second)
			g.expect("/")
		})
	})
	t.Run("over the same connection, which stays", func(t *testing.T) {
		run(t, recovering(), func(h *harness) {
			socketio.On(h.Server, "take", func(context.Context, *socketio.Socket, struct{}) error {
				wait(time.Second)
				return nil
			})
			g := h.guest(rawclient.WebSocket)
			g.conn.send(`42["take"]`, "41")
			g.enter("/")
			wait(2 * time.Second)
			g.read()
			g.returned("/", false)
			h.Emit("live")
			g.expect("/", "live")
		})
	})
	t.Run("twice at once", func(t *testing.T) {
		run(t, recovering(), func(h *harness) {
			asking := make(chan struct{})
			h.Use(func(ctx context.Context, s *socketio.Socket) error {
				if s.Recovered() {
					select {
					case <-asking:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return nil
			})
			g := h.guest(rawclient.WebSocket)
			g.drop()
			h.Emit("missed")
			g.comeBack() // and is asked
			g.comeBack()
			close(asking)
			g.read()
			g.returned("/", true)
			g.expect("/", "missed")
			n := 0
			for range h.Sockets() {
				n++
			}
			if n != 1 {
				h.Errorf("%d sockets, want 1", n)
			}
		})
	})
	t.Run("too slow for what it was sent", func(t *testing.T) {
		o := recovering()
		o.Limits.Buffered = 64 << 10
		run(t, o, func(h *harness) {
			reason := make(chan socketio.Reason, 1)
			h.OnConnect(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { reason <- r }) })
			p := h.newPoller()
			p.post("40")
			_, pid, _ := strings.Cut(p.poll(), `"pid":"`)
			start := time.Now()
			for range 9 {
				h.Emit("big", strings.Repeat("x", 8<<10))
			}
			if r := <-reason; r != socketio.ReasonSlowClient || time.Since(start) > 0 {
				h.Fatalf("disconnected: %s, after %s", r, time.Since(start))
			}
			g := h.guest(rawclient.WebSocket)
			g.drop()
			<-reason
			g.stays["/"].PID = pid[:20]
			g.comeBack()
			g.returned("/", false) // it has missed too much
			g.drop()
			<-reason
			h.Emit("missed")
			h.comesBackWith(g, "missed")
		})
	})
}

func TestRecoveryForgets(t *testing.T) {
	run(t, recovering(), func(h *harness) {
		for range 100 {
			g := h.guest(rawclient.WebSocket)
			g.drop()
			h.Emit("missed")
		}
		g := h.guest(rawclient.WebSocket)
		wait(time.Minute)
		g.drop()
		wait(80 * time.Second)
		if sessions, events, timer := h.Kept(); sessions != 1 || events != 100 || !timer {
			h.Errorf("%d sessions, %d events, timer %t; want those of the last guest, and events for as long as it may have been deaf", sessions, events, timer)
		}
		wait(2 * time.Minute)
		if sessions, events, timer := h.Kept(); sessions != 0 || events != 0 || timer {
			h.Errorf("%d sessions, %d events, timer %t; want none", sessions, events, timer)
		}
		h.Emit("nobody is there")
		if _, events, timer := h.Kept(); events != 0 || timer {
			h.Errorf("%d events, timer %t; want none while nobody may come back", events, timer)
		}
	})
}
