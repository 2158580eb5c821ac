package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/engine"
)

// A session that its client has closed over polling is over at once, for the
// counts and for the limits; what is posted to it later is refused.
func TestDepartedSession(t *testing.T) {
	o := &engine.Options{MaxConnections: 1, MaxConnectionsPerAddress: 1, AllowEIO3: true}
	gone := func(h *harness, r *recorder) {
		h.t.Helper()
		h.expectClosed(r, engine.ReasonTransportClose)
		if n := h.server.Len(); n != 0 {
			h.t.Errorf("%d sessions are counted", n)
		}
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("4late")), 400, unknownSession)
		h.openPolling() // for which there is a place
		if len(r.received) != 0 {
			h.t.Errorf("it was given %q", <-r.received)
		}
	}
	leave := func(h *harness, r *recorder) {
		h.t.Helper()
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("1")), 200, "ok")
	}
	cases := map[string]func(h *harness, r *recorder){
		"with nothing else": func(h *harness, r *recorder) {
			leave(h, r)
			gone(h, r)
			h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
			h.expectAnswer(h.request("GET", session(r), nil), 400, unknownSession)
		},
		"with messages that wait for it": func(h *harness, r *recorder) {
			r.Send(engine.NewMessage([]byte("lost")))
			leave(h, r)
			gone(h, r)
			h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
		},
		"with a poll that waits": func(h *harness, r *recorder) {
			pending := h.poll(r)
			leave(h, r)
			gone(h, r)
			h.expectAnswer(<-pending, 200, "6")
			h.expectAnswer(h.request("GET", session(r), nil), 400, unknownSession)
		},
		"with a WebSocket that is not yet probed": func(h *harness, r *recorder) {
			w := h.wire("&sid=" + r.ID())
			leave(h, r)
			gone(h, r)
			w.expect("end")
		},
		"with a WebSocket that is probed": func(h *harness, r *recorder) {
			w := h.probe(r)
			leave(h, r)
			gone(h, r)
			w.expect("end")
			h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
		},
		"while the server closes it": func(h *harness, r *recorder) {
			h.onText = func(r *recorder, _ string) error { r.Close(); return nil }
			h.request("POST", session(r), strings.NewReader("4close"))
			<-r.received
			if reason := <-r.closed; reason != engine.ReasonForcedClose {
				h.t.Errorf("closed for %s", reason)
			}
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("4late")), 200, "ok")
			h.expectAnswer(h.request("GET", session(r), nil), 200, "1")
			h.openPolling()
		},
		"which the server is closing": func(h *harness, r *recorder) {
			r.Close()
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("4late\x1e1")), 200, "ok")
			<-r.closed
			h.openPolling()
			h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
		},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			run(t, o, func(h *harness) { f(h, h.openPolling()) })
		})
	}
	t.Run("of revision 3", func(t *testing.T) {
		run(t, o, func(h *harness) {
			h.request("GET", "EIO=3&transport=polling", nil)
			r := <-h.sessions
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("1:1")), 200, "ok")
			gone(h, r)
			h.expectAnswer(h.request("GET", session(r), nil), 200, "1:6")
		})
	})
	t.Run("of any number", func(t *testing.T) {
		run(t, o, func(h *harness) {
			first := h.openPolling()
			leave(h, first)
			for range 256 {
				r := h.openPolling()
				leave(h, r)
				synctest.Wait()
			}
			h.expectAnswer(h.request("GET", session(first), nil), 400, unknownSession)
		})
	})
}

// A request names the revision of its session; another is refused, and the
// session does not mind.
func TestRevisionOfRequests(t *testing.T) {
	run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
		for own, others := range map[string][]string{
			"3": {"4", "", "5", "03"},
			"4": {"3", "", "5", "04"},
		} {
			h.request("GET", "EIO="+own+"&transport=polling", nil)
			r := <-h.sessions
			for _, other := range others {
				query := "EIO=" + other + "&transport=polling&sid=" + r.ID()
				for _, method := range []string{"GET", "POST", "PUT"} {
					h.expectAnswer(h.request(method, query, strings.NewReader("4a")), 400, badRequest)
				}
				if w := h.wire(fmt.Sprintf("&EIO=%s&sid=%s", other, r.ID())); w.resp.StatusCode != 400 {
					h.t.Errorf("an upgrade with EIO=%q is answered by %s", other, w.resp.Status)
				}
			}
			body := map[string]string{"3": "2:4a", "4": "4a"}[own]
			h.expectAnswer(h.request("POST", session(r), strings.NewReader(body)), 200, "ok")
			h.expectAnswer(h.request("GET", session(r), nil), 200, body)
		}
	})
}
