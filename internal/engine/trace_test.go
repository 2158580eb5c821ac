package engine_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A tally counts what a Trace is told.
type tally struct {
	mu       sync.Mutex
	life     []string // what happened to the session
	refused  []engine.Refusal
	received [2]int // packets, bytes
	sent     [2]int
	dropped  [2]int
}

func (t *tally) trace() *engine.Trace {
	count := func(sum *[2]int) func(*engine.Session, int, int) {
		return func(_ *engine.Session, packets, bytes int) {
			t.mu.Lock()
			defer t.mu.Unlock()
			sum[0], sum[1] = sum[0]+packets, sum[1]+bytes
		}
	}
	note := func(s *engine.Session, what string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.life = append(t.life, what+" "+s.Transport())
	}
	received := count(&t.received)
	return &engine.Trace{
		Opened:   func(s *engine.Session) { note(s, "opened") },
		Closed:   func(s *engine.Session, r engine.Reason) { note(s, string(r)) },
		Upgraded: func(s *engine.Session, err error) { note(s, fmt.Sprint("upgraded ", err)) },
		Rejected: func(r *http.Request, e engine.Refusal) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.refused = append(t.refused, e)
		},
		Received: func(s *engine.Session, bytes int) { received(s, 1, bytes) },
		Sent:     count(&t.sent),
		Dropped:  count(&t.dropped),
	}
}

// take returns a tally's numbers, and forgets them.
func (t *tally) take() (received, sent, dropped [2]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	received, sent, dropped = t.received, t.sent, t.dropped
	t.received, t.sent, t.dropped = [2]int{}, [2]int{}, [2]int{}
	return
}

func TestTraceOfASession(t *testing.T) {
	life := map[rawclient.Mode][]string{
		rawclient.Polling:   {"opened polling", "transport close polling"},
		rawclient.WebSocket: {"opened websocket", "transport close websocket"},
		rawclient.Upgrade:   {"opened polling", "upgraded <nil> websocket", "transport close websocket"},
	}
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		var seen tally
		run(t, &engine.Options{Trace: seen.trace()}, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{})
			synctest.Wait()
			if _, sent, _ := seen.take(); sent[0] == 0 || sent[1] < len(r.ID()) {
				t.Errorf("the handshake counts %v", sent)
			}

			overhead := 2 // of a frame
			if mode == rawclient.Polling {
				overhead = 0
			}
			if err := c.Send("4hello"); err != nil { // echoed
				t.Fatal(err)
			}
			h.expect(c, "4hello")
			synctest.Wait()
			received, sent, _ := seen.take()
			if received != [2]int{1, len("hello")} || sent != [2]int{1, len("4hello") + overhead} {
				t.Errorf("an echo: received %v, sent %v", received, sent)
			}

			r.Cork()
			r.Send(engine.NewMessage([]byte("ab"), []byte("xyz")))
			r.Send(engine.NewMessage([]byte("c")))
			r.Uncork()
			h.expect(c, "4ab", "beHl6", "4c")
			synctest.Wait()
			want := [2]int{3, len("4ab") + len("xyz") + len("4c") + 3*overhead}
			if mode == rawclient.Polling {
				want[1] = len("4ab_beHl6_4c")
			}
			if _, sent, _ := seen.take(); sent != want {
				t.Errorf("sent %v, want %v", sent, want)
			}

			after(25 * time.Second)
			h.expect(c, "2")
			if err := c.Send("3"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if received, sent, _ := seen.take(); received != [2]int{1, 0} || sent[0] != 1 {
				t.Errorf("a heartbeat: received %v, sent %v", received, sent)
			}
			c.Close()
			h.expectClosed(r, engine.ReasonTransportClose)
			synctest.Wait()
		})
		if !slices.Equal(seen.life, life[mode]) {
			t.Errorf("told of %q, want %q", seen.life, life[mode])
		}
	})
}

// A session that accept closes, or that opens too late, is told of like any.
func TestTraceOfAShortSession(t *testing.T) {
	var seen tally
	run(t, &engine.Options{Trace: seen.trace()}, func(h *harness) {
		h.onOpen = func(r *recorder) { r.Close() }
		h.openPolling()
		h.onOpen = func(r *recorder) { h.server.Close() }
		h.request("GET", "transport=polling", nil)
	})
	want := []string{"opened polling", "forced close polling", "opened polling", "server shutting down polling"}
	if !slices.Equal(seen.life, want) {
		t.Errorf("told of %q, want %q", seen.life, want)
	}
}

func TestTraceOfAFailedUpgrade(t *testing.T) {
	for name, fail := range map[string]func(w *wire){
		"upgraded socketio: upgrade not done within Options.UpgradeTimeout polling": func(*wire) { after(10 * time.Second) },
		"upgraded EOF polling":                             func(w *wire) { w.conn.Close() },
		"upgraded engine: not an Engine.IO packet polling": func(w *wire) { w.write(text("9"), 0); after(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			var seen tally
			run(t, &engine.Options{Trace: seen.trace()}, func(h *harness) {
				fail(h.probe(h.openPolling()))
				synctest.Wait()
				seen.mu.Lock()
				defer seen.mu.Unlock()
				if want := []string{"opened polling", name}; !slices.Equal(seen.life, want) {
					t.Errorf("told of %q, want %q", seen.life, want)
				}
			})
		})
	}
}

func TestTraceOfRefusals(t *testing.T) {
	var seen tally
	o := &engine.Options{
		Trace:      seen.trace(),
		MaxPayload: 100,
		AllowRequest: func(r *http.Request) error {
			if r.URL.Query().Has("bad") {
				return errors.New("not today")
			}
			return nil
		},
	}
	const polling = "transport=polling"
	run(t, o, func(h *harness) {
		expect := func(cause engine.Cause, context string, a answer) {
			t.Helper()
			if len(seen.refused) != 1 {
				t.Errorf("%s: told of %+v", cause, seen.refused)
				return
			}
			e := seen.refused[0]
			seen.refused = nil
			body := e.Message
			if e.Code >= 0 {
				body = fmt.Sprintf(`{"code":%d,"message":"%s"}`, e.Code, e.Message)
			}
			if e.Cause != cause || e.Context != context || e.Status != a.status || a.body != body {
				t.Errorf("told of %+v, want %s of %q; answered %d %s", e, cause, context, a.status, a.body)
			}
		}
		post := func(query, body string) answer { return h.request("POST", query, strings.NewReader(body)) }

		expect(engine.CauseTransport, "carrier pigeon", h.request("GET", "transport=carrier%20pigeon", nil))
		expect(engine.CauseSession, "none", h.request("GET", polling+"&sid=none", nil))
		expect(engine.CauseMethod, "PUT", h.request("PUT", polling, nil))
		expect(engine.CauseOrigin, "http://other.test", h.request("GET", polling, nil, "Origin", "http://other.test"))
		expect(engine.CauseOrigin, "é", h.request("GET", polling, nil, "Origin", "é"))
		expect(engine.CauseVersion, "3", h.request("GET", polling+"&EIO=3", nil))
		expect(engine.CauseAllowRequest, "not today", h.request("GET", polling+"&bad", nil))
		expect(engine.CauseHandshake, "no upgrade", h.request("GET", "transport=websocket", nil))
		expect(engine.CausePayload, "engine: not an Engine.IO packet", post(session(h.openPolling()), "9"))
		expect(engine.CauseTooLarge, "", post(session(h.openPolling()), strings.Repeat("4", 101)))
		expect(engine.CauseMethod, "PUT", h.request("PUT", session(h.openPolling()), nil))

		r := h.openPolling()
		first := h.poll(r)
		expect(engine.CauseConcurrent, "GET", h.request("GET", session(r), nil))
		<-first

		_, r = h.wireSession()
		expect(engine.CauseMismatch, "polling", h.request("GET", session(r), nil))
		expect(engine.CauseMismatch, "polling", post(session(r), "4a"))

		for header, value := range map[string]string{"Sec-WebSocket-Key": "short", "Sec-WebSocket-Version": "8"} {
			if w := h.wire("", header, value); len(seen.refused) != 1 || seen.refused[0].Context != header ||
				seen.refused[0].Status != w.resp.StatusCode {
				t.Errorf("told of %+v; answered %s", seen.refused, w.resp.Status)
			}
			seen.refused = nil
		}

		h.server.Close()
		expect(engine.CauseShutdown, "", h.request("GET", polling, nil))
	})
}

func TestTraceOfDropped(t *testing.T) {
	var seen tally
	run(t, &engine.Options{Trace: seen.trace()}, func(h *harness) {
		r := h.openPolling() // and does not poll
		m := engine.NewMessage([]byte("position"), []byte("xyz"))
		if r.SendVolatile(m) {
			t.Error("sent without a poll")
		}
		if _, _, dropped := seen.take(); dropped != [2]int{2, m.Size()} {
			t.Errorf("dropped %v", dropped)
		}
		answer := h.poll(r)
		if !r.SendVolatile(m) {
			t.Error("not sent")
		}
		<-answer
		r.Close()
		r.SendVolatile(m)
		if _, _, dropped := seen.take(); dropped != [2]int{} {
			t.Errorf("dropped %v more", dropped)
		}
	})
}

func TestStats(t *testing.T) {
	run(t, nil, func(h *harness) {
		h.openPolling()
		r := h.openPolling()
		h.open(rawclient.Upgrade, rawclient.Options{})
		h.wireSession()
		m := engine.NewMessage([]byte("hello"))
		r.Send(m)
		r.Send(m)
		synctest.Wait()
		want := engine.Stats{Polling: 2, WebSocket: 2, Queued: 2 * m.Size()}
		if got := h.server.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		h.request("GET", session(r), nil)
		r.Close()
		h.request("GET", session(r), nil)
		synctest.Wait() // the session ends after its last poll has been answered
		if got, want := h.server.Stats(), (engine.Stats{Polling: 1, WebSocket: 2}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Without hooks nothing is allocated for them, on the paths that are taken
// most often.
func TestNoTraceAllocatesNothing(t *testing.T) {
	runTCP(t, nil, func(h *harness) {
		w, r := h.wireSession()
		go io.Copy(io.Discard, w.conn)
		m := engine.NewMessage([]byte("hello"))
		polling := h.openPolling()
		for name, f := range map[string]func(){
			"Send":                 func() { r.Send(m) },
			"SendVolatile":         func() { r.SendVolatile(m) },
			"SendVolatile, unsent": func() { polling.SendVolatile(m) },
		} {
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	})
}
