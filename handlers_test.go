package socketio_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// What it costs to register a handler does not grow with those that there are.
func TestRegistrationIsLinear(t *testing.T) {
	nothing := func(context.Context, *socketio.Event) error { return nil }
	for name, register := range map[string]func(h *testserver.Harness, s *socketio.Socket, i int){
		"Socket.On, different events": func(_ *testserver.Harness, s *socketio.Socket, i int) { s.On(fmt.Sprint("event ", i), nothing) },
		"Socket.On, one event":        func(_ *testserver.Harness, s *socketio.Socket, i int) { s.On("e", nothing) },
		"Namespace.On":                func(h *testserver.Harness, _ *socketio.Socket, i int) { h.On(fmt.Sprint("event ", i), nothing) },
		"OnServerSide": func(h *testserver.Harness, _ *socketio.Socket, i int) {
			h.OnServerSide(fmt.Sprint("event ", i), nothing)
		},
		"OnDisconnect": func(_ *testserver.Harness, s *socketio.Socket, i int) { s.OnDisconnect(func(socketio.Reason) {}) },
		"Socket.Use":   func(_ *testserver.Harness, s *socketio.Socket, i int) { s.Use(nothing) },
		"OnConnect":    func(h *testserver.Harness, _ *socketio.Socket, i int) { h.OnConnect(func(*socketio.Socket) {}) },
		"Use": func(h *testserver.Harness, _ *socketio.Socket, i int) {
			h.Use(func(context.Context, *socketio.Socket) error { return nil })
		},
		"On and off": func(_ *testserver.Harness, s *socketio.Socket, i int) { s.On(fmt.Sprint("event ", i), nothing)() },
	} {
		t.Run(name, func(t *testing.T) {
			testserver.Run(t, nil, func(h *testserver.Harness) {
				c := h.Connect(rawclient.WebSocket)
				s := h.MustSocket(c.ID)
				first := 0
				garbage := func(n int) float64 {
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					for i := range n {
						register(h, s, first+i)
					}
					runtime.ReadMemStats(&after)
					first += n
					return float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
				}
				if each := garbage(300); each > 500 {
					t.Errorf("%.0f bytes for each of 300", each)
				}
				garbage(9700)
				if each := garbage(10_000); each > 500 {
					t.Errorf("%.0f bytes for each of 20,000", each)
				}
			})
		})
	}
}

// Handlers come and go while events are handled.
func TestHandlersComeAndGo(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		s := h.MustSocket(c.ID)
		var ran []string
		offs := make(map[string][]func())
		for round := range 200 {
			name := fmt.Sprint("event ", round*7%31)
			if len(offs[name]) == 2 {
				offs[name][0]()
				offs[name][0]() // does no harm
				offs[name] = offs[name][1:]
			} else {
				offs[name] = append(offs[name], s.On(name, func(context.Context, *socketio.Event) error {
					ran = append(ran, name)
					return nil
				}))
			}
			ran = nil
			c.Send(fmt.Sprintf(`42[%q]`, name))
			synctest.Wait()
			if want := slices.Repeat([]string{name}, len(offs[name])); !slices.Equal(ran, want) {
				t.Fatalf("round %d: ran %q, want %q", round, ran, want)
			}
		}
	})
	t.Run("concurrently", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			c := h.Connect(rawclient.WebSocket)
			s := h.MustSocket(c.ID)
			always := 0
			s.On("always", func(context.Context, *socketio.Event) error { always++; return nil })
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range 2000 {
					off := s.On(fmt.Sprint("event ", i%300), func(context.Context, *socketio.Event) error { return nil })
					if i%3 > 0 {
						off()
					}
				}
			}()
			for range 500 {
				c.Send(`42["always"]`, `42["event 7"]`)
			}
			<-done
			synctest.Wait()
			if always != 500 {
				t.Errorf("handled %d", always)
			}
		})
	})
}

// While events that came together are handled, more may be emitted to the same
// sockets, so the flushers write.
func TestWhoWritesFanouts(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		var later []bool
		look := func(context.Context, *socketio.Event) error {
			later = append(later, h.WritesLater(1))
			return nil
		}
		var gate chan struct{}
		h.On("wait", func(context.Context, *socketio.Event) error { <-gate; return nil })
		h.On("look", look)
		h.On("look slowly", func(ctx context.Context, e *socketio.Event) error {
			<-time.After(2 * time.Millisecond)
			return look(ctx, e)
		})
		h.On("exit", func(context.Context, *socketio.Event) error { runtime.Goexit(); return nil })
		c := h.Connect(mode)
		for _, step := range []struct {
			events []string
			want   string
		}{
			{[]string{"look"}, "[false]"},
			{[]string{"look", "look"}, "[true true]"},
			{[]string{"look", "look slowly", "look"}, "[true false false]"}, // the replies have left by then
			{[]string{"look", "exit", "look"}, "[true false]"},
		} {
			later, gate = nil, make(chan struct{})
			c.Send(`42["wait"]`)
			synctest.Wait()
			for _, event := range step.events {
				c.Send(`42["` + event + `"]`)
			}
			synctest.Wait()
			close(gate)
			<-time.After(time.Second)
			synctest.Wait()
			if got := fmt.Sprint(later); got != step.want {
				h.T.Errorf("%v: %s, want %s", step.events, got, step.want)
			}
			if h.WritesLater(16) || !h.WritesLater(17) {
				h.T.Errorf("%v: after it the size of a fan-out does not decide", step.events)
			}
		}
	})
}
