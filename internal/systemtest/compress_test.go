package systemtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/testserver"
)

// long is in each event here.
var long = strings.Repeat("compressible ", 100)

// zipped reports whether the next poll's answer, an event, is compressed.
func zipped(p *testserver.Poller) bool {
	p.Harness.T.Helper()
	r := httptest.NewRequest(http.MethodGet, p.URL(), nil)
	r.Header.Set("Accept-Encoding", "gzip")
	a := p.Harness.Do(r)
	coding := a.Header.Get("Content-Encoding")
	if (coding == "") != strings.Contains(a.Body, long) || coding != "" && (coding != "gzip" || len(a.Body) > 200) {
		p.Harness.T.Errorf("%d bytes in %q", len(a.Body), coding)
	}
	return coding != ""
}

func TestCompress(t *testing.T) {
	bus := new(adapter.Loopback)
	testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: bus})
		defer other.Close()
		parent := h.OfPattern(regexp.MustCompile("^/child"))
		p := h.NewPoller()
		p.Post("40")
		p.Poll()
		s := h.AnySocket(h.Of("/"))
		call := func(b socketio.Broadcast) func() {
			return func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				for range b.Call(ctx, "e", long) {
				}
				synctest.Wait() // other servers' too
			}
		}
		emit := func(b socketio.Broadcast) func() {
			return func() { h.Check(b.Emit("e", long)); synctest.Wait() }
		}
		for _, test := range []struct {
			name string
			send func()
			want bool
		}{
			{"Server.Emit", emit(h.To()), true},
			{"Server.Compress", emit(h.Compress(false)), false},
			{"the last word", emit(h.Compress(false).To(s.ID()).Compress(true)), true},
			{"a selection", emit(h.To(s.ID()).Compress(false)), false},
			{"Socket.Emit", func() { h.Check(s.Emit("e", long)) }, true},
			{"Socket.Compress", emit(s.Compress(false)), false},
			{"Socket.Compress(true)", emit(s.Compress(true)), true},
			{"another server", emit(other.To()), true},
			{"another server's Compress", emit(other.Compress(false)), false},
			{"Call", call(h.To()), true},
			{"Compress and Call", call(h.Compress(false)), false},
			{"another server's Compress and Call", call(other.Compress(false)), false},
		} {
			test.send()
			if got := zipped(p); got != test.want {
				t.Errorf("%s: compressed: %v", test.name, got)
			}
		}

		p.Post("40/child1,", "40/child2,") // each encoded for itself
		p.Poll()
		for _, compress := range []bool{true, false} {
			h.Check(parent.Compress(compress).Emit("e", long))
			if got := zipped(p); got != compress {
				t.Errorf("Compress(%v) to the children: compressed: %v", compress, got)
			}
		}
	})
}

func TestHTTPCompressionThreshold(t *testing.T) {
	for threshold, want := range map[int]bool{0: true, 2000: false, -1: false} {
		testserver.Run(t, &socketio.Options{HTTPCompressionThreshold: threshold}, func(h *testserver.Harness) {
			p := h.NewPoller()
			p.Post("40")
			p.Poll()
			h.Check(h.Emit("e", long))
			if got := zipped(p); got != want {
				t.Errorf("threshold %d: compressed: %v", threshold, got)
			}
		})
	}
}

// What is called PerMessageDeflate reaches the engine, whose tests are about
// the rest.
func TestPerMessageDeflate(t *testing.T) {
	for _, deflate := range []*socketio.PerMessageDeflate{nil, {}} {
		testserver.Run(t, &socketio.Options{PerMessageDeflate: deflate}, func(h *testserver.Harness) {
			r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=websocket", nil)
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
				"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
			} {
				r.Header.Set(name, value)
			}
			if got := answer(h, r).Header.Get("Sec-WebSocket-Extensions"); (got != "") != (deflate != nil) {
				t.Errorf("PerMessageDeflate %v: the offer is answered by %q", deflate, got)
			}
		})
	}
}
