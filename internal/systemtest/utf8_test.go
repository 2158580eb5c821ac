package systemtest

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A text frame that is not UTF-8 makes a client close its connection. So what a marshaler writes that is not becomes U+FFFD, on
// every way out.
func TestEverythingSentIsUTF8(t *testing.T) {
	raw := json.RawMessage("\"caf\xe9\"")
	refusal := &socketio.Error{Message: "caf\xe9", Data: raw}
	const cafe = "caf\ufffd"

	for _, mode := range rawclient.Modes {
		for _, eio3 := range []bool{false, true} {
			for _, recovery := range []*socketio.Recovery{nil, {}} {
				t.Run(fmt.Sprintf("%s, legacy: %t, recovery: %t", mode, eio3, recovery != nil), func(t *testing.T) {
					bus := new(adapter.Loopback)
					o := &socketio.Options{Adapter: bus, AllowEIO3: true, Recovery: recovery}
					testserver.Run(t, o, func(h *testserver.Harness) {
						other := socketio.NewServer(o)
						defer other.Close()
						h.Of("/refused").Use(func(context.Context, *socketio.Socket) error { return refusal })
						h.On("ask", func(_ context.Context, e *socketio.Event) error { return e.Ack(raw, "caf\xe9") })
						socketio.OnCall(h.Server, "fail", func(context.Context, *socketio.Socket, any) (any, error) {
							return nil, &socketio.Error{Message: "caf\xe9", Data: raw}
						})
						c := h.OpenWith(mode, rawclient.Options{Pong: true, EIO3: eio3})
						if !eio3 {
							c.Send("40")
						}
						c.Next()
						synctest.Wait()
						s := h.AnySocket(h.Of("/"))
						c.Send("40/refused,", `420["ask"]`, `421["fail",1]`)
						h.Check(h.Emit("caf\xe9", raw))
						h.Check(s.Emit("e", raw))
						h.Check(s.Emit("e", raw, []byte("\xe9")))
						synctest.Wait()
						h.Check(s.Volatile().Emit("e", raw))
						h.Check(other.Emit("caf\xe9", raw, map[string]any{"a": raw}))
						h.Check(s.CallFunc(func(*socketio.Reply, error) {}, "e", raw))
						synctest.Wait()
						packets, want := 0, 9
						for done := false; !done; {
							select {
							case packet := <-c.Packets():
								packets++
								if !utf8.ValidString(packet) {
									t.Errorf("got %q", packet)
								}
								if strings.HasPrefix(packet, "b") {
									continue
								}
								if !strings.Contains(packet, cafe) && !strings.Contains(packet, `caf\ufffd`) {
									t.Errorf("got %q without U+FFFD", packet)
								}
							default:
								done = true
							}
						}
						if want++; packets != want { // an attachment, too
							t.Errorf("%d packets, want %d", packets, want)
						}
					})
				})
			}
		}
	}
	t.Run("in a compressed answer", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			p := h.NewPoller()
			p.Post("40")
			p.Poll()
			h.Check(h.Emit("e", raw, long))
			r := httptest.NewRequest(http.MethodGet, p.URL(), nil)
			r.Header.Set("Accept-Encoding", "gzip")
			body, err := gzip.NewReader(strings.NewReader(p.Harness.Do(r).Body))
			h.Check(err)
			text, err := io.ReadAll(body)
			h.Check(err)
			if want := `42["e","` + cafe + `","` + long + `"]`; string(text) != want {
				t.Errorf("got %q, want %q", text, want)
			}
		})
	})
	t.Run("between servers", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(adapter.Loopback)}
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			c := h.Connect(rawclient.WebSocket)
			h.MustSocket(c.ID).SetData(map[string]any{"name": raw})
			p.Say(`"type":7,"data":{` + testserver.NoOpts + `,"requestId":"r"}`)
			h.OnServerSide("ask", func(_ context.Context, e *socketio.Event) error { return e.Ack(raw) })
			p.Say(`"type":9,"data":{"requestId":"r","packet":["ask"]}`)
			h.Check(h.ServerSideEmit("caf\xe9", raw))
			h.Check(h.Emit("caf\xe9", raw))
			heard := p.Heard()
			if len(heard) != 4 {
				t.Errorf("heard %q", heard)
			}
			for _, message := range heard {
				if !utf8.ValidString(message) || !strings.Contains(message, cafe) {
					t.Errorf("heard %q", message)
				}
			}
		})
	})
	t.Run("in MessagePack", func(t *testing.T) {
		testserver.Run(t, &socketio.Options{Parser: msgpack.Parser{}}, func(h *testserver.Harness) {
			c := newTaker(h, msgpack.Parser{})
			h.Check(h.Emit("caf\xe9", raw, []byte("\xe9")))
			synctest.Wait()
			var got string
			p := c.next() // whose decoder wants UTF-8
			h.Check(p.Args.Decode(&got))
			if p.Event != cafe || got != cafe {
				t.Errorf("got %q %q", p.Event, got)
			}
		})
		if encoded, err := (msgpack.Parser{}).Encode(nil, &parser.Header{Type: parser.Disconnect, Namespace: "/caf\xe9"}); err != nil || !strings.Contains(string(encoded.Attachments[0]), "/"+cafe) {
			t.Errorf("got %q, %v", encoded.Attachments, err)
		}
	})
}
