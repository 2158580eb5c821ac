package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

// probe opens the WebSocket of an upgrade and has it probed.
func (h *harness) probe(r *recorder) *wire {
	h.t.Helper()
	w := h.wire("&sid=" + r.ID())
	w.write(text("2probe"), 0)
	w.expect("text 3probe")
	return w
}

// Nothing is lost, doubled or reordered while the transport changes under
// traffic, whichever way the messages leave.
func TestUpgradeUnderTraffic(t *testing.T) {
	const n = 200
	everywhere(t, nil, func(h *harness) {
		for range 20 {
			upgradeUnderTraffic(h, n)
		}
	})
}

func upgradeUnderTraffic(h *harness, n int) {
	t := h.t
	h.onText = func(*recorder, string) error { return nil }
	r := h.openPolling()
	go func() {
		for i := range n {
			m := engine.NewMessage(fmt.Append(nil, i))
			if i%2 == 0 {
				r.Send(m)
			} else {
				r.SendLater(m)
			}
		}
	}()
	var got []string
	poll := func() {
		body := h.request("GET", session(r), nil).body
		for packet := range strings.SplitSeq(body, "\x1e") {
			if packet != "6" {
				got = append(got, packet)
			}
		}
	}
	post := func(i int) {
		h.expectAnswer(h.request("POST", session(r), strings.NewReader(fmt.Sprint("4", i))), 200, "ok")
	}
	poll()
	post(0)
	w := h.wire("&sid=" + r.ID())
	post(1)
	poll2 := make(chan struct{})
	go func() { poll(); close(poll2) }()
	w.write(text("2probe"), 0)
	post(2)
	<-poll2
	w.expect("text 3probe")
	post(3)
	frames := text("5")
	for i := 4; i < n; i++ {
		frames = append(frames, text(fmt.Sprint("4", i))...)
	}
	go w.write(frames, 0)
	for len(got) < n {
		got = append(got, strings.TrimPrefix(w.next(), "text "))
	}
	for i, packet := range got {
		if packet != fmt.Sprint("4", i) {
			t.Fatalf("packet %d is %q", i, packet)
		}
		if s := <-r.received; s != fmt.Sprint(i) {
			t.Fatalf("the server got %s, want %d", s, i)
		}
	}
	if r.Transport() != engine.WebSocket {
		t.Errorf("the transport is %s", r.Transport())
	}
	w.conn.Close()
	h.expectClosed(r, engine.ReasonTransportClose)
}

// A POST still being delivered goes before what follows on the WebSocket.
func TestUpgradeWaitsForPost(t *testing.T) {
	runTCP(t, nil, func(h *harness) {
		goOn := make(chan struct{})
		h.onText = func(r *recorder, s string) error {
			if s == "first" {
				<-goOn
			}
			return r.Send(engine.NewMessage([]byte("done " + s)))
		}
		r := h.openPolling()
		posted := make(chan answer, 1)
		go func() {
			a, _ := h.try("POST", session(r), strings.NewReader("4first"))
			posted <- a
		}()
		<-r.received
		w := h.probe(r)
		w.write(append(text("5"), text("4second")...), 0)
		r.Send(engine.NewMessage([]byte("meanwhile")))
		w.expect("text 4meanwhile") // or over the WebSocket's first drain
		close(goOn)
		w.expect("text 4done first", "text 4done second")
		h.expectAnswer(<-posted, 200, "ok")
	})
}

func TestUpgradeEndsPolls(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		pending := h.poll(r)
		w := h.probe(r)
		h.expectAnswer(<-pending, 200, "6")
		h.expectAnswer(h.request("GET", session(r), nil), 200, "6") // one that was on its way
		w.write(text("5"), 0)
		synctest.Wait()
		h.expectAnswer(h.request("GET", session(r), nil), 400, badRequest)
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("4a")), 400, badRequest)
		w.write(text("4b"), 0)
		w.expect("text 4b")
	})
}

// While an upgrade is probed a poll waits for 100 ms, so that one that the
// client sends right behind UPGRADE and that comes first is refused as well.
func TestProbedPoll(t *testing.T) {
	for name, start := range map[string]func(h *harness, r *recorder) (*wire, <-chan answer){
		"that waits when the probe comes": func(h *harness, r *recorder) (*wire, <-chan answer) {
			pending := h.poll(r)
			return h.probe(r), pending
		},
		"that comes after the probe": func(h *harness, r *recorder) (*wire, <-chan answer) {
			w := h.probe(r)
			return w, h.poll(r)
		},
	} {
		expect := func(what string, wait time.Duration, status int, body string, meanwhile func(r *recorder, w *wire)) {
			t.Run("a poll "+name+what, func(t *testing.T) {
				run(t, nil, func(h *harness) {
					r := h.openPolling()
					begun := time.Now()
					w, pending := start(h, r)
					meanwhile(r, w)
					h.expectAnswer(<-pending, status, body)
					if got := time.Since(begun); got != wait {
						t.Errorf("answered after %v, want %v", got, wait)
					}
				})
			})
		}
		expect(" ends after 100 ms", 100*time.Millisecond, 200, "6", func(*recorder, *wire) {})
		expect(" is refused when UPGRADE comes", 0, 400, badRequest, func(r *recorder, w *wire) {
			w.write(text("5"), 0)
			w.write(text("4hello"), 0)
			w.expect("text 4hello")
		})
		expect(" takes a message at once", 0, 200, "4hello", func(r *recorder, _ *wire) {
			r.Send(engine.NewMessage([]byte("hello")))
		})
		expect(" learns of the session's end at once", 0, 200, "1", func(r *recorder, _ *wire) { r.Close() })
		expect(" ends after 100 ms, too, when the WebSocket is gone", 100*time.Millisecond, 200, "6", func(_ *recorder, w *wire) {
			w.conn.Close()
		})
	}
}

// Polls of several sessions that wait while probed end together if they would
// end within 25 ms, so that they wake the server once.
func TestProbedPollsEndTogether(t *testing.T) {
	const ms = time.Millisecond
	hello := func(r *recorder) { r.Send(engine.NewMessage([]byte("hello"))) }
	run(t, nil, func(h *harness) {
		begun := time.Now()
		var polls sync.WaitGroup
		for _, p := range []struct {
			begins, ends time.Duration
			body         string
			cause        func(r *recorder) // of an earlier end
		}{
			{begins: 0, ends: 100 * ms, body: "6"},
			{begins: 10 * ms, ends: 40 * ms, body: "4hello", cause: hello},
			{begins: 15 * ms, ends: 50 * ms, body: "1", cause: func(r *recorder) { r.Close() }},
			{begins: 20 * ms, ends: 100 * ms, body: "6"},
			{begins: 25 * ms, ends: 100 * ms, body: "6"},
			{begins: 26 * ms, ends: 126 * ms, body: "6"},
			{begins: 60 * ms, ends: 160 * ms, body: "6"},
			{begins: 85 * ms, ends: 160 * ms, body: "6"},
			{begins: 300 * ms, ends: 400 * ms, body: "6"},
		} {
			after(p.begins - time.Since(begun))
			r := h.openPolling()
			h.probe(r)
			pending := h.poll(r)
			if p.cause != nil {
				time.AfterFunc(p.ends-p.begins, func() { p.cause(r) })
			}
			polls.Go(func() {
				h.expectAnswer(<-pending, 200, p.body)
				if got := time.Since(begun); got != p.ends {
					t.Errorf("the poll that began after %v ended after %v, want %v", p.begins, got, p.ends)
				}
			})
		}
		polls.Wait()
	})
}

// An upgrade that is not completed in time is given up; polling goes on.
func TestUpgradeTimeout(t *testing.T) {
	for name, probe := range map[string]func(h *harness, r *recorder) *wire{
		"no probe":   func(h *harness, r *recorder) *wire { return h.wire("&sid=" + r.ID()) },
		"no upgrade": (*harness).probe,
		"no read": func(h *harness, r *recorder) *wire {
			w := h.wire("&sid=" + r.ID())
			w.write(text("2probe"), 0)
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				r := h.openPolling()
				w := probe(h, r)
				after(11 * time.Second)
				if _, err := w.conn.Write(ping("")); err == nil {
					t.Error("the WebSocket is still there")
				}
				pending := h.poll(r)
				h.request("POST", session(r), strings.NewReader("4a"))
				h.expectAnswer(<-pending, 200, "4a")
				w = h.probe(r) // and another upgrade succeeds
				w.write(append(text("5"), text("4b")...), 0)
				w.expect("text 4b")
			})
		})
	}
}

// Whatever comes first on an upgrade's WebSocket instead of a probe ends that
// WebSocket, not the session.
func TestBadProbe(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		want  string
	}{
		"message":           {text("4a"), "close 1000"},
		"upgrade unproved":  {text("5"), "end"},
		"another ping":      {text("2"), "close 1000"},
		"binary":            {binaryFrame("x"), "close 1000"},
		"no packet":         {text("x"), "close 1000"},
		"unmasked":          {[]byte{fin | 1, 0}, "close 1002"},
		"close":             {closing(1001, ""), "close 1001"},
		"text is not UTF-8": {text("2\xff"), "close 1007"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				r := h.openPolling()
				w := h.wire("&sid=" + r.ID())
				w.write(ping("p"), 0)
				w.expect("pong p")
				w.write(c.frame, 0)
				if w.expect(c.want); c.want != "end" {
					w.expect("end")
				}
				pending := h.poll(r)
				h.request("POST", session(r), strings.NewReader("4a"))
				h.expectAnswer(<-pending, 200, "4a")
			})
		})
	}
}

// A second WebSocket with the sid, during an upgrade and after, is closed and
// harms nothing.
func TestSecondWebSocket(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		w := h.probe(r)
		h.wire("&sid="+r.ID()).expect("close 1002", "end")
		w.write(append(text("5"), text("4a")...), 0)
		w.expect("text 4a")
		h.wire("&sid="+r.ID()).expect("close 1002", "end")
		w.write(text("4b"), 0)
		w.expect("text 4b")
	})
}

// A session that ends while its client upgrades takes the WebSocket along, at
// once or, when it was closed gently, after the rest has been sent.
func TestEndDuringUpgrade(t *testing.T) {
	for name, end := range map[string]func(*recorder){
		"Close":        func(r *recorder) { r.Close() },
		"Server.Close": func(r *recorder) { r.h.server.Close() },
		"client": func(r *recorder) {
			r.h.request("POST", session(r), strings.NewReader("1"))
		},
		"second poll": func(r *recorder) {
			r.h.request("POST", session(r), strings.NewReader("x"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				r := h.openPolling()
				w := h.wire("&sid=" + r.ID())
				end(r)
				w.expect("end")
				<-r.closed

				if name != "Server.Close" {
					r = h.openPolling()
					w = h.probe(r)
					end(r)
					<-r.closed
					after(11 * time.Second)
					w.expect("end")
				}
			})
		})
	}
	t.Run("Close before the client completes it", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			r := h.openPolling()
			w := h.probe(r)
			r.Send(engine.NewMessage([]byte("last")))
			r.Close()
			w.write(text("5"), 0)
			w.expect("text 4last", "close 1000")
			w.write(closing(1000, ""), 0)
			w.expect("end")
			h.expectClosed(r, engine.ReasonForcedClose)
		})
	})
}
