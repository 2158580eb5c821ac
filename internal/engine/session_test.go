package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestEcho(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, nil, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{Pong: true})
			if err := c.Send("4hello", "4€😀", "bAQIDBA=="); err != nil {
				t.Fatal(err)
			}
			h.expect(c, "4hello", "4€😀", "bAQIDBA==")
			c.Close()
			h.expectClosed(r, engine.ReasonTransportClose)
			if err := r.Send(engine.NewMessage([]byte("late"))); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("Send after the end: %v", err)
			}
			if r.SendVolatile(engine.NewMessage([]byte("late"))) {
				t.Error("SendVolatile after the end reports true")
			}
		})
	})
}

func TestOrder(t *testing.T) {
	const n = 500
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, nil, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{Pong: true})
			go func() {
				for i := range n {
					if c.Send(fmt.Sprint("4", i)) != nil {
						return
					}
				}
			}()
			for i := range n {
				if got := <-r.received; got != fmt.Sprint(i) {
					t.Fatalf("the server got %s, want %d", got, i)
				}
				h.expect(c, fmt.Sprint("4", i))
			}
		})
	})
}

// Concurrent senders' messages stay whole, each sender's in order, whichever
// way they are sent.
func TestConcurrentSenders(t *testing.T) {
	const senders, each = 8, 100
	padding := strings.Repeat(".", 700)
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, nil, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{Pong: true})
			var wg sync.WaitGroup
			for sender := range senders {
				wg.Go(func() {
					for i := range each {
						m := engine.NewMessage(fmt.Appendf(nil, "%d:%d:%s", sender, i, padding), []byte{byte(sender), byte(i)})
						switch i % 4 {
						case 0:
							r.SendLater(m)
						case 1:
							r.Cork()
							r.Send(m)
							r.Uncork()
						case 2:
							r.Cork()
							r.Cork()
							r.Send(m)
							r.Flush()
							r.Uncork()
							r.Uncork()
						default:
							r.Send(m)
						}
					}
				})
			}
			var next [senders]int
			for range senders * each {
				got, err := c.Next()
				if err != nil {
					t.Fatal(err)
				}
				var sender, i int
				fmt.Sscanf(got, "4%d:%d:", &sender, &i)
				if got != fmt.Sprintf("4%d:%d:%s", sender, i, padding) || i != next[sender] {
					t.Fatalf("got %.20q, want message %d", got, next[sender])
				}
				next[sender]++
				h.expect(c, binaryPacket([]byte{byte(sender), byte(i)})) // nothing comes between
			}
			wg.Wait()
		})
	})
}

func TestCork(t *testing.T) {
	run(t, nil, func(h *harness) {
		c, r := h.open(rawclient.WebSocket, rawclient.Options{})
		synctest.Wait() // until all is written that the handshake brings
		send := func(s string) { r.Send(engine.NewMessage([]byte(s))) }
		received := make(chan string, 10)
		go func() {
			for {
				p, err := c.Next()
				if err != nil {
					return
				}
				received <- p
			}
		}()
		expect := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(received) > 0 {
				got = append(got, <-received)
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: got %q, want %q", when, got, want)
			}
		}
		r.Cork()
		send("a")
		if !r.SendVolatile(engine.NewMessage([]byte("b"))) {
			t.Error("what a cork holds back makes SendVolatile refuse")
		}
		expect("corked")
		r.Cork()
		r.Uncork()
		expect("corked once more and once less")
		r.Flush()
		expect("flushed", "4a", "4b")
		send("c")
		expect("still corked")
		r.Uncork()
		expect("uncorked", "4c")
		send("d")
		expect("free", "4d")
		c.Drop()
	})
}

// A handler that works under a cork for long must not look like a dead server.
func TestPingPassesCork(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, nil, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{})
			r.Cork()
			after(25 * time.Second)
			h.expect(c, "2")
		})
	})
}

func TestSendVolatile(t *testing.T) {
	a, b := engine.NewMessage([]byte("a")), engine.NewMessage([]byte("b"))
	t.Run("websocket", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			w, r := h.wireSession()
			synctest.Wait()
			if !r.SendVolatile(a) {
				t.Error("an idle client gets nothing")
			}
			synctest.Wait() // it is being written: a pipe has no buffer
			if r.SendVolatile(b) {
				t.Error("a client that is behind gets a volatile message")
			}
			w.expect("text 4a")
			synctest.Wait()
			if !r.SendVolatile(b) {
				t.Error("a client that has caught up gets nothing")
			}
			w.expect("text 4b")
		})
	})
	t.Run("polling", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			r := h.openPolling()
			if r.SendVolatile(a) {
				t.Error("a message leaves without a poll")
			}
			answers := h.poll(r)
			if !r.SendVolatile(b) {
				t.Error("a waiting poll gets nothing")
			}
			h.expectAnswer(<-answers, 200, "4b")
		})
	})
}

// EndBatch follows messages that arrived together, once.
func TestEndBatch(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		h.request("POST", session(r), strings.NewReader("4a\x1e4b\x1e4c"))
		if got := r.batches.Load(); got != 1 || len(r.received) != 3 {
			t.Errorf("%d batches with %d messages in a POST of three", got, len(r.received))
		}
		h.request("POST", session(r), strings.NewReader("3"))
		if got := r.batches.Load(); got != 1 {
			t.Error("a PONG is a batch")
		}

		w, r := h.wireSession()
		w.write(append(text("4a"), text("4b")...), 0)
		w.expect("text 4a", "text 4b")
		synctest.Wait()
		if got := r.batches.Load(); got != 1 {
			t.Errorf("%d batches in a read of two frames", got)
		}
		w.write(text("3"), 3)
		synctest.Wait()
		if got := r.batches.Load(); got != 1 {
			t.Error("a PONG is a batch")
		}
	})
}

// What accept sends arrives first, and a session may end within accept.
func TestAccept(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, nil, func(h *harness) {
			h.onOpen = func(r *recorder) {
				r.Send(engine.NewMessage([]byte("welcome")))
				r.SendLater(engine.NewMessage([]byte("again"), []byte{1}))
			}
			c, _ := h.open(mode, rawclient.Options{Pong: true})
			h.expect(c, "4welcome", "4again", "bAQ==")
		})
	})
	t.Run("Close", func(t *testing.T) {
		for _, mode := range []rawclient.Mode{rawclient.Polling, rawclient.WebSocket} {
			run(t, nil, func(h *harness) {
				h.onOpen = func(r *recorder) {
					r.Send(engine.NewMessage([]byte("no")))
					r.Close()
				}
				c, r := h.open(mode, rawclient.Options{})
				h.expect(c, "4no")
				if p, err := c.Next(); err == nil {
					t.Errorf("%s: got %q after the end", mode, p)
				}
				h.expectClosed(r, engine.ReasonForcedClose)
				after(time.Minute)
				if h.server.Len() != 0 {
					t.Errorf("%s: the session stays", mode)
				}
			})
		}
	})
	t.Run("over MaxBuffered", func(t *testing.T) {
		run(t, &engine.Options{MaxBuffered: 1000}, func(h *harness) {
			h.onOpen = func(r *recorder) {
				for r.Send(engine.NewMessage(make([]byte, 400))) == nil {
				}
			}
			r := h.openPolling()
			h.expectClosed(r, engine.ReasonSlowClient)
			if h.server.Len() != 0 {
				t.Error("the session stays")
			}
			h.wire("") // reads no more than the buffer takes with the answer
			h.expectClosed(<-h.sessions, engine.ReasonSlowClient)
		})
	})
	t.Run("while the server closes", func(t *testing.T) {
		for _, mode := range []rawclient.Mode{rawclient.Polling, rawclient.WebSocket} {
			run(t, nil, func(h *harness) {
				h.onOpen = func(*recorder) { h.server.Close() }
				if c, err := rawclient.Open(context.Background(), h.dial, mode, rawclient.Options{}); err == nil {
					defer c.Drop()
					if p, err := c.Next(); err == nil {
						t.Errorf("got %q", p)
					}
				}
				h.expectClosed(<-h.sessions, engine.ReasonServerShutdown)
			})
		}
	})
}

// A volatile message leaves with its attachments or not at all.
func TestSendVolatileBinary(t *testing.T) {
	m := func(s string) *engine.Message { return engine.NewMessage([]byte(s), []byte(s)) }
	run(t, nil, func(h *harness) {
		w, r := h.wireSession()
		synctest.Wait()
		first := r.SendVolatile(m("a"))
		synctest.Wait() // it is being written: a pipe has no buffer
		if second := r.SendVolatile(m("b")); !first || second {
			t.Errorf("sent %v, %v; want the first only", first, second)
		}
		r.Send(m("c"))
		w.expect("text 4a", "binary a", "text 4c", "binary c")
	})
}
