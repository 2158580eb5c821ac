package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A mixed cluster is a server of ours and one of npm's, with a JavaScript client
// each, "g" and "n", in / and in /chat ("gc" and "nc"). The clients are in
// npm's process.
type mixed struct {
	*testing.T
	ctx  context.Context
	io   *socketio.Server
	node *clustertest.Node
	pg   *clustertest.Postgres
	ids  map[string]string // of the clients' sockets
}

func newMixed(t *testing.T, clients parser.Parser) *mixed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	t.Cleanup(cancel)
	m := &mixed{T: t, ctx: ctx, pg: startPostgres(t), ids: make(map[string]string)}
	m.node = clustertest.StartNode(t, clustertest.NodeOptions{Adapter: "postgres", URL: m.pg.URL, Msgpack: clients != nil})
	m.node.Eval(`io.of("/chat")`)
	bus := join(t, m.pg.URL, Options{})
	m.io = socketio.NewServer(&socketio.Options{Adapter: bus, Parser: clients})
	t.Cleanup(func() { m.io.Close() })
	m.io.Of("/chat").OnConnect(func(s *socketio.Socket) { s.SetData(map[string]any{"go": true}) })
	m.io.OnConnect(func(s *socketio.Socket) { s.SetData(map[string]any{"go": 1, "bytes": []byte{1, 2}}) })
	hs := httptest.NewServer(m.io)
	t.Cleanup(hs.Close)
	for _, name := range []string{"g", "gc", "n", "nc"} {
		namespace, url := "/", hs.URL
		if strings.HasSuffix(name, "c") {
			namespace = "/chat"
		}
		if name[0] == 'n' {
			url = m.node.URL
		}
		id := m.node.Eval(fmt.Sprintf(`return connect(%q, %q, {url: %q, auth: {who: %[1]q}})`, name, namespace, url))
		var text string
		if err := json.Unmarshal(id, &text); err != nil {
			t.Fatal(err)
		}
		m.ids[name] = text
	}
	m.node.Eval(`socketOf("n").data = {node: 1}; socketOf("n").join(["r1", "r2"])`)
	m.io.Local().To(m.ids["g"]).SocketsJoin("r1")
	for _, namespace := range []string{"/", "/chat"} {
		eventually(t, "both know each other in "+namespace, func() bool {
			sockets, err := m.io.Of(namespace).FetchSockets(ctx)
			seen := string(m.node.Eval(fmt.Sprintf(`return (await io.of(%q).fetchSockets()).length`, namespace)))
			return err == nil && len(sockets) == 2 && seen == "2"
		})
	}
	return m
}

// js returns a script with the clients' ids in it.
func (m *mixed) js(script string) string {
	for name, id := range m.ids {
		script = strings.ReplaceAll(script, "$"+name+"$", id)
	}
	return script
}

// expect wants JSON of a script.
func (m *mixed) expect(script, want string) {
	m.Helper()
	var got, wanted any
	if err := json.Unmarshal(m.node.Eval(m.js(script)), &got); err != nil {
		m.Fatal(err)
	}
	if err := json.Unmarshal([]byte(m.js(want)), &wanted); err != nil {
		m.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		m.Errorf("%s:\ngot  %v\nwant %v", script, got, wanted)
	}
}

// received wants these events at a client. It waits for them before anything
// else is sent, because npm's adapter lets short messages overtake long ones.
func (m *mixed) received(client string, events ...string) {
	m.Helper()
	m.expect(fmt.Sprintf(`return clients.%s.log.take(%d)`, client, len(events)), "["+strings.Join(events, ",")+"]")
}

// end wants the clients to have received nothing else.
func (m *mixed) end(namespace string, clients ...string) {
	m.Helper()
	m.io.Of(namespace).Emit("end")
	for _, client := range clients {
		m.received(client, `["end"]`)
	}
}

func TestMixedCluster(t *testing.T)            { runMixed(t, nil) }
func TestMixedClusterWithMsgpack(t *testing.T) { runMixed(t, msgpack.Parser{}) }

func runMixed(t *testing.T, clients parser.Parser) {
	m := newMixed(t, clients)
	t.Run("events", func(t *testing.T) { m.at(t).events() })
	t.Run("rooms", func(t *testing.T) { m.at(t).rooms() })
	t.Run("acknowledgements", func(t *testing.T) { m.at(t).acknowledgements() })
	t.Run("fetched sockets", func(t *testing.T) { m.at(t).fetches() })
	t.Run("server side", func(t *testing.T) { m.at(t).serverSide() })
	t.Run("emitters", func(t *testing.T) { m.at(t).emitters() })
	t.Run("disconnects", func(t *testing.T) { m.at(t).disconnects() })
	t.Run("a server that leaves", func(t *testing.T) { m.at(t).leaves() })
}

func (m *mixed) at(t *testing.T) *mixed {
	of := *m
	of.T = t
	return &of
}

// broadcasts are the same operation on a server of ours and of npm's, and what
// clients g and n get.
var broadcasts = []struct {
	name   string
	emit   func(io *socketio.Server, ids map[string]string) error
	script string
	g, n   string // "" for nothing
}{
	{
		"values", func(io *socketio.Server, _ map[string]string) error {
			return io.Emit("ev", 1, "2", map[string]any{"three": []any{4, nil, true, 1.5, -33, 1 << 40, "ü€😀\x00"}})
		},
		`io.emit("ev", 1, "2", {three: [4, null, true, 1.5, -33, 2 ** 40, "ü€😀\u0000"]})`,
		`["ev",1,"2",{"three":[4,null,true,1.5,-33,1099511627776,"ü€😀\u0000"]}]`, "same",
	}, {
		"binary", func(io *socketio.Server, _ map[string]string) error {
			return io.Emit("bin", []byte{1}, map[string]any{"a": []any{[]byte{}, map[string]any{"b": []byte{255}}}})
		},
		`io.emit("bin", Buffer.from([1]), {a: [Buffer.alloc(0), {b: Buffer.from([255])}]})`,
		`["bin",{"$bin":"01"},{"a":[{"$bin":""},{"b":{"$bin":"ff"}}]}]`, "same",
	}, {
		"a long text", func(io *socketio.Server, _ map[string]string) error {
			return io.Emit("long", strings.Repeat("x", 20000))
		},
		`io.emit("long", "x".repeat(20000))`, `["long","` + strings.Repeat("x", 20000) + `"]`, "same",
	}, {
		"a room", func(io *socketio.Server, _ map[string]string) error { return io.To("r2").Emit("ev") },
		`io.to("r2").emit("ev")`, "", `["ev"]`,
	}, {
		"two rooms", func(io *socketio.Server, _ map[string]string) error { return io.To("r1", "r2").Emit("ev") },
		`io.to(["r1", "r2"]).emit("ev")`, `["ev"]`, "same",
	}, {
		"except", func(io *socketio.Server, _ map[string]string) error { return io.Except("r2").Emit("ev") },
		`io.except("r2").emit("ev")`, `["ev"]`, "",
	}, {
		"the id of our socket", func(io *socketio.Server, ids map[string]string) error { return io.To(ids["g"]).Emit("ev", []byte{7}) },
		`io.to("$g$").emit("ev", Buffer.from([7]))`, `["ev",{"$bin":"07"}]`, "",
	}, {
		"the id of npm's socket", func(io *socketio.Server, ids map[string]string) error { return io.To(ids["n"]).Emit("ev") },
		`io.to("$n$").emit("ev")`, "", `["ev"]`,
	}, {
		"volatile, not compressed", func(io *socketio.Server, _ map[string]string) error { return io.Volatile().Compress(false).Emit("ev") },
		`io.volatile.compress(false).emit("ev")`, `["ev"]`, "same",
	}, {
		"exactly as long as a notification may not be", func(io *socketio.Server, _ map[string]string) error {
			return io.Emit("edge", edge)
		},
		"", `["edge","` + edge + `"]`, "same",
	},
}

// edge makes a message of 8,000 bytes.
var edge = strings.Repeat("x", 8000-len(`{"type":3,"data":{"packet":{"type":2,"data":["edge",""]},`+
	`"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"0123456789abcdef","nsp":"/"}`))

func (m *mixed) events() {
	for _, b := range broadcasts {
		g, n := b.g, b.n
		if n == "same" {
			n = g
		}
		received := func(how string) {
			m.Run(b.name+how, func(t *testing.T) {
				of := m.at(t)
				of.received("g", nonEmpty(g)...)
				of.received("n", nonEmpty(n)...)
				of.end("/", "g", "n")
			})
		}
		if err := b.emit(m.io, m.ids); err != nil {
			m.Fatal(err)
		}
		received(" from Go")
		if b.script != "" {
			m.node.Eval(m.js(b.script))
			received(" from Node")
		}
	}
	m.io.Of("/chat").Emit("ev", 1)
	m.received("gc", `["ev",1]`)
	m.received("nc", `["ev",1]`)
	m.node.Eval(`io.of("/chat").emit("ev", 1)`)
	m.received("gc", `["ev",1]`)
	m.received("nc", `["ev",1]`)
	m.end("/chat", "gc", "nc")
	m.end("/", "g", "n")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (m *mixed) rooms() {
	roomsOfG := func() string {
		for s := range m.io.Local().To(m.ids["g"]).Sockets() {
			return strings.Join(slices.Sorted(slices.Values(s.Rooms()[1:])), " ")
		}
		return "gone"
	}
	m.io.To(m.ids["n"]).SocketsJoin("a", "b")
	m.io.To("a").SocketsLeave("b", "r2")
	m.io.To("r1").SocketsJoin("both")
	eventually(m, "in the rooms that Go has said", func() bool {
		return string(m.node.Eval(`return rooms("n")`)) == `["a","both","r1"]` && roomsOfG() == "both r1"
	})
	m.node.Eval(m.js(`io.in("$g$").socketsJoin(["c", "d"])`)) // npm's adapter lets messages overtake others
	eventually(m, "in the rooms that Node has said", func() bool { return roomsOfG() == "both c d r1" })
	m.node.Eval(`io.in("c").socketsLeave("d"); io.in("both").socketsLeave("both")`)
	eventually(m, "in the rooms that Node has said", func() bool {
		return string(m.node.Eval(`return rooms("n")`)) == `["a","r1"]` && roomsOfG() == "c r1"
	})
}

func (m *mixed) acknowledgements() {
	for _, c := range []struct{ name, answer, want string }{
		{"a value", `["yes"]`, `["yes"]`},
		{"several", `[1, 2]`, `[1]`},
		{"binary", `[{a: Buffer.from([9])}]`, `[{"a":{"$bin":"09"}}]`},
	} {
		m.node.Eval(`for (const name of ["g", "n"]) clients[name].answer = () => ` + c.answer)
		var replies []any
		for r, err := range m.io.Call(m.ctx, "ask", []byte{5}) {
			if err != nil {
				m.Fatalf("%s: %v", c.name, err)
			}
			replies = append(replies, []any{decoded(m, r)})
		}
		var want any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			m.Fatal(err)
		}
		if !reflect.DeepEqual(replies, []any{want, want}) {
			m.Errorf("%s: Go has got %v, want twice %v", c.name, replies, want)
		}
		value := strings.TrimSuffix(strings.TrimPrefix(c.want, "["), "]")
		m.expect(`return io.timeout(60_000).emitWithAck("ask", Buffer.from([5]))`, "["+value+","+value+"]")
		m.received("g", `["ask",{"$bin":"05"}]`, `["ask",{"$bin":"05"}]`)
		m.received("n", `["ask",{"$bin":"05"}]`, `["ask",{"$bin":"05"}]`)
		m.end("/", "g", "n")
	}
	m.node.Eval(`for (const name of ["g", "n"]) clients[name].answer = () => []`)
	n := 0
	for r, err := range m.io.Call(m.ctx, "ask") {
		if err != nil || r.Len() > 0 {
			m.Errorf("got %v, %v; want an empty reply", r, err)
		}
		n++
	}
	if n != 2 {
		m.Errorf("%d replies", n)
	}
	m.expect(`return (await io.timeout(60_000).emitWithAck("ask")).length`, "2")

	// A client that does not answer is waited for, and no longer than that.
	m.node.Eval(`clients.n.answer = clients.g.answer = () => undefined`)
	ctx, cancel := context.WithTimeout(m.ctx, 300*time.Millisecond)
	defer cancel()
	failed := 0
	for _, err := range m.io.Call(ctx, "ask") {
		if err != nil {
			failed++
		}
	}
	if failed != 2 {
		m.Errorf("%d errors, want 2", failed)
	}
	if _, err := m.node.TryEval(`return io.timeout(300).emitWithAck("ask")`); err == nil || !strings.Contains(err.Error(), "timed out") {
		m.Errorf("Node: %v", err)
	}
	m.received("g", `["ask"]`, `["ask"]`, `["ask"]`, `["ask"]`)
	m.received("n", `["ask"]`, `["ask"]`, `["ask"]`, `["ask"]`)
	m.end("/", "g", "n")
}

// decoded returns the first value of a reply, as server.mjs writes it.
func decoded(m *mixed, r *socketio.Reply) any {
	m.Helper()
	var v any
	if err := r.Decode(&v); err != nil {
		m.Fatal(err)
	}
	return portable(v)
}

// portable returns a value as server.mjs writes it.
func portable(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"$bin": hex.EncodeToString(v)}
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = portable(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for key := range v {
			all[key] = portable(v[key])
		}
		return all
	}
	return v
}

func (m *mixed) fetches() {
	sockets, err := m.io.FetchSockets(m.ctx)
	if err != nil || len(sockets) != 2 {
		m.Fatalf("%d sockets, %v", len(sockets), err)
	}
	for _, s := range sockets {
		if s.ID != m.ids["n"] {
			continue
		}
		var data struct{ Node int }
		if err := s.DecodeData(&data); err != nil || data.Node != 1 {
			m.Errorf("data %+v, %v", data, err)
		}
		var auth struct{ Who string }
		if err := s.Handshake.DecodeAuth(&auth); err != nil || auth.Who != "n" || !slices.Contains(s.Rooms, "r1") {
			m.Errorf("auth %v, %v, rooms %q", auth, err, s.Rooms)
		}
	}
	m.expect(`return (await io.in("$g$").fetchSockets()).map(s => ({id: s.id, data: s.data, auth: s.handshake.auth, r1: s.rooms.has("r1")}))`,
		`[{"id":"$g$","data":{"go":1,"bytes":{"$bin":"0102"}},"auth":{"who":"g"},"r1":true}]`)
	m.expect(`return (await io.in("nobody").fetchSockets()).length`, "0")
	if none, err := m.io.To("nobody").FetchSockets(m.ctx); err != nil || len(none) > 0 {
		m.Errorf("%d sockets of a room without members, %v", len(none), err)
	}
	m.node.Eval(`socketOf("n").data = {node: 1, bytes: Buffer.from([1])}`)
	if sockets, err := m.io.To(m.ids["n"]).FetchSockets(m.ctx); err != nil || len(sockets) != 1 {
		m.Errorf("%d sockets with binary in their data, %v", len(sockets), err)
	}
}

func (m *mixed) serverSide() {
	heard := make(chan any, 10)
	m.io.OnServerSide("note", func(_ context.Context, e *socketio.Event) error {
		var args []any
		for i := range e.Len() {
			into := make([]any, i+1)
			for j := range into {
				into[j] = new(any)
			}
			if err := e.Decode(into...); err != nil {
				return err
			}
			args = append(args, portable(*into[i].(*any)))
		}
		heard <- args
		if e.WantsAck() {
			return e.Ack(map[string]any{"go": e.Args()[0]})
		}
		return nil
	})
	m.io.OnServerSide("nothing", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	next := func(want string) {
		m.Helper()
		var wanted any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			m.Fatal(err)
		}
		select {
		case got := <-heard:
			if !reflect.DeepEqual(got, wanted) {
				m.Errorf("got %v, want %v", got, wanted)
			}
		case <-m.ctx.Done():
			m.Fatal("no event")
		}
	}
	m.node.Eval(`io.serverSideEmit("note", 1, {a: [null, "ü"]})`)
	next(`[1,{"a":[null,"ü"]}]`)
	m.node.Eval(`io.serverSideEmit("note", Buffer.from([1, 2]))`)
	next(`[{"$bin":"0102"}]`)
	m.expect(`return io.serverSideEmitWithAck("note", 7)`, `[{"go":7}]`)
	next(`[7]`)
	m.expect(`return io.serverSideEmitWithAck("note", Buffer.from([5]))`, `[{"go":{"$bin":"05"}}]`)
	next(`[{"$bin":"05"}]`)
	m.expect(`return (await io.serverSideEmitWithAck("nothing")).length`, "1")

	m.node.Eval(`listen("note", "/", (...args) => ({node: args[0]})); listen("nothing", "/", () => null)`)
	if err := m.io.ServerSideEmit("note", 1, []byte{3}); err != nil {
		m.Fatal(err)
	}
	m.expect(`return serverSide.take(1)`, `[["note",1,{"$bin":"03"}]]`)
	for r, err := range m.io.ServerSideCall(m.ctx, "note", []byte{4}) {
		if err != nil {
			m.Fatal(err)
		}
		want := map[string]any{"node": map[string]any{"$bin": "04"}}
		if got := decoded(m, r); !reflect.DeepEqual(got, want) {
			m.Errorf("reply %v, want %v", got, want)
		}
	}
	m.expect(`return serverSide.take(1)`, `[["note",{"$bin":"04"}]]`)
}

func (m *mixed) emitters() {
	ours, err := NewEmitter(open(m, m.pg.URL), nil)
	if err != nil {
		m.Fatal(err)
	}
	emit := func(e Emitter, event string, args ...any) {
		m.Helper()
		if err := e.Emit(m.ctx, event, args...); err != nil {
			m.Fatal(err)
		}
	}
	emit(ours, "ev", 1)
	m.received("g", `["ev",1]`)
	m.received("n", `["ev",1]`)
	emit(ours.To("r1").Except(m.ids["n"]), "bin", []byte{1})
	m.received("g", `["bin",{"$bin":"01"}]`)
	emit(ours, "long", strings.Repeat("x", 20000))
	long := `["long","` + strings.Repeat("x", 20000) + `"]`
	m.received("g", long)
	m.received("n", long)
	emit(ours.Of("chat"), "ev")
	m.received("gc", `["ev"]`)
	m.received("nc", `["ev"]`)
	m.end("/", "g", "n")

	m.node.Eval(`emitter().emit("ev", 1)`)
	m.received("g", `["ev",1]`) // npm's adapter does not understand npm's emitter
	m.node.Eval(m.js(`emitter().to("r1").except("$n$").emit("bin", Buffer.from([1]))`))
	m.received("g", `["bin",{"$bin":"01"}]`)
	m.end("/", "g", "n")

	heard := make(chan string, 1)
	off := m.io.OnServerSide("worker", func(_ context.Context, e *socketio.Event) error {
		heard <- e.Name()
		return nil
	})
	defer off()
	for _, send := range []func(){
		func() { m.node.Eval(`emitter().serverSideEmit("worker", 1)`) },
		func() {
			if err := ours.ServerSideEmit(m.ctx, "worker", []byte{1}); err != nil {
				m.Fatal(err)
			}
		},
	} {
		send()
		select {
		case <-heard:
		case <-m.ctx.Done():
			m.Fatal("no event of the emitter")
		}
	}
	if err := ours.To(m.ids["n"]).SocketsJoin(m.ctx, "x"); err != nil {
		m.Fatal(err)
	}
	eventually(m, "joined", func() bool { return strings.Contains(string(m.node.Eval(`return rooms("n")`)), `"x"`) })
	m.node.Eval(m.js(`emitter().in("$g$").socketsJoin("x")`))
	eventually(m, "joined", func() bool { return m.io.Local().To("x").Count() == 1 })
}

func (m *mixed) disconnects() {
	m.io.Of("/chat").To(m.ids["nc"]).DisconnectSockets(false)
	m.expect(`return clients.nc.log.take(1)`, `[["$disconnect","io server disconnect"]]`)
	m.node.Eval(m.js(`io.of("/chat").in("$gc$").disconnectSockets(true)`))
	m.expect(`return clients.gc.log.take(1)`, `[["$disconnect","io server disconnect"]]`)
}

func (m *mixed) leaves() {
	if err := m.io.Close(); err != nil {
		m.Fatal(err)
	}
	eventually(m, "alone", func() bool {
		started := time.Now()
		n := string(m.node.Eval(`return (await io.fetchSockets()).length`))
		return n == "1" && time.Since(started) < 4*time.Second // at once, because it has said good-bye
	})
}
