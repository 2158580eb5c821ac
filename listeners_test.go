package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestListeners(t *testing.T) {
	behaviour(t, "Use: middleware runs before the handlers, in order, and an error keeps the event from them", func(h *harness, mode rawclient.Mode) {
		var order []string
		h.OnConnect(func(s *socketio.Socket) {
			for _, name := range []string{"first", "second"} {
				s.Use(func(_ context.Context, e *socketio.Event) error {
					order = append(order, name+" "+e.Name())
					switch e.Name() {
					case "public":
						return &socketio.Error{Message: "not for you"}
					case "secret":
						return errors.New("database down")
					case "panic":
						panic("oops")
					}
					return nil
				})
			}
			s.On("fine", func(_ context.Context, e *socketio.Event) error {
				order = append(order, "handler")
				return e.Ack("done")
			})
		})
		c := h.connect(mode)
		for _, event := range []string{"public", "secret", "panic"} {
			h.On(event, func(context.Context, *socketio.Event) error {
				h.Errorf("the handler of %q was called", event)
				return nil
			})
		}
		c.send(`420["fine"]`)
		c.expect(`430["done"]`)
		c.send(`421["public"]`)
		c.expect(`431[{"error":"not for you"}]`)
		c.send(`422["secret"]`)
		c.expect(`432[{"error":"internal error"}]`)
		c.send(`423["panic"]`)
		c.expect(`433[{"error":"internal error"}]`)
		want := []string{"first fine", "second fine", "handler", "first public", "first secret", "first panic"}
		if !slices.Equal(order, want) {
			h.Errorf("got %q, want %q", order, want)
		}
	})

	behaviour(t, "OnAny hears every event with its arguments, until off", func(h *harness, mode rawclient.Mode) {
		var heard []string
		var off func()
		h.OnConnect(func(s *socketio.Socket) {
			off = s.OnAny(func(_ context.Context, e *socketio.Event) error {
				var n int
				err := e.Decode(&n)
				heard = append(heard, fmt.Sprint(e.Name(), n))
				return err
			})
		})
		c := h.connect(mode)
		c.send(`42["a",1]`, `42["b",2]`)
		synctest.Wait()
		off()
		c.send(`42["c",3]`)
		synctest.Wait()
		if want := []string{"a1", "b2"}; !slices.Equal(heard, want) {
			h.Errorf("heard %q, want %q", heard, want)
		}
	})

	behaviour(t, "OnAnyOutgoing hears what is sent to the socket, broadcasts and calls included, until off", func(h *harness, mode rawclient.Mode) {
		var heard []string
		c := h.connect(mode)
		s := h.socket(c.id)
		off := s.OnAnyOutgoing(func(event string, args []any) { heard = append(heard, fmt.Sprint(event, args)) })
		h.check(s.Emit("one", 1))
		h.check(h.Emit("two", []byte{2}))
		h.check(h.Except(c.id).Emit("not for it"))
		go func() { _, _ = socketio.Call[int](s.Context(), s, "three") }()
		synctest.Wait()
		off()
		h.check(s.Emit("four"))
		if want := []string{"one[1]", "two[[2]]", "three[]"}; !slices.Equal(heard, want) {
			h.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// Whoever emits is not harmed by a listener.
func TestOnAnyOutgoingPanics(t *testing.T) {
	for name, o := range map[string]*socketio.Options{"alone": {}, "recovery": {Recovery: new(socketio.Recovery)}} {
		t.Run(name, func(t *testing.T) {
			log := new(logBook)
			o.Logger = log.everything()
			run(t, o, func(h *harness) {
				heard := 0
				h.OnConnect(func(s *socketio.Socket) {
					s.OnAnyOutgoing(func(string, []any) { panic("boom") })
					s.OnAnyOutgoing(func(string, []any) { heard++ })
				})
				a, b := h.open(rawclient.WebSocket), h.open(rawclient.WebSocket)
				for _, c := range []*client{a, b} {
					c.send("40")
					if _, err := c.Next(); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				emitted := make(chan error)
				go func() { emitted <- h.Emit("e") }()
				h.check(<-emitted)
				for _, c := range []*client{a, b} {
					if p, err := c.Next(); err != nil || !strings.HasPrefix(p, `42["e"`) {
						t.Errorf("got %s, %v", p, err)
					}
				}
				if lines := log.lines(); len(lines) != 2 || heard != 2 {
					t.Errorf("%d lines, %d heard", len(lines), heard)
				}
			})
		})
	}
}
