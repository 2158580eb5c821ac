package engine_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

const (
	badRequest     = `{"code":3,"message":"Bad request"}`
	unknownSession = `{"code":1,"message":"Session ID unknown"}`
)

func TestSecondPoll(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		first := h.poll(r)
		h.expectAnswer(h.request("GET", session(r), nil), 400, badRequest)
		h.expectAnswer(<-first, 200, "1")
		h.expectClosed(r, engine.ReasonTransportError)
	})
}

func TestSecondPost(t *testing.T) {
	run(t, nil, func(h *harness) {
		goOn := make(chan struct{})
		h.onText = func(*recorder, string) error { <-goOn; return nil }
		r := h.openPolling()
		first := make(chan answer, 1)
		go func() {
			a, _ := h.try("POST", session(r), strings.NewReader("4a"))
			first <- a
		}()
		pending := h.poll(r)
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("4b")), 400, badRequest)
		h.expectAnswer(<-pending, 200, "1")
		h.expectClosed(r, engine.ReasonTransportError)
		close(goOn)
		h.expectAnswer(<-first, 200, "ok")
		if len(r.received) != 1 {
			t.Errorf("%d messages delivered", len(r.received))
		}
	})
}

func TestMalformedPost(t *testing.T) {
	for _, body := range []string{
		"", "abc", "7", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b", "b!!!!", "bAQIDBA=", "4\xff", "4a\x1ebAQIDBA",
	} {
		t.Run(body, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				h.onText = func(*recorder, string) error { return nil }
				r := h.openPolling()
				pending := h.poll(r)
				h.expectAnswer(h.request("POST", session(r), strings.NewReader(body)), 400, badRequest)
				h.expectAnswer(<-pending, 200, "1")
				h.expectClosed(r, engine.ReasonParseError)
			})
		})
	}
	t.Run("octet-stream", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			r := h.openPolling()
			a := h.request("POST", session(r), strings.NewReader("4a"), "Content-Type", "application/octet-stream")
			h.expectAnswer(a, 400, badRequest)
			h.expectClosed(r, engine.ReasonTransportError)
		})
	})
	t.Run("ping", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			r := h.openPolling()
			h.request("POST", session(r), strings.NewReader("2"))
			h.expectClosed(r, engine.ReasonTransportError)
		})
	})
}

// What waits leaves in one answer.
func TestPollTakesAll(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		var want []string
		for range 100 {
			r.Send(engine.NewMessage([]byte("text"), []byte{1, 2, 3, 4}))
			want = append(want, "4text", "bAQIDBA==")
		}
		h.expectAnswer(h.request("GET", session(r), nil), 200, strings.Join(want, "\x1e"))
	})
}

func TestResponseHeaders(t *testing.T) {
	run(t, nil, func(h *harness) {
		check := func(what string, a answer, contentType string) {
			t.Helper()
			if got := a.header.Get("Content-Type"); got != contentType {
				t.Errorf("%s: Content-Type %q", what, got)
			}
			if got := a.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control %q", what, got)
			}
			if got := a.header.Get("Content-Length"); got == "" {
				t.Errorf("%s: no Content-Length", what)
			}
		}
		const plain = "text/plain; charset=UTF-8"
		check("handshake", h.request("GET", "transport=polling", nil), plain)
		r := <-h.sessions
		r.Send(engine.NewMessage([]byte("x")))
		check("poll", h.request("GET", session(r), nil), plain)
		check("POST", h.request("POST", session(r), strings.NewReader("3")), "text/html")
		check("refusal", h.request("GET", "transport=none", nil), "application/json")
	})
}

// A poll outlasts the time-outs of the http.Server around it.
func TestServerTimeouts(t *testing.T) {
	hs := &http.Server{ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second}
	runServer(t, nil, hs, func(h *harness) {
		r := h.openPolling()
		for range 3 {
			pending := h.poll(r)
			after(20 * time.Second)
			r.Send(engine.NewMessage([]byte("x")))
			h.expectAnswer(<-pending, 200, "4x")
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("3")), 200, "ok")
		}
	})
}

// A client gets PingTimeout to take the answer of a poll.
func TestPollNotTaken(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		conn, err := h.dial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write([]byte("GET /engine.io/?EIO=4&transport=polling&sid=" + r.ID() + " HTTP/1.1\r\nHost: a\r\n\r\n"))
		synctest.Wait()
		r.Send(engine.NewMessage([]byte("x")))
		after(21 * time.Second)
		h.expectClosed(r, engine.ReasonTransportClose)
	})
}
