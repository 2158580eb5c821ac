package socketio_test

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
)

func TestDisconnectReasons(t *testing.T) {
	for reason, leave := range map[socketio.Reason]func(h *harness, c *client, s *socketio.Socket){
		socketio.ReasonClientDisconnect: func(h *harness, c *client, s *socketio.Socket) { c.send("41") },
		socketio.ReasonServerDisconnect: func(h *harness, c *client, s *socketio.Socket) { s.Disconnect(false) },
		socketio.ReasonTransportClose:   func(h *harness, c *client, s *socketio.Socket) { c.Close() },
		socketio.ReasonForcedClose:      func(h *harness, c *client, s *socketio.Socket) { _ = c.Send("49") },
		socketio.ReasonParseError:       func(h *harness, c *client, s *socketio.Socket) { _ = c.Send("9") },
		socketio.ReasonPingTimeout: func(h *harness, c *client, s *socketio.Socket) {
			start := time.Now()
			<-s.Context().Done()
			if after := time.Since(start); after < 44*time.Second || after > 45*time.Second {
				h.Errorf("noticed after %v, want 45 s at most", after)
			}
		},
		socketio.ReasonServerShutdown: func(h *harness, c *client, s *socketio.Socket) { h.Close() },
	} {
		behaviour(t, string(reason), func(h *harness, mode rawclient.Mode) {
			var saw []string
			h.OnConnect(func(s *socketio.Socket) {
				s.Join("room")
				note := func(what string) func(socketio.Reason) {
					return func(r socketio.Reason) {
						if s.Context().Err() == nil {
							h.Error("the context goes on")
						}
						if err := s.Emit("e"); !errors.Is(err, socketio.ErrDisconnected) {
							h.Errorf("Emit: %v", err)
						}
						saw = append(saw, what+": "+string(r)+", "+strings.Join(s.Rooms(), ", "))
					}
				}
				s.OnDisconnect(note("disconnect"))
				s.OnDisconnecting(note("disconnecting"))
				s.OnDisconnect(note("to be removed"))()
			})
			c := h.openWith(mode, rawclient.Options{}) // which answers no PING
			c.send("40")
			id := c.connected("")
			s := h.socket(id)
			leave(h, c, s)
			synctest.Wait()
			want := []string{"disconnecting: " + string(reason) + ", " + id + ", room", "disconnect: " + string(reason) + ", "}
			if !slices.Equal(saw, want) {
				h.Errorf("saw %q, want %q", saw, want)
			}
			if n := len(slices.Collect(h.In("room").Sockets())) + len(slices.Collect(h.Sockets())); n != 0 {
				h.Errorf("%d sockets left", n)
			}
		})
	}
}

func TestSlowClient(t *testing.T) {
	var log logBook
	run(t, &socketio.Options{Limits: socketio.Limits{Buffered: 10_000}, Logger: log.logger()}, func(h *harness) {
		for range 2 {
			p := h.newPoller()
			p.post("40")
			s := slices.Collect(h.Sockets())[0]
			reason := make(chan socketio.Reason, 1)
			s.OnDisconnect(func(r socketio.Reason) { reason <- r })
			sent := 0
			for err := error(nil); err == nil && sent < 20; sent++ {
				h.check(h.Emit("big", strings.Repeat("x", 1000)))
				err = context.Cause(s.Context())
			}
			if got := <-reason; got != socketio.ReasonSlowClient || sent != 10 {
				t.Errorf("disconnected after %d events with %q", sent, got)
			}
		}
		log.expectOne(t, "slow client", "Options.Limits.Buffered")
	})
}

func TestDisconnect(t *testing.T) {
	behaviour(t, "of one socket leaves the other namespaces", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		chat := h.Of("/chat")
		socketio.OnCall(chat, "e", func(ctx context.Context, s *socketio.Socket, n int) (int, error) { return n, nil })
		c.enter("/chat")
		h.socket(c.id).Disconnect(false)
		h.anySocket(chat).Disconnect(false)
		c.expect("41", "41/chat,")
		c.send("40/chat,")
		c.connected("/chat")
		c.send(`42/chat,1["e",5]`)
		c.expect(`43/chat,1[5]`)
	})
	behaviour(t, "with the connection disconnects all namespaces", func(h *harness, mode rawclient.Mode) {
		h.Of("/chat")
		reasons := make(chan socketio.Reason, 2)
		for _, n := range []*socketio.Namespace{h.Namespace, h.Of("/chat")} {
			n.OnConnect(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { reasons <- r }) })
		}
		c := h.connect(mode)
		c.enter("/chat")
		s := h.socket(c.id)
		h.check(s.Emit("goodbye")) // what was emitted before still arrives
		s.Disconnect(true)
		s.Disconnect(true)
		s.Disconnect(false)
		c.expect(`42["goodbye"]`, "41", "41/chat,")
		c.expectClosed()
		for range 2 {
			if r := <-reasons; r != socketio.ReasonServerDisconnect {
				h.Errorf("reason %q", r)
			}
		}
	})
	behaviour(t, "in OnConnect", func(h *harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) {
			s.Emit("sorry")
			s.Disconnect(true)
		})
		c := h.open(mode)
		c.send("40")
		c.match(`^40\{"sid"`)
		c.expect(`42["sorry"]`, "41")
		c.expectClosed()
	})
	behaviour(t, "in a handler, after its ack", func(h *harness, mode rawclient.Mode) {
		h.On("bye", func(ctx context.Context, e *socketio.Event) error {
			defer e.Socket().Disconnect(true)
			return e.Ack("bye")
		})
		c := h.connect(mode)
		c.send(`421["bye"]`)
		c.expect(`431["bye"]`, "41")
		c.expectClosed()
	})
}

// anySocket returns some socket of a namespace.
func (h *harness) anySocket(n *socketio.Namespace) *socketio.Socket {
	h.Helper()
	for s := range n.Sockets() {
		return s
	}
	h.Fatalf("no socket in %s", n.Name())
	return nil
}

func TestConnectTimeout(t *testing.T) {
	behaviour(t, "without a namespace the connection is closed after 45 s", func(h *harness, mode rawclient.Mode) {
		c := h.open(mode)
		start := time.Now()
		for {
			_, err := c.Next()
			if time.Since(start) > time.Minute {
				h.Fatal("still open")
			}
			if err != nil && time.Since(start)%(10*time.Second) != 0 {
				break // not that there was no packet for ten seconds
			}
		}
		if after := time.Since(start); after != 45*time.Second {
			h.Errorf("closed after %v", after)
		}
	})
	behaviour(t, "with one it stays", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		wait(5 * time.Minute)
		h.check(h.Emit("still there"))
		c.expect(`42["still there"]`)
	})
}

// Who asks in OnDisconnecting whether it is the last one counts itself.
func TestLastOneOfARoom(t *testing.T) {
	leave := map[string]func(h *harness, c *client, s *socketio.Socket){
		"the client drops":          func(_ *harness, c *client, _ *socketio.Socket) { c.Drop() },
		"the client leaves":         func(_ *harness, c *client, _ *socketio.Socket) { c.send("41") },
		"Disconnect":                func(_ *harness, _ *client, s *socketio.Socket) { s.Disconnect(false) },
		"Disconnect of all":         func(_ *harness, _ *client, s *socketio.Socket) { s.Disconnect(true) },
		"DisconnectSockets of room": func(h *harness, _ *client, s *socketio.Socket) { h.In("room").DisconnectSockets(false) },
		"ExpireAt":                  func(_ *harness, _ *client, s *socketio.Socket) { s.ExpireAt(time.Now()) },
	}
	for name, leave := range leave {
		behaviour(t, name, func(h *harness, mode rawclient.Mode) {
			var counts []string
			count := func(when string) {
				all, err := h.In("room").FetchSockets(context.Background())
				h.check(err)
				counts = append(counts, fmt.Sprint(when, " ", len(slices.Collect(h.In("room").Sockets())), len(all), len(slices.Collect(h.Sockets()))))
			}
			c := h.connect(mode)
			s := h.socket(c.id)
			s.Join("room")
			heard := 0
			s.OnAnyOutgoing(func(string, []any) { heard++ })
			s.OnDisconnecting(func(socketio.Reason) {
				count("disconnecting")
				h.check(h.In("room").Emit("e"))
				h.In("room").DisconnectSockets(true) // it is gone: nothing happens
				if err := s.Emit("e"); !errors.Is(err, socketio.ErrDisconnected) {
					h.Errorf("Emit: %v", err)
				}
			})
			s.OnDisconnect(func(socketio.Reason) { count("disconnected") })
			count("connected")
			leave(h, c, s)
			synctest.Wait()
			if want := []string{"connected 1 1 1", "disconnecting 1 1 1", "disconnected 0 0 0"}; !slices.Equal(counts, want) || heard != 0 {
				h.Errorf("%q, want %q; %d events", counts, want, heard)
			}
		})
	}
	t.Run("one that was refused is not among them", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			h.Use(func(_ context.Context, s *socketio.Socket) error { s.Join("room"); return errors.New("no") })
			h.OnRoomEvent(func(e socketio.RoomEvent) {
				if n := len(slices.Collect(h.In("room").Sockets())); n != 0 {
					t.Errorf("%d sockets at %s", n, e.Kind)
				}
			})
			c := h.open(rawclient.WebSocket)
			c.send("40")
			c.expect(`44{"message":"no"}`)
			synctest.Wait()
		})
	})
}
