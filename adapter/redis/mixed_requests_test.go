package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goroomcast/socketio"
)

// fetches are questions for the sockets of both servers.
func (m *mixed) fetches() {
	m.js(`socketOf("n0").data = {name: "Ada", list: [1, "ü"], bin: Buffer.from([7])}`)
	m.sockets["g0"].SetData(map[string]any{"name": "Bob", "bin": []byte{8}})
	type data struct {
		Name string
		Bin  []byte
	}
	fetched := func(from socketio.Broadcast) (names []string) {
		sockets, err := from.FetchSockets(m.ctx)
		m.check(err)
		for _, s := range sockets {
			var d data
			m.check(s.DecodeData(&d))
			rooms := slices.DeleteFunc(slices.Clone(s.Rooms), func(room string) bool { return room == s.ID })
			slices.Sort(rooms)
			if s.Handshake.Address == "" || s.Handshake.Time.IsZero() {
				m.Errorf("handshake %+v", s.Handshake)
			}
			names = append(names, fmt.Sprint(d.Name, d.Bin, " ", rooms))
		}
		slices.Sort(names)
		return names
	}
	expect := func(got []string, want ...string) {
		m.Helper()
		if !reflect.DeepEqual(got, want) {
			m.Errorf("fetched %q, want %q", got, want)
		}
	}
	expect(fetched(m.io.To()), "Ada[7] [r1]", "Bob[8] [r1]", "[] [42 r2]", "[] [42 r2]")
	expect(fetched(m.io.In("r1")), "Ada[7] [r1]", "Bob[8] [r1]")
	expect(fetched(m.io.In("r1").Except(m.id("g0"))), "Ada[7] [r1]")
	expect(fetched(m.io.In("nobody is here")))
	const describe = `(await io%s.fetchSockets()).map((s) => [s.id, s.data.name, [...s.rooms].sort(), typeof s.handshake.headers.host, s.handshake.query.EIO].join(" ")).sort()`
	m.expect(m.js(`return `+describe+`.length`, ""), "4")
	m.expect(m.js(`return `+describe, fmt.Sprintf(`.in("%s")`, m.id("g0"))), fmt.Sprintf(`["%s Bob %s string 4"]`, m.id("g0"), sortedRooms(m.id("g0"), "r1")))
	m.expect(m.js(`return (await io.in("r1").except("r2").fetchSockets()).length`), "2")
	m.expect(m.js(`return (await io.in("nobody is here").fetchSockets()).length`), "0")
	m.expect(m.js(`return (await io.of("/chat").fetchSockets()).length`), "2")
	bin := m.js(`return (await io.in(%q).fetchSockets())[0].data.bin`, m.id("g0"))
	if bin != `{"$bin":"08"}` && bin != `{"type":"Buffer","data":[8]}` { // the latter where it is JSON
		m.Errorf("binary in data is %s", bin)
	}
	if _, classic := m.adapter.(*Classic); classic {
		got := m.js(`return [...await io.of("/").adapter.allRooms()].filter((room) => ["r1", "r2", "42", 42].includes(room)).map(String).sort()`)
		m.expect(got, `["42","42","r1","r2"]`) // 42 is a number on npm's server
	}
	m.js(`for (const s of await io.in(%q).fetchSockets()) { s.emit("e", 1); s.join("r6"); }`, m.id("g0"))
	m.settle(true)
	m.expect(strings.Join(m.sockets["g0"].Rooms()[1:], " "), "r1 r6")
	m.js(`for (const s of await io.in(%q).fetchSockets()) s.leave("r6")`, m.id("g0"))
	m.expectReceived(true, `["e",1]`, "g0")
	m.expect(m.js(`clients.g0.answer = () => ["yes"]; for (const s of await io.in(%q).fetchSockets()) return await s.timeout(60_000).emitWithAck("ask", 1)`, m.id("g0")), `"yes"`)
	m.received(true)
}

func sortedRooms(rooms ...string) string {
	slices.SortFunc(rooms, strings.Compare)
	return strings.Join(rooms, ",")
}

// settle waits until the other server has done what this one has told it: it
// answers a question asked after that.
func (m *mixed) settle(fromNode bool) {
	m.Helper()
	if _, streams := m.adapter.(*Streams); streams {
		m.settleStreams(fromNode)
		return
	}
	if fromNode {
		m.js(`await io.fetchSockets()`)
		return
	}
	_, err := m.io.FetchSockets(m.ctx)
	m.check(err)
}

// settleStreams is settle where questions overtake what has been said before:
// both servers read an event after it.
func (m *mixed) settleStreams(fromNode bool) {
	m.Helper()
	if fromNode {
		m.js(`io.of("/chat").emit("settled")`)
	} else {
		m.check(m.io.Of("/chat").Emit("settled"))
	}
	m.js(`for (const { log } of [clients.nc, clients.gc]) {
			const before = [];
			for (;;) {
				const [event] = await log.take(1);
				if (event[0] === "settled") break;
				before.push(event);
			}
			for (const event of before) log.add(event);
		}`)
}

// commands make sockets of both servers join and leave rooms.
func (m *mixed) commands() {
	rooms := func() string {
		all := []string{}
		for _, name := range []string{"n0", "n1"} {
			var rooms []any
			m.check(json.Unmarshal([]byte(m.js(`return rooms(%q)`, name)), &rooms))
			all = append(all, fmt.Sprint(name, rooms))
		}
		for _, name := range []string{"g0", "g1"} {
			names := m.sockets[name].Rooms()[1:]
			slices.Sort(names)
			all = append(all, fmt.Sprint(name, names))
		}
		return strings.Join(all, " ")
	}
	for _, op := range []struct {
		js   string
		run  func()
		want string
	}{
		{`io.in("{g0}").socketsJoin("r9")`, nil, "n0[r1] n1[42 r2] g0[r1 r9] g1[42 r2]"},
		{`io.socketsJoin(["r7", "r8"])`, nil, "n0[r1 r7 r8] n1[42 r2 r7 r8] g0[r1 r7 r8 r9] g1[42 r2 r7 r8]"},
		{`io.in("r1").socketsLeave("r9")`, nil, "n0[r1 r7 r8] n1[42 r2 r7 r8] g0[r1 r7 r8] g1[42 r2 r7 r8]"},
		{`io.socketsLeave(["r7", "r8"])`, nil, "n0[r1] n1[42 r2] g0[r1] g1[42 r2]"},
		{"", func() { m.io.In(m.id("n0")).SocketsJoin("r9") }, "n0[r1 r9] n1[42 r2] g0[r1] g1[42 r2]"},
		{"", func() { m.io.SocketsJoin("r7", "r8") }, "n0[r1 r7 r8 r9] n1[42 r2 r7 r8] g0[r1 r7 r8] g1[42 r2 r7 r8]"},
		{"", func() { m.io.Except("r2").SocketsLeave("r9", "r8") }, "n0[r1 r7] n1[42 r2 r7 r8] g0[r1 r7] g1[42 r2 r7 r8]"},
		{"", func() { m.io.SocketsLeave("r7", "r8") }, "n0[r1] n1[42 r2] g0[r1] g1[42 r2]"},
	} {
		if op.run != nil {
			op.run()
		} else {
			m.js("%s", strings.ReplaceAll(op.js, "{g0}", m.id("g0")))
		}
		m.settle(op.run == nil)
		m.expect(rooms(), op.want)
	}
	m.io.SocketsJoin("late")
	m.check(m.io.To("late").Emit("e"))
	m.expectReceived(false, `["e"]`, everybody...)
	m.io.SocketsLeave("late")
}

// serverSides are events between the servers.
func (m *mixed) serverSides() {
	heard := make(chan string, 100)
	m.io.OnServerSide("note", func(_ context.Context, e *socketio.Event) error {
		args := make([]any, e.Len())
		into := make([]any, e.Len())
		for i := range args {
			into[i] = &args[i]
		}
		if err := e.Decode(into...); err != nil {
			return err
		}
		heard <- asJSON(slices.Clone(args))
		if e.WantsAck() {
			return e.Ack(append(args, "more")[0])
		}
		return nil
	})
	m.io.OnServerSide("nothing", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	m.js(`listen("note"); io.on("nothing", (ack) => ack())`)
	m.js(`io.serverSideEmit("note"); io.serverSideEmit("note", 1, {a: [null, "ü"]}); io.serverSideEmit("note", Buffer.from([1, 2]))`)
	for _, want := range []string{`[]`, `[1,{"a":[null,"ü"]}]`, `[{"$bin":"0102"}]`} {
		m.expect(<-heard, want)
	}
	m.check(m.io.ServerSideEmit("note"))
	m.check(m.io.ServerSideEmit("note", 1, map[string]any{"a": []any{nil, "ü"}}))
	m.check(m.io.ServerSideEmit("note", []byte{1, 2}))
	got := m.js(`return await serverSide.take(3)`)
	if bin := `[["note"],["note",1,{"a":[null,"ü"]}],["note",{"$bin":"0102"}]]`; got != bin {
		m.expect(got, strings.Replace(bin, `{"$bin":"0102"}`, `{"type":"Buffer","data":[1,2]}`, 1)) // where it is JSON
	}
	m.expect(m.js(`return await io.serverSideEmitWithAck("note", 7)`), "[7]")
	m.expect(<-heard, "[7]")
	m.expect(m.js(`return (await io.serverSideEmitWithAck("nothing")).length`), "1")
	for _, value := range []any{7, "seven", nil, map[string]any{"b": []byte{5}}} {
		n := 0
		for reply, err := range m.io.ServerSideCall(m.ctx, "note", value) {
			m.check(err)
			var back any
			m.check(reply.Decode(&back))
			m.expect(asJSON(back), asJSON(value))
			n++
		}
		if n != 1 {
			m.Errorf("%d replies, want 1", n)
		}
	}
	n := 0
	for _, err := range m.io.ServerSideCall(m.ctx, "nothing") {
		m.check(err)
		n++
	}
	if n != 1 {
		m.Errorf("%d empty replies, want 1", n)
	}
	m.js(`io.of("/chat").serverSideEmit("note", "elsewhere")`)
	m.settle(true)
	if len(heard) > 0 {
		m.Errorf("heard %s of another namespace", <-heard)
	}
	m.js(`await serverSide.take()`)
}
