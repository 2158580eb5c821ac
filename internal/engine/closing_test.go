package engine_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func binaryPacket(data []byte) string { return "b" + base64.StdEncoding.EncodeToString(data) }

func (h *harness) expectEnd(c *rawclient.Client) {
	h.t.Helper()
	if p, err := c.Next(); !errors.Is(err, io.EOF) {
		h.t.Errorf("got %q and %v, want an orderly end", p, err)
	}
}

// Close lets the client have what is queued.
func TestClose(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, nil, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{})
			big := strings.Repeat("x", 300_000)
			r.Send(engine.NewMessage([]byte(big)))
			r.Cork()
			r.Send(engine.NewMessage([]byte("last")))
			r.Close()
			h.expectClosed(r, engine.ReasonForcedClose)
			h.expect(c, "4"+big, "4last")
			h.expectEnd(c)
			r.Close()
		})
	})
}

// A client that takes nothing does not hold a closing session.
func TestCloseIsBounded(t *testing.T) {
	run(t, nil, func(h *harness) {
		_, overWebSocket := h.wireSession()
		overPolling := h.openPolling()
		for _, r := range []*recorder{overWebSocket, overPolling} {
			r.Send(engine.NewMessage([]byte("x")))
			r.Close()
		}
		after(9 * time.Second)
		if got := h.server.Len(); got != 2 {
			t.Errorf("%d sessions after 9 s", got)
		}
		after(2 * time.Second)
		if got := h.server.Len(); got != 0 {
			t.Errorf("%d sessions after 11 s", got)
		}
	})
}

// An error of the receiver ends the session; what follows is not delivered.
func TestReceiverError(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, nil, func(h *harness) {
			h.onText = func(r *recorder, _ string) error { return errors.New("no") }
			c, r := h.open(mode, rawclient.Options{})
			if err := c.Send("4a", "4b"); err != nil {
				t.Fatal(err)
			}
			h.expectEnd(c)
			h.expectClosed(r, engine.ReasonForcedClose)
			if len(r.received) != 1 {
				t.Errorf("%d messages delivered", len(r.received))
			}
		})
	})
}

// Messages that follow the client's own end are not delivered.
func TestMessagesAfterTheEnd(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("4a\x1e1\x1e4b")), 200, "ok")
		h.expectClosed(r, engine.ReasonTransportClose)
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("4c")), 400, unknownSession)
		if len(r.received) != 1 {
			t.Errorf("%d messages delivered", len(r.received))
		}
	})
}

// The pending poll of a client that ends the session ends empty, or else one
// that comes later; the next finds no session.
func TestClientCloses(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		pending := h.poll(r)
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("1")), 200, "ok")
		h.expectAnswer(<-pending, 200, "6")
		h.expectAnswer(h.request("GET", session(r), nil), 400, unknownSession)

		r = h.openPolling()
		h.request("POST", session(r), strings.NewReader("1"))
		h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
		h.expectAnswer(h.request("GET", session(r), nil), 400, unknownSession)

		w, r := h.wireSession()
		w.write(text("1"), 0)
		w.expect("close 1000")
		h.expectClosed(r, engine.ReasonTransportClose)
		w.write(closing(1000, ""), 0)
		w.expect("end")
	})
}

func TestBrokenWebSocket(t *testing.T) {
	everywhere(t, nil, func(h *harness) {
		w, r := h.wireSession()
		w.conn.Close()
		h.expectClosed(r, engine.ReasonTransportClose)
	})
}

// The end of a connection can come on the same edge of the poller as bytes.
func TestEndTogetherWithMessage(t *testing.T) {
	runTCP(t, nil, func(h *harness) {
		goOn := make(chan struct{})
		h.onText = func(_ *recorder, s string) error {
			if s == "first" {
				<-goOn
			}
			return nil
		}
		w, r := h.wireSession()
		w.write(text("4first"), 0)
		<-r.received
		w.write(text("4second"), 0)
		w.conn.Close()
		for range 5 { // by then the poller has seen both
			h.request("GET", "transport=none", nil)
		}
		close(goOn)
		h.expectClosed(r, engine.ReasonTransportClose)
	})
}

func TestBrokenPoll(t *testing.T) {
	run(t, nil, func(h *harness) {
		c, r := h.open(rawclient.Polling, rawclient.Options{})
		synctest.Wait()
		c.Drop()
		h.expectClosed(r, engine.ReasonTransportClose)
	})
}

func TestServerClose(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, nil, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{})
			h.server.Close()
			h.expectClosed(r, engine.ReasonServerShutdown)
			if p, err := c.Next(); err == nil {
				t.Errorf("got %q", p)
			}
			a := h.request("GET", "transport=polling", nil)
			if a.status != 503 || a.header.Get("Retry-After") == "" {
				t.Errorf("a handshake is answered by %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
			}
			h.server.Close()
		})
	})
}

func TestShutdown(t *testing.T) {
	t.Run("waits", func(t *testing.T) {
		forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
			everywhere(t, nil, func(h *harness) {
				c, r := h.open(mode, rawclient.Options{})
				r.SendLater(engine.NewMessage([]byte("last")))
				done := make(chan error)
				go func() { done <- h.server.Shutdown(context.Background()) }()
				h.expectClosed(r, engine.ReasonServerShutdown)
				h.expect(c, "4last")
				h.expectEnd(c)
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	})
	t.Run("forces", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			_, stuck := h.wireSession()
			silent := h.openPolling()
			stuck.Send(engine.NewMessage([]byte("x")))
			ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("enough"))
			defer cancel()
			if err := h.server.Shutdown(ctx); err == nil || err.Error() != "enough" {
				t.Errorf("Shutdown returns %v", err)
			}
			h.expectClosed(stuck, engine.ReasonServerShutdown)
			h.expectClosed(silent, engine.ReasonServerShutdown)
			if got := h.server.Len(); got != 0 {
				t.Errorf("%d sessions stay", got)
			}
		})
	})
	t.Run("without sessions", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			for range 2 {
				if err := h.server.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	})
}

// A session that its receiver closes delivers nothing more, not even of the
// same POST or read.
func TestCloseWhileReceiving(t *testing.T) {
	run(t, nil, func(h *harness) {
		h.onText = func(r *recorder, _ string) error { r.Close(); return nil }
		overPolling := h.openPolling()
		h.request("POST", session(overPolling), strings.NewReader("4a\x1e4b\x1e4c"))
		w, overWebSocket := h.wireSession()
		w.write(append(text("4a"), text("4b")...), 0)
		for _, r := range []*recorder{overPolling, overWebSocket} {
			h.expectClosed(r, engine.ReasonForcedClose)
			synctest.Wait()
			if got := len(r.received); got != 1 {
				t.Errorf("%s: %d messages delivered", r.Transport(), got)
			}
		}
	})
}

// Server.Close drops what is queued, also of a session that is closing.
func TestServerCloseDrops(t *testing.T) {
	for name, before := range map[string]func(*recorder){
		"open":    func(*recorder) {},
		"closing": func(r *recorder) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				overPolling := h.openPolling()
				w, overWebSocket := h.wireSession()
				overWebSocket.Send(engine.NewMessage([]byte("being written")))
				synctest.Wait() // a pipe has no buffer
				for _, r := range []*recorder{overPolling, overWebSocket} {
					r.Send(engine.NewMessage([]byte("dropped")))
					before(r)
				}
				h.server.Close()
				a := h.request("GET", session(overPolling), nil)
				if a.status == 200 {
					t.Errorf("polled %q", a.body)
				}
				for {
					got := w.next()
					if strings.Contains(got, "dropped") {
						t.Errorf("got %q", got)
					}
					if !strings.HasPrefix(got, "text ") {
						break
					}
				}
			})
		})
	}
}
