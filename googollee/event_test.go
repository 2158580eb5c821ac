package googollee_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	gosocketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/parser"

	"github.com/goroomcast/socketio/internal/rawclient"
)

type point struct{ X, Y int }

// narrow is an interface of a program's own that a Conn has.
type narrow interface{ ID() string }

// handlerTests are handlers of an event, what a client sends and what it gets.
var handlerTests = []struct {
	name    string
	handler any
	send    []string
	want    []string
}{
	{"a string", func(_ gosocketio.Conn, s string) string { return "got " + s },
		[]string{`427["e","x"]`}, []string{`437["got x"]`}},
	{"several arguments and results", func(_ gosocketio.Conn, a, b int) (int, int) { return a + b, a * b },
		[]string{`427["e",3,4]`}, []string{`437[7,12]`}},
	{"a struct and a pointer to one", func(_ gosocketio.Conn, p point, q *point) point { return point{p.X + q.X, p.Y + q.Y} },
		[]string{`427["e",{"X":1,"Y":2},{"X":3}]`}, []string{`437[{"X":4,"Y":2}]`}},
	{"no arguments where some are wanted", func(_ gosocketio.Conn, s string, n int, p *point) any { return []any{s, n, *p} },
		[]string{`427["e"]`}, []string{`437[["",0,{"X":0,"Y":0}]]`}},
	{"fewer arguments than wanted", func(_ gosocketio.Conn, s string, n int) any { return []any{s, n} },
		[]string{`427["e","x"]`}, []string{`437[["x",0]]`}},
	{"more arguments than wanted", func(_ gosocketio.Conn, s string) string { return s },
		[]string{`427["e","x",{},3]`}, []string{`437["x"]`}},
	{"null", func(_ gosocketio.Conn, s string, p *point) any { return []any{s, *p} },
		[]string{`427["e",null,null]`}, []string{`437[["",{"X":0,"Y":0}]]`}},
	{"anything", func(_ gosocketio.Conn, v any) any { return v },
		[]string{`427["e",{"a":[1,null]}]`}, []string{`437[{"a":[1,null]}]`}},
	{"no result", func(gosocketio.Conn) {},
		[]string{`427["e"]`}, []string{`437[]`}},
	{"a nil error", func(gosocketio.Conn) (int, error) { return 1, nil },
		[]string{`427["e"]`}, []string{`437[1,null]`}},
	{"an interface of its own", func(c narrow) bool { return c.ID() != "" },
		[]string{`427["e"]`}, []string{`437[true]`}},
	{"bytes", func(_ gosocketio.Conn, b []byte) []byte { return append(b, 4) },
		[]string{`451-7["e",{"_placeholder":true,"num":0}]`, "bAQID"},
		[]string{`461-7[{"_placeholder":true,"num":0}]`, "bAQIDBA=="}},
	{"a Buffer", func(_ gosocketio.Conn, b parser.Buffer) parser.Buffer { return parser.Buffer{Data: append(b.Data, 4)} },
		[]string{`451-7["e",{"_placeholder":true,"num":0}]`, "bAQID"},
		[]string{`461-7[{"_placeholder":true,"num":0}]`, "bAQIDBA=="}},
	{"a pointer to a Buffer", func(_ gosocketio.Conn, b *parser.Buffer) *parser.Buffer { return b },
		[]string{`451-7["e",{"_placeholder":true,"num":0}]`, "bAQID"},
		[]string{`461-7[{"_placeholder":true,"num":0}]`, "bAQID"}},
	{"a Buffer that is not sent", func(_ gosocketio.Conn, b *parser.Buffer) *parser.Buffer { return nil },
		[]string{`427["e"]`}, []string{`437[null]`}},
}

func TestHandlers(t *testing.T) {
	for _, test := range handlerTests {
		t.Run(test.name, func(t *testing.T) {
			run(t, plain, func(h *harness, mode rawclient.Mode) {
				h.OnError("/", func(_ gosocketio.Conn, err error) { t.Error(err) })
				h.OnEvent("/", "e", test.handler)
				c := h.connect(mode)
				c.send(test.send...)
				c.expect(test.want...)
			})
		})
	}
}

func TestNoAckUnasked(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		h.OnEvent("/", "e", func(c gosocketio.Conn) string { return "unasked" })
		h.OnEvent("/", "end", func(c gosocketio.Conn) { c.Emit("end") })
		c := h.connect(mode)
		c.send(`42["e"]`, `42["end"]`)
		c.expect(`42["end"]`)
	})
}

func TestErrors(t *testing.T) {
	failure := errors.New("failure")
	run(t, logging, func(h *harness, mode rawclient.Mode) {
		var id string
		var failed []error
		h.OnError("/", func(c gosocketio.Conn, err error) {
			h.want("OnError's connection", c.ID(), id)
			failed = append(failed, err)
		})
		h.OnEvent("/", "number", func(_ gosocketio.Conn, n int) int { t.Error("called"); return n })
		h.OnEvent("/", "fail", func(gosocketio.Conn) (int, error) { return 1, failure })
		h.OnEvent("/", "panic", func(gosocketio.Conn) { panic(failure) })
		h.OnEvent("/", "chan", func(gosocketio.Conn) chan int { return nil })
		h.OnEvent("/", "emit", func(c gosocketio.Conn) { c.Emit("e", func() {}, 1) })
		h.OnEvent("/", "ack", func(c gosocketio.Conn) { c.Emit("e", func(int) {}) })
		c := h.connect(mode)
		id = c.id

		h.BroadcastToNamespace("/", "e", make(chan int))
		h.want("errors of a broadcast", len(failed), 1)
		failed = nil
		c.send(`421["number","x"]`, `422["fail"]`, `423["panic"]`, `424["chan"]`, `42["emit"]`, `42["ack"]`)
		const refused = `[{"error":"internal error"}]`
		c.expect(`431[{"error":"invalid argument"}]`, `432[1,{}]`, `433`+refused, `434`+refused, `420["e"]`) // the connection has stayed
		c.send(`430["x"]`)
		if len(failed) != 6 {
			t.Fatalf("errors %v, want six", failed)
		}
		if got := failed[0].Error(); !strings.HasPrefix(got, `arguments of "number": `) {
			t.Errorf("error %q", got)
		}
		h.want("a returned error", failed[1], failure)
		h.want("a panic", failed[2], failure)
	})
}

func TestAcknowledgements(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		var got []any
		h.OnConnect("/", func(c gosocketio.Conn) error {
			c.Join("all")
			c.Emit("ask", "name", func(name string, age int) { got = append(got, name, age) })
			c.Emit("after")
			return nil
		})
		h.OnEvent("/", "e", func(c gosocketio.Conn, n int) { got = append(got, n) })
		c := h.connect(mode)
		c.expect(`420["ask","name"]`, `42["after"]`)
		c.send(`42["e",1]`, `430["ann"]`, `42["e",2]`)
		h.want("what was handled, in order", got, []any{1, "ann", 0, 2})

		got = nil
		h.BroadcastToRoom("/", "all", "ready", func(b bool) { got = append(got, b) })
		c.expect(`421["ready"]`)
		c.send(`431[true]`)
		h.want("the reply to a broadcast", got, []any{true})

		got = nil
		h.conn("/", c.id).Emit("never", func() { t.Error("called without a reply") })
		c.Close()
		synctest.Wait()
	})
}
