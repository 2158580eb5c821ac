package systemtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestOrder(t *testing.T) {
	testserver.Behaviour(t, "1,000 events are handled in order, one at a time, even if some block", func(h *testserver.Harness, mode rawclient.Mode) {
		var handled []int
		running := 0
		done := make(chan struct{})
		socketio.On(h.Server, "n", func(ctx context.Context, s *socketio.Socket, n int) error {
			if running++; running != 1 {
				h.T.Error("two handlers at a time")
			}
			if n%97 == 0 {
				testserver.Wait(time.Millisecond)
			}
			handled = append(handled, n)
			running--
			if n == 999 {
				close(done)
			}
			return nil
		})
		c := h.Connect(mode)
		for n := 0; n < 1000; n += 10 {
			var packets []string
			for i := range 10 {
				packets = append(packets, fmt.Sprintf(`42["n",%d]`, n+i))
			}
			c.Send(packets...)
		}
		<-done
		for n, got := range handled {
			if n != got {
				h.T.Fatalf("event %d was handled in place %d", got, n)
			}
		}
	})
	testserver.Behaviour(t, "a blocked handler delays no other socket, namespace or direction", func(h *testserver.Harness, mode rawclient.Mode) {
		release := make(chan struct{})
		h.On("block", func(ctx context.Context, e *socketio.Event) error { <-release; return e.Ack() })
		testserver.Echo(h, "echo")
		admin := h.Of("/admin")
		admin.On("e", func(ctx context.Context, e *socketio.Event) error { return e.Ack("admin") })
		blocked, other := h.Connect(mode), h.Connect(mode)
		blocked.Enter("/admin")
		blocked.Send(`420["block"]`, `42["echo","later"]`)
		synctest.Wait()
		other.Send(`42["echo",1]`)
		other.Expect(`42["echo",1]`)
		blocked.Send(`42/admin,7["e"]`)
		blocked.Expect(`43/admin,7["admin"]`)
		for i := range 3 {
			h.Check(h.To(blocked.ID).Emit("news", i))
			blocked.Expect(fmt.Sprintf(`42["news",%d]`, i))
		}
		close(release)
		blocked.Expect(`430[]`, `42["echo","later"]`)
	})
	testserver.Behaviour(t, "a handler that takes its time does not hold back what it emits, nor what others do, nor heartbeats", func(h *testserver.Harness, mode rawclient.Mode) {
		proceed := make(chan struct{})
		h.On("long", func(ctx context.Context, e *socketio.Event) error {
			for i := range 3 {
				testserver.Wait(time.Second)
				h.Check(e.Socket().Emit("progress", i))
				<-proceed
			}
			return nil
		})
		c := h.Connect(mode)
		c.Send(`42["long"]`, `42["behind"]`, `42["behind"]`, `42["long"]`, `42["behind"]`)
		for i := range 6 {
			c.Expect(fmt.Sprintf(`42["progress",%d]`, i%3))
			h.Check(h.Emit("news"))
			c.Expect(`42["news"]`)
			testserver.Wait(time.Minute) // with heartbeats meanwhile
			if !slices.Contains(slices.Collect(testserver.IDs(h.To())), c.ID) {
				h.T.Fatal("disconnected while a handler was busy")
			}
			proceed <- struct{}{}
		}
	})
	testserver.Behaviour(t, "events before the client's disconnect are still handled", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		release := make(chan struct{})
		var saw []string
		for _, event := range []string{"first", "bye"} {
			s.On(event, func(ctx context.Context, e *socketio.Event) error {
				<-release
				saw = append(saw, event)
				return nil
			})
		}
		s.OnDisconnecting(func(r socketio.Reason) { saw = append(saw, "disconnecting") })
		s.OnDisconnect(func(r socketio.Reason) { saw = append(saw, string(r)) })
		c.Send(`42["first"]`, `42["bye"]`, `41`)
		synctest.Wait()
		close(release)
		synctest.Wait()
		if want := []string{"first", "bye", "disconnecting", "client namespace disconnect"}; !slices.Equal(saw, want) {
			h.T.Errorf("saw %q, want %q", saw, want)
		}
	})
	testserver.Behaviour(t, "the server's disconnect drops events that wait", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		release := make(chan struct{})
		ran, gone := 0, 0
		s.On("e", func(ctx context.Context, e *socketio.Event) error { ran++; <-release; return nil })
		s.OnDisconnect(func(r socketio.Reason) { gone++ })
		c.Send(`42["e"]`, `42["e"]`, `42["e"]`)
		synctest.Wait()
		s.Disconnect(false)
		c.Expect("41")
		if gone != 0 {
			h.T.Error("OnDisconnect while a handler runs")
		}
		close(release)
		synctest.Wait()
		if ran != 1 || gone != 1 {
			h.T.Errorf("%d events handled, %d times OnDisconnect; want 1, 1", ran, gone)
		}
	})
}

func TestFailingCode(t *testing.T) {
	for name, fail := range map[string]func(){
		"panic":          func() { panic("boom") },
		"runtime.Goexit": func() { runtime.Goexit() },
	} {
		for _, together := range []bool{true, false} {
			testserver.Behaviour(t, fmt.Sprintf("%s in a handler, events together: %v", name, together), func(h *testserver.Harness, mode rawclient.Mode) {
				h.On("fail", func(ctx context.Context, e *socketio.Event) error { fail(); return nil })
				testserver.Echo(h, "echo")
				c := h.Connect(mode)
				packets := []string{`42["echo",1]`, `42["fail"]`, `42["echo",2]`, `42["fail"]`, `42["echo",3]`, `42["fail"]`}
				if together {
					c.Send(packets...)
				} else {
					for _, p := range packets {
						c.Send(p)
						synctest.Wait()
					}
				}
				c.Expect(`42["echo",1]`, `42["echo",2]`, `42["echo",3]`)
				c.Send(`42["echo",4]`)
				c.Expect(`42["echo",4]`)
				c.Send("41")
				synctest.Wait()
				if n := len(slices.Collect(h.Sockets())); n != 0 {
					h.T.Errorf("%d sockets left", n)
				}
			})
		}
	}
	t.Run("a panic is logged once with its stack", func(t *testing.T) {
		var log testserver.LogBook
		testserver.Run(t, &socketio.Options{Logger: log.Logger()}, func(h *testserver.Harness) {
			h.On("fail", func(ctx context.Context, e *socketio.Event) error { panic("boom") })
			h.Connect(rawclient.WebSocket).Send(`42["fail"]`)
			synctest.Wait()
			log.ExpectOne(t, "level=ERROR", "boom", "handler=fail", "concurrency_test.go")
		})
	})
	t.Run("a handler's error is logged once", func(t *testing.T) {
		var log testserver.LogBook
		testserver.Run(t, &socketio.Options{Logger: log.Logger()}, func(h *testserver.Harness) {
			h.On("fail", func(ctx context.Context, e *socketio.Event) error { return errors.New("odd") })
			h.Connect(rawclient.WebSocket).Send(`42["fail"]`)
			synctest.Wait()
			log.ExpectOne(t, "level=ERROR", "odd", "handler=fail")
		})
	})
	testserver.Behaviour(t, "panic in OnConnect leaves the socket connected, and other functions run", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) { panic("boom") })
		h.OnConnect(func(s *socketio.Socket) { s.Emit("welcome") })
		h.Connect(mode).Expect(`42["welcome"]`)
	})
	testserver.Behaviour(t, "panic in middleware refuses the client", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Use(func(ctx context.Context, s *socketio.Socket) error { panic("secret") })
		c := h.Open(mode)
		c.Send("40")
		c.Expect(`44{"message":"internal error"}`)
	})
	testserver.Behaviour(t, "panic in OnDisconnect and OnDisconnecting does not keep others from running", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		ran := 0
		s.OnDisconnecting(func(socketio.Reason) { panic("boom") })
		s.OnDisconnecting(func(socketio.Reason) { ran++ })
		s.OnDisconnect(func(socketio.Reason) { panic("boom") })
		s.OnDisconnect(func(socketio.Reason) { ran++ })
		s.Disconnect(false)
		c.Expect("41")
		synctest.Wait()
		if ran != 2 || len(s.Rooms()) != 0 {
			h.T.Errorf("%d functions ran, rooms %q; want 2, none", ran, s.Rooms())
		}
	})
}

func TestMaxInbox(t *testing.T) {
	t.Run("default", func(t *testing.T) { testMaxInbox(t, nil, 1<<20) })
	t.Run("300,000", func(t *testing.T) {
		testMaxInbox(t, &socketio.Options{Limits: socketio.Limits{Inbox: 300_000}}, 300_000)
	})
}

func testMaxInbox(t *testing.T, o *socketio.Options, limit int) {
	testserver.ForEachMode(t, o, func(h *testserver.Harness, mode rawclient.Mode) {
		release := make(chan struct{})
		handled := 0
		h.On("block", func(ctx context.Context, e *socketio.Event) error { <-release; return nil })
		h.On("n", func(ctx context.Context, e *socketio.Event) error { handled++; return nil })
		h.On("count", func(ctx context.Context, e *socketio.Event) error { return e.Socket().Emit("count", handled) })
		c := h.Connect(mode)
		c.Send(`42["block"]`)
		synctest.Wait()

		big := `42["n","` + strings.Repeat("x", 100_000) + `"]`
		flood := 3 * limit / 100_000
		sent, flooded := 0, make(chan struct{})
		go func() {
			defer close(flooded)
			for range flood {
				c.Send(big)
				sent++
			}
		}()
		synctest.Wait()
		if most := limit/100_000 + 1; sent == 0 || sent > most {
			h.T.Errorf("%d events were read, want at most %d", sent, most)
		}
		testserver.Wait(5 * time.Minute) // with PINGs that it answers
		close(release)
		<-flooded
		c.Send(`42["count"]`)
		c.Expect(fmt.Sprintf(`42["count",%d]`, flood))
	})
}
