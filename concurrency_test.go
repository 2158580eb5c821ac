package socketio_test

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
)

// wait waits in a bubble's virtual time.
func wait(d time.Duration) { <-time.After(d) }

func TestOrder(t *testing.T) {
	behaviour(t, "1,000 events are handled in order, one at a time, even if some block", func(h *harness, mode rawclient.Mode) {
		var handled []int
		running := 0
		done := make(chan struct{})
		socketio.On(h.Server, "n", func(ctx context.Context, s *socketio.Socket, n int) error {
			if running++; running != 1 {
				h.Error("two handlers at a time")
			}
			if n%97 == 0 {
				wait(time.Millisecond)
			}
			handled = append(handled, n)
			running--
			if n == 999 {
				close(done)
			}
			return nil
		})
		c := h.connect(mode)
		for n := 0; n < 1000; n += 10 {
			var packets []string
			for i := range 10 {
				packets = append(packets, fmt.Sprintf(`42["n",%d]`, n+i))
			}
			c.send(packets...)
		}
		<-done
		for n, got := range handled {
			if n != got {
				h.Fatalf("event %d was handled in place %d", got, n)
			}
		}
	})
	behaviour(t, "a blocked handler delays no other socket, namespace or direction", func(h *harness, mode rawclient.Mode) {
		release := make(chan struct{})
		h.On("block", func(ctx context.Context, e *socketio.Event) error { <-release; return e.Ack() })
		echo(h, "echo")
		admin := h.Of("/admin")
		admin.On("e", func(ctx context.Context, e *socketio.Event) error { return e.Ack("admin") })
		blocked, other := h.connect(mode), h.connect(mode)
		blocked.enter("/admin")
		blocked.send(`420["block"]`, `42["echo","later"]`)
		synctest.Wait()
		other.send(`42["echo",1]`)
		other.expect(`42["echo",1]`)
		blocked.send(`42/admin,7["e"]`)
		blocked.expect(`43/admin,7["admin"]`)
		for i := range 3 {
			h.check(h.To(blocked.id).Emit("news", i))
			blocked.expect(fmt.Sprintf(`42["news",%d]`, i))
		}
		close(release)
		blocked.expect(`430[]`, `42["echo","later"]`)
	})
	behaviour(t, "a handler that takes its time does not hold back what it emits, nor what others do, nor heartbeats", func(h *harness, mode rawclient.Mode) {
		proceed := make(chan struct{})
		h.On("long", func(ctx context.Context, e *socketio.Event) error {
			for i := range 3 {
				wait(time.Second)
				h.check(e.Socket().Emit("progress", i))
				<-proceed
			}
			return nil
		})
		c := h.connect(mode)
		c.send(`42["long"]`, `42["behind"]`, `42["behind"]`, `42["long"]`, `42["behind"]`)
		for i := range 6 {
			c.expect(fmt.Sprintf(`42["progress",%d]`, i%3))
			h.check(h.Emit("news"))
			c.expect(`42["news"]`)
			wait(time.Minute) // with heartbeats meanwhile
			if !slices.Contains(slices.Collect(idsOf(h.Broadcast)), c.id) {
				h.Fatal("disconnected while a handler was busy")
			}
			proceed <- struct{}{}
		}
	})
	behaviour(t, "events before the client's disconnect are still handled", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
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
		c.send(`42["first"]`, `42["bye"]`, `41`)
		synctest.Wait()
		close(release)
		synctest.Wait()
		if want := []string{"first", "bye", "disconnecting", "client namespace disconnect"}; !slices.Equal(saw, want) {
			h.Errorf("saw %q, want %q", saw, want)
		}
	})
	behaviour(t, "the server's disconnect drops events that wait", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		release := make(chan struct{})
		ran, gone := 0, 0
		s.On("e", func(ctx context.Context, e *socketio.Event) error { ran++; <-release; return nil })
		s.OnDisconnect(func(r socketio.Reason) { gone++ })
		c.send(`42["e"]`, `42["e"]`, `42["e"]`)
		synctest.Wait()
		s.Disconnect(false)
		c.expect("41")
		if gone != 0 {
			h.Error("OnDisconnect while a handler runs")
		}
		close(release)
		synctest.Wait()
		if ran != 1 || gone != 1 {
			h.Errorf("%d events handled, %d times OnDisconnect; want 1, 1", ran, gone)
		}
	})
}

func TestFailingCode(t *testing.T) {
	for name, fail := range map[string]func(){
		"panic":          func() { panic("boom") },
		"runtime.Goexit": func() { runtime.Goexit() },
	} {
		for _, together := range []bool{true, false} {
			behaviour(t, fmt.Sprintf("%s in a handler, events together: %v", name, together), func(h *harness, mode rawclient.Mode) {
				h.On("fail", func(ctx context.Context, e *socketio.Event) error { fail(); return nil })
				echo(h, "echo")
				c := h.connect(mode)
				packets := []string{`42["echo",1]`, `42["fail"]`, `42["echo",2]`, `42["fail"]`, `42["echo",3]`, `42["fail"]`}
				if together {
					c.send(packets...)
				} else {
					for _, p := range packets {
						c.send(p)
						synctest.Wait()
					}
				}
				c.expect(`42["echo",1]`, `42["echo",2]`, `42["echo",3]`)
				c.send(`42["echo",4]`)
				c.expect(`42["echo",4]`)
				c.send("41")
				synctest.Wait()
				if n := len(slices.Collect(h.Sockets())); n != 0 {
					h.Errorf("%d sockets left", n)
				}
			})
		}
	}
	t.Run("a panic is logged once with its stack", func(t *testing.T) {
		var log logBook
		run(t, &socketio.Options{Logger: log.logger()}, func(h *harness) {
			h.On("fail", func(ctx context.Context, e *socketio.Event) error { panic("boom") })
			h.connect(rawclient.WebSocket).send(`42["fail"]`)
			synctest.Wait()
			log.expectOne(t, "level=ERROR", "boom", "handler=fail", "concurrency_test.go")
		})
	})
	t.Run("a handler's error is logged once", func(t *testing.T) {
		var log logBook
		run(t, &socketio.Options{Logger: log.logger()}, func(h *harness) {
			h.On("fail", func(ctx context.Context, e *socketio.Event) error { return errors.New("odd") })
			h.connect(rawclient.WebSocket).send(`42["fail"]`)
			synctest.Wait()
			log.expectOne(t, "level=ERROR", "odd", "handler=fail")
		})
	})
	behaviour(t, "panic in OnConnect leaves the socket connected, and other functions run", func(h *harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) { panic("boom") })
		h.OnConnect(func(s *socketio.Socket) { s.Emit("welcome") })
		h.connect(mode).expect(`42["welcome"]`)
	})
	behaviour(t, "panic in middleware refuses the client", func(h *harness, mode rawclient.Mode) {
		h.Use(func(ctx context.Context, s *socketio.Socket) error { panic("secret") })
		c := h.open(mode)
		c.send("40")
		c.expect(`44{"message":"internal error"}`)
	})
	behaviour(t, "panic in OnDisconnect and OnDisconnecting does not keep others from running", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		ran := 0
		s.OnDisconnecting(func(socketio.Reason) { panic("boom") })
		s.OnDisconnecting(func(socketio.Reason) { ran++ })
		s.OnDisconnect(func(socketio.Reason) { panic("boom") })
		s.OnDisconnect(func(socketio.Reason) { ran++ })
		s.Disconnect(false)
		c.expect("41")
		synctest.Wait()
		if ran != 2 || len(s.Rooms()) != 0 {
			h.Errorf("%d functions ran, rooms %q; want 2, none", ran, s.Rooms())
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
	forEachMode(t, o, func(h *harness, mode rawclient.Mode) {
		release := make(chan struct{})
		handled := 0
		h.On("block", func(ctx context.Context, e *socketio.Event) error { <-release; return nil })
		h.On("n", func(ctx context.Context, e *socketio.Event) error { handled++; return nil })
		h.On("count", func(ctx context.Context, e *socketio.Event) error { return e.Socket().Emit("count", handled) })
		c := h.connect(mode)
		c.send(`42["block"]`)
		synctest.Wait()

		big := `42["n","` + strings.Repeat("x", 100_000) + `"]`
		flood := 3 * limit / 100_000
		sent, flooded := 0, make(chan struct{})
		go func() {
			defer close(flooded)
			for range flood {
				c.send(big)
				sent++
			}
		}()
		synctest.Wait()
		if most := limit/100_000 + 1; sent == 0 || sent > most {
			h.Errorf("%d events were read, want at most %d", sent, most)
		}
		wait(5 * time.Minute) // with PINGs that it answers
		close(release)
		<-flooded
		c.send(`42["count"]`)
		c.expect(fmt.Sprintf(`42["count",%d]`, flood))
	})
}

// idsOf returns the ids of a selection.
func idsOf(b socketio.Broadcast) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s := range b.Sockets() {
			if !yield(s.ID()) {
				return
			}
		}
	}
}
