package adaptertest

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

var broadcasts = []check{
	{"reaches the clients of every server", func(w *world) {
		all := append(w.clients(), w.clients()...)
		w.check(w.nodes[0].Emit("e", 1))
		w.expectAll(all, `42["e",1]`)
		w.end(0, all...)
	}},
	{"from every server", func(w *world) {
		all := w.clients()
		for i, n := range w.nodes {
			w.check(n.Emit("e", i))
			w.expectAll(all, fmt.Sprintf(`42["e",%d]`, i))
		}
		w.end(0, all...)
	}},
	{"to a room", func(w *world) {
		in, out := w.clients("a"), w.clients("b")
		w.check(w.nodes[0].To("a").Emit("e"))
		w.expectAll(in, `42["e"]`)
		w.end(0, append(in, out...)...)
	}},
	{"to several rooms reaches each client once", func(w *world) {
		a, both, out := w.clients("a"), w.clients("b", "a"), w.clients()
		w.check(w.nodes[1].To("a").To("b").Emit("e"))
		w.expectAll(append(a, both...), `42["e"]`)
		w.end(1, append(append(a, both...), out...)...)
	}},
	{"to a room that only others have", func(w *world) {
		in, out := w.client(2, "a"), w.client(0)
		w.check(w.nodes[0].To("a").Emit("e"))
		in.expect(`42["e"]`)
		w.end(0, in, out)
	}},
	{"to a room that nobody has", func(w *world) {
		all := w.clients("a")
		w.check(w.nodes[0].To("b").Emit("e"))
		w.end(0, all...)
	}},
	{"to a socket of another server", func(w *world) {
		all := w.clients()
		w.check(w.nodes[0].To(all[1].ID()).Emit("e"))
		all[1].expect(`42["e"]`)
		w.end(0, all...)
	}},
	{"to sockets of several servers", func(w *world) {
		all := w.clients()
		w.check(w.nodes[0].To(all[1].ID(), all[2].ID()).Emit("e"))
		w.expectAll(all[1:], `42["e"]`)
		w.end(0, all...)
	}},
	{"except a room", func(w *world) {
		in, out := w.clients(), w.clients("a")
		w.check(w.nodes[0].Except("a").Emit("e"))
		w.expectAll(in, `42["e"]`)
		w.end(0, append(in, out...)...)
	}},
	{"except several rooms", func(w *world) {
		in, a, b := w.clients(), w.clients("a"), w.clients("b")
		w.check(w.nodes[0].Except("a", "b").Emit("e"))
		w.expectAll(in, `42["e"]`)
		w.end(0, append(in, append(a, b...)...)...)
	}},
	{"to a room except another", func(w *world) {
		in, both := w.clients("a"), w.clients("a", "b")
		w.check(w.nodes[0].To("a").Except("b").Emit("e"))
		w.expectAll(in, `42["e"]`)
		w.end(0, append(in, both...)...)
	}},
	{"except a socket of another server", func(w *world) {
		all := w.clients()
		w.check(w.nodes[0].Except(all[2].ID()).Emit("e"))
		w.expectAll(all[:2], `42["e"]`)
		w.end(0, all...)
	}},
	{"of a socket to all others", func(w *world) {
		all := w.clients()
		w.check(all[1].Broadcast().Emit("e"))
		w.expectAll([]*client{all[0], all[2]}, `42["e"]`)
		w.end(1, all...)
	}},
	{"of a socket to a room", func(w *world) {
		in, out := w.clients("a"), w.clients()
		w.check(in[1].To("a").Emit("e"))
		w.expectAll([]*client{in[0], in[2]}, `42["e"]`)
		w.end(1, append(in, out...)...)
	}},
	{"to a socket itself stays there", func(w *world) {
		all := w.clients()
		w.check(all[0].Emit("e"))
		all[0].expect(`42["e"]`)
		w.end(0, all...)
	}},
	{"local", func(w *world) {
		all := w.clients()
		w.check(w.nodes[1].Local().Emit("e"))
		all[1].expect(`42["e"]`)
		w.end(1, all...)
	}},
	{"local to a room", func(w *world) {
		all := w.clients("a")
		w.check(w.nodes[1].To("a").Local().Emit("e"))
		all[1].expect(`42["e"]`)
		w.end(1, all...)
	}},
	{"volatile to clients that are ready", func(w *world) {
		all := w.clients()
		for _, c := range all {
			got := make(chan string, 1)
			go func() {
				packet, _ := c.Next()
				got <- packet
			}()
			for waiting := true; waiting; { // when a client is ready is up to it
				w.check(w.nodes[0].To(c.ID()).Volatile().Emit("e"))
				select {
				case packet := <-got:
					waiting = false
					if packet != `42["e"]` {
						w.Errorf("got packet %q", packet)
					}
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
	}},
	{"to one namespace only", func(w *world) {
		in, out := w.inOther(), w.clients()
		w.check(w.nodes[0].Of("/other").Emit("e"))
		w.expectAll(in, `42/other,["e"]`)
		w.end(0, append(in, out...)...)
	}},
	{"to rooms of the same name in one namespace only", func(w *world) {
		in, out := w.inOther("a"), w.clients("a")
		w.check(w.nodes[0].To("a").Emit("e"))
		w.expectAll(out, `42["e"]`)
		w.end(0, append(in, out...)...)
	}},
	{"to rooms with odd names", func(w *world) {
		for _, room := range []string{
			"", " ", "a b", "a#b", "a:b", "/a", "*", "?", "[a]", `\`, `"`, "a\nb", "é😀", "<&>", "null", "a,b", "#", "a#",
		} {
			c, out := w.client(1, room), w.client(2)
			w.check(w.nodes[0].To(room).Emit("e", room))
			got, err := c.Next()
			w.check(err)
			if !strings.HasPrefix(got, `42["e",`) {
				w.Errorf("room %q: got %q", room, got)
			}
			w.end(0, c, out)
		}
	}},
	{"to a room named like a number", func(w *world) {
		in, out := w.client(1, "42"), w.client(1, "42.0")
		w.check(w.nodes[0].To("42").Emit("e"))
		in.expect(`42["e"]`)
		w.end(0, in, out)
	}},
	{"to a room with a name as long as a socket's id", func(w *world) {
		in := w.clients("12345678901234567890")
		w.check(w.nodes[0].To("12345678901234567890").Emit("e"))
		w.expectAll(in, `42["e"]`)
	}},
	{"to a room with a long name", func(w *world) {
		room := strings.Repeat("long ", 50)
		in := w.clients(room)
		w.check(w.nodes[0].To(room).Emit("e"))
		w.expectAll(in, `42["e"]`)
	}},
	{"to many rooms", func(w *world) {
		var rooms []string
		for i := range 100 {
			rooms = append(rooms, fmt.Sprint("room ", i))
		}
		in := w.clients(rooms[99])
		w.check(w.nodes[0].To(rooms...).Emit("e"))
		w.expectAll(in, `42["e"]`)
	}},
	{"not to sockets that have left the room", func(w *world) {
		all := w.clients("a")
		all[1].Leave("a")
		w.check(w.nodes[0].To("a").Emit("e"))
		w.expectAll([]*client{all[0], all[2]}, `42["e"]`)
		w.end(0, all...)
	}},
	{"goes on when a client leaves", func(w *world) {
		all := w.clients()
		all[1].Disconnect(true)
		w.check(w.nodes[0].Emit("e"))
		w.expectAll([]*client{all[0], all[2]}, `42["e"]`)
	}},
	{"in the order of one emitter", func(w *world) {
		all := w.clients()
		const n = 300
		for i := range n {
			w.check(w.nodes[0].Emit("e", i))
		}
		for i := range n {
			w.expectAll(all, fmt.Sprintf(`42["e",%d]`, i))
		}
	}},
	{"in order, to a room and to all, with binary and without", func(w *world) {
		all := w.clients("a")
		for i := range 50 {
			w.check(w.nodes[0].To("a").Emit("e", i))
			w.check(w.nodes[0].Emit("e", []byte{byte(i)}))
		}
		for i := range 50 {
			w.expectAll(all, fmt.Sprintf(`42["e",%d]`, i), `451-["e",{"_placeholder":true,"num":0}]`, base64Packet([]byte{byte(i)}))
		}
	}},
	{"in the order of each of many emitters", func(w *world) {
		all := w.clients()
		const emitters, events = 8, 30
		var emitting sync.WaitGroup
		for e := range emitters {
			emitting.Go(func() {
				for i := range events {
					_ = w.nodes[e%servers].Emit("e", e, i)
				}
			})
		}
		emitting.Wait()
		for _, c := range all {
			var next [emitters]int
			for range emitters * events {
				got, err := c.Next()
				w.check(err)
				var e, i int
				if _, err := fmt.Sscanf(got, `42["e",%d,%d]`, &e, &i); err != nil || i != next[e] {
					w.Fatalf("got %q (%v), want event %d", got, err, next[max(0, min(e, emitters-1))])
				}
				next[e]++
			}
		}
	}},
	{"is delivered locally when the adapter fails", func(w *world) {
		all := w.clients()
		w.nodes[0].link.down.Store(true)
		w.check(w.nodes[0].Emit("lost"))
		all[0].expect(`42["lost"]`)
		w.until("the server has tried to publish", func() bool { return w.nodes[0].link.refused.Load() > 0 })
		w.nodes[0].link.down.Store(false)
		w.check(w.nodes[0].Emit("e"))
		w.expectAll(all, `42["e"]`)
	}},
}

// inOther connects one client to the namespace "/other" of each server.
func (w *world) inOther(rooms ...string) []*client {
	w.Helper()
	var all []*client
	for i := range w.nodes {
		all = append(all, w.clientIn(i, "/other", "", rooms...))
	}
	return all
}

// emits wants an event of server 0 to arrive everywhere as these packets.
func emits(event string, args []any, want ...string) func(w *world) {
	return func(w *world) {
		all := w.clients()
		w.check(w.nodes[0].To(ids(all...)...).Emit(event, args...))
		w.expectAll(all, want...)
		w.end(0, all...)
	}
}
