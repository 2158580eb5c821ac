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
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/socketiotest"
)

type clients []*socketiotest.Client

// crowd connects three clients; a is in rooms x and y, b in y, c in none.
func crowd(h *testserver.Harness, mode rawclient.Mode) (a, b, c *socketiotest.Client) {
	h.T.Helper()
	a, b, c = h.TestClient(mode), h.TestClient(mode), h.TestClient(mode)
	h.MustSocket(a.ID()).Join("x", "y")
	h.MustSocket(b.ID()).Join("y")
	return a, b, c
}

func TestBroadcast(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		h.Of("/other")
		a.Of("/other", nil)
		s := h.MustSocket(a.ID())
		for _, test := range []struct {
			name      string
			selection socketio.Broadcast
			want      clients
		}{
			{"the namespace", h.To(), clients{a, b, c}},
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
				h.Check(test.selection.Emit("e", args...))
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
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		clients := make([]*testserver.Client, 20)
		for i := range clients {
			clients[i] = h.Connect(mode)
		}
		first := clients[0]
		for n := 0; n < 30; n += 3 {
			h.Check(h.Emit("n", n))
			h.Check(h.To(first.ID).Emit("n", n+1))
			h.Check(h.Emit("n", n+2, []byte{1}))
		}
		for _, c := range clients {
			for n := range 30 {
				switch {
				case n%3 == 2:
					c.Expect(fmt.Sprintf(`451-["n",%d,{"_placeholder":true,"num":0}]`, n), "bAQ==")
				case n%3 == 0 || c == first:
					c.Expect(fmt.Sprintf(`42["n",%d]`, n))
				}
			}
		}
	})
}

func TestBroadcastIsImmutable(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		a, b, c := crowd(h, rawclient.WebSocket)
		s := h.MustSocket(c.ID())
		for _, root := range []socketio.Broadcast{h.To(), s.Broadcast(), s.Volatile(), h.To("x"), h.To("x", "y", "z").Except("q", "r")} {
			before := slices.Sorted(testserver.IDs(root))
			_ = root.To("y").Except("x")
			_ = root.Volatile().In("x")
			one, two := root.To("x").To("y"), root.To("x").To(c.ID())
			if got := slices.Sorted(testserver.IDs(root)); !slices.Equal(got, before) {
				t.Errorf("selected %q, before %q", got, before)
			}
			_ = root.To("x").Except("q")
			if slices.Contains(slices.Collect(testserver.IDs(two)), b.ID()) && !slices.Contains(before, b.ID()) {
				t.Error("one chain has changed another")
			}
			if got := slices.Collect(testserver.IDs(one)); !slices.Contains(got, a.ID()) {
				t.Errorf("room x is not in %q", got)
			}
		}
		// Two chains from one prefix, which must not share an array.
		prefix := h.To("1", "2", "3")
		x, y := prefix.To("x"), prefix.To("nobody")
		if got := slices.Collect(testserver.IDs(x)); !slices.Equal(got, []string{a.ID()}) {
			t.Errorf("selected %q, want %q", got, a.ID())
		}
		if got := slices.Collect(testserver.IDs(y)); len(got) != 0 {
			t.Errorf("selected %q, want nobody", got)
		}
	})
}

func TestRooms(t *testing.T) {
	testserver.Behaviour(t, "are kept track of", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		expect := func(want ...string) {
			h.T.Helper()
			if got := s.Rooms(); !slices.Equal(got, want) {
				h.T.Errorf("in rooms %q, want %q", got, want)
			}
		}
		expect(c.ID)
		s.Join("b", "a", "b")
		s.Join("c")
		s.Join()
		expect(c.ID, "a", "b", "c")
		s.Leave("b", "never")
		expect(c.ID, "a", "c")
		s.Leave(c.ID) // its own stays
		expect(c.ID, "a", "c")
		c.Send("41")
		synctest.Wait()
		expect()
		s.Join("late")
		expect()
		if got := slices.Collect(testserver.IDs(h.In("late", "a"))); len(got) != 0 {
			h.T.Errorf("left behind in rooms: %q", got)
		}
	})
	testserver.Behaviour(t, "are those of one namespace", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		h.Of("/other")
		c.Enter("/other")
		h.MustSocket(c.ID).Join("r")
		h.Check(h.Of("/other").To("r").Emit("e"))
		h.Check(h.To("r").Emit("mine"))
		c.Expect(`42["mine"]`)
	})
}

func TestBroadcastCall(t *testing.T) {
	// collect ranges over a call and returns what each socket made of it.
	type outcome struct {
		value int
		err   error
	}
	collect := func(h *testserver.Harness, ctx context.Context, b socketio.Broadcast) map[string]outcome {
		got := make(map[string]outcome)
		for r, err := range b.Call(ctx, "q", 1) {
			o := outcome{err: err}
			if err == nil {
				h.Check(r.Decode(&o.value))
			}
			if _, twice := got[r.SocketID()]; twice {
				h.T.Errorf("%s twice", r.SocketID())
			}
			got[r.SocketID()] = o
		}
		for s := range h.Sockets() {
			if n := s.PendingAcks(); n != 0 {
				h.T.Errorf("%d acks pending", n)
			}
		}
		return got
	}
	background := context.Background()

	testserver.Behaviour(t, "yields replies as they arrive", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		go func() {
			testserver.Wait(time.Second)
			b.Next("q").Ack(2)
			testserver.Wait(time.Second)
			a.Next("q").Ack(1)
			testserver.Wait(time.Second)
			c.Next("q").Ack(3)
		}()
		start := time.Now()
		var order []string
		for r, err := range h.Call(background, "q", 1) {
			h.Check(err)
			order = append(order, r.SocketID())
			if got := time.Since(start).Round(time.Second); got != time.Duration(len(order))*time.Second {
				h.T.Errorf("reply %d after %v", len(order), got)
			}
		}
		if !slices.Equal(order, []string{b.ID(), a.ID(), c.ID()}) {
			h.T.Errorf("order %q", order)
		}
		synctest.Wait()
	})
	testserver.Behaviour(t, "of a socket that disconnects fails for it alone", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		go func() {
			c.Next("q")
			c.Disconnect()
		}()
		a.Answer("q", 1)
		b.Answer("q", 2)
		got := collect(h, background, h.To())
		synctest.Wait()
		if got[a.ID()] != (outcome{1, nil}) || got[b.ID()] != (outcome{2, nil}) || !errors.Is(got[c.ID()].err, socketio.ErrDisconnected) || len(got) != 3 {
			h.T.Errorf("got %v", got)
		}
	})
	testserver.Behaviour(t, "names who has not replied when the context ends", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		b.Answer("q", 2)
		start := time.Now()
		got := collect(h, ctx, h.To())
		for _, late := range (clients{a, c}) {
			if !errors.Is(got[late.ID()].err, context.DeadlineExceeded) {
				h.T.Errorf("late client: %v", got[late.ID()])
			}
			late.Next("q").Ack(9)
		}
		if got[b.ID()] != (outcome{2, nil}) || len(got) != 3 || time.Since(start) != time.Second {
			h.T.Errorf("got %v after %v", got, time.Since(start))
		}
		synctest.Wait()
	})
	testserver.Behaviour(t, "to nobody ends at once", func(h *testserver.Harness, mode rawclient.Mode) {
		crowd(h, mode)
		if got := collect(h, background, h.To("nowhere")); len(got) != 0 {
			h.T.Errorf("got %v", got)
		}
	})
	testserver.Behaviour(t, "may be broken off, and ranged over again", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		call := h.Call(background, "q", 1)
		b.Answer("q", 2)
		for r := range call {
			if r.SocketID() != b.ID() {
				h.T.Errorf("first reply of %s", r.SocketID())
			}
			break
		}
		for s := range h.Sockets() {
			if n := s.PendingAcks(); n != 0 {
				h.T.Errorf("%d acks pending", n)
			}
		}
		a.Next("q").Ack(8)
		c.Next("q").Ack(9)
		a.Answer("q", 1)
		c.Answer("q", 3)
		n := 0
		for _, err := range call {
			h.Check(err)
			n++
		}
		if n != 3 {
			h.T.Errorf("%d replies the second time", n)
		}
		synctest.Wait()
	})
	testserver.Behaviour(t, "carries binary and takes an empty reply", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, _ := crowd(h, mode)
		go func() {
			q := a.Next("q")
			var data []byte
			if q.Decode(&data); !slices.Equal(data, []byte{1}) {
				h.T.Errorf("question %v", data)
			}
			q.Ack([]byte{2, 3})
			b.Next("q").Ack()
		}()
		for r, err := range h.To("y").Call(background, "q", []byte{1}) {
			h.Check(err)
			var data []byte
			switch err := r.Decode(&data); r.SocketID() {
			case a.ID():
				if err != nil || string(data) != "\x02\x03" {
					h.T.Errorf("reply %v, %v", data, err)
				}
			case b.ID():
				if err == nil {
					h.T.Error("decoded a value of an empty reply")
				}
				h.Check(r.Decode())
			}
		}
		synctest.Wait()
	})
	testserver.Behaviour(t, "may be made by a handler, its own socket included", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		socketio.OnCall(h.Server, "poll", func(ctx context.Context, s *socketio.Socket, _ struct{}) (int, error) {
			return len(collect(h, ctx, h.To())), nil
		})
		for i, client := range (clients{a, b, c}) {
			client.Answer("q", i)
		}
		if n := socketiotest.Call[int](a, "poll"); n != 3 {
			h.T.Errorf("%d replies", n)
		}
	})
	t.Run("that cannot be encoded yields the error alone", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			crowd(h, rawclient.WebSocket)
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
	testserver.Run(t, nil, func(h *testserver.Harness) {
		crowd(h, rawclient.WebSocket)
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
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		a, b, c := crowd(h, mode)
		h.Check(h.Emit("e", onceOnly{new(bool)}))
		h.Check(h.Except(b.ID()).Emit("e", onceOnly{new(bool)}, []byte{1}))
		for _, client := range (clients{a, b, c}) {
			client.Expect("e", 1)
		}
		for _, client := range (clients{a, c}) {
			client.Expect("e", 1, []byte{1})
		}
	})
}
