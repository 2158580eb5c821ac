package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A client that answers lives on; one that does not is closed after
// PingTimeout, and within PingInterval + PingTimeout, whatever they are and
// whenever the session began.
func TestPingTimeout(t *testing.T) {
	for _, c := range []struct{ interval, timeout time.Duration }{
		{25 * time.Second, 20 * time.Second},
		{25 * time.Second, 33300 * time.Millisecond},
		{time.Minute, time.Second},
		{100 * time.Millisecond, 90 * time.Millisecond},
		{71 * time.Second, 313 * time.Second},
	} {
		t.Run(fmt.Sprint(c.interval, "+", c.timeout), func(t *testing.T) {
			o := &engine.Options{PingInterval: c.interval, PingTimeout: c.timeout, MaxPayload: 1000}
			run(t, o, func(h *harness) {
				const n = 10
				for i := range n {
					w, r := h.wireSession()
					go expectTimeout(w, r, i%3, c.interval, c.timeout)
					after(c.interval * time.Duration(i) / 137)
				}
				after(5 * (c.interval + c.timeout))
				if got := h.server.Len(); got != 0 {
					t.Errorf("%d sessions stay", got)
				}
			})
		})
	}
}

// expectTimeout answers pongs PINGs and is silent then.
func expectTimeout(w *wire, r *recorder, pongs int, interval, timeout time.Duration) {
	t := w.h.t
	since := time.Now()
	for i := 0; ; i++ {
		if got := w.nextWithin(interval); got != "text 2" {
			t.Errorf("got %q instead of a PING", got)
			return
		}
		if waited := time.Since(since); waited > interval || waited < interval*9/10 {
			t.Errorf("a PING after %v", waited)
		}
		if i == pongs {
			break
		}
		w.write(text("3"), 0)
		since = time.Now()
	}
	pinged := time.Now()
	if reason := <-r.closed; reason != engine.ReasonPingTimeout {
		t.Errorf("closed for %q", reason)
	}
	if waited := time.Since(pinged); waited < timeout {
		t.Errorf("closed %v after the PING", waited)
	}
	if waited := time.Since(since); waited > interval+timeout {
		t.Errorf("closed after %v", waited)
	}
}

// Intervals at the ends of the range neither stop the clock nor close anybody
// early.
func TestOddIntervals(t *testing.T) {
	const ages = 1<<63 - 1
	for _, c := range []struct{ interval, timeout time.Duration }{
		{ages, ages}, {ages, time.Minute}, {time.Minute, ages}, {1, ages},
	} {
		run(t, &engine.Options{PingInterval: c.interval, PingTimeout: c.timeout}, func(h *harness) {
			c, r := h.open(rawclient.WebSocket, rawclient.Options{Pong: true})
			after(10 * time.Second)
			c.Send("4a")
			h.expect(c, "4a")
			c.Close()
			h.expectClosed(r, engine.ReasonTransportClose)
		})
	}
	run(t, &engine.Options{PingInterval: 1, PingTimeout: 1}, func(h *harness) {
		r := h.openPolling()
		h.expectClosed(r, engine.ReasonPingTimeout)
	})
}

// A receiver that is at work is no reason to close a client.
func TestSlowReceiver(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, nil, func(h *harness) {
			h.onText = func(r *recorder, s string) error {
				if s == "slow" {
					<-time.After(5 * time.Minute)
				}
				return r.Send(engine.NewMessage([]byte(s)))
			}
			c, r := h.open(mode, rawclient.Options{})
			go c.Send("4slow")
			synctest.Wait()
			after(4 * time.Minute)
			h.expect(c, "2")
			after(79 * time.Second) // the client gets PingTimeout from the end of the work
			h.expect(c, "4slow")
			if len(r.closed) > 0 {
				t.Errorf("closed for %q", <-r.closed)
			}
			if err := c.Send("3"); err != nil {
				t.Error(err)
			}
		})
	})
}

// The same while an upgrade is under way: its WebSocket delivers nothing, and
// says nothing about the POST.
func TestSlowReceiverDuringUpgrade(t *testing.T) {
	run(t, &engine.Options{UpgradeTimeout: time.Hour}, func(h *harness) {
		goOn := make(chan struct{})
		h.onText = func(*recorder, string) error { <-goOn; return nil }
		r := h.openPolling()
		go h.try("POST", session(r), strings.NewReader("4slow"))
		synctest.Wait()
		w := h.wire("&sid=" + r.ID())
		w.write(text("2probe"), 0)
		w.expect("text 3probe")
		after(10 * time.Minute)
		if len(r.closed) > 0 {
			t.Fatalf("closed for %q", <-r.closed)
		}
		close(goOn)
		w.write(text("5"), 0)
		w.expect("text 2")
		after(time.Minute)
		h.expectClosed(r, engine.ReasonPingTimeout)
	})
}

// A client that is long taking what is queued for it is none that is gone.
func TestHeartbeatWithFullQueue(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, &engine.Options{MaxBuffered: 64 << 20}, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{Pong: true})
			const messages = 100
			large := strings.Repeat("x", 100_000)
			for range messages {
				r.Send(engine.NewMessage([]byte(large)))
			}
			for range messages {
				h.expect(c, "4"+large)
				after(time.Second)
			}
			if len(r.closed) > 0 {
				t.Errorf("closed for %q", <-r.closed)
			}
		})
	})
}
