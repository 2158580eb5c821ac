package systemtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestRecoveryReturn is about clients that are back before the server has done
// with their former sockets.
func TestRecoveryReturn(t *testing.T) {
	t.Run("before it is noticed to be gone", func(t *testing.T) {
		testserver.ForEachMode(t, testserver.Recovering(), func(h *testserver.Harness, mode rawclient.Mode) {
			var order []string
			h.OnConnect(func(s *socketio.Socket) {
				order = append(order, fmt.Sprint("connect ", s.Recovered()))
				s.OnDisconnect(func(r socketio.Reason) { order = append(order, string(r)) })
			})
			h.Of("/chat")
			g := h.Guest(mode, "/", "/chat")
			h.MustSocket(g.Stays["/"].SID).Join("a")
			old := g.Conn
			h.To("a").Emit("into the void")
			h.Of("/chat").Emit("into the void")
			synctest.Wait()
			h.ComesBackWith(g, "into the void")
			g.Returned("/chat", true)
			g.Expect("/chat", "into the void")
			synctest.Wait()
			if got := strings.Join(order, ", "); got != "connect false, transport close, connect true" {
				h.T.Errorf("order: %s", got)
			}
			old.Drop()
			h.Emit("live")
			g.Expect("/", "live")
		})
	})
	t.Run("an event that came long after the last one, to a client gone silent", func(t *testing.T) {
		testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
			g := h.Guest(rawclient.WebSocket)
			g.Answers = true
			g.Drop()
			g.ComeBack()
			h.Emit("long ago")
			g.Expect("/", "long ago")
			for range 180 {
				testserver.Wait(10 * time.Second)
				g.Read()
				h.To("others").Emit("not for the guest")
			}
			testserver.Wait(30 * time.Second) // of silence
			h.Emit("into the void")
			testserver.Wait(2 * time.Minute)
			h.Emit("missed")
			h.ComesBackWith(g, "into the void", "missed")
		})
	})
	t.Run("while its handler is running", func(t *testing.T) {
		testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
			socketio.On(h.Server, "take", func(_ context.Context, s *socketio.Socket, d time.Duration) error {
				testserver.Wait(d)
				s.Join("at last")
				return s.Emit("done")
			})
			g := h.Guest(rawclient.WebSocket)
			take := func(d time.Duration) {
				g.Conn.Send(fmt.Sprintf(`42["take",%d]`, d))
				g.Drop()
				g.ComeBack()
				if g.Stays["/"].SID != "" {
					h.T.Error("back before the handler is done")
				}
			}
			take(3 * time.Second)
			testserver.Wait(3 * time.Second)
			g.Read()
			g.Returned("/", true)
			g.Expect("/", "done")
			h.To("at last").Emit("in the room")
			g.Expect("/", "in the room")

			take(7 * time.Second)
			testserver.Wait(6 * time.Second) // 5 are enough
			g.Read()
			g.Returned("/", false)
			testserver.Wait(5 * time.Second)
			g.Expect("/")
		})
	})
	t.Run("over the same connection, which stays", func(t *testing.T) {
		testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
			socketio.On(h.Server, "take", func(context.Context, *socketio.Socket, struct{}) error {
				testserver.Wait(time.Second)
				return nil
			})
			g := h.Guest(rawclient.WebSocket)
			g.Conn.Send(`42["take"]`, "41")
			g.Enter("/")
			testserver.Wait(2 * time.Second)
			g.Read()
			g.Returned("/", false)
			h.Emit("live")
			g.Expect("/", "live")
		})
	})
	t.Run("twice at once", func(t *testing.T) {
		testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
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
			g := h.Guest(rawclient.WebSocket)
			g.Drop()
			h.Emit("missed")
			g.ComeBack() // and is asked
			g.ComeBack()
			close(asking)
			g.Read()
			g.Returned("/", true)
			g.Expect("/", "missed")
			n := 0
			for range h.Sockets() {
				n++
			}
			if n != 1 {
				h.T.Errorf("%d sockets, want 1", n)
			}
		})
	})
	t.Run("too slow for what it was sent", func(t *testing.T) {
		o := testserver.Recovering()
		o.Limits.Buffered = 64 << 10
		testserver.Run(t, o, func(h *testserver.Harness) {
			reason := make(chan socketio.Reason, 1)
			h.OnConnect(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { reason <- r }) })
			p := h.NewPoller()
			p.Post("40")
			_, pid, _ := strings.Cut(p.Poll(), `"pid":"`)
			start := time.Now()
			for range 9 {
				h.Emit("big", strings.Repeat("x", 8<<10))
			}
			if r := <-reason; r != socketio.ReasonSlowClient || time.Since(start) > 0 {
				h.T.Fatalf("disconnected: %s, after %s", r, time.Since(start))
			}
			g := h.Guest(rawclient.WebSocket)
			g.Drop()
			<-reason
			g.Stays["/"].PID = pid[:20]
			g.ComeBack()
			g.Returned("/", false) // it has missed too much
			g.Drop()
			<-reason
			h.Emit("missed")
			h.ComesBackWith(g, "missed")
		})
	})
}
