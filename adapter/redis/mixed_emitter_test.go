package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/goroomcast/socketio"
)

// emitters are programs that are no servers: npm's, which speaks to classic
// adapters only, and this package's.
func (m *mixed) emitters() {
	heard := make(chan string, 10)
	defer m.io.OnServerSide("from emitter", func(_ context.Context, e *socketio.Event) error {
		var n int
		err := e.Decode(&n)
		heard <- fmt.Sprint(n)
		return err
	})()
	m.js(`listen("from emitter")`)
	if c, classic := m.adapter.(*Classic); classic {
		m.js(`globalThis.e = emitter("/", {key: %q})`, c.key)
		for _, op := range []struct {
			js, event string
			by        []string
		}{
			{`e.emit("hi", 1, {two: Buffer.from([3])})`, `["hi",1,{"two":{"$bin":"03"}}]`, everybody},
			{`e.to("r1").emit("e")`, `["e"]`, []string{"n0", "g0"}},
			{`e.to(["r1", "r2"]).except("r1").emit("e")`, `["e"]`, []string{"n1", "g1"}},
			{`e.volatile.compress(false).emit("e")`, `["e"]`, everybody},
			{`e.of("chat").to("r1").emit("e")`, `["e"]`, []string{"nc", "gc"}},
		} {
			m.js("%s", op.js)
			m.settleAll()
			m.expectReceived(true, op.event, op.by...)
		}
		m.js(`e.in("r1").socketsJoin("r5"); e.in("{g0}").socketsLeave("r5")`)
		m.js(`while (!rooms("n0").includes("r5")) await sleep(10)`)
		m.settle(true)
		m.expect(strings.Join(m.sockets["g0"].Rooms()[1:], " "), "r1 r5")
		m.js(`e.in("r1").socketsLeave(["r5", "r4"])`)
		m.js(`while (rooms("n0").includes("r5")) await sleep(10)`)
		m.settle(true)
		m.expect(strings.Join(m.sockets["g0"].Rooms()[1:], " "), "r1")
		m.js(`e.serverSideEmit("from emitter", 3)`)
		m.expect(<-heard, "3")
		m.expect(m.js(`return await serverSide.take(1)`), `[["from emitter",3]]`)
	}

	e := NewEmitter(m.adapter)
	for _, op := range []struct {
		emit  func() error
		event string
		by    []string
	}{
		{func() error { return e.Emit(m.ctx, "hi", 1, map[string]any{"two": []byte{3}}) }, `["hi",1,{"two":{"$bin":"03"}}]`, everybody},
		{func() error { return e.To("r1").Emit(m.ctx, "e") }, `["e"]`, []string{"n0", "g0"}},
		{func() error { return e.In("r1", "r2").Except("r1").Emit(m.ctx, "e") }, `["e"]`, []string{"n1", "g1"}},
		{func() error { return e.Volatile().Compress(false).Emit(m.ctx, "e") }, `["e"]`, everybody},
		{func() error { return e.Of("chat").To("r1").Emit(m.ctx, "e") }, `["e"]`, []string{"nc", "gc"}},
	} {
		m.check(op.emit())
		m.settleAll()
		m.expectReceived(false, op.event, op.by...)
	}
	m.check(e.In("r1").SocketsJoin(m.ctx, "r5"))
	m.js(`while (!rooms("n0").includes("r5")) await sleep(10)`)
	m.settle(true)
	m.expect(strings.Join(m.sockets["g0"].Rooms()[1:], " "), "r1 r5")
	m.check(e.In("r1").SocketsLeave(m.ctx, "r5", "r4"))
	m.js(`while (rooms("n0").includes("r5")) await sleep(10)`)
	m.check(e.ServerSideEmit(m.ctx, "from emitter", 4))
	m.expect(<-heard, "4")
	m.expect(m.js(`return await serverSide.take(1)`), `[["from emitter",4]]`)
	if err := e.Emit(m.ctx, "disconnect"); err == nil {
		m.Error("an emitter has sent a reserved event")
	}
}

// settleAll waits until both servers have got what has been published.
func (m *mixed) settleAll() {
	m.Helper()
	if _, streams := m.adapter.(*Streams); streams {
		m.settleStreams(true)
		return
	}
	for _, nsp := range []string{"/", "/chat"} {
		m.js(`await io.of(%q).fetchSockets()`, nsp)
		_, err := m.io.Of(nsp).FetchSockets(m.ctx)
		m.check(err)
	}
}

// ends are disconnections of sockets of the other server, and by emitters.
func (m *mixed) ends() {
	m.js(`io.in(%q).disconnectSockets()`, m.id("g0"))
	m.expect(m.js(`return await clients.g0.log.take(1)`), `[["$disconnect","io server disconnect"]]`)
	m.io.In(m.id("n0")).DisconnectSockets(true)
	m.expect(m.js(`return (await clients.n0.log.take(1))[0][0]`), `"$disconnect"`)
	m.check(NewEmitter(m.adapter).In("r2").DisconnectSockets(m.ctx, false))
	for _, name := range []string{"g1", "n1"} {
		m.expect(m.js(`return await clients[%q].log.take(1)`, name), `[["$disconnect","io server disconnect"]]`)
	}
	m.js(`while ((await io.fetchSockets()).length > 0) await sleep(10)`)
}
