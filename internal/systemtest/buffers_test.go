package systemtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// A filling is what a program emits that has one buffer for everything: fill overwrites what was emitted before.
type filling struct {
	n    int
	data []byte
	raw  json.RawMessage
	args []any
}

func newFilling() *filling {
	f := &filling{n: 99, data: make([]byte, 3000), raw: make(json.RawMessage, 3)}
	f.args = []any{0, f.data, map[string]any{"in": []any{f.data[:10]}}, f.raw}
	return f
}

// fill returns the arguments of the next event.
func (f *filling) fill() []any {
	f.n++
	for i := range f.data {
		f.data[i] = byte(f.n)
	}
	copy(f.raw, strconv.Itoa(f.n))
	f.args[0] = f.n
	return f.args
}

// filled returns the number in arguments that are what fill has returned.
func filled(args parser.Args) (n int, err error) {
	if args == nil {
		return 0, fmt.Errorf("no arguments")
	}
	var data []byte
	var nested struct{ In [][]byte }
	var raw json.RawMessage
	if err := args.Decode(&n, &data, &nested, &raw); err != nil {
		return 0, err
	}
	want := bytes.Repeat([]byte{byte(n)}, 3000)
	if !bytes.Equal(data, want) || len(nested.In) != 1 || !bytes.Equal(nested.In[0], want[:10]) || string(raw) != strconv.Itoa(n) {
		return n, fmt.Errorf("event %d has %x…, %x and %s", n, data[:3], nested.In, raw)
	}
	return n, nil
}

// A taker gets such events, as a client of any parser.
type taker struct {
	h       *testserver.Harness
	parser  parser.Parser
	conn    *testserver.Client
	decoder parser.Decoder
	id, pid string
	offset  string
}

func newTaker(h *testserver.Harness, p parser.Parser) *taker {
	t := &taker{h: h, parser: p}
	t.connect(map[string]string{})
	return t
}

func (t *taker) connect(auth map[string]string) {
	t.h.T.Helper()
	t.conn, t.decoder = t.h.Open(rawclient.WebSocket), t.parser.NewDecoder()
	t.send(parser.Header{Type: parser.Connect}, auth)
	synctest.Wait()
	var reply struct{ SID, PID string }
	t.h.Check(t.next().Args.Decode(&reply))
	t.id, t.pid = reply.SID, reply.PID
}

func (t *taker) send(h parser.Header, args ...any) {
	t.h.T.Helper()
	encoded, err := t.parser.Encode(nil, &h, args...)
	t.h.Check(err)
	var packets []string
	if encoded.Text != nil {
		packets = append(packets, "4"+string(encoded.Text))
	}
	for _, a := range encoded.Attachments {
		packets = append(packets, "b"+base64.StdEncoding.EncodeToString(a))
	}
	t.conn.Send(packets...)
}

// next returns the next packet that has come, nil if there is none.
func (t *taker) next() *parser.Packet {
	t.h.T.Helper()
	for {
		var packet string
		select {
		case packet = <-t.conn.Packets():
		default:
			return nil
		}
		var p *parser.Packet
		var err error
		if data, binary := strings.CutPrefix(packet, "b"); binary {
			var b []byte
			if b, err = base64.StdEncoding.DecodeString(data); err == nil {
				p, err = t.decoder.Binary(b)
			}
		} else if packet != "" {
			p, err = t.decoder.Text([]byte(packet[1:]))
		}
		if err != nil {
			t.h.T.Fatalf("packet %.40q: %v", packet, err)
		}
		if p != nil {
			return p
		}
	}
}

// expect wants all of the events from first to last, and each as it was emitted; if some may be lost, only the latter.
func (t *taker) expect(what string, first, last int, lossy bool) {
	t.h.T.Helper()
	synctest.Wait()
	var got []int
	for p := t.next(); p != nil; p = t.next() {
		n, err := filled(p.Args)
		if err != nil {
			t.h.T.Errorf("%s: %v", what, err)
		}
		got = append(got, n)
		args := make([]any, p.Args.Len())
		for i := range args {
			args[i] = new(any)
		}
		t.h.Check(p.Args.Decode(args...))
		t.offset, _ = (*args[len(args)-1].(*any)).(string)
	}
	var want []int
	for n := first; n <= last; n++ {
		want = append(want, n)
	}
	if lossy && slices.IsSorted(got) && len(got) > 0 || slices.Equal(got, want) {
		return
	}
	t.h.T.Errorf("%s: got events %v, want %d to %d", what, got, first, last)
}

// A program may use a buffer again as soon as an event with it has been emitted, on whatever way.
func TestBufferUsedAgain(t *testing.T) {
	recovery := &socketio.Recovery{}
	for name, o := range map[string]func() *socketio.Options{
		"alone":                 func() *socketio.Options { return &socketio.Options{} },
		"adapter":               func() *socketio.Options { return &socketio.Options{Adapter: new(adapter.Loopback)} },
		"recovery":              func() *socketio.Options { return &socketio.Options{Recovery: recovery} },
		"recovery with adapter": func() *socketio.Options { return &socketio.Options{Recovery: recovery, Adapter: new(adapter.Loopback)} },
		"recovery with store": func() *socketio.Options {
			return &socketio.Options{Recovery: recovery, Adapter: testserver.NewJournal()}
		},
	} {
		for _, p := range []parser.Parser{parser.JSON{}, msgpack.Parser{}} {
			t.Run(fmt.Sprintf("%s, %T", name, p), func(t *testing.T) {
				o := o()
				o.Parser = p
				testserver.Run(t, o, func(h *testserver.Harness) { useAgain(h, o) })
			})
		}
	}
}

const timesUsed = 20

func useAgain(h *testserver.Harness, o *socketio.Options) {
	other := h
	if o.Adapter != nil {
		other = &testserver.Harness{T: h.T, Server: socketio.NewServer(o)}
		other.Serve(other.Server)
	}
	near, far, away := newTaker(h, o.Parser), newTaker(other, o.Parser), newTaker(other, o.Parser)
	s := h.MustSocket(near.id)
	other.MustSocket(away.id).Join("away")
	f := newFilling()
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		h.T.Cleanup(cancel)
		return ctx
	}
	for _, way := range []struct {
		name  string
		emit  func(args ...any) error
		whom  []*taker
		lossy bool
	}{
		{"Emit", func(args ...any) error { return h.Emit("e", args...) }, []*taker{near, far, away}, false},
		{"Compress", func(args ...any) error { return h.Compress(false).Emit("e", args...) }, []*taker{near, far, away}, false},
		{"Volatile", func(args ...any) error { return h.Volatile().Emit("e", args...) }, []*taker{near, far, away}, true},
		{"To", func(args ...any) error { return h.To(near.id, far.id).Emit("e", args...) }, []*taker{near, far}, false},
		{"Local", func(args ...any) error { return h.Local().Emit("e", args...) }, nil, false},
		{"Socket.Emit", func(args ...any) error { return s.Emit("e", args...) }, []*taker{near}, false},
		{"Socket.Compress", func(args ...any) error { return s.Compress(false).Emit("e", args...) }, []*taker{near}, false},
		{"Socket.Volatile", func(args ...any) error { return s.Volatile().Emit("e", args...) }, []*taker{near}, true},
		{"CallFunc", func(args ...any) error {
			return s.CallFunc(func(*socketio.Reply, error) {}, "e", args...)
		}, []*taker{near}, false},
		{"Call", func(args ...any) error {
			_, err := socketio.Call[any](soon(), s, "e", args...)
			return testserver.WantErr(err, context.DeadlineExceeded)
		}, []*taker{near}, false},
		{"Broadcast.Call", func(args ...any) error {
			for _, err := range h.Call(soon(), "e", args...) {
				h.Check(testserver.WantErr(err, context.DeadlineExceeded))
			}
			return nil
		}, []*taker{near, far, away}, false},
	} {
		synctest.Wait()
		first := f.n + 1
		for range timesUsed {
			h.Check(way.emit(f.fill()...))
		}
		f.fill()
		for _, who := range way.whom {
			who.expect(way.name, first, f.n-1, way.lossy)
		}
		for _, who := range []*taker{near, far, away} {
			synctest.Wait()
			for who.next() != nil {
			}
		}
	}
	useAgainForReplies(h, near, f)
	if o.Adapter != nil {
		useAgainBetweenServers(h, other, f)
	}
	if o.Recovery == nil {
		return
	}
	h.Check(h.Emit("e", f.fill()...))
	away.expect("before the loss", f.n, f.n, false)
	away.conn.Drop()
	synctest.Wait()
	first := f.n + 1
	for range timesUsed {
		h.Check(h.To("away").Emit("e", f.fill()...))
	}
	f.fill()
	synctest.Wait()
	away.connect(map[string]string{"pid": away.pid, "offset": away.offset})
	away.expect("after the return", first, f.n-1, false)
}

// useAgainForReplies has a handler reply from one buffer.
func useAgainForReplies(h *testserver.Harness, c *taker, f *filling) {
	off := h.On("ask", func(_ context.Context, e *socketio.Event) error { return e.Ack(f.fill()...) })
	defer off()
	first := f.n + 1
	for id := range timesUsed {
		c.send(parser.Header{Type: parser.Event, Event: "ask", ID: uint64(id), HasID: true})
	}
	synctest.Wait()
	c.expect("Ack", first, f.n, false)
}

func useAgainBetweenServers(h, other *testserver.Harness, f *filling) {
	var mu sync.Mutex
	var got []int
	take := func(args parser.Args) {
		n, err := filled(args)
		h.Check(err)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, n)
	}
	expect := func(what string, first, last int) {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(got) != last-first+1 || got[0] != first || got[len(got)-1] != last {
			h.T.Errorf("%s: got %v, want %d to %d", what, got, first, last)
		}
		got = nil
	}
	other.OnServerSide("e", func(_ context.Context, e *socketio.Event) error { take(e); return nil })
	first := f.n + 1
	for range timesUsed {
		h.Check(h.ServerSideEmit("e", f.fill()...))
	}
	f.fill()
	expect("ServerSideEmit", first, f.n-1)

	// A server's reply is its first value only.
	reply := newFilling()
	other.OnServerSide("ask", func(_ context.Context, e *socketio.Event) error {
		take(e)
		err := e.Ack(reply.fill()[1])
		for i := range reply.data {
			reply.data[i] = 0
		}
		return err
	})
	first = f.n + 1
	for range timesUsed {
		for r, err := range h.ServerSideCall(context.Background(), "ask", f.fill()...) {
			var data []byte
			if h.Check(err); err == nil {
				h.Check(r.Decode(&data))
			}
			if len(data) == 0 || data[0] < 100 || !bytes.Equal(data, bytes.Repeat(data[:1], 3000)) {
				h.T.Errorf("ServerSideCall: got %x", data[:min(3, len(data))])
			}
		}
	}
	f.fill()
	expect("ServerSideCall", first, f.n-1)

	// The names of rooms are in a buffer, too.
	rooms := make([]string, 1)
	for i := range timesUsed {
		rooms[0] = fmt.Sprint("room ", i)
		h.SocketsJoin(rooms...)
	}
	rooms[0] = "nowhere"
	synctest.Wait()
	for i := range timesUsed {
		n := 0
		for range other.In(fmt.Sprint("room ", i)).Sockets() {
			n++
		}
		if n != 2 {
			h.T.Errorf("SocketsJoin: %d sockets of the other server in room %d", n, i)
		}
	}
}
