package adaptertest

import (
	"regexp"
	"time"

	"github.com/goroomcast/socketio"
)

// hears waits until server 0 reaches a client through a room, and then expects
// each event once.
func (w *world) hears(c *client, room string) {
	w.Helper()
	in := w.nodes[0].Of(c.Namespace().Name()).To(room)
	arrived := make(chan error, 1)
	go func() {
		_, err := c.Next()
		arrived <- err
	}()
	for waiting := true; waiting; {
		w.check(in.Emit("probe"))
		select {
		case err := <-arrived:
			w.check(err)
			waiting = false
		case <-time.After(20 * time.Millisecond):
		}
	}
	w.check(in.Emit("e"))
	for {
		got, err := c.Next()
		w.check(err)
		switch got {
		case "42" + c.prefix + `["probe"]`:
			continue
		case "42" + c.prefix + `["e"]`:
			w.end(0, c)
			return
		}
		w.Fatalf("got %q", got)
	}
}

// Adapters that subscribe by room must follow each change of the rooms.
var roomChecks = []check{
	{"left and entered at once", func(w *world) {
		c := w.client(1, "a")
		for range 30 {
			c.Leave("a")
			w.check(c.Join("a"))
		}
		w.hears(c, "a")
	}},
	{"left, entered and left at once", func(w *world) {
		c := w.client(1, "a")
		for range 10 {
			c.Leave("a")
			w.check(c.Join("a"))
			c.Leave("a")
			w.check(w.nodes[0].To("a").Emit("e"))
			w.end(0, c)
			w.check(c.Join("a"))
		}
		w.hears(c, "a")
	}},
	{"handed from one socket to another", func(w *world) {
		one, two := w.client(1, "a"), w.client(1)
		for range 10 {
			one.Leave("a")
			w.check(two.Join("a"))
			two.Leave("a")
			w.check(one.Join("a"))
		}
		w.hears(one, "a")
		w.end(0, two)
	}},
	{"left and entered by commands of another server", func(w *world) {
		c := w.client(1, "a")
		for range 10 {
			w.nodes[0].In(c.ID()).SocketsLeave("a")
			w.nodes[0].In(c.ID()).SocketsJoin("a")
		}
		w.settle(0)
		w.hears(c, "a")
	}},
	{"many, one after another", func(w *world) {
		c := w.client(1)
		for range 200 {
			w.check(c.Join("b"))
			c.Leave("b")
		}
		w.check(c.Join("b"))
		w.hears(c, "b")
	}},
	{"named like the id of another socket", func(w *world) {
		one, two := w.client(1), w.client(1)
		w.check(two.Join(one.ID()))
		w.hears(two, one.ID())
		id := one.ID()
		one.Disconnect(true)
		two.expect() // nothing
		w.hears(two, id)
	}},
	{"of a socket that has just come", func(w *world) {
		for range 10 {
			c := w.client(1)
			w.hears(c, c.ID())
		}
	}},
	{"in a namespace that vanishes and comes again", func(w *world) {
		for _, n := range w.nodes {
			n.OfPattern(regexp.MustCompile(`^/child-\w+$`))
		}
		keeper := w.clientIn(0, "/child-a", "") // so that server 0 has it
		for range 5 {
			c := w.clientIn(1, "/child-a", "", "a")
			w.hears(c, "a")
			left := make(chan struct{})
			c.OnDisconnect(func(socketio.Reason) { close(left) })
			c.Drop()
			<-left
		}
		w.check(keeper.Socket.Emit("e"))
	}},
}
