package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/socketiotest"
)

type clients []*socketiotest.Client

// crowd connects three clients; a is in rooms x and y, b in y, c in none.
func (h *harness) crowd(mode rawclient.Mode) (a, b, c *socketiotest.Client) {
	h.Helper()
	a, b, c = h.join(mode), h.join(mode), h.join(mode)
	h.socket(a.ID()).Join("x", "y")
	h.socket(b.ID()).Join("y")
	return a, b, c
}

func TestBroadcast(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		h.Of("/other")
		a.Of("/other", nil)
		s := h.socket(a.ID())
		for _, test := range []struct {
			name      string
			selection socketio.Broadcast
			want      clients
		}{
			{"the namespace", h.Broadcast, clients{a, b, c}},
			{"the rest", s.Broadcast(), clients{b, c}},
			{"a room", h.In("x"), clients{a}},
			{"another room", h.To("y"), clients{a, b}},
			{"two rooms, each socket once", h.To("x").To("y"), clients{a, b}},
			{"two rooms in one call", h.To("x", "y"), clients{a, b}},
			{"a room and a socket in it", h.To("y", a.ID()), clients{a, b}},
			{"a socket by its id", h.To(c.ID()), clients{c}},
			{"a room without the sender", s.To("y"), clients{b}},
			{"the same by In", s.In("y"), clients{b}},
			{"the same by Broadcast", s.Broadcast().To("y"), clients{b}},
			{"a socket's own id without itself", s.To(a.ID()), nil},
			{"all but a socket", h.Except(b.ID()), clients{a, c}},
			{"all but a room", h.Except("y"), clients{c}},
			{"all but the sender and a room", s.Except("x"), clients{b, c}},
			{"a room but not another", h.To("y").Except("x"), clients{b}},
			{"all but two", h.Except("x").Except(c.ID()), clients{b}},
			{"a room that does not exist", h.To("nowhere"), nil},
			{"all but a room that does not exist", h.Except("nowhere"), clients{a, b, c}},
			{"the socket itself", s.Volatile(), clients{a}},
			{"the rest by a detour", s.Volatile().To("y"), clients{b}},
		} {
			for _, args := range [][]any{{test.name, 1}, {test.name, []byte{1, 2}}} {
				synctest.Wait() // so that volatile ones find their clients idle
				h.check(test.selection.Emit("e", args...))
				synctest.Wait()
				for _, client := range (clients{a, b, c}) {
					if slices.Contains(test.want, client) {
						client.Expect("e", args...)
					}
					client.ExpectNothing(time.Second)
				}
			}
		}
	})
}

// What goes to many is written by other goroutines than what goes to few; each
// client gets all in order nevertheless.
func TestBroadcastOrder(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		clients := make([]*client, 20)
		for i := range clients {
			clients[i] = h.connect(mode)
		}
		first := clients[0]
		for n := 0; n < 30; n += 3 {
			h.check(h.Emit("n", n))
			h.check(h.To(first.id).Emit("n", n+1))
			h.check(h.Emit("n", n+2, []byte{1}))
		}
		for _, c := range clients {
			for n := range 30 {
				switch {
				case n%3 == 2:
					c.expect(fmt.Sprintf(`451-["n",%d,{"_placeholder":true,"num":0}]`, n), "bAQ==")
				case n%3 == 0 || c == first:
					c.expect(fmt.Sprintf(`42["n",%d]`, n))
				}
			}
		}
	})
}

func TestBroadcastIsImmutable(t *testing.T) {
	run(t, nil, func(h *harness) {
		a, b, c := h.crowd(rawclient.WebSocket)
		s := h.socket(c.ID())
		for _, root := range []socketio.Broadcast{h.Broadcast, s.Broadcast(), s.Volatile(), h.To("x"), h.To("x", "y", "z").Except("q", "r")} {
			before := slices.Sorted(idsOf(root))
			_ = root.To("y").Except("x")
			_ = root.Volatile().In("x")
			one, two := root.To("x").To("y"), root.To("x").To(c.ID())
			if got := slices.Sorted(idsOf(root)); !slices.Equal(got, before) {
				t.Errorf("selected %q, before %q", got, before)
			}
			if root.To("x").Except("q"); slices.Contains(slices.Collect(idsOf(two)), b.ID()) && !slices.Contains(before, b.ID()) {
				t.Error("one chain has changed another")
			}
			if got := slices.Collect(idsOf(one)); !slices.Contains(got, a.ID()) {
				t.Errorf("room x is not in %q", got)
			}
		}
		// Two chains from one prefix, which must not share an array.
		prefix := h.To("1", "2", "3")
		x, y := prefix.To("x"), prefix.To("nobody")
		if got := slices.Collect(idsOf(x)); !slices.Equal(got, []string{a.ID()}) {
			t.Errorf("selected %q, want %q", got, a.ID())
		}
		if got := slices.Collect(idsOf(y)); len(got) != 0 {
			t.Errorf("selected %q, want nobody", got)
		}
	})
}

func TestRooms(t *testing.T) {
	behaviour(t, "are kept track of", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		expect := func(want ...string) {
			h.Helper()
			if got := s.Rooms(); !slices.Equal(got, want) {
				h.Errorf("in rooms %q, want %q", got, want)
			}
		}
		expect(c.id)
		s.Join("b", "a", "b")
		s.Join("c")
		s.Join()
		expect(c.id, "a", "b", "c")
		s.Leave("b", "never")
		expect(c.id, "a", "c")
		s.Leave(c.id) // its own stays
		expect(c.id, "a", "c")
		c.send("41")
		synctest.Wait()
		expect()
		s.Join("late")
		expect()
		if got := slices.Collect(idsOf(h.In("late", "a"))); len(got) != 0 {
			h.Errorf("left behind in rooms: %q", got)
		}
	})
	behaviour(t, "are those of one namespace", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		h.Of("/other")
		c.enter("/other")
		h.socket(c.id).Join("r")
		h.check(h.Of("/other").To("r").Emit("e"))
		h.check(h.To("r").Emit("mine"))
		c.expect(`42["mine"]`)
	})
}

func TestBroadcastCall(t *testing.T) {
	// collect ranges over a call and returns what each socket made of it.
	type outcome struct {
		value int
		err   error
	}
	collect := func(h *harness, ctx context.Context, b socketio.Broadcast) map[string]outcome {
		got := make(map[string]outcome)
		for r, err := range b.Call(ctx, "q", 1) {
			o := outcome{err: err}
			if err == nil {
				h.check(r.Decode(&o.value))
			}
			if _, twice := got[r.SocketID()]; twice {
				h.Errorf("%s twice", r.SocketID())
			}
			got[r.SocketID()] = o
		}
		for s := range h.Sockets() {
			if n := s.PendingAcks(); n != 0 {
				h.Errorf("%d acks pending", n)
			}
		}
		return got
	}
	background := context.Background()

	behaviour(t, "yields replies as they arrive", func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		go func() {
			wait(time.Second)
			b.Next("q").Ack(2)
			wait(time.Second)
			a.Next("q").Ack(1)
			wait(time.Second)
			c.Next("q").Ack(3)
		}()
		start := time.Now()
		var order []string
		for r, err := range h.Call(background, "q", 1) {
			h.check(err)
			order = append(order, r.SocketID())
			if got := time.Since(start).Round(time.Second); got != time.Duration(len(order))*time.Second {
				h.Errorf("reply %d after %v", len(order), got)
			}
		}
		if !slices.Equal(order, []string{b.ID(), a.ID(), c.ID()}) {
			h.Errorf("order %q", order)
		}
		synctest.Wait()
	})
	behaviour(t, "of a socket that disconnects fails for it alone", func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		go func() {
			c.Next("q")
			c.Disconnect()
		}()
		a.Answer("q", 1)
		b.Answer("q", 2)
		got := collect(h, background, h.Broadcast)
		synctest.Wait()
		if got[a.ID()] != (outcome{1, nil}) || got[b.ID()] != (outcome{2, nil}) || !errors.Is(got[c.ID()].err, socketio.ErrDisconnected) || len(got) != 3 {
			h.Errorf("got %v", got)
		}
	})
	behaviour(t, "names who has not replied when the context ends", func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		b.Answer("q", 2)
		start := time.Now()
		got := collect(h, ctx, h.Broadcast)
		for _, late := range (clients{a, c}) {
			if !errors.Is(got[late.ID()].err, context.DeadlineExceeded) {
				h.Errorf("late client: %v", got[late.ID()])
			}
			late.Next("q").Ack(9)
		}
		if got[b.ID()] != (outcome{2, nil}) || len(got) != 3 || time.Since(start) != time.Second {
			h.Errorf("got %v after %v", got, time.Since(start))
		}
		synctest.Wait()
	})
	behaviour(t, "to nobody ends at once", func(h *harness, mode rawclient.Mode) {
		h.crowd(mode)
		if got := collect(h, background, h.To("nowhere")); len(got) != 0 {
			h.Errorf("got %v", got)
		}
	})
	behaviour(t, "may be broken off, and ranged over again", func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		call := h.Call(background, "q", 1)
		b.Answer("q", 2)
		for r := range call {
			if r.SocketID() != b.ID() {
				h.Errorf("first reply of %s", r.SocketID())
			}
			break
		}
		for s := range h.Sockets() {
			if n := s.PendingAcks(); n != 0 {
				h.Errorf("%d acks pending", n)
			}
		}
		a.Next("q").Ack(8)
		c.Next("q").Ack(9)
		a.Answer("q", 1)
		c.Answer("q", 3)
		n := 0
		for _, err := range call {
			h.check(err)
			n++
		}
		if n != 3 {
			h.Errorf("%d replies the second time", n)
		}
		synctest.Wait()
	})
	behaviour(t, "carries binary and takes an empty reply", func(h *harness, mode rawclient.Mode) {
		a, b, _ := h.crowd(mode)
		go func() {
			q := a.Next("q")
			var data []byte
			if q.Decode(&data); !slices.Equal(data, []byte{1}) {
				h.Errorf("question %v", data)
			}
			q.Ack([]byte{2, 3})
			b.Next("q").Ack()
		}()
		for r, err := range h.To("y").Call(background, "q", []byte{1}) {
			h.check(err)
			var data []byte
			switch err := r.Decode(&data); r.SocketID() {
			case a.ID():
				if err != nil || string(data) != "\x02\x03" {
					h.Errorf("reply %v, %v", data, err)
				}
			case b.ID():
				if err == nil {
					h.Error("decoded a value of an empty reply")
				}
				h.check(r.Decode())
			}
		}
		synctest.Wait()
	})
	behaviour(t, "may be made by a handler, its own socket included", func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		socketio.OnCall(h.Server, "poll", func(ctx context.Context, s *socketio.Socket, _ struct{}) (int, error) {
			return len(collect(h, ctx, h.Broadcast)), nil
		})
		for i, client := range (clients{a, b, c}) {
			client.Answer("q", i)
		}
		if n := socketiotest.Call[int](a, "poll"); n != 3 {
			h.Errorf("%d replies", n)
		}
	})
	t.Run("that cannot be encoded yields the error alone", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			h.crowd(rawclient.WebSocket)
			n := 0
			for r, err := range h.Call(background, "q", make(chan int)) {
				if n++; r != nil || err == nil {
					t.Errorf("yields %v, %v", r, err)
				}
			}
			if n != 1 {
				t.Errorf("%d pairs", n)
			}
		})
	})
}

func TestSocketsIterator(t *testing.T) {
	run(t, nil, func(h *harness) {
		h.crowd(rawclient.WebSocket)
		n := 0
		for s := range h.Sockets() {
			n++
			for range h.Sockets() { // nested
				break
			}
			s.Join("seen") // no lock is held
			s.Disconnect(false)
		}
		synctest.Wait() // until each has left
		if left := len(slices.Collect(h.Sockets())); n != 3 || left != 0 {
			t.Errorf("%d sockets, %d left", n, left)
		}
	})
}

// An event for many is encoded once.
func TestBroadcastEncodesOnce(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		a, b, c := h.crowd(mode)
		h.check(h.Emit("e", onceOnly{new(bool)}))
		h.check(h.Except(b.ID()).Emit("e", onceOnly{new(bool)}, []byte{1}))
		for _, client := range (clients{a, b, c}) {
			client.Expect("e", 1)
		}
		for _, client := range (clients{a, c}) {
			client.Expect("e", 1, []byte{1})
		}
	})
}
