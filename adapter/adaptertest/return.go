package adaptertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio"
)

// lose breaks the client's connection, and waits until its session is stored.
func (c *client) lose(on *node) {
	c.w.Helper()
	c.Drop()
	c.w.until("the session is stored", func() bool { return on.link.hasPersisted(c.pid) })
	on.link.forget(c.pid)
}

// returnTo brings a client back. It must have its session.
func (c *client) returnTo(i int) *client {
	c.w.Helper()
	pid, id := c.pid, c.ID()
	back := c.w.claim(i, c)
	if back.pid != pid || back.ID() != id {
		c.w.Fatal("the client has a new session")
	}
	return back
}

func (w *world) claim(i int, c *client) *client {
	w.Helper()
	namespace := ""
	if c.prefix != "" {
		namespace = c.prefix[:len(c.prefix)-1]
	}
	back := w.clientIn(i, namespace, fmt.Sprintf(`{"pid":%q,"offset":%q}`, c.pid, c.offset))
	back.offset = c.offset
	return back
}

// Clients that lose their connection and come back to their server, where their
// sessions are.
var absences = []check{
	{"with the events to rooms that were empty meanwhile", func(w *world) {
		c := w.client(0, "a")
		for range 2 {
			w.check(w.nodes[1].To("a").Emit("before"))
			c.expect(`42["before"]`)
			c.Drop()
			w.until("the socket has left", func() bool { return w.nodes[0].Socket(c.ID()) == nil })
			w.check(w.nodes[1].To("a").Emit("missed", 1))
			w.check(w.nodes[1].To(c.ID()).Emit("missed", 2))
			w.check(w.nodes[1].To("b").Emit("not for it"))
			w.settle(1)
			c = c.returnTo(0)
			c.expect(`42["missed",1]`, `42["missed",2]`)
		}
		w.end(1, c)
	}},
}

// Clients that lose their connection and come back to any server.
var returns = []check{
	{"to any server, with what they have missed", func(w *world) {
		c := w.client(0, "a")
		for _, to := range []int{1, 0, 2, 2, 1} {
			on := slices.IndexFunc(w.nodes, func(n *node) bool { return n.Socket(c.ID()) != nil })
			w.check(w.nodes[0].Emit("live", to))
			c.expect(fmt.Sprintf(`42["live",%d]`, to))
			c.lose(w.nodes[on])
			w.check(w.nodes[0].Emit("missed", 1))
			w.check(w.nodes[0].To("a").Emit("missed", 2))
			w.check(w.nodes[0].To("b").Emit("not for it"))
			w.check(w.nodes[0].Except("a").Emit("not for it"))
			w.check(w.nodes[0].Volatile().Emit("not for it"))
			w.check(w.nodes[0].Of("/other").Emit("not for it"))
			w.check(w.nodes[0].To(c.ID()).Emit("missed", []byte{3}))
			w.settle(0)
			c = c.returnTo(to)
			c.expect(`42["missed",1]`, `42["missed",2]`, `451-["missed",{"_placeholder":true,"num":0}]`, "bAw==")
			c.expectRooms("a")
		}
		w.end(0, c)
	}},
	{"with binary in their data", func(w *world) {
		type data struct {
			Name    string
			Picture []byte
		}
		c := w.client(0)
		c.SetData(data{"Ann", []byte{0, 255, 1}})
		w.check(w.nodes[0].Emit("e"))
		c.expect(`42["e"]`)
		for _, to := range []int{1, 2} {
			on := slices.IndexFunc(w.nodes, func(n *node) bool { return n.Socket(c.ID()) != nil })
			c.lose(w.nodes[on])
			c = c.returnTo(to)
			if got, is := socketio.Data[data](c.Socket); !is || got.Name != "Ann" || !slices.Equal(got.Picture, []byte{0, 255, 1}) {
				w.Fatalf("data %v, %t", got, is)
			}
		}
	}},
	{"without having got an event", func(w *world) {
		w.check(w.nodes[0].Emit("before"))
		w.settle(0)
		c := w.client(0)
		w.check(w.nodes[0].Local().To(c.ID()).Emit("local"))
		c.expect(`42["local"]`)
		c.lose(w.nodes[0])
		w.check(w.nodes[1].Emit("missed"))
		c = c.returnTo(1)
		for { // it may have got the first one in vain
			got, err := c.Next()
			w.check(err)
			if got == `42["missed"]` {
				break
			}
			if got != `42["before"]` {
				w.Fatalf("got %q", got)
			}
		}
		w.end(1, c)
	}},
	{"when their server shuts down", func(w *world) {
		c := w.client(0)
		w.check(w.nodes[1].Emit("e"))
		c.expect(`42["e"]`)
		w.check(w.nodes[0].Shutdown(w.ctx))
		w.check(w.nodes[1].Emit("missed"))
		c = c.returnTo(1)
		c.expect(`42["missed"]`)
		w.end(1, c)
	}},
	{"not after they have been disconnected", func(w *world) {
		c := w.client(0)
		w.check(w.nodes[0].Emit("e"))
		c.expect(`42["e"]`)
		w.nodes[1].In(c.ID()).DisconnectSockets(true)
		c.expect("41")
		left := func() bool { return w.nodes[0].Socket(c.ID()) == nil }
		w.until("it has left", left)
		if back := w.claim(1, c); back.pid == c.pid {
			w.Error("it has its session")
		}
	}},
	{"events before a disconnect, a reply and a local event arrive first", func(w *world) {
		c := w.client(0, "a")
		c.OnAny(func(_ context.Context, e *socketio.Event) error {
			w.check(w.nodes[0].To("a").Emit("1"))
			w.check(c.Socket.Emit("2"))
			w.check(w.nodes[0].Local().Emit("3"))
			w.check(e.Ack("4"))
			w.check(w.nodes[0].Emit("5"))
			c.Disconnect(false)
			return nil
		})
		c.send(`421["go"]`)
		c.expect(`42["1"]`, `42["2"]`, `42["3"]`, `431["4"]`, `42["5"]`, "41")
	}},
	{"again and again, while all servers emit", func(w *world) {
		const clients, visits = 4, 8
		const ahead = 30 // events of a server beyond those that were there when a visit began: clients must not fall behind
		over := make(chan struct{})
		var emitting sync.WaitGroup
		var emitted [servers]atomic.Int64
		var most atomic.Int64 // that each server may emit
		most.Store(ahead)
		for i, n := range w.nodes {
			emitting.Go(func() {
				for number := 0; ; {
					select {
					case <-over:
						return
					case <-time.After(20 * time.Millisecond):
					}
					if int64(number) < most.Load() {
						_ = n.To("a").Emit("n", i, number)
						emitted[i].Store(int64(number))
						number++
					}
				}
			})
		}
		defer emitting.Wait()
		defer close(over)
		var all [clients]*client
		var on [clients]int
		var next [clients][servers]int // the number of each server's next event, or 0
		for i := range all {
			on[i] = i % servers
			all[i] = w.client(on[i], "a")
		}
		for range visits {
			for i, c := range all {
				s := rand.N(servers) // the client reads until it has what this one has emitted so far, and some more
				goal := int(emitted[s].Load()) + rand.N(5)
				for j := range emitted {
					most.Store(max(most.Load(), emitted[j].Load()+ahead))
				}
				for next[i][s] <= goal {
					got, err := c.Next()
					w.check(err)
					var from, number int
					if n, _ := fmt.Sscanf(got, `42["n",%d,%d]`, &from, &number); n != 2 {
						w.Fatalf("got %q", got)
					}
					if want := next[i][from]; want != 0 && number != want {
						w.Fatalf("event %d of server %d after %d", number, from, want-1)
					}
					next[i][from] = number + 1
				}
				c.lose(w.nodes[on[i]])
				on[i] = rand.N(servers)
				all[i] = c.returnTo(on[i])
			}
		}
	}},
}
