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
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestListeners(t *testing.T) {
	testserver.Behaviour(t, "Use: middleware runs before the handlers, in order, and an error keeps the event from them", func(h *testserver.Harness, mode rawclient.Mode) {
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
		c := h.Connect(mode)
		for _, event := range []string{"public", "secret", "panic"} {
			h.On(event, func(context.Context, *socketio.Event) error {
				h.T.Errorf("the handler of %q was called", event)
				return nil
			})
		}
		c.Send(`420["fine"]`)
		c.Expect(`430["done"]`)
		c.Send(`421["public"]`)
		c.Expect(`431[{"error":"not for you"}]`)
		c.Send(`422["secret"]`)
		c.Expect(`432[{"error":"internal error"}]`)
		c.Send(`423["panic"]`)
		c.Expect(`433[{"error":"internal error"}]`)
		want := []string{"first fine", "second fine", "handler", "first public", "first secret", "first panic"}
		if !slices.Equal(order, want) {
			h.T.Errorf("got %q, want %q", order, want)
		}
	})

	testserver.Behaviour(t, "OnAny hears every event with its arguments, until off", func(h *testserver.Harness, mode rawclient.Mode) {
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
		c := h.Connect(mode)
		c.Send(`42["a",1]`, `42["b",2]`)
		synctest.Wait()
		off()
		c.Send(`42["c",3]`)
		synctest.Wait()
		if want := []string{"a1", "b2"}; !slices.Equal(heard, want) {
			h.T.Errorf("heard %q, want %q", heard, want)
		}
	})

	testserver.Behaviour(t, "OnAnyOutgoing hears what is sent to the socket, broadcasts and calls included, until off", func(h *testserver.Harness, mode rawclient.Mode) {
		var heard []string
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		off := s.OnAnyOutgoing(func(event string, args []any) { heard = append(heard, fmt.Sprint(event, args)) })
		h.Check(s.Emit("one", 1))
		h.Check(h.Emit("two", []byte{2}))
		h.Check(h.Except(c.ID).Emit("not for it"))
		go func() { _, _ = socketio.Call[int](s.Context(), s, "three") }()
		synctest.Wait()
		off()
		h.Check(s.Emit("four"))
		if want := []string{"one[1]", "two[[2]]", "three[]"}; !slices.Equal(heard, want) {
			h.T.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// Whoever emits is not harmed by a listener.
func TestOnAnyOutgoingPanics(t *testing.T) {
	for name, o := range map[string]*socketio.Options{"alone": {}, "recovery": {Recovery: new(socketio.Recovery)}} {
		t.Run(name, func(t *testing.T) {
			log := new(testserver.LogBook)
			o.Logger = log.Everything()
			testserver.Run(t, o, func(h *testserver.Harness) {
				heard := 0
				h.OnConnect(func(s *socketio.Socket) {
					s.OnAnyOutgoing(func(string, []any) { panic("boom") })
					s.OnAnyOutgoing(func(string, []any) { heard++ })
				})
				a, b := h.Open(rawclient.WebSocket), h.Open(rawclient.WebSocket)
				for _, c := range []*testserver.Client{a, b} {
					c.Send("40")
					if _, err := c.Client.Next(); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				emitted := make(chan error)
				go func() { emitted <- h.Emit("e") }()
				h.Check(<-emitted)
				for _, c := range []*testserver.Client{a, b} {
					if p, err := c.Client.Next(); err != nil || !strings.HasPrefix(p, `42["e"`) {
						t.Errorf("got %s, %v", p, err)
					}
				}
				if lines := log.Lines(); len(lines) != 2 || heard != 2 {
					t.Errorf("%d lines, %d heard", len(lines), heard)
				}
			})
		})
	}
}
