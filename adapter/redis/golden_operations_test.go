package redis

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/golden"
)

// A recorder is an adapter that keeps what it should publish, and is alone.
type recorder struct {
	messages []*adapter.Message
}

func (r *recorder) Publish(_ context.Context, batch []*adapter.Message) []error {
	r.messages = append(r.messages, batch...)
	return nil
}

func (*recorder) Subscribe(context.Context, adapter.Subscriber) error { return nil }
func (*recorder) Servers(context.Context, string) (int, error)        { return 2, nil }

// operations are recorded operations of JavaScript, as one writes them in Go.
// Ids that are recorded stand in the JavaScript as $B0.
var operations = []struct {
	js  string
	run func(io *socketio.Server, b0 string)
}{
	{`io.emit('hi')`, func(io *socketio.Server, _ string) { io.Emit("hi") }},
	{`io.emit('ev', 1, '2', {three: [4]})`, func(io *socketio.Server, _ string) { io.Emit("ev", 1, "2", map[string]any{"three": []int{4}}) }},
	{`io.to('r1').emit('ev')`, func(io *socketio.Server, _ string) { io.To("r1").Emit("ev") }},
	{`io.to('r1').to('r2').emit('ev')`, func(io *socketio.Server, _ string) { io.To("r1").To("r2").Emit("ev") }},
	{`io.to('$B0').emit('ev')`, func(io *socketio.Server, b0 string) { io.To(b0).Emit("ev") }},
	{`io.to('exactly-20-chars-abc').emit('ev')`, func(io *socketio.Server, _ string) { io.To("exactly-20-chars-abc").Emit("ev") }},
	{`io.to('ro#om *ü').emit('ev')`, func(io *socketio.Server, _ string) { io.To("ro#om *ü").Emit("ev") }},
	{`io.to('nobody-is-here').emit('ev')`, func(io *socketio.Server, _ string) { io.To("nobody-is-here").Emit("ev") }},
	{`io.except('r1').emit('ev')`, func(io *socketio.Server, _ string) { io.Except("r1").Emit("ev") }},
	{`io.to('r1').except('r2').emit('ev')`, func(io *socketio.Server, _ string) { io.To("r1").Except("r2").Emit("ev") }},
	{`io.volatile.emit('ev')`, func(io *socketio.Server, _ string) { io.Volatile().Emit("ev") }},
	{`io.compress(false).emit('ev')`, func(io *socketio.Server, _ string) { io.Compress(false).Emit("ev") }},
	{`io.compress(true).emit('ev')`, func(io *socketio.Server, _ string) { io.Compress(true).Emit("ev") }},
	{`io.emit('bin', Buffer.from([1,2,3]))`, func(io *socketio.Server, _ string) { io.Emit("bin", []byte{1, 2, 3}) }},
	{`io.to('r1').emit('bin', Buffer.alloc(0), Buffer.alloc(300, 1))`, func(io *socketio.Server, _ string) {
		io.To("r1").Emit("bin", []byte{}, bytes.Repeat([]byte{1}, 300))
	}},
	{`io.emit('long', 'x'.repeat(20000))`, func(io *socketio.Server, _ string) { io.Emit("long", strings.Repeat("x", 20000)) }},
	{`io.of('/chat').emit('ev')`, func(io *socketio.Server, _ string) { io.Of("/chat").Emit("ev") }},
	{`io.of('/chat').to('r1').emit('bin', Buffer.from([1]))`, func(io *socketio.Server, _ string) { io.Of("/chat").To("r1").Emit("bin", []byte{1}) }},
	{`io.of('/chät 1').emit('ev')`, func(io *socketio.Server, _ string) { io.Of("/chät 1").Emit("ev") }},
	{`io.in('$B0').socketsJoin('r9')`, func(io *socketio.Server, b0 string) { io.In(b0).SocketsJoin("r9") }},
	{`io.socketsJoin(['r7', 'r8'])`, func(io *socketio.Server, _ string) { io.SocketsJoin("r7", "r8") }},
	{`io.in('r1').except('r2').socketsLeave('r9')`, func(io *socketio.Server, _ string) { io.In("r1").Except("r2").SocketsLeave("r9") }},
	{`io.socketsLeave(['r7', 'r8'])`, func(io *socketio.Server, _ string) { io.SocketsLeave("r7", "r8") }},
	{`io.in('nobody-is-here').disconnectSockets()`, func(io *socketio.Server, _ string) { io.In("nobody-is-here").DisconnectSockets(false) }},
	{`io.in('nobody-is-here').disconnectSockets(true)`, func(io *socketio.Server, _ string) { io.In("nobody-is-here").DisconnectSockets(true) }},
	{`io.serverSideEmit('note')`, func(io *socketio.Server, _ string) { io.ServerSideEmit("note") }},
	{`io.serverSideEmit('note', 1, {a: [null, 'ü']})`, func(io *socketio.Server, _ string) {
		io.ServerSideEmit("note", 1, map[string]any{"a": []any{nil, "ü"}})
	}},
	{`io.serverSideEmit('note', Buffer.from([1,2]))`, func(io *socketio.Server, _ string) { io.ServerSideEmit("note", []byte{1, 2}) }},
	{`return (await io.fetchSockets()).length`, func(io *socketio.Server, _ string) { fetch(io.To()) }},
	{`return (await io.in('r1').except('r2').fetchSockets()).length`, func(io *socketio.Server, _ string) { fetch(io.In("r1").Except("r2")) }},
	{`return await io.serverSideEmitWithAck('question', 7)`, func(io *socketio.Server, _ string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for range io.ServerSideCall(ctx, "question", 7) {
		}
	}},
}

func fetch(from socketio.Broadcast) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	from.FetchSockets(ctx)
}

// A server that does what npm's server has done publishes the same bytes on the
// same channel, with the ids of npm's server.
func TestGoldenOperations(t *testing.T) {
	compared := 0
	for _, l := range append(golden.Read(t, "redis-classic"), golden.Read(t, "redis-sharded")...) {
		if l.From != "A" || l.Command != "PUBLISH" && l.Command != "SPUBLISH" || l.File == "redis-classic-parser" {
			continue
		}
		for _, op := range operations {
			if op.js != l.Operation {
				continue
			}
			compared++
			t.Run(fmt.Sprint(l.File, " line ", l.Number), func(t *testing.T) {
				published := original(t, l)
				m := runOperation(t, func(io *socketio.Server) {
					rooms := append(published.Opts.Rooms, "")
					op.run(io, rooms[0])
				})
				m.UID, m.RequestID = published.UID, published.RequestID
				channel, message := publishedBy(t, l, m)
				if want := known(l.Payload); channel != l.Channel || !bytes.Equal(message, want) {
					t.Errorf("%s: published on %q, want %q\n%q\nwant\n%q", l.Operation, channel, l.Channel, message, want)
				}
			})
		}
	}
	if compared < 150 {
		t.Errorf("compared %d messages", compared)
	}
}

// runOperation returns the one message that an operation publishes.
func runOperation(t *testing.T, run func(io *socketio.Server)) *adapter.Message {
	t.Helper()
	r := new(recorder)
	synctest.Test(t, func(t *testing.T) {
		io := socketio.NewServer(&socketio.Options{Adapter: r})
		for _, name := range []string{"/chat", "/chät 1"} {
			io.Of(name)
		}
		run(io)
		io.Close() // waits for what is to be sent
	})
	for _, m := range r.messages {
		if m.Type != adapter.Close {
			return m
		}
	}
	t.Fatal("nothing published")
	return nil
}

// original returns a recorded message.
func original(t *testing.T, l golden.Line) *adapter.Message {
	t.Helper()
	if l.Command == "SPUBLISH" {
		m, err := decodeSharded(string(l.Payload))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	_, kind, _ := strings.Cut(l.Channel, "socket.io")
	kind, _, _ = strings.Cut(strings.TrimPrefix(kind, "my:app"), "#")
	if strings.HasPrefix(l.Channel, "my:app-request") {
		kind = "-request"
	}
	return receiveClassic(t, kind, l.Payload)
}

// publishedBy returns how the adapter of a recorded line publishes a message.
func publishedBy(t *testing.T, l golden.Line, m *adapter.Message) (channel string, message []byte) {
	t.Helper()
	p, err := adapterOf(l).publication(m)
	if err != nil {
		t.Fatal(err)
	}
	return p.channel, p.message
}

// adapterOf returns an adapter with the options that a line was recorded with.
func adapterOf(l golden.Line) interface {
	publication(*adapter.Message) (publication, error)
} {
	if strings.HasPrefix(l.File, "redis-sharded") {
		o := &ShardedOptions{}
		switch l.File {
		case "redis-sharded-prefix":
			o.ChannelPrefix = "my:app"
		case "redis-sharded-static":
			o.SubscriptionMode = Static
		case "redis-sharded-dynamic-private":
			o.SubscriptionMode = DynamicPrivate
		}
		return NewSharded(nil, o)
	}
	o := &ClassicOptions{DirectResponses: l.File == "redis-classic-specific-response"}
	if l.File == "redis-classic-key" {
		o.Key = "my:app"
	}
	return NewClassic(nil, o)
}

// emissions are recorded operations of npm's emitter, as one writes them in Go.
var emissions = map[string]func(e Emitter, ctx context.Context) error{
	`e.emit('hi')`: func(e Emitter, ctx context.Context) error { return e.Emit(ctx, "hi") },
	`e.emit('ev', 1, '2', {three: [4]})`: func(e Emitter, ctx context.Context) error {
		return e.Emit(ctx, "ev", 1, "2", map[string]any{"three": []int{4}})
	},
	`e.to('r1').emit('ev')`:              func(e Emitter, ctx context.Context) error { return e.To("r1").Emit(ctx, "ev") },
	`e.to(['r1','r2']).emit('ev')`:       func(e Emitter, ctx context.Context) error { return e.To("r1", "r2").Emit(ctx, "ev") },
	`e.to('r1').except('r2').emit('ev')`: func(e Emitter, ctx context.Context) error { return e.To("r1").Except("r2").Emit(ctx, "ev") },
	`e.volatile.emit('ev')`:              func(e Emitter, ctx context.Context) error { return e.Volatile().Emit(ctx, "ev") },
	`e.compress(false).emit('ev')`:       func(e Emitter, ctx context.Context) error { return e.Compress(false).Emit(ctx, "ev") },
	`e.emit('bin', Buffer.from([1,2,3]), {a: [new Uint8Array([255])]})`: func(e Emitter, ctx context.Context) error {
		return e.Emit(ctx, "bin", []byte{1, 2, 3}, map[string]any{"a": [][]byte{{255}}})
	},
	`e.emit('long', 'x'.repeat(20000))`:    func(e Emitter, ctx context.Context) error { return e.Emit(ctx, "long", strings.Repeat("x", 20000)) },
	`e.of('/chat').emit('ev')`:             func(e Emitter, ctx context.Context) error { return e.Of("/chat").Emit(ctx, "ev") },
	`e.of('chat').to('r1').emit('ev')`:     func(e Emitter, ctx context.Context) error { return e.Of("chat").To("r1").Emit(ctx, "ev") },
	`e.in('r1').socketsJoin('r9')`:         func(e Emitter, ctx context.Context) error { return e.In("r1").SocketsJoin(ctx, "r9") },
	`e.in('r1').socketsLeave(['r9','r8'])`: func(e Emitter, ctx context.Context) error { return e.In("r1").SocketsLeave(ctx, "r9", "r8") },
	`e.in('nobody-is-here').disconnectSockets()`: func(e Emitter, ctx context.Context) error {
		return e.In("nobody-is-here").DisconnectSockets(ctx, false)
	},
	`e.in('nobody-is-here').disconnectSockets(true)`: func(e Emitter, ctx context.Context) error {
		return e.In("nobody-is-here").DisconnectSockets(ctx, true)
	},
	`e.serverSideEmit('note', 1, {a: 2})`: func(e Emitter, ctx context.Context) error {
		return e.ServerSideEmit(ctx, "note", 1, map[string]any{"a": 2})
	},
	`e.serverSideEmit('note', Buffer.from([1]))`: func(e Emitter, ctx context.Context) error { return e.ServerSideEmit(ctx, "note", []byte{1}) },
	`e.of('/chat').serverSideEmit('note', 3)`:    func(e Emitter, ctx context.Context) error { return e.Of("/chat").ServerSideEmit(ctx, "note", 3) },
}

// An Emitter publishes the bytes of npm's emitter on the same channels.
func TestGoldenEmitter(t *testing.T) {
	compared := 0
	for _, l := range golden.Read(t, "redis-emitter") {
		emit := emissions[l.Operation]
		if l.Command != "PUBLISH" || l.From != "emitter" || emit == nil {
			continue
		}
		compared++
		t.Run(fmt.Sprint("line ", l.Number), func(t *testing.T) {
			r := new(recorder)
			if err := emit(NewEmitter(r), t.Context()); err != nil || len(r.messages) != 1 {
				t.Fatalf("%d messages, %v", len(r.messages), err)
			}
			channel, message := publishedBy(t, l, r.messages[0])
			if channel != l.Channel || !bytes.Equal(message, l.Payload) {
				t.Errorf("%s: published on %q, want %q\n%q\nwant\n%q", l.Operation, channel, l.Channel, message, l.Payload)
			}
		})
	}
	if compared != len(emissions) {
		t.Errorf("compared %d operations, want %d", compared, len(emissions))
	}
}
