//go:build !race

package systemtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// These tests measure the shipped build. Under the race detector they take twenty
// times as long, and TestStates and TestSetups look for races in the same code.

// A hoarder is a client that makes the server keep as much as it can, of a
// program whose handlers do not return before the test is over.
type hoarder struct {
	*testserver.Client
	parser parser.Parser
	blob   []byte // makes a message nearly as large as it may be
	base64 string // of that
	empty  int64  // the size of the heap before
}

const (
	hoarded = 100 // namespaces
	mib     = 1 << 20
)

// hoard runs f with a hoarder for each transport, revision of the protocol and
// parser.
func hoard(t *testing.T, f func(c *hoarder)) {
	for _, mode := range []rawclient.Mode{rawclient.WebSocket, rawclient.Polling} {
		t.Run(fmt.Sprint(mode, " 4"), func(t *testing.T) { hoardOver(t, mode, false, parser.JSON{}, f) })
		t.Run(fmt.Sprint(mode, " 3"), func(t *testing.T) { hoardOver(t, mode, true, parser.JSON{}, f) })
		t.Run(fmt.Sprint(mode, " msgpack"), func(t *testing.T) { hoardOver(t, mode, false, msgpack.Parser{}, f) })
	}
}

func hoardOver(t *testing.T, mode rawclient.Mode, eio3 bool, p parser.Parser, f func(c *hoarder)) {
	testserver.Run(t, &socketio.Options{AllowEIO3: true, Parser: p}, func(h *testserver.Harness) {
		release := make(chan struct{})
		for n := range hoarded {
			namespace := h.Of(fmt.Sprint("/", n))
			namespace.On("block", func(context.Context, *socketio.Event) error { <-release; return nil })
		}
		c := &hoarder{Client: h.OpenWith(mode, rawclient.Options{Pong: true, EIO3: eio3}), parser: p}
		if eio3 {
			c.Expect("40")
		}
		c.blob = make([]byte, 990_000)
		if mode == rawclient.Polling {
			c.blob = c.blob[:740_000] // of which the base64 fits in a POST
		}
		c.base64 = "b" + base64.StdEncoding.EncodeToString(c.blob)
		c.empty = heap()
		f(c)
		close(release)
		c.Drop()
		testserver.Wait(time.Second) // in which net/http closes the connection of a POST
	})
}

// heap returns the size of what is in use.
func heap() int64 {
	synctest.Wait()
	runtime.GC()
	runtime.GC() // what is in pools goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// packet returns the messages of a packet for a namespace.
func (c *hoarder) packet(namespace int, h parser.Header, args ...any) (messages []string) {
	c.Harness.T.Helper()
	h.Namespace = fmt.Sprint("/", namespace)
	encoded, err := c.parser.Encode(nil, &h, args...)
	if err != nil {
		c.Harness.T.Fatal(err)
	}
	if encoded.Text != nil {
		messages = append(messages, "4"+string(encoded.Text))
	}
	for _, a := range encoded.Attachments {
		if &a[0] == &c.blob[0] {
			messages = append(messages, c.base64)
		} else {
			messages = append(messages, "b"+base64.StdEncoding.EncodeToString(a))
		}
	}
	return messages
}

// received returns the next packet of the server.
func (c *hoarder) received() *parser.Packet {
	c.Harness.T.Helper()
	d := c.parser.NewDecoder()
	decode, data := d.Text, []byte(c.Next())
	switch {
	case data[0] == 'b':
		decode, data = d.Binary, data[1:]
		data, _ = base64.StdEncoding.AppendDecode(nil, data)
	default:
		data = data[1:]
	}
	p, err := decode(data)
	if err != nil || p == nil {
		c.Harness.T.Fatalf("got %q, %v", data, err)
	}
	return p
}

// enter connects to a namespace, and reports false if that is refused.
func (c *hoarder) enter(namespace int, auth ...any) bool {
	c.Harness.T.Helper()
	c.Send(c.packet(namespace, parser.Header{Type: parser.Connect}, auth...)...)
	return c.received().Type == parser.Connect
}

// ask has the server emit an event to the client and await a reply, and returns
// the reply's header.
func (c *hoarder) ask(namespace int, emit func(s *socketio.Socket) error) parser.Header {
	c.Harness.T.Helper()
	c.Harness.Check(emit(c.Harness.AnySocket(c.Harness.Of(fmt.Sprint("/", namespace)))))
	return parser.Header{Type: parser.Ack, ID: c.received().ID, HasID: true}
}

// push sends packets one after the other until the server reads no more, message
// by message.
func (c *hoarder) push(n int, packet func(i int) []string) {
	go func() {
		for i := range n {
			for _, m := range packet(i) {
				if c.Client.Client.Send(m) != nil {
					return
				}
			}
		}
	}()
	synctest.Wait()
}

// keeps wants what the server keeps to be within bounds.
func (c *hoarder) keeps(least, most float64) {
	c.Harness.T.Helper()
	kept := float64(heap()-c.empty) / mib
	c.Harness.T.Logf("the server keeps %.1f MiB", kept)
	if kept < least || kept > most {
		c.Harness.T.Errorf("the server keeps %.1f MiB, want %.1f to %.1f", kept, least, most)
	}
}

// blocked is the header of an event whose handler does not return.
var blocked = parser.Header{Type: parser.Event, Event: "block"}

// largest returns the arguments of a packet as large as it may be: in
// MessagePack it is one message, in JSON each argument is one.
func (c *hoarder) largest() []any {
	if _, is := c.parser.(msgpack.Parser); is {
		return []any{c.blob[:len(c.blob)-1000]}
	}
	return slices.Repeat([]any{c.blob}, 10)
}

func TestMemoryOfOneClient(t *testing.T) {
	t.Run("events of all namespaces", func(t *testing.T) {
		hoard(t, func(c *hoarder) {
			for n := range hoarded {
				c.enter(n)
			}
			c.push(hoarded, func(n int) []string { return c.packet(n, blocked, c.largest()...) })
			c.keeps(0.7, 12)
		})
	})
	t.Run("small events", func(t *testing.T) {
		hoard(t, func(c *hoarder) {
			c.enter(0)
			c.push(20_000, func(int) []string { return c.packet(0, blocked) })
			c.keeps(0.8, 2.5)
		})
	})
	t.Run("attachments that are gathered", func(t *testing.T) {
		hoard(t, func(c *hoarder) {
			c.enter(0)
			c.push(1, func(int) []string { return c.packet(0, blocked, longText) })
			c.push(1, func(int) []string { return c.packet(0, blocked, c.largest()...) })
			c.keeps(0.7, 5)
		})
	})
	t.Run("replies behind a handler", func(t *testing.T) {
		hoard(t, func(c *hoarder) {
			c.enter(0)
			c.push(1, func(int) []string { return c.packet(0, blocked) })
			var replies []parser.Header
			for range 500 {
				replies = append(replies, c.ask(0, func(s *socketio.Socket) error {
					return s.CallFunc(func(*socketio.Reply, error) {}, "question")
				}))
			}
			c.push(500, func(i int) []string { return c.packet(0, replies[i], longText) })
			c.keeps(0.7, 5)
		})
	})
	t.Run("auth", func(t *testing.T) {
		hoard(t, func(c *hoarder) {
			auth := map[string]any{"token": longText}
			for range 2 { // a client that has left may come back
				var in []int
				for n := range 10 {
					if c.enter(n, auth) {
						in = append(in, n)
					}
				}
				if !slices.Equal(in, []int{0}) {
					c.Harness.T.Errorf("got into %v", in)
				}
				c.keeps(0.6, 1.5)
				c.Send(c.packet(0, parser.Header{Type: parser.Disconnect})...)
				c.keeps(-0.5, 0.5)
			}
		})
	})
	t.Run("all together", func(t *testing.T) {
		hoard(t, func(c *hoarder) {
			for n := range hoarded {
				c.enter(n, map[string]any{"token": longText[:5000]})
			}
			var replies []parser.Header
			for range 500 {
				replies = append(replies, c.ask(0, func(s *socketio.Socket) error {
					return s.CallFunc(func(*socketio.Reply, error) {}, "question")
				}))
			}
			c.push(1, func(int) []string { return c.packet(0, blocked, c.largest()...) })
			c.push(5, func(i int) []string { return c.packet(0, replies[i], longText[:100_000]) })
			c.keeps(1.5, 12)
			c.ask(2, func(s *socketio.Socket) error { // or else no attachment would be read
				go socketio.Call[any](c.Harness.T.Context(), s, "call")
				synctest.Wait()
				return nil
			})
			c.push(hoarded, func(n int) []string { return c.packet(n, blocked, c.largest()...) })
			c.keeps(2, 23)
		})
	})
}

var longText = strings.Repeat("x", 700_000)
