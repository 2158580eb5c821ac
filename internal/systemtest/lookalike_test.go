package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// What a client has sent is passed on beside binary of the program. If it looks like the place of an attachment, every way to
// send it refuses it and says which argument it is, and nobody gets anything. Without binary it is data.
func TestLookalikeOfBinary(t *testing.T) {
	recovery := &socketio.Recovery{}
	for name, o := range map[string]func() *socketio.Options{
		"alone":    func() *socketio.Options { return &socketio.Options{} },
		"adapter":  func() *socketio.Options { return &socketio.Options{Adapter: new(adapter.Loopback)} },
		"recovery": func() *socketio.Options { return &socketio.Options{Recovery: recovery} },
		"recovery with store": func() *socketio.Options {
			return &socketio.Options{Recovery: recovery, Adapter: testserver.NewJournal()}
		},
	} {
		for _, p := range []parser.Parser{parser.JSON{}, msgpack.Parser{}} {
			t.Run(fmt.Sprintf("%s, %T", name, p), func(t *testing.T) {
				o := o()
				o.Parser = p
				testserver.Run(t, o, func(h *testserver.Harness) { sendLookalikes(h, o) })
			})
		}
	}
}

func sendLookalikes(h *testserver.Harness, o *socketio.Options) {
	other := h
	if o.Adapter != nil {
		other = &testserver.Harness{T: h.T, Server: socketio.NewServer(o)}
		other.Serve(other.Server)
	}
	near, far := newTaker(h, o.Parser), newTaker(other, o.Parser)
	s := h.MustSocket(near.id)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	first := func(replies func(func(*socketio.Reply, error) bool)) (err error) {
		for _, err := range replies {
			return err
		}
		return nil
	}
	served := make(chan error, 1)
	reply := func(args []any) func(context.Context, *socketio.Event) error {
		return func(_ context.Context, e *socketio.Event) error {
			served <- e.Ack(args...)
			return e.Ack("refused")
		}
	}
	ways := map[string]func(args ...any) error{
		"Emit":           func(args ...any) error { return h.Emit("e", args...) },
		"Volatile":       func(args ...any) error { return h.Volatile().Emit("e", args...) },
		"Local":          func(args ...any) error { return h.Local().Emit("e", args...) },
		"Socket.Emit":    func(args ...any) error { return s.Emit("e", args...) },
		"Compress":       func(args ...any) error { return s.Compress(false).Emit("e", args...) },
		"CallFunc":       func(args ...any) error { return s.CallFunc(func(*socketio.Reply, error) {}, "e", args...) },
		"Call":           func(args ...any) error { _, err := socketio.Call[any](ctx, s, "e", args...); return err },
		"Socket.Call":    func(args ...any) error { _, err := s.Call(ctx, "e", args...); return err },
		"Broadcast.Call": func(args ...any) error { return first(h.Call(ctx, "e", args...)) },
		"ServerSideEmit": func(args ...any) error { return h.ServerSideEmit("e", args...) },
		"ServerSideCall": func(args ...any) error { return first(h.ServerSideCall(ctx, "nobody", args...)) },
		"Ack": func(args ...any) error {
			defer h.On("ask", reply(args))()
			near.send(parser.Header{Type: parser.Event, Event: "ask", HasID: true})
			synctest.Wait()
			near.next() // "refused"
			return <-served
		},
	}
	for _, lookalike := range []any{
		map[string]any{"_placeholder": true, "num": 0}, map[string]any{"_placeholder": true, "num": 99},
		json.RawMessage(`{"\u005fplaceholder":true}`), []any{json.RawMessage(`{"_placeholder":true,"num":1}`)},
	} {
		for name, way := range ways {
			err := way("plain", lookalike, []byte("x"))
			if err == nil || !strings.Contains(err.Error(), `argument 1: an object with "_placeholder":true would be taken for binary`) {
				h.T.Errorf("%s of %v: %v", name, lookalike, err)
			}
			synctest.Wait()
			for _, c := range []*taker{near, far} {
				if p := c.next(); p != nil {
					h.T.Errorf("%s of %v: a client gets %v", name, lookalike, p.Header)
				}
			}
		}
	}
	if o.Adapter != nil {
		other.OnServerSide("ask", reply([]any{[]any{map[string]any{"_placeholder": true}, []byte("x")}}))
		h.Check(first(h.ServerSideCall(ctx, "ask")))
		if err := <-served; err == nil || !strings.Contains(err.Error(), "argument 0: an object") {
			h.T.Errorf("Ack to a server: %v", err)
		}
	}

	// Without binary.
	data := map[string]any{"_placeholder": true, "num": 99.0}
	for name, way := range ways {
		if strings.HasPrefix(name, "ServerSide") || name == "Ack" {
			continue
		}
		ctx, cancel = context.WithTimeout(context.Background(), time.Second) // of this call alone
		err := way(data, []any{data})
		if cancel(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			h.T.Errorf("%s without binary: %v", name, err)
		}
		synctest.Wait()
		for _, c := range []*taker{near, far} {
			if p := c.next(); p == nil && c == near {
				h.T.Errorf("%s without binary: a client gets nothing", name)
			} else if p != nil {
				var one map[string]any
				var list []map[string]any
				h.Check(p.Args.Decode(&one, &list))
				if fmt.Sprint(one, list) != fmt.Sprint(data, []any{data}) {
					h.T.Errorf("%s without binary: a client gets %v, %v", name, one, list)
				}
			}
		}
	}
}

// A client whose packet has an attachment twice, or one that is not there, is not passed on at all; one that sends a
// lookalike without binary finds it again.
func TestLookalikeFromClient(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("relay", func(_ context.Context, e *socketio.Event) error {
			var v any
			var raw json.RawMessage
			h.Check(errors.Join(e.Decode(&v), e.Decode(&raw)))
			if err := h.Emit("e", v, []byte("mine")); err == nil {
				h.T.Error("a lookalike that was decoded is emitted beside binary")
			}
			if err := h.Emit("e", raw, []byte("mine")); err == nil {
				h.T.Error("a lookalike in JSON is emitted beside binary")
			}
			return h.Emit("e", v, raw)
		})
		c := h.Connect(mode)
		c.Send(`42["relay",{"_placeholder":true,"num":0}]`)
		c.Expect(`42["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`)
	})
}
