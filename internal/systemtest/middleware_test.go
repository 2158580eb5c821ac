package systemtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestRefusedAsksAgain has a client ask again at once, over TCP, where it can be
// faster than the server's return from telling it.
func TestRefusedAsksAgain(t *testing.T) {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.Use(func(context.Context, *socketio.Socket) error { return errors.New("no") })
	server := httptest.NewServer(io)
	defer server.Close()
	dial := func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	c, err := rawclient.Open(t.Context(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	for range 200 {
		if err := c.Send("40"); err != nil {
			t.Fatal(err)
		}
		if answer, err := c.Next(); err != nil || answer != `44{"message":"no"}` {
			t.Fatalf("got %q, %v", answer, err)
		}
	}
}

func TestMiddleware(t *testing.T) {
	testserver.Behaviour(t, "all run in order, then OnConnect, then events", func(h *testserver.Harness, mode rawclient.Mode) {
		var ran []string
		for i := range 3 {
			h.Use(func(ctx context.Context, s *socketio.Socket) error {
				testserver.Wait(time.Second) // a lengthy one
				ran = append(ran, fmt.Sprint("middleware ", i))
				if s.Namespace() != h.Of("/") || ctx != s.Context() {
					h.T.Error("another namespace or context")
				}
				return nil
			})
		}
		h.OnConnect(func(s *socketio.Socket) { ran = append(ran, "OnConnect 0"); s.Emit("welcome") })
		h.OnConnect(func(s *socketio.Socket) { ran = append(ran, "OnConnect 1") })
		c := h.Connect(mode) // CONNECT's answer comes before what OnConnect emits
		c.Expect(`42["welcome"]`)
		if want := []string{"middleware 0", "middleware 1", "middleware 2", "OnConnect 0", "OnConnect 1"}; !slices.Equal(ran, want) {
			h.T.Errorf("ran %q, want %q", ran, want)
		}
	})
	testserver.Behaviour(t, "an error refuses the client, and no further one runs", func(h *testserver.Harness, mode rawclient.Mode) {
		allow := false
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			if allow {
				return nil
			}
			return errors.New("authentication error")
		})
		after := 0
		h.Use(func(ctx context.Context, s *socketio.Socket) error { after++; return nil })
		h.OnConnect(func(s *socketio.Socket) { after++ })
		c := h.Open(mode)
		c.Send("40")
		c.Expect(`44{"message":"authentication error"}`)
		synctest.Wait()
		if after != 0 {
			h.T.Error("what comes after ran")
		}
		allow = true
		c.Send("40") // may try again
		c.Connected("")
	})
	testserver.Behaviour(t, "an error may have data", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			return fmt.Errorf("wrapped: %w", &socketio.Error{Message: "not allowed", Data: map[string]any{"retryAfter": 5}})
		})
		c := h.Open(mode)
		c.Send("40")
		c.Expect(`44{"message":"not allowed","data":{"retryAfter":5}}`)
	})
	testserver.Behaviour(t, "of one namespace is not another's", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat").Use(func(ctx context.Context, s *socketio.Socket) error { return errors.New("members only") })
		c := h.Connect(mode)
		c.Send("40/chat,")
		c.Expect(`44/chat,{"message":"members only"}`)
	})
	testserver.Behaviour(t, "the socket is not connected before all have agreed", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			if err := s.Emit("early"); !errors.Is(err, socketio.ErrDisconnected) {
				h.T.Errorf("Emit: %v", err)
			}
			if _, err := socketio.Call[int](ctx, s, "early"); !errors.Is(err, socketio.ErrDisconnected) {
				h.T.Errorf("Call: %v", err)
			}
			h.Check(h.Emit("early"))
			h.Check(h.To(s.ID()).Emit("early"))
			if n := len(slices.Collect(h.Sockets())); n != 0 {
				h.T.Errorf("%d sockets listed", n)
			}
			return nil
		})
		c := h.Connect(mode)
		h.Check(h.Emit("end"))
		c.Expect(`42["end"]`)
	})
	testserver.Behaviour(t, "rooms joined in it stay, or are left when the client is refused", func(h *testserver.Harness, mode rawclient.Mode) {
		var refused *socketio.Socket
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			s.Join("early")
			if s.Handshake().Query().Has("refuse") {
				refused = s
				return errors.New("no")
			}
			return nil
		})
		c := h.Connect(mode)
		other := h.OpenWith(mode, rawclient.Options{Query: "refuse=1"})
		other.Send("40")
		other.Expect(`44{"message":"no"}`)
		synctest.Wait()
		if got := refused.Rooms(); len(got) != 0 {
			h.T.Errorf("the refused socket is in %q", got)
		}
		if cause := context.Cause(refused.Context()); !errors.Is(cause, socketio.ErrDisconnected) {
			h.T.Errorf("its context's cause is %v", cause)
		}
		if got := slices.Collect(testserver.IDs(h.In("early"))); !slices.Equal(got, []string{c.ID}) {
			h.T.Errorf("in the room: %q", got)
		}
	})
	testserver.Behaviour(t, "a client that leaves meanwhile ends the context and does not connect", func(h *testserver.Harness, mode rawclient.Mode) {
		started, ended := make(chan *socketio.Socket), make(chan error)
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			started <- s
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil
		})
		h.OnConnect(func(s *socketio.Socket) { h.T.Error("OnConnect") })
		c := h.Open(mode)
		c.Send("40")
		s := <-started
		s.OnDisconnect(func(socketio.Reason) { h.T.Error("OnDisconnect of a socket that was not connected") })
		s.Join("room")
		c.Close()
		if cause := <-ended; !errors.Is(cause, socketio.ErrDisconnected) {
			h.T.Errorf("cause %v", cause)
		}
		synctest.Wait()
		if got := s.Rooms(); len(got) != 0 {
			h.T.Errorf("in rooms %q", got)
		}
	})
	testserver.Behaviour(t, "added later concerns later clients", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Connect(mode)
		h.Use(func(ctx context.Context, s *socketio.Socket) error { return errors.New("full") })
		c := h.Open(mode)
		c.Send("40")
		c.Expect(`44{"message":"full"}`)
	})
}

type panickingError struct{}

func (panickingError) Error() string { panic("boom") }

type panickingUnwrap struct{}

func (panickingUnwrap) Error() string { return "secret" }
func (panickingUnwrap) Unwrap() error { panic("boom") }

// What middleware returns may be wrong in itself.
func TestMiddlewareReturnsWhatPanics(t *testing.T) {
	var none *socketio.Error
	for name, refusal := range map[string]error{
		"a typed nil":                none,
		"a typed nil, joined":        errors.Join(errors.New("one"), none),
		"a typed nil, wrapped":       fmt.Errorf("no: %w", none),
		"Error panics":               panickingError{},
		"Unwrap panics":              panickingUnwrap{},
		"Data's MarshalJSON panics":  &socketio.Error{Message: "no", Data: panicking{}},
		"it panics with what panics": nil,
	} {
		for _, legacy := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/legacy ", legacy), func(t *testing.T) {
				log := new(testserver.LogBook)
				trace := &socketio.Trace{Refused: func(_ *socketio.Namespace, err error) { _ = err.Error() }}
				testserver.Run(t, &socketio.Options{AllowEIO3: true, Logger: log.Everything(), Trace: trace}, func(h *testserver.Harness) {
					h.Of("/n").Use(func(context.Context, *socketio.Socket) error {
						if refusal == nil {
							panic(panickingError{})
						}
						return refusal
					})
					c := h.OpenWith(rawclient.WebSocket, rawclient.Options{EIO3: legacy, Pong: true})
					want := `44/n,{"message":"internal error"}`
					if legacy {
						c.Expect("40")
						want = `44/n,"internal error"`
					}
					for i := range 2 { // and it may try again
						c.Send("40/n,")
						c.Expect(want)
						synctest.Wait()
						if lines := len(log.Lines()); lines != i+1 {
							h.T.Errorf("%d lines", lines)
						}
					}
					if line := log.Lines()[0]; !strings.Contains(line, "panic") || !strings.Contains(line, "goroutine ") {
						h.T.Errorf("logged %s", line)
					}
				})
			})
		}
	}
}

func TestUseOff(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		var asked []string
		ask := func(name string) func(context.Context, *socketio.Socket) error {
			return func(context.Context, *socketio.Socket) error { asked = append(asked, name); return nil }
		}
		h.Use(ask("first"))
		off := h.Use(ask("second"))
		h.Use(ask("third"))
		off()
		off()
		h.Connect(mode)
		if got := strings.Join(asked, ", "); got != "first, third" {
			h.T.Errorf("asked %s", got)
		}
	})
}
