package socketio_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
)

// long is in each event here.
var long = strings.Repeat("compressible ", 100)

// zipped reports whether the next poll's answer, an event, is compressed.
func (p *poller) zipped() bool {
	p.h.Helper()
	r := httptest.NewRequest(http.MethodGet, p.url(), nil)
	r.Header.Set("Accept-Encoding", "gzip")
	a := p.h.do(r)
	coding := a.Header.Get("Content-Encoding")
	if (coding == "") != strings.Contains(a.body, long) || coding != "" && (coding != "gzip" || len(a.body) > 200) {
		p.h.Errorf("%d bytes in %q", len(a.body), coding)
	}
	return coding != ""
}

func TestCompress(t *testing.T) {
	bus := new(adapter.Loopback)
	run(t, &socketio.Options{Adapter: bus}, func(h *harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: bus})
		defer other.Close()
		parent := h.OfPattern(regexp.MustCompile("^/child"))
		p := h.newPoller()
		p.post("40")
		p.poll()
		s := h.anySocket(h.Namespace)
		call := func(b socketio.Broadcast) func() {
			return func() {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				for range b.Call(ctx, "e", long) {
				}
				synctest.Wait() // other servers' too
			}
		}
		emit := func(b socketio.Broadcast) func() {
			return func() { h.check(b.Emit("e", long)); synctest.Wait() }
		}
		for _, test := range []struct {
			name string
			send func()
			want bool
		}{
			{"Server.Emit", emit(h.Broadcast), true},
			{"Server.Compress", emit(h.Compress(false)), false},
			{"the last word", emit(h.Compress(false).To(s.ID()).Compress(true)), true},
			{"a selection", emit(h.To(s.ID()).Compress(false)), false},
			{"Socket.Emit", func() { h.check(s.Emit("e", long)) }, true},
			{"Socket.Compress", emit(s.Compress(false)), false},
			{"Socket.Compress(true)", emit(s.Compress(true)), true},
			{"another server", emit(other.Broadcast), true},
			{"another server's Compress", emit(other.Compress(false)), false},
			{"Call", call(h.Broadcast), true},
			{"Compress and Call", call(h.Compress(false)), false},
			{"another server's Compress and Call", call(other.Compress(false)), false},
		} {
			test.send()
			if got := p.zipped(); got != test.want {
				t.Errorf("%s: compressed: %v", test.name, got)
			}
		}

		p.post("40/child1,", "40/child2,") // each encoded for itself
		p.poll()
		for _, compress := range []bool{true, false} {
			h.check(parent.Compress(compress).Emit("e", long))
			if got := p.zipped(); got != compress {
				t.Errorf("Compress(%v) to the children: compressed: %v", compress, got)
			}
		}
	})
}

func TestHTTPCompressionThreshold(t *testing.T) {
	for threshold, want := range map[int]bool{0: true, 2000: false, -1: false} {
		run(t, &socketio.Options{HTTPCompressionThreshold: threshold}, func(h *harness) {
			p := h.newPoller()
			p.post("40")
			p.poll()
			h.check(h.Emit("e", long))
			if got := p.zipped(); got != want {
				t.Errorf("threshold %d: compressed: %v", threshold, got)
			}
		})
	}
}

// What is called PerMessageDeflate reaches the engine, whose tests are about
// the rest.
func TestPerMessageDeflate(t *testing.T) {
	for _, deflate := range []*socketio.PerMessageDeflate{nil, {}} {
		run(t, &socketio.Options{PerMessageDeflate: deflate}, func(h *harness) {
			r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=websocket", nil)
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
				"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
			} {
				r.Header.Set(name, value)
			}
			if got := h.answer(r).Header.Get("Sec-WebSocket-Extensions"); (got != "") != (deflate != nil) {
				t.Errorf("PerMessageDeflate %v: the offer is answered by %q", deflate, got)
			}
		})
	}
}
