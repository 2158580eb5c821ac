package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A mixed cluster is a server of npm's and a Go server on one Redis, each with
// two stock clients in "/" and one in "/chat". n0 and g0 are in the room r1, n1
// and g1 in r2 and 42.
type mixed struct {
	*testing.T
	ctx     context.Context
	node    *clustertest.Node
	io      *socketio.Server
	adapter adapter.Adapter
	sockets map[string]*socketio.Socket // of the clients of the Go server
}

var everybody = []string{"n0", "n1", "g0", "g1"}

// mix starts a mixed cluster, with clients that use MessagePack if o.Msgpack says
// so.
func mix(t *testing.T, o clustertest.NodeOptions, a adapter.Adapter) *mixed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	options := &socketio.Options{Adapter: a}
	if o.Msgpack {
		options.Parser = msgpack.Parser{}
	}
	m := &mixed{T: t, ctx: ctx, io: socketio.NewServer(options), adapter: a, sockets: make(map[string]*socketio.Socket)}
	front := httptest.NewServer(m.io)
	t.Cleanup(front.Close)
	t.Cleanup(func() { m.io.Close() })
	entered := make(chan *socketio.Socket, 1)
	for _, name := range []string{"/", "/chat", "/chät 1"} {
		m.io.Of(name).OnConnect(func(s *socketio.Socket) { entered <- s })
	}
	m.node = clustertest.StartNode(t, o)
	m.node.Eval(`for (const nsp of ["/", "/chat", "/chät 1"]) io.of(nsp)`)
	connect := func(name, nsp, rooms string, own bool) {
		where := ""
		if !own {
			where = fmt.Sprintf("url: %q", front.URL)
		}
		m.js(`await connect(%q, %q, {%s})`, name, nsp, where)
		if own {
			m.js(`await socketOf(%q).join([%s])`, name, rooms)
			return
		}
		m.sockets[name] = <-entered
		for room := range strings.SplitSeq(rooms, ",") {
			m.sockets[name].Join(strings.Trim(room, `"`))
		}
	}
	connect("n0", "/", `"r1"`, true)
	connect("n1", "/", `"r2",42`, true)
	connect("nc", "/chat", `"r1"`, true)
	connect("g0", "/", `"r1"`, false)
	connect("g1", "/", `"r2","42"`, false)
	connect("gc", "/chat", `"r1"`, false)
	for _, nsp := range []string{"/", "/chat"} {
		m.js(`while (await io.of(%q).adapter.serverCount() < 2) await sleep(10)`, nsp)
		m.js(`await io.of(%q).fetchSockets()`, nsp)
		_, err := m.io.Of(nsp).FetchSockets(m.ctx)
		m.check(err)
	}
	return m
}

// js runs JavaScript on the server of npm's, and returns the JSON of its result.
func (m *mixed) js(format string, args ...any) string {
	m.Helper()
	js := fmt.Sprintf(format, args...)
	value, err := m.node.TryEval(js)
	if err != nil {
		m.Fatalf("%s: %v", js, err)
	}
	return string(value)
}

func (m *mixed) check(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *mixed) expect(got, want string) {
	m.Helper()
	if got != want {
		m.Errorf("got %s, want %s", got, want)
	}
}

// id returns the id of a client's socket.
func (m *mixed) id(client string) string {
	m.Helper()
	return strings.Trim(m.js(`return clients[%q].id`, client), `"`)
}

// received returns what each client has received until the event "end", which this
// server emits now.
func (m *mixed) received(fromNode bool) map[string]string {
	m.Helper()
	for _, nsp := range []string{"/", "/chat"} {
		if fromNode {
			m.js(`io.of(%q).emit("end")`, nsp)
		} else {
			m.check(m.io.Of(nsp).Emit("end"))
		}
	}
	var got map[string]json.RawMessage
	m.check(json.Unmarshal([]byte(m.js(`const got = {};
		for (const name in clients) {
			got[name] = [];
			for (;;) {
				const [event] = await clients[name].log.take(1);
				if (event[0] === "end") break;
				got[name].push(event);
			}
		}
		return got;`)), &got))
	texts := make(map[string]string)
	for name, text := range got {
		if string(text) != "[]" {
			texts[name] = string(text)
		}
	}
	return texts
}

// expectReceived wants these clients to have received one event each, and all
// others nothing.
func (m *mixed) expectReceived(fromNode bool, event string, by ...string) {
	m.Helper()
	got := m.received(fromNode)
	want := make(map[string]string)
	for _, name := range by {
		want[name] = "[" + event + "]"
	}
	if !maps.Equal(got, want) {
		m.Errorf("received %.1000v\nwant %.1000v", got, want)
	}
}

// configurations of npm's adapter and of this package's, as the other one has it.
var configurations = []struct {
	name string
	node clustertest.NodeOptions
	here func(t *testing.T, addr string) adapter.Adapter
}{
	{
		"classic", clustertest.NodeOptions{Adapter: "redis"},
		func(t *testing.T, addr string) adapter.Adapter { return NewClassic(connect(t, addr), nil) },
	},
	{
		"classic, with ioredis, a key and direct responses",
		clustertest.NodeOptions{Adapter: "redis", Driver: "ioredis", Options: map[string]any{"key": "my:app", "publishOnSpecificResponseChannel": true}},
		func(t *testing.T, addr string) adapter.Adapter {
			return NewClassic(connect(t, addr), &ClassicOptions{Key: "my:app", DirectResponses: true})
		},
	},
	{
		"classic, with msgpack clients", clustertest.NodeOptions{Adapter: "redis", Msgpack: true},
		func(t *testing.T, addr string) adapter.Adapter { return NewClassic(connect(t, addr), nil) },
	},
	{
		"sharded", clustertest.NodeOptions{Adapter: "redis-sharded"},
		func(t *testing.T, addr string) adapter.Adapter { return NewSharded(connect(t, addr), nil) },
	},
	{
		"sharded, static, with msgpack clients and a prefix",
		clustertest.NodeOptions{Adapter: "redis-sharded", Msgpack: true, Options: map[string]any{"subscriptionMode": "static", "channelPrefix": "my:app"}},
		func(t *testing.T, addr string) adapter.Adapter {
			return NewSharded(connect(t, addr), &ShardedOptions{SubscriptionMode: Static, ChannelPrefix: "my:app"})
		},
	},
	{
		"sharded, dynamic-private, with ioredis",
		clustertest.NodeOptions{Adapter: "redis-sharded", Driver: "ioredis", Options: map[string]any{"subscriptionMode": "dynamic-private"}},
		func(t *testing.T, addr string) adapter.Adapter {
			return NewSharded(connect(t, addr), &ShardedOptions{SubscriptionMode: DynamicPrivate})
		},
	},
	{
		"streams", clustertest.NodeOptions{Adapter: "redis-streams"},
		func(t *testing.T, addr string) adapter.Adapter { return NewStreams(connect(t, addr), nil) },
	},
	{
		"several streams, with msgpack clients, ioredis and names",
		clustertest.NodeOptions{
			Adapter: "redis-streams", Driver: "ioredis", Msgpack: true,
			Options: map[string]any{"streamName": "my:stream", "streamCount": 2, "channelPrefix": "my:app", "useShardedPubSub": true},
		},
		func(t *testing.T, addr string) adapter.Adapter {
			return NewStreams(connect(t, addr), &StreamsOptions{StreamName: "my:stream", StreamCount: 2, ChannelPrefix: "my:app", ShardedPubSub: true})
		},
	},
}

func TestMixed(t *testing.T) {
	r := clustertest.StartRedis(t)
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			c.node.URL = r.URL
			m := mix(t, c.node, c.here(t, r.Addr))
			for _, part := range []struct {
				name string
				run  func(*mixed)
			}{
				{"events", (*mixed).events},
				{"acknowledgements", (*mixed).acknowledgements},
				{"sockets", (*mixed).fetches},
				{"commands", (*mixed).commands},
				{"server side", (*mixed).serverSides},
				{"emitters", (*mixed).emitters},
				{"ends", (*mixed).ends},
			} {
				t.Run(part.name, func(t *testing.T) {
					inner := *m
					inner.T = t
					part.run(&inner)
				})
			}
		})
	}
}

// events are operations in JavaScript and in Go, with the event and who receives
// it. {n0} stands for the id of a client.
func (m *mixed) events() {
	type object = map[string]any
	binary := bytes.Repeat([]byte{1}, 300)
	all := everybody
	emit := func(of func(io *socketio.Server) socketio.Broadcast, event string, args ...any) func(*socketio.Server) error {
		return func(io *socketio.Server) error { return of(io).Emit(event, args...) }
	}
	everybodyIn := func(io *socketio.Server) socketio.Broadcast { return io.To() }
	for _, op := range []struct {
		js    string
		run   func(io *socketio.Server) error // nil if Go has nothing like it
		event string
		by    []string
	}{
		{`io.emit("hi")`, emit(everybodyIn, "hi"), `["hi"]`, all},
		{`io.emit("e", 1, "2", {three: [4]})`, emit(everybodyIn, "e", 1, "2", object{"three": []int{4}}), `["e",1,"2",{"three":[4]}]`, all},
		{
			`io.emit("values", null, true, 0, -1, 127, 128, -33, 65536, 4294967296, 9007199254740991, 1.5, "", "ü€😀\u0000", [], {})`,
			emit(everybodyIn, "values", nil, true, 0, -1, 127, 128, -33, 65536, 4294967296, 9007199254740991, 1.5, "", "ü€😀\x00", []int{}, object{}),
			`["values",null,true,0,-1,127,128,-33,65536,4294967296,9007199254740991,1.5,"","ü€😀\u0000",[],{}]`, all,
		},
		{`io.to("r1").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.To("r1") }, "e"), `["e"]`, []string{"n0", "g0"}},
		{`io.to("r1").to("r2").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.To("r1", "r2") }, "e"), `["e"]`, all},
		{`io.to("nobody is here").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.To("nobody is here") }, "e"), `["e"]`, nil},
		{`io.to(42).emit("e")`, nil, `["e"]`, []string{"n1", "g1"}},
		{`io.to("{g0}").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.To(m.id("g0")) }, "e"), `["e"]`, []string{"g0"}},
		{`io.to("{n0}").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.To(m.id("n0")) }, "e"), `["e"]`, []string{"n0"}},
		{`io.except("r1").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.Except("r1") }, "e"), `["e"]`, []string{"n1", "g1"}},
		{`io.to(["r1", "r2"]).except("r1").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.To("r1", "r2").Except("r1") }, "e"), `["e"]`, []string{"n1", "g1"}},
		{`io.volatile.emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.Volatile() }, "e"), `["e"]`, all},
		{`io.compress(false).emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.Compress(false) }, "e"), `["e"]`, all},
		{`io.local.emit("e")`, nil, `["e"]`, []string{"n0", "n1"}},
		{`socketOf("n0").broadcast.emit("e")`, nil, `["e"]`, []string{"n1", "g0", "g1"}},
		{`socketOf("n0").to("r1").emit("e")`, nil, `["e"]`, []string{"g0"}},
		{``, func(*socketio.Server) error { return m.sockets["g0"].Broadcast().Emit("e") }, `["e"]`, []string{"n0", "n1", "g1"}},
		{``, func(*socketio.Server) error { return m.sockets["g0"].To("r1").Emit("e") }, `["e"]`, []string{"n0"}},
		{`io.emit("bin", Buffer.from([1,2,3]))`, emit(everybodyIn, "bin", []byte{1, 2, 3}), `["bin",{"$bin":"010203"}]`, all},
		{
			`io.emit("bin", {a: [Buffer.from("ab"), {b: new Uint8Array([255])}]}, new Uint8Array([7]).buffer)`,
			emit(everybodyIn, "bin", object{"a": []any{[]byte("ab"), object{"b": []byte{255}}}}, []byte{7}),
			`["bin",{"a":[{"$bin":"6162"},{"b":{"$bin":"ff"}}]},{"$bin":"07"}]`, all,
		},
		{
			`io.to("r1").emit("bin", Buffer.alloc(0), Buffer.alloc(300, 1))`,
			emit(func(io *socketio.Server) socketio.Broadcast { return io.To("r1") }, "bin", []byte{}, binary),
			fmt.Sprintf(`["bin",{"$bin":""},{"$bin":"%x"}]`, binary), []string{"n0", "g0"},
		},
		{`io.emit("long", "x".repeat(20000))`, emit(everybodyIn, "long", strings.Repeat("x", 20000)), fmt.Sprintf(`["long",%q]`, strings.Repeat("x", 20000)), all},
		{`io.of("/chat").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.Of("/chat").To() }, "e"), `["e"]`, []string{"nc", "gc"}},
		{
			`io.of("/chat").to("r1").emit("bin", Buffer.from([1]))`,
			emit(func(io *socketio.Server) socketio.Broadcast { return io.Of("/chat").To("r1") }, "bin", []byte{1}),
			`["bin",{"$bin":"01"}]`, []string{"nc", "gc"},
		},
		{`io.of("/chät 1").emit("e")`, emit(func(io *socketio.Server) socketio.Broadcast { return io.Of("/chät 1").To() }, "e"), `["e"]`, nil},
	} {
		if op.js != "" {
			js := op.js
			if _, streams := m.adapter.(*Streams); streams { // npm's adapter makes an empty object of an ArrayBuffer
				js = strings.ReplaceAll(js, "new Uint8Array([7]).buffer", "new Uint8Array([7])")
			}
			for _, name := range everybody {
				js = strings.ReplaceAll(js, "{"+name+"}", m.id(name))
			}
			m.Run(op.js, func(t *testing.T) {
				inner := *m
				inner.T = t
				inner.js("%s", js)
				inner.expectReceived(true, op.event, op.by...)
			})
		}
		if op.run != nil {
			m.Run("Go: "+op.js, func(t *testing.T) {
				inner := *m
				inner.T = t
				inner.check(op.run(m.io))
				inner.expectReceived(false, op.event, op.by...)
			})
		}
	}
	m.js(`io.emit("dates", new Date(0), undefined, [undefined])`)
	got := m.received(true)
	for name, text := range got {
		if want := `[["dates","1970-01-01T00:00:00.000Z",null,[null]]]`; text != want && !strings.Contains(text, "$undefined") {
			m.Errorf("%s has received %s, want %s", name, text, want)
		}
	}
}

// acknowledgements over servers.
func (m *mixed) acknowledgements() {
	sorted := func(replies []string) string { slices.Sort(replies); return strings.Join(replies, " ") }
	for _, ask := range []struct{ event, answer, want string }{
		{"ask", `["yes"]`, `"yes"`},
		{"ask many", `[1, 2]`, `1`},
		{"ask null", `[null]`, `null`},
		{"ask binary", `[{got: Buffer.from([9]), list: [Buffer.alloc(0)]}]`, `{"got":{"$bin":"09"},"list":[{"$bin":""}]}`},
	} {
		m.js(`for (const name of ["n0", "n1", "g0", "g1"]) clients[name].answer = () => (%s)`, ask.answer)
		m.expect(m.js(`return await io.timeout(60_000).emitWithAck(%q, Buffer.from([1]))`, ask.event), "["+strings.Repeat(ask.want+",", 3)+ask.want+"]")
		m.expect(m.js(`return await io.timeout(60_000).to("r1").emitWithAck(%q)`, ask.event), "["+ask.want+","+ask.want+"]")
		n := 0
		for reply, err := range m.io.Call(m.ctx, ask.event, []byte{1}) {
			m.check(err)
			var value any
			m.check(reply.Decode(&value))
			m.expect(asJSON(value), ask.want)
			n++
		}
		if n != 4 {
			m.Errorf("%d replies to Go's call %s, want 4", n, ask.event)
		}
	}
	m.expect(m.js(`return await io.timeout(60_000).to("nobody is here").emitWithAck("ask")`), "[]")
	m.js(`for (const name of ["n0", "n1", "g0", "g1"]) clients[name].answer = () => [name]`)
	var replies []string
	for reply, err := range m.io.In("r1").Call(m.ctx, "ask") {
		m.check(err)
		var name string
		m.check(reply.Decode(&name))
		replies = append(replies, name)
	}
	m.expect(sorted(replies), "g0 n0")
	m.js(`for (const name of ["n0", "n1", "g0", "g1"]) clients[name].answer = () => []`)
	m.expect(m.js(`return (await io.timeout(60_000).emitWithAck("ask")).length`), "4")
	n := 0
	for reply, err := range m.io.Call(m.ctx, "ask") {
		m.check(err)
		m.check(reply.Decode())
		n++
	}
	if n != 4 {
		m.Errorf("%d empty replies, want 4", n)
	}
	m.received(true)
}

// asJSON returns a value in the form of the server program: binary as hexadecimal.
func asJSON(v any) string {
	var portable func(v any) any
	portable = func(v any) any {
		switch v := v.(type) {
		case []byte:
			return map[string]string{"$bin": fmt.Sprintf("%x", v)}
		case []any:
			for i := range v {
				v[i] = portable(v[i])
			}
		case map[string]any:
			for key := range v {
				v[key] = portable(v[key])
			}
		}
		return v
	}
	text, _ := json.Marshal(portable(v))
	return string(text)
}
