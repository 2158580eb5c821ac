package engine_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
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
