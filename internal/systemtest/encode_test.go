package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A countedArg counts how often it is encoded.
type countedArg struct{ n *int }

func (c countedArg) MarshalJSON() ([]byte, error) { *c.n++; return []byte(`{"b":[1],"a":2}`), nil }

// Whatever an event goes through, its arguments are encoded once.
func TestEachArgumentIsEncodedOnce(t *testing.T) {
	recovery := new(socketio.Recovery)
	for name, setUp := range map[string]func() socketio.Options{
		"alone":                 func() socketio.Options { return socketio.Options{} },
		"adapter":               func() socketio.Options { return socketio.Options{Adapter: new(adapter.Loopback)} },
		"recovery":              func() socketio.Options { return socketio.Options{Recovery: recovery} },
		"recovery with adapter": func() socketio.Options { return socketio.Options{Recovery: recovery, Adapter: new(adapter.Loopback)} },
		"recovery with store":   func() socketio.Options { return socketio.Options{Recovery: recovery, Adapter: testserver.NewJournal()} },
	} {
		for _, p := range []parser.Parser{parser.JSON{}, msgpack.Parser{}} {
			t.Run(fmt.Sprintf("%s, %T", name, p), func(t *testing.T) {
				o := setUp()
				o.Parser, o.AllowEIO3 = p, true
				testserver.Run(t, &o, func(h *testserver.Harness) { testEncodedOnce(h, o) })
			})
		}
	}
}

func testEncodedOnce(h *testserver.Harness, o socketio.Options) {
	parent := h.OfPattern(regexp.MustCompile("^/f"))
	takers := []*taker{newTaker(h, o.Parser)}
	if _, isJSON := o.Parser.(parser.JSON); isJSON {
		h.ConnectLegacy(rawclient.WebSocket) // which gets no offset
	}
	if o.Adapter != nil {
		takers = append(takers, newTaker(h.Other(&o), o.Parser))
	}
	for _, namespace := range []string{"/f1", "/f2"} {
		takers[0].send(parser.Header{Type: parser.Connect, Namespace: namespace})
		synctest.Wait()
		takers[0].next()
	}
	s := h.MustSocket(takers[0].id)
	call := func(b interface {
		Call(ctx context.Context, event string, args ...any) iter.Seq2[*socketio.Reply, error]
	}, args []any) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for range b.Call(ctx, "e", args...) {
		}
		return nil
	}
	for name, emit := range map[string]func(args ...any) error{
		"Server.Emit":           func(args ...any) error { return h.Emit("e", args...) },
		"Server.Local":          func(args ...any) error { return h.Local().Emit("e", args...) },
		"Server.Volatile":       func(args ...any) error { return h.Volatile().Emit("e", args...) },
		"of a parent":           func(args ...any) error { return parent.Emit("e", args...) },
		"of a parent, volatile": func(args ...any) error { return parent.Volatile().Emit("e", args...) },
		"Socket.Emit":           func(args ...any) error { return s.Emit("e", args...) },
		"Socket.Volatile":       func(args ...any) error { return s.Volatile().Emit("e", args...) },
		"Socket.CallFunc":       func(args ...any) error { return s.CallFunc(func(*socketio.Reply, error) {}, "e", args...) },
		"Broadcast.Call":        func(args ...any) error { return call(h, args) },
		"Call of a parent":      func(args ...any) error { return call(parent, args) },
		"ServerSideEmit":        func(args ...any) error { return h.ServerSideEmit("e", args...) },
	} {
		n, m := 0, 0
		h.Check(emit(countedArg{&n}, map[string]any{"nested": countedArg{&m}, "data": []byte{1}}))
		synctest.Wait()
		if n != 1 || m != 1 {
			h.T.Errorf("%s: encoded %d and %d times", name, n, m)
		}
	}
	for _, taker := range takers {
		heard := 0
		for p := taker.next(); p != nil; p = taker.next() {
			if p.Event != "e" {
				continue
			}
			heard++
			var first json.RawMessage
			var second struct {
				Nested json.RawMessage
				Data   []byte
			}
			h.Check(p.Args.Decode(&first, &second))
			if want := `{"b":[1],"a":2}`; string(first) != want || string(second.Nested) != want || string(second.Data) != "\x01" {
				h.T.Errorf("got %s and %s, %x", first, second.Nested, second.Data)
			}
		}
		if heard < 3 {
			h.T.Errorf("%d events", heard)
		}
	}
}

// What a client has sent goes on as it is: to others, on other servers too, as a reply and as an answer to a call.
func TestSentOn(t *testing.T) {
	for _, p := range []parser.Parser{parser.JSON{}, msgpack.Parser{}} {
		for _, q := range []parser.Parser{parser.JSON{}, msgpack.Parser{}} {
			t.Run(fmt.Sprintf("%T to %T", p, q), func(t *testing.T) {
				bus := new(adapter.Loopback)
				testserver.Run(t, &socketio.Options{Adapter: bus, Parser: p}, func(h *testserver.Harness) {
					other := h.Other(&socketio.Options{Adapter: bus, Parser: q})
					testSentOn(h, other, newTaker(h, p), newTaker(h, p), newTaker(other, q))
				})
			})
		}
	}
}

// tricky are values that decoding into an any and encoding again would change.
var tricky = []any{
	json.RawMessage(`1152921504606846977`), json.RawMessage(`18446744073709551615`), json.RawMessage(`-9223372036854775808`),
	json.RawMessage(`{"z":1,"a":{"10":0,"9":0},"":[]}`), "<&>\u2028", nil, []byte{1, 2},
	map[string]any{"object": json.RawMessage(`{"b":9007199254740993,"a":null}`), "data": [][]byte{{3}, {}}},
}

func testSentOn(h, other *testserver.Harness, from, local, far *taker) {
	h.On("pass", func(_ context.Context, e *socketio.Event) error {
		h.Check(e.Socket().Broadcast().Emit(e.Name(), e.Args()...))
		h.Check(e.Socket().Broadcast().Emit("wrapped", map[string]any{"all": e.Args(), "n": 1}))
		return e.Ack(e.Args()...)
	})
	asked := make(chan []any, 1)
	h.OnServerSide("far", func(_ context.Context, e *socketio.Event) error { asked <- e.Args(); return e.Ack(e.Args()) })

	from.send(parser.Header{Type: parser.Event, Event: "pass", ID: 3, HasID: true}, tricky...)
	synctest.Wait()
	expectTricky(h, "the reply", from.next().Args)
	for _, taker := range []*taker{local, far} {
		expectTricky(h, "the event", taker.next().Args)
		var wrapped struct{ All []any }
		h.Check(taker.next().Args.Decode(&wrapped))
		if n := len(wrapped.All); n != len(tricky) || fmt.Sprint(wrapped.All[6]) != "[1 2]" {
			h.T.Errorf("got %v within another value", wrapped.All)
		}
	}

	other.On("ask", func(ctx context.Context, e *socketio.Event) error {
		for reply, err := range other.ServerSideCall(ctx, "far", e.Args()...) {
			h.Check(err)
			return e.Ack(append(reply.Args(), <-asked...)...)
		}
		return errors.New("no reply")
	})
	far.send(parser.Header{Type: parser.Event, Event: "ask", ID: 4, HasID: true}, tricky...)
	synctest.Wait()
	reply := far.next()
	var array any
	rest := make([]any, len(tricky))
	into := []any{&array}
	for i := range rest {
		into = append(into, &rest[i])
	}
	h.Check(reply.Args.Decode(into...))
	if got := fmt.Sprint(rest...); fmt.Sprint(array.([]any)...) != got {
		h.T.Errorf("got %v in the reply, and %v", array, got)
	}
}

// expectTricky wants the tricky values, with their digits and the order of their members.
func expectTricky(h *testserver.Harness, what string, args parser.Args) {
	h.T.Helper()
	var raw [4]json.RawMessage
	var text string
	var null any
	var data []byte
	var nested struct {
		Object json.RawMessage
		Data   [][]byte
	}
	h.Check(args.Decode(&raw[0], &raw[1], &raw[2], &raw[3], &text, &null, &data, &nested))
	got := append([]json.RawMessage{nested.Object}, raw[:]...)
	want := []any{json.RawMessage(`{"b":9007199254740993,"a":null}`), tricky[0], tricky[1], tricky[2], tricky[3]}
	for i := range want {
		if want := string(want[i].(json.RawMessage)); string(got[i]) != want {
			h.T.Errorf("%s: got %s, want %s", what, got[i], want)
		}
	}
	if got, want := fmt.Sprintf("%q %v %x %x", text, null, data, nested.Data), fmt.Sprintf("%q %v %x %x", tricky[4], nil, tricky[6], [][]byte{{3}, {}}); got != want {
		h.T.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// A foreign parser does not know a parser.Value, nor what its own arguments are in JSON.
type foreign struct{ parser.JSON }

func (f foreign) EncodesValues(foreign) {} // not that of parser.JSON

func (f foreign) Encode(dst []byte, h *parser.Header, args ...any) (parser.Encoded, error) {
	for _, arg := range args {
		if _, is := arg.(*parser.Value); is {
			return parser.Encoded{}, errors.New("a parser.Value")
		}
	}
	return f.JSON.Encode(dst, h, args...)
}

func (f foreign) NewDecoder() parser.Decoder { return foreignDecoder{f.JSON.NewDecoder()} }

type foreignDecoder struct{ parser.Decoder }

func (d foreignDecoder) Text(data []byte) (*parser.Packet, error) {
	return hideArgs(d.Decoder.Text(data))
}

func (d foreignDecoder) Binary(data []byte) (*parser.Packet, error) {
	return hideArgs(d.Decoder.Binary(data))
}

func hideArgs(p *parser.Packet, err error) (*parser.Packet, error) {
	if p != nil && p.Args != nil {
		p.Args = struct{ parser.Args }{p.Args}
	}
	return p, err
}

func TestSentOnByAForeignParser(t *testing.T) {
	for _, args := range [][]any{tricky[:6], {"text", []byte{1, 2}, map[string]any{"data": []byte{3}}}} {
		bus := new(adapter.Loopback)
		testserver.Run(t, &socketio.Options{Adapter: bus, Parser: foreign{}}, func(h *testserver.Harness) {
			from, local := newTaker(h, parser.JSON{}), newTaker(h, parser.JSON{})
			far := newTaker(h.Other(&socketio.Options{Adapter: bus}), parser.JSON{})
			h.On("pass", func(_ context.Context, e *socketio.Event) error {
				h.Check(e.Socket().Broadcast().Emit("e", e.Args()...))
				return e.Ack(e.Args()...)
			})
			from.send(parser.Header{Type: parser.Event, Event: "pass", ID: 1, HasID: true}, args...)
			synctest.Wait()
			want, err := parser.JSON{}.EncodePayload(nil, &parser.Header{Type: parser.Ack}, args...)
			h.Check(err)
			for _, taker := range []*taker{from, local, far} {
				p := taker.next()
				got, err := parser.JSON{}.EncodePayload(nil, &parser.Header{Type: parser.Ack}, parser.ValuesOf(p.Args)...)
				h.Check(err)
				if string(got.Text) != string(want.Text) || fmt.Sprint(got.Attachments) != fmt.Sprint(want.Attachments) {
					h.T.Errorf("got %s %v, want %s %v", got.Text, got.Attachments, want.Text, want.Attachments)
				}
			}
		})
	}
}
