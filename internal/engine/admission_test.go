package engine_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/engine"
)

// behindProxy has a handler in front of the server take the client's address
// from a header.
func behindProxy(t *testing.T, o *engine.Options, f func(h *harness)) {
	hs := &http.Server{}
	runServer(t, o, hs, func(h *harness) {
		hs.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if forwarded := r.Header.Get("X-Forwarded-For"); forwarded != "" {
				r.RemoteAddr = forwarded
			}
			h.server.ServeHTTP(w, r)
		})
		f(h)
	})
}

// from makes a handshake over polling and returns its status.
func (h *harness) from(address string) answer {
	h.t.Helper()
	return h.request("GET", "transport=polling", nil, "X-Forwarded-For", address)
}

func (h *harness) expectStatus(a answer, status int) {
	h.t.Helper()
	if a.status != status || status != http.StatusOK && a.header.Get("Retry-After") == "" {
		h.t.Errorf("answered by %d %q, Retry-After %q; want %d", a.status, a.body, a.header.Get("Retry-After"), status)
	}
}

func TestMaxConnections(t *testing.T) {
	var log bytes.Buffer
	run(t, &engine.Options{MaxConnections: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(h *harness) {
		for range 3 { // places are given back, each once
			polling := h.openPolling()
			w, ws := h.wireSession()
			h.expectStatus(h.request("GET", "transport=polling", nil), http.StatusServiceUnavailable)
			if refused := h.wire(""); refused.resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("a WebSocket is answered by %d", refused.resp.StatusCode)
			}
			upgraded := h.wire("&sid=" + polling.ID()) // is no further connection
			upgraded.write(text("2probe"), 0)
			upgraded.expect("text 3probe")
			upgraded.write(text("5"), 0)
			upgraded.conn.Close()
			h.expectClosed(polling, engine.ReasonTransportClose)
			w.conn.Close()
			h.expectClosed(ws, engine.ReasonTransportClose)
			synctest.Wait()
		}
		if got := strings.Count(log.String(), "Options.Limits.Connections"); got != 1 {
			t.Errorf("%d lines:\n%s", got, log.String())
		}
	})
}

func TestMaxConnectionsPerAddress(t *testing.T) {
	var log bytes.Buffer
	var seen tally
	o := &engine.Options{MaxConnectionsPerAddress: 2, Logger: slog.New(slog.NewTextHandler(&log, nil)), Trace: seen.trace()}
	behindProxy(t, o, func(h *harness) {
		for _, same := range [][3]string{ // three addresses of one client
			{"192.0.2.1:1000", "192.0.2.1:2000", "192.0.2.1"},
			{"[2001:db8::1]:1000", "[2001:db8::2]:1000", "2001:db8::ffff:0:1"},
			{"[::ffff:192.0.2.2]:1", "192.0.2.2:1", "192.0.2.2:2"},
			{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", "fe80::2"},
			{"pipe", "pipe", "pipe"},
		} {
			h.expectStatus(h.from(same[0]), http.StatusOK)
			first := <-h.sessions
			h.expectStatus(h.from(same[1]), http.StatusOK)
			second := <-h.sessions
			h.expectStatus(h.from(same[2]), http.StatusTooManyRequests)
			if refused := h.wire("", "X-Forwarded-For", same[2]); refused.resp.StatusCode != http.StatusTooManyRequests {
				t.Errorf("a WebSocket is answered by %d", refused.resp.StatusCode)
			}
			h.request("POST", session(first), strings.NewReader("1"))
			h.expectClosed(first, engine.ReasonTransportClose)
			h.request("GET", session(first), nil) // its last poll
			h.expectStatus(h.from(same[2]), http.StatusOK)
			third := <-h.sessions
			h.expectStatus(h.from(same[0]), http.StatusTooManyRequests)
			for _, r := range []*recorder{second, third} {
				h.request("POST", session(r), strings.NewReader("1"))
				h.request("GET", session(r), nil)
			}
		}
		h.expectStatus(h.from("[2001:db8:0:1::1]:1"), http.StatusOK) // another network
		for i, network := range []string{"192.0.2.1", "2001:db8::/64", "192.0.2.2", "fe80::/64", "pipe"} {
			for _, e := range seen.refused[3*i : 3*i+3] {
				if e.Cause != engine.CauseConnections || e.Context != network {
					t.Errorf("told of %+v, want one from %s", e, network)
				}
			}
		}
		if got := strings.Count(log.String(), "Options.Limits.ConnectionsPerAddress"); got != 1 || strings.Contains(log.String(), "Limits.Connections ") {
			t.Errorf("%d lines:\n%s", got, log.String())
		}
	})
}

// A place is taken during the handshake, and given back if no session comes of it.
func TestHandshakesCount(t *testing.T) {
	goOn := make(chan error)
	o := &engine.Options{MaxConnections: 1, AllowRequest: func(r *http.Request) error {
		switch r.Header.Get("X-Then") {
		case "wait":
			return <-goOn
		case "panic":
			panic(http.ErrAbortHandler)
		}
		return nil
	}}
	run(t, o, func(h *harness) {
		goOn = make(chan error) // of the bubble
		answers := make(chan answer)
		go func() { answers <- h.request("GET", "transport=polling", nil, "X-Then", "wait") }()
		synctest.Wait()
		h.expectStatus(h.request("GET", "transport=polling", nil), http.StatusServiceUnavailable)
		goOn <- errors.New("no")
		if a := <-answers; a.status != http.StatusForbidden {
			t.Errorf("answered by %d", a.status)
		}

		if _, err := h.try("GET", "transport=polling", nil, "X-Then", "panic"); !errors.Is(err, io.EOF) {
			t.Errorf("error %v", err)
		}
		if w := h.wire("", "Sec-Websocket-Key", "too short"); w.resp.StatusCode != http.StatusBadRequest {
			t.Errorf("answered by %d", w.resp.StatusCode)
		}

		h.onOpen = func(r *recorder) { r.Close() }
		h.request("GET", "transport=polling", nil) // is told that it is over
		closed := <-h.sessions
		h.expectClosed(closed, engine.ReasonForcedClose)
		h.onOpen = nil
		h.expectStatus(h.request("GET", "transport=polling", nil), http.StatusServiceUnavailable)
		h.request("GET", session(closed), nil) // its last poll
		h.openPolling()
		h.expectStatus(h.request("GET", "transport=polling", nil), http.StatusServiceUnavailable)
	})
}
