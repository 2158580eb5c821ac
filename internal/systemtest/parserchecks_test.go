package systemtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

// A careless parser checks nothing: the text of a packet is its JSON.
type careless struct{}

type carelessPacket struct {
	Type      parser.Type
	Namespace string
	ID        uint64
	HasID     bool
	Event     string
	Bytes     []byte // the event's name, if it is not UTF-8
	Args      []any
	Empty     bool // arguments, of which there are none
}

func (careless) NewDecoder() parser.Decoder { return careless{} }

func (careless) Text(data []byte) (*parser.Packet, error) {
	var c carelessPacket
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	p := &parser.Packet{Header: parser.Header{Type: c.Type, Namespace: c.Namespace, ID: c.ID, HasID: c.HasID, Event: c.Event + string(c.Bytes)}}
	if len(c.Args) > 0 || c.Empty {
		p.Args = carelessArgs(c.Args)
	}
	return p, nil
}

func (careless) Binary(data []byte) (*parser.Packet, error) { return careless{}.Text(data) }

// Encode returns nothing for an event of that name, and text that is not UTF-8 for another.
func (careless) Encode(dst []byte, h *parser.Header, args ...any) (parser.Encoded, error) {
	switch h.Event {
	case "nothing":
		return parser.Encoded{}, nil
	case "not UTF-8":
		return parser.Encoded{Text: []byte("caf\xe9")}, nil
	}
	text, err := json.Marshal(carelessPacket{h.Type, h.Namespace, h.ID, h.HasID, h.Event, nil, args, false})
	return parser.Encoded{Text: append(dst, text...)}, err
}

type carelessArgs []any

func (a carelessArgs) Len() int { return len(a) }

func (a carelessArgs) Decode(into ...any) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &into)
}

// A parser of the program's own need not know what clients may not send: a client that sends it is disconnected, in each state
// of its socket, and no handler is told.
func TestPacketsOfACarelessParser(t *testing.T) {
	const event, ack = 2, 3
	bad := map[string]carelessPacket{
		"BINARY_EVENT":            {Type: 5, Namespace: "/", Event: "e"},
		"BINARY_ACK":              {Type: 6, Namespace: "/", HasID: true},
		"an unknown type":         {Type: 7, Namespace: "/", Event: "e"},
		"type 255":                {Type: 255, Namespace: "/", Event: "e"},
		"no namespace":            {Type: event, Event: "e"},
		"no slash":                {Type: event, Namespace: "admin", Event: "e"},
		"CONNECT without a slash": {Type: 0, Namespace: "admin"},
		"CONNECT without any":     {Type: 0},
		"a long namespace":        {Type: 0, Namespace: "/" + strings.Repeat("n", 512)},
		"a long event":            {Type: event, Namespace: "/", Event: strings.Repeat("e", 1025)},
		"an event in Latin-1":     {Type: event, Namespace: "/", Bytes: []byte("caf\xe9")},
		"an id beyond 2^53-1":     {Type: event, Namespace: "/", Event: "e", HasID: true, ID: 1 << 53},
		"a reply's id beyond it":  {Type: ack, Namespace: "/", HasID: true, ID: 1<<64 - 1},
		"arguments without any":   {Type: event, Namespace: "/", Event: "e", Empty: true},
		"CONNECT_ERROR":           {Type: 4, Namespace: "/", Args: []any{"no"}},
	}
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		bad["the reserved event "+name] = carelessPacket{Type: event, Namespace: "/", Event: name}
	}
	for name, packet := range bad {
		text, err := json.Marshal(packet)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []string{"unconnected", "in middleware", "connected", "left"} {
			t.Run(name+", "+state, func(t *testing.T) {
				testserver.Run(t, &socketio.Options{Parser: careless{}}, func(h *testserver.Harness) {
					h.Use(func(ctx context.Context, _ *socketio.Socket) error {
						if state == "in middleware" {
							<-ctx.Done()
						}
						return nil
					})
					h.On("e", func(context.Context, *socketio.Event) error { t.Error("handled"); return nil })
					c := h.Open(rawclient.WebSocket)
					if state != "unconnected" {
						c.Send(`4{"Namespace":"/"}`)
						synctest.Wait()
					}
					if state == "left" {
						for s := range h.Sockets() {
							s.Disconnect(false)
						}
					}
					c.Send("4" + string(text))
					for _, err := c.Client.Next(); err == nil; _, err = c.Client.Next() {
					}
					synctest.Wait()
					if n := h.ClientsCount(); n != 0 {
						t.Errorf("%d connections", n)
					}
				})
			})
		}
	}
	t.Run("what is right", func(t *testing.T) {
		testserver.Run(t, &socketio.Options{Parser: careless{}}, func(h *testserver.Harness) {
			longest := strings.Repeat("e", 1024)
			socketio.On(h.Server, longest, func(_ context.Context, s *socketio.Socket, n int) error { return s.Emit("back", n) })
			c := h.Open(rawclient.WebSocket)
			c.Send(`4{"Namespace":"/"}`)
			c.Next()
			c.Send(fmt.Sprintf(`4{"Type":2,"Namespace":"/","Event":%q,"HasID":true,"ID":%d,"Args":[7]}`, longest, 1<<53-1))
			c.Match(`"Event":"back".*"Args":\[7\]`)
			c.Match(`"Type":3.*"ID":9007199254740991`)
		})
	})
}

// What a parser may not encode is an error of Emit, and the connection stays.
func TestEncodingsOfACarelessParser(t *testing.T) {
	testserver.ForEachMode(t, &socketio.Options{Parser: careless{}}, func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Open(mode)
		c.Send(`4{"Namespace":"/"}`)
		c.Next()
		synctest.Wait()
		s := h.AnySocket(h.Of("/"))
		for _, event := range []string{"nothing", "not UTF-8"} {
			for way, err := range map[string]error{"Emit": h.Emit(event), "Socket.Emit": s.Emit(event), "Volatile": s.Volatile().Emit(event)} {
				if err == nil || !strings.Contains(err.Error(), "the parser has encoded") {
					t.Errorf("%s %s: %v", way, event, err)
				}
			}
		}
		h.Check(s.Emit("end"))
		c.Match(`"Event":"end"`)
	})
}

// A reply without an id is the reply to nothing, not to the event with id 0.
func TestReplyWithoutID(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		got := make(chan string, 2)
		h.Check(h.MustSocket(c.ID).CallFunc(func(r *socketio.Reply, err error) {
			var text string
			h.Check(r.Decode(&text))
			got <- text
		}, "e"))
		c.Expect(`420["e"]`)
		c.Send(`43["wrong"]`, `430["right"]`)
		if text := <-got; text != "right" {
			t.Errorf("got %q", text)
		}
	})
}
