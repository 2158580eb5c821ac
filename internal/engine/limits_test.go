package engine_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestMaxPayloadOfPost(t *testing.T) {
	for name, body := range map[string]func(n int) io.Reader{
		"Content-Length": func(n int) io.Reader { return strings.NewReader(strings.Repeat("4", n)) },
		"chunked":        func(n int) io.Reader { return io.MultiReader(strings.NewReader(strings.Repeat("4", n))) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, &engine.Options{MaxPayload: 5000}, func(h *harness) {
				r := h.openPolling()
				h.expectAnswer(h.request("POST", session(r), body(5000)), 200, "ok")
				h.expectAnswer(h.request("POST", session(r), body(5001)), 413, "")
				h.expectClosed(r, engine.ReasonTransportError)
				if len(r.received) != 1 {
					t.Errorf("%d messages delivered", len(r.received))
				}
			})
		})
	}
}

// A limit that is exceeded gets one line in the log, however often.
func TestRefusalIsLogged(t *testing.T) {
	var log bytes.Buffer
	run(t, &engine.Options{MaxPayload: 10, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(h *harness) {
		for range 3 {
			w, r := h.wireSession()
			w.write(text("4"+strings.Repeat("x", 10)), 0)
			w.expect("close 1009")
			h.expectClosed(r, engine.ReasonTransportError)
		}
		if got := strings.Count(log.String(), "Options.Limits.Payload"); got != 1 {
			t.Errorf("%d lines:\n%s", got, log.String())
		}
	})
}

// An announced length is refused before anything is kept for it.
func TestAnnouncedLength(t *testing.T) {
	everywhere(t, nil, func(h *harness) {
		before := heap()
		for _, announced := range [][]byte{
			frameHead(fin|2, 1<<30),
			append(frame(2, "x"), frameHead(fin, 1_000_000)...),
			frameHead(fin|2, 1<<63-1),
		} {
			w, r := h.wireSession()
			w.write(announced, 0)
			w.expect("close 1009")
			h.expectClosed(r, engine.ReasonTransportError)
		}
		for range 50 { // within the limit, but it does not come
			w, _ := h.wireSession()
			w.write(ping(""), 0)
			w.write(append(frameHead(fin|2, 1_000_000), 'x'), 0)
			w.expect("pong ")
		}
		if grown := heap() - before; grown > 4<<20 {
			t.Errorf("the heap grows by %d bytes", grown)
		}
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A client that does not read is dropped once more than MaxBuffered bytes
// wait for it. The others do not notice.
func TestSlowClient(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, &engine.Options{MaxBuffered: 100_000}, func(h *harness) {
			var slow *recorder
			if mode == rawclient.Polling {
				slow = h.openPolling()
			} else {
				_, slow = h.wireSession()
			}
			other, r := h.open(mode, rawclient.Options{Pong: true})
			m := engine.NewMessage(bytes.Repeat([]byte("x"), 10_000))
			for sent := 0; ; sent++ {
				if sent > 10_000 {
					t.Fatal("the slow client takes everything")
				}
				if err := slow.SendLater(m); err != nil {
					if sent < 9 {
						t.Errorf("dropped after %d messages", sent)
					}
					break
				}
				if err := r.Send(m); err != nil {
					t.Fatal(err)
				}
				h.expect(other, "4"+strings.Repeat("x", 10_000))
			}
			h.expectClosed(slow, engine.ReasonSlowClient)
		})
	})
}

// What a slow client has taken does not count, though the rest of the batch it
// was written with still waits.
func TestSlowClientCatchesUp(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 100_000}, func(h *harness) {
		w, r := h.wireSession()
		synctest.Wait()
		m := engine.NewMessage(bytes.Repeat([]byte("x"), 10_000))
		frame := "text 4" + strings.Repeat("x", 10_000)
		r.Cork()
		for range 9 {
			r.Send(m)
		}
		r.Uncork()
		for range 8 {
			w.expect(frame)
		}
		synctest.Wait()
		for range 7 {
			if err := r.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		for range 8 {
			w.expect(frame)
		}
	})
}

// One message alone may be larger than MaxBuffered.
func TestOneLargeMessage(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		everywhere(t, &engine.Options{MaxBuffered: 1000}, func(h *harness) {
			c, r := h.open(mode, rawclient.Options{Pong: true})
			for i := range 2 {
				large := fmt.Sprint(i, strings.Repeat("x", 1_500_000))
				if err := r.Send(engine.NewMessage([]byte(large))); err != nil {
					t.Fatal(err)
				}
				h.expect(c, "4"+large)
			}
		})
	})
}

// One may wait while another is being written, which the client may have, but
// not two.
func TestLargeMessageBesideAnother(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 1000}, func(h *harness) {
		_, r := h.wireSession()
		large := engine.NewMessage(make([]byte, 900))
		for n := range 2 {
			synctest.Wait() // a pipe has no buffer
			if err := r.Send(large); err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
		}
		if err := r.Send(large); err == nil {
			t.Fatal("two may wait")
		}
		h.expectClosed(r, engine.ReasonSlowClient)
	})
}

// Tiny messages cost more than their bytes.
func TestFloodOfTinyMessages(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 100_000}, func(h *harness) {
		r := h.openPolling()
		m := engine.NewMessage([]byte{})
		sent := 0
		for r.Send(m) == nil {
			sent++
		}
		if sent < 1000 || sent > 2000 {
			t.Errorf("%d messages wait in 100,000 bytes", sent)
		}

		w, pinger := h.wireSession()
		for range 3000 {
			w.write(ping(""), 0) // and the pongs are not read
		}
		h.expectClosed(pinger, engine.ReasonSlowClient)
	})
}

// A reader that pauses gets everything, over partial writes.
func TestPausingReader(t *testing.T) {
	everywhere(t, &engine.Options{MaxBuffered: 64 << 20}, func(h *harness) {
		w, r := h.wireSession()
		const messages, size = 16, 1_000_000
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range messages {
				r.Send(engine.NewMessage([]byte(strings.Repeat(string(rune('a'+i%26)), size))))
				r.SendLater(engine.NewMessage(fmt.Append(nil, i)))
			}
		}()
		<-done // all is queued before the first byte is read
		for i := range messages {
			w.expect("text 4"+strings.Repeat(string(rune('a'+i%26)), size), fmt.Sprint("text 4", i))
		}
	})
}

// A POST that never ends is given up when its session ends.
func TestEndlessPost(t *testing.T) {
	everywhere(t, nil, func(h *harness) {
		r := h.openPolling()
		body, feed := io.Pipe()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			h.try("POST", session(r), body, "Expect", "100-continue")
		}()
		io.WriteString(feed, "4never") // goes when the server reads the body
		r.Close()
		h.expectClosed(r, engine.ReasonForcedClose)
		h.server.Close()
		<-answered
		feed.Close()
	})
}

// A POST's body has PingTimeout to arrive, whatever else the client does.
func TestSlowPost(t *testing.T) {
	for revision, packet := range map[string]string{"EIO=4&": "4x", "EIO=3&": "2:4x"} {
		t.Run(revision, func(t *testing.T) {
			var log bytes.Buffer
			var seen tally
			o := &engine.Options{AllowEIO3: true, PingTimeout: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)), Trace: seen.trace()}
			run(t, o, func(h *harness) {
				h.request("GET", revision+"transport=polling", nil)
				r := <-h.sessions
				body, feed := io.Pipe()
				defer feed.Close()
				answers := make(chan answer)
				start := time.Now()
				go func() { answers <- h.request("POST", revision+session(r), body) }()
				for range 4 { // it comes, but slowly
					after(time.Second)
					if _, err := feed.Write([]byte("4")); err != nil {
						t.Fatal(err)
					}
				}
				h.expectAnswer(<-answers, 408, "Request Timeout")
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("refused after %v", took)
				}
				h.expectClosed(r, engine.ReasonTransportError)
				if len(seen.refused) != 1 || seen.refused[0].Cause != engine.CauseTimeout {
					t.Errorf("told of %+v", seen.refused)
				}
				if got := strings.Count(log.String(), "slow POST refused"); got != 1 {
					t.Errorf("%d lines:\n%s", got, log.String())
				}

				h.request("GET", revision+"transport=polling", nil)
				quick := <-h.sessions
				goOn := make(chan struct{})
				h.onText = func(*recorder, string) error { <-goOn; return nil }
				go func() { answers <- h.request("POST", revision+session(quick), strings.NewReader(packet)) }()
				after(time.Minute) // of the receiver's work, which is none of the client's time
				close(goOn)
				h.expectAnswer(<-answers, 200, "ok")
			})
		})
	}
}

// A message that never ends holds nobody longer than the heartbeat does: what
// would keep the session alive cannot come before the message's end.
func TestUnfinishedMessage(t *testing.T) {
	for name, begin := range map[string][]byte{
		"fragment":       frame(1, "4never"),
		"frame":          append(frameHead(fin|2, 1000), 'x'),
		"header":         frameHead(fin|2, 1000)[:3],
		"empty fragment": frame(2, ""),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, &engine.Options{PingInterval: 4 * time.Second, PingTimeout: 2 * time.Second}, func(h *harness) {
				w, r := h.wireSession()
				w.write(begin, 0)
				if name == "fragment" {
					w.write(ping("still there"), 0)
					w.expect("pong still there")
				}
				w.expect("text 2")
				after(6 * time.Second)
				h.expectClosed(r, engine.ReasonPingTimeout)
			})
		})
	}
}

// A POST may have as many packets as MaxPayload has room for; they cost
// nothing beyond.
func TestPacketsPerPost(t *testing.T) {
	run(t, nil, func(h *harness) {
		const packets = 333_333
		count := 0
		h.onText = func(r *recorder, s string) error { count++; <-r.received; return nil }
		r := h.openPolling()
		body := strings.Repeat("4a\x1e", packets-1) + "4a"
		before := heap()
		h.expectAnswer(h.request("POST", session(r), strings.NewReader(body)), 200, "ok")
		if grown := heap() - before; grown > 4<<20 {
			t.Errorf("the heap grows by %d bytes", grown)
		}
		if count != packets || r.batches.Load() != 1 {
			t.Errorf("%d messages in %d batches", count, r.batches.Load())
		}
	})
}

// A PONG that nothing has asked for is a sign of life, in any number.
func TestPongsOutOfTurn(t *testing.T) {
	run(t, nil, func(h *harness) {
		w, r := h.wireSession()
		for range 10 {
			for range 100 {
				w.write(text("3"), 0)
			}
			after(24 * time.Second) // the next PING is due 25 s after the last PONG
		}
		w.expect("text 2")
		if len(r.closed) > 0 {
			t.Errorf("closed for %q", <-r.closed)
		}
	})
}

// The headers' size is the http.Server's affair.
func TestHeaderLimit(t *testing.T) {
	runServer(t, nil, &http.Server{MaxHeaderBytes: 1000}, func(h *harness) {
		for _, transport := range []string{"polling", "websocket"} {
			a := h.request("GET", "transport="+transport, nil,
				"X-Large", strings.Repeat("x", 10_000), "Connection", "Upgrade", "Upgrade", "websocket")
			if a.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s: answered by %d", transport, a.status)
			}
		}
		h.openPolling()
	})
}
