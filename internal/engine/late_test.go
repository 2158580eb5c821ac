package engine_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A server that does not keep up with compressing what it sends to a hundred
// clients drops none that takes what it is given.
func TestLateServerDropsNobody(t *testing.T) {
	o := &engine.Options{
		MaxBuffered:       100_000,
		PingTimeout:       time.Minute,
		PerMessageDeflate: &engine.PerMessageDeflate{ServerContextTakeover: true},
	}
	runTCP(t, o, func(h *harness) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		const clients, messages, size = 100, 300, 2000
		stalled := h.wire("", "Sec-Websocket-Extensions", "permessage-deflate")
		_ = stalled.conn.(*net.TCPConn).SetReadBuffer(4096)
		all := []*recorder{<-h.sessions}

		var taking sync.WaitGroup
		for range clients - 1 {
			w := h.wire("", "Sec-Websocket-Extensions", "permessage-deflate")
			all = append(all, <-h.sessions)
			taking.Go(func() {
				buf := make([]byte, 64<<10)
				for {
					if _, err := w.r.Read(buf); err != nil {
						return
					}
				}
			})
		}
		padding := strings.Repeat("a little text that resembles itself; ", size/37)
		for n := range messages {
			m := engine.NewMessage(fmt.Appendf(nil, "%d %s", n, padding))
			for _, r := range all {
				_ = r.SendLater(m)
			}
		}
		dropped := 0
		for _, r := range all[1:] {
			if len(r.closed) > 0 {
				dropped++
			}
		}
		if dropped > 0 {
			t.Errorf("%d of %d clients dropped", dropped, clients-1)
		}
		h.server.Close()
		taking.Wait()
	})
}

// A client whose poll waits for its answer is not slow, however much there is
// to be answered.
func TestLateAnswerDropsNobody(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 100_000}, func(h *harness) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		r := h.openPolling()
		answer := h.poll(r)
		message := strings.Repeat("x", 19_000)
		const messages = 6 // one more than may wait
		for range messages {
			if err := r.Send(engine.NewMessage([]byte(message))); err != nil {
				t.Fatal(err)
			}
		}
		got := strings.Count((<-answer).body, message)
		if got < messages {
			got += strings.Count((<-h.poll(r)).body, message)
		}
		if got != messages {
			t.Errorf("%d of %d messages arrived", got, messages)
		}
	})
}

// A starved server drops no client that takes what it is given, whatever its
// requests, answers and writes wait for.
func TestStarvedServerDropsNobody(t *testing.T) {
	certificate := httptest.NewTLSServer(nil)
	certificate.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Certificate())
	plain := func(_ *harness, l net.Listener) net.Listener { return l }
	overTLS := func(_ *harness, l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{Certificates: certificate.TLS.Certificates})
	}
	tlsDialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "example.com"}}
	for _, c := range []struct {
		name string
		mode rawclient.Mode
		wrap func(*harness, net.Listener) net.Listener
		dial dialer
	}{
		{"polling", rawclient.Polling, plain, (&net.Dialer{}).DialContext},
		{"polling over TLS", rawclient.Polling, overTLS, tlsDialer.DialContext},
		{"websocket over TLS", rawclient.WebSocket, overTLS, tlsDialer.DialContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &engine.Options{MaxBuffered: 100_000, PingTimeout: time.Minute}
			serveTCP(t, o, c.wrap, c.dial, func(h *harness) { h.starve(c.mode, sendLater) })
		})
	}
	t.Run("polling by Queue and Release", func(t *testing.T) {
		runTCP(t, &engine.Options{MaxBuffered: 100_000, PingTimeout: time.Minute}, func(h *harness) {
			h.starve(rawclient.Polling, func(r *recorder, m *engine.Message) {
				r.Queue(m, nil)
				r.Release(true)
			})
		})
	})
	t.Run("websocket in memory", func(t *testing.T) {
		listener := memnet.Listen()
		h := newHarness(t, inRealTime(&engine.Options{MaxBuffered: 100_000, PingTimeout: time.Minute}), listener.Dial)
		hs := &http.Server{Handler: h.server}
		go hs.Serve(listener)
		defer hs.Close()
		defer h.server.Close()
		h.starve(rawclient.WebSocket, sendLater)
	})
}

func sendLater(r *recorder, m *engine.Message) { _ = r.SendLater(m) }

// starve sends twenty clients much more than may wait for each, as fast as one
// processor goes, which they share with the server. A client that takes nothing
// is dropped all the same.
func (h *harness) starve(mode rawclient.Mode, send func(*recorder, *engine.Message)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const clients, messages, size = 20, 300, 2000
	var deaf *recorder
	if mode == rawclient.Polling {
		deaf = h.openPolling()
	} else {
		_, deaf = h.wireSession()
	}
	all := []*recorder{deaf}
	var taking sync.WaitGroup
	var taken atomic.Int32
	for range clients {
		c, r := h.open(mode, rawclient.Options{Pong: true})
		all = append(all, r)
		taking.Go(func() {
			for range messages {
				if _, err := c.Next(); err != nil {
					return
				}
				taken.Add(1)
			}
		})
	}
	padding := strings.Repeat("a little text that resembles itself; ", size/37)
	most := 0
	for n := range messages {
		m := engine.NewMessage(fmt.Appendf(nil, "%d %s", n, padding))
		for _, r := range all {
			send(r, m)
		}
		most = max(most, h.server.Stats().Queued)
	}
	taking.Wait()
	dropped := 0
	for _, r := range all[1:] {
		if len(r.closed) > 0 {
			dropped++
		}
	}
	if dropped > 0 || taken.Load() != clients*messages {
		h.t.Errorf("%d of %d clients dropped, %d of %d messages taken", dropped, clients, taken.Load(), clients*messages)
	}
	if limit := 2 * 100_000 * len(all); most > limit {
		h.t.Errorf("%d bytes wait, want %d at most", most, limit)
	}
	for range 10_000 { // more than a connection's buffers take
		if err := deaf.Send(engine.NewMessage([]byte(padding))); err != nil {
			break
		}
	}
	h.expectClosed(deaf, engine.ReasonSlowClient)
}
