package systemtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestDisconnectReasons(t *testing.T) {
	for reason, leave := range map[socketio.Reason]func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket){
		socketio.ReasonClientDisconnect: func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) { c.Send("41") },
		socketio.ReasonServerDisconnect: func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) { s.Disconnect(false) },
		socketio.ReasonTransportClose:   func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) { c.Close() },
		socketio.ReasonForcedClose:      func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) { _ = c.Client.Send("49") },
		socketio.ReasonParseError:       func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) { _ = c.Client.Send("9") },
		socketio.ReasonPingTimeout: func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) {
			start := time.Now()
			<-s.Context().Done()
			if after := time.Since(start); after < 44*time.Second || after > 45*time.Second {
				h.T.Errorf("noticed after %v, want 45 s at most", after)
			}
		},
		socketio.ReasonServerShutdown: func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket) { h.Close() },
	} {
		testserver.Behaviour(t, string(reason), func(h *testserver.Harness, mode rawclient.Mode) {
			var saw []string
			h.OnConnect(func(s *socketio.Socket) {
				s.Join("room")
				note := func(what string) func(socketio.Reason) {
					return func(r socketio.Reason) {
						if s.Context().Err() == nil {
							h.T.Error("the context goes on")
						}
						if err := s.Emit("e"); !errors.Is(err, socketio.ErrDisconnected) {
							h.T.Errorf("Emit: %v", err)
						}
						saw = append(saw, what+": "+string(r)+", "+strings.Join(s.Rooms(), ", "))
					}
				}
				s.OnDisconnect(note("disconnect"))
				s.OnDisconnecting(note("disconnecting"))
				s.OnDisconnect(note("to be removed"))()
			})
			c := h.OpenWith(mode, rawclient.Options{}) // which answers no PING
			c.Send("40")
			id := c.Connected("")
			s := h.MustSocket(id)
			leave(h, c, s)
			synctest.Wait()
			want := []string{"disconnecting: " + string(reason) + ", " + id + ", room", "disconnect: " + string(reason) + ", "}
			if !slices.Equal(saw, want) {
				h.T.Errorf("saw %q, want %q", saw, want)
			}
			if n := len(slices.Collect(h.In("room").Sockets())) + len(slices.Collect(h.Sockets())); n != 0 {
				h.T.Errorf("%d sockets left", n)
			}
		})
	}
}

func TestSlowClient(t *testing.T) {
	var log testserver.LogBook
	testserver.Run(t, &socketio.Options{Limits: socketio.Limits{Buffered: 10_000}, Logger: log.Logger()}, func(h *testserver.Harness) {
		for range 2 {
			p := h.NewPoller()
			p.Post("40")
			s := slices.Collect(h.Sockets())[0]
			reason := make(chan socketio.Reason, 1)
			s.OnDisconnect(func(r socketio.Reason) { reason <- r })
			sent := 0
			for err := error(nil); err == nil && sent < 20; sent++ {
				h.Check(h.Emit("big", strings.Repeat("x", 1000)))
				err = context.Cause(s.Context())
			}
			if got := <-reason; got != socketio.ReasonSlowClient || sent != 10 {
				t.Errorf("disconnected after %d events with %q", sent, got)
			}
		}
		log.ExpectOne(t, "slow client", "Options.Limits.Buffered")
	})
}

// A message may be the one that a client was too slow for: then the session has ended, and the socket has not yet.
func TestTheMessageThatEndsASession(t *testing.T) {
	big := strings.Repeat("x", 1000)
	for name, send := range map[string]func(s *socketio.Socket, e *socketio.Event) error{
		"Emit": func(s *socketio.Socket, _ *socketio.Event) error { return s.Emit("big", big) },
		"Ack":  func(_ *socketio.Socket, e *socketio.Event) error { return e.Ack(big) },
		"Call": func(s *socketio.Socket, _ *socketio.Event) error {
			_, err := s.Call(s.Context(), "big", big)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log testserver.LogBook
			testserver.Run(t, &socketio.Options{Limits: socketio.Limits{Buffered: 10_000}, Logger: log.Logger()}, func(h *testserver.Harness) {
				result := make(chan error, 1)
				h.On("full", func(_ context.Context, e *socketio.Event) error {
					s := e.Socket()
					for range 9 {
						h.Check(s.Emit("big", big))
					}
					err := send(s, e)
					result <- err
					return err
				})
				p := h.NewPoller()
				p.Post("40")
				p.Post(`421["full"]`)
				if err := <-result; !errors.Is(err, socketio.ErrDisconnected) {
					t.Errorf("got %v", err)
				}
				synctest.Wait()
				if lines := log.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "slow client") {
					t.Errorf("logged %q", lines)
				}
			})
		})
	}
}

func TestDisconnect(t *testing.T) {
	testserver.Behaviour(t, "of one socket leaves the other namespaces", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		chat := h.Of("/chat")
		socketio.OnCall(chat, "e", func(ctx context.Context, s *socketio.Socket, n int) (int, error) { return n, nil })
		c.Enter("/chat")
		h.MustSocket(c.ID).Disconnect(false)
		h.AnySocket(chat).Disconnect(false)
		c.Expect("41", "41/chat,")
		c.Send("40/chat,")
		c.Connected("/chat")
		c.Send(`42/chat,1["e",5]`)
		c.Expect(`43/chat,1[5]`)
	})
	testserver.Behaviour(t, "with the connection disconnects all namespaces", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat")
		reasons := make(chan socketio.Reason, 2)
		for _, n := range []*socketio.Namespace{h.Of("/"), h.Of("/chat")} {
			n.OnConnect(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { reasons <- r }) })
		}
		c := h.Connect(mode)
		c.Enter("/chat")
		s := h.MustSocket(c.ID)
		h.Check(s.Emit("goodbye")) // what was emitted before still arrives
		s.Disconnect(true)
		s.Disconnect(true)
		s.Disconnect(false)
		c.Expect(`42["goodbye"]`, "41", "41/chat,")
		c.ExpectClosed()
		for range 2 {
			if r := <-reasons; r != socketio.ReasonServerDisconnect {
				h.T.Errorf("reason %q", r)
			}
		}
	})
	testserver.Behaviour(t, "in OnConnect", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) {
			s.Emit("sorry")
			s.Disconnect(true)
		})
		c := h.Open(mode)
		c.Send("40")
		c.Match(`^40\{"sid"`)
		c.Expect(`42["sorry"]`, "41")
		c.ExpectClosed()
	})
	testserver.Behaviour(t, "in a handler, after its ack", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("bye", func(ctx context.Context, e *socketio.Event) error {
			defer e.Socket().Disconnect(true)
			return e.Ack("bye")
		})
		c := h.Connect(mode)
		c.Send(`421["bye"]`)
		c.Expect(`431["bye"]`, "41")
		c.ExpectClosed()
	})
}

func TestConnectTimeout(t *testing.T) {
	testserver.Behaviour(t, "without a namespace the connection is closed after 45 s", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Open(mode)
		start := time.Now()
		for err := error(nil); err == nil; {
			_, err = c.Client.Next()
		}
		if after := time.Since(start); after != 45*time.Second {
			h.T.Errorf("closed after %v", after)
		}
	})
	testserver.Behaviour(t, "with one it stays", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		testserver.Wait(5 * time.Minute)
		h.Check(h.Emit("still there"))
		c.Expect(`42["still there"]`)
	})
}

// Who asks in OnDisconnecting whether it is the last one counts itself.
func TestLastOneOfARoom(t *testing.T) {
	leave := map[string]func(h *testserver.Harness, c *testserver.Client, s *socketio.Socket){
		"the client drops":  func(_ *testserver.Harness, c *testserver.Client, _ *socketio.Socket) { c.Drop() },
		"the client leaves": func(_ *testserver.Harness, c *testserver.Client, _ *socketio.Socket) { c.Send("41") },
		"Disconnect":        func(_ *testserver.Harness, _ *testserver.Client, s *socketio.Socket) { s.Disconnect(false) },
		"Disconnect of all": func(_ *testserver.Harness, _ *testserver.Client, s *socketio.Socket) { s.Disconnect(true) },
		"DisconnectSockets of room": func(h *testserver.Harness, _ *testserver.Client, s *socketio.Socket) {
			h.In("room").DisconnectSockets(false)
		},
		"ExpireAt": func(_ *testserver.Harness, _ *testserver.Client, s *socketio.Socket) { s.ExpireAt(time.Now()) },
	}
	for name, leave := range leave {
		testserver.Behaviour(t, name, func(h *testserver.Harness, mode rawclient.Mode) {
			var counts []string
			count := func(when string) {
				all, err := h.In("room").FetchSockets(context.Background())
				h.Check(err)
				counts = append(counts, fmt.Sprint(when, " ", len(slices.Collect(h.In("room").Sockets())), len(all), len(slices.Collect(h.Sockets()))))
			}
			c := h.Connect(mode)
			s := h.MustSocket(c.ID)
			s.Join("room")
			heard := 0
			s.OnAnyOutgoing(func(string, []any) { heard++ })
			s.OnDisconnecting(func(socketio.Reason) {
				count("disconnecting")
				h.Check(h.In("room").Emit("e"))
				h.In("room").DisconnectSockets(true) // it is gone: nothing happens
				if err := s.Emit("e"); !errors.Is(err, socketio.ErrDisconnected) {
					h.T.Errorf("Emit: %v", err)
				}
			})
			s.OnDisconnect(func(socketio.Reason) { count("disconnected") })
			count("connected")
			leave(h, c, s)
			synctest.Wait()
			if want := []string{"connected 1 1 1", "disconnecting 1 1 1", "disconnected 0 0 0"}; !slices.Equal(counts, want) || heard != 0 {
				h.T.Errorf("%q, want %q; %d events", counts, want, heard)
			}
		})
	}
	t.Run("one that was refused is not among them", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			h.Use(func(_ context.Context, s *socketio.Socket) error { s.Join("room"); return errors.New("no") })
			h.OnRoomEvent(func(e socketio.RoomEvent) {
				if n := len(slices.Collect(h.In("room").Sockets())); n != 0 {
					t.Errorf("%d sockets at %s", n, e.Kind)
				}
			})
			c := h.Open(rawclient.WebSocket)
			c.Send("40")
			c.Expect(`44{"message":"no"}`)
			synctest.Wait()
		})
	})
}
