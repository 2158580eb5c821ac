package systemtest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestMaxRooms(t *testing.T) {
	log := new(testserver.LogBook)
	o := &socketio.Options{Limits: socketio.Limits{Rooms: 2}, Logger: log.Logger()}
	testserver.Run(t, o, func(h *testserver.Harness) {
		s := h.Socket(h.Connect(rawclient.WebSocket).ID)
		for _, join := range []struct {
			rooms   []string
			refused bool
			want    []string
		}{
			{[]string{"a"}, false, []string{"a"}},
			{[]string{"b", "c"}, true, []string{"a"}}, // none of them
			{[]string{"b", "b", "a", s.ID()}, false, []string{"a", "b"}},
			{[]string{"c"}, true, []string{"a", "b"}},
			{[]string{"a", "b"}, false, []string{"a", "b"}},
			{nil, false, []string{"a", "b"}},
		} {
			err := s.Join(join.rooms...)
			if refused := errors.Is(err, socketio.ErrTooManyRooms); refused != join.refused || !refused && err != nil {
				t.Errorf("Join(%q): %v", join.rooms, err)
			}
			if got := s.Rooms()[1:]; !slices.Equal(got, join.want) {
				t.Errorf("after Join(%q) in %q, want %q", join.rooms, got, join.want)
			}
		}
		h.In("a").SocketsJoin("c")
		if n := h.In("c").Count(); n != 0 {
			t.Errorf("SocketsJoin: %d in a room too many", n)
		}
		s.Leave("a")
		h.Check(s.Join("c"))
		for range 20 {
			_ = s.Join("d")
		}
		log.ExpectOne(t, "may not join further rooms: Options.Limits.Rooms", "limit=2", s.ID())
	})
}

// With DropOldest a slow client loses events, but nothing that somebody waits
// for.
func TestDropOldest(t *testing.T) {
	for _, revision := range []int{4, 3} {
		t.Run(fmt.Sprint("Engine.IO ", revision), func(t *testing.T) {
			testserver.Run(t, &socketio.Options{Limits: socketio.Limits{Buffered: 10_000, DropOldest: true}, AllowEIO3: true}, func(h *testserver.Harness) {
				chat := h.Of("/chat")
				h.On("ask", func(ctx context.Context, e *socketio.Event) error { return e.Ack("reply") })
				replies := 0
				p := h.NewPollerOf(revision)
				if revision == 4 {
					p.Post("40")
				}
				p.Poll()
				s := h.AnySocket(h.Of("/"))
				p.Post(`427["ask"]`, "40/chat,", "40/nowhere,")
				h.Check(s.CallFunc(func(*socketio.Reply, error) { replies++ }, "question"))
				h.AnySocket(chat).Disconnect(false)
				const events = 100
				for n := range events {
					h.Check(h.Emit("n", n, strings.Repeat("x", 1000)))
				}
				h.Check(context.Cause(s.Context()))
				answer := p.Poll()
				for _, kept := range []string{`437["reply"]`, "40/chat", "44/nowhere", `420["question"]`, "41/chat"} {
					if !strings.Contains(answer, kept) {
						t.Errorf("no %s in %.300q", kept, answer)
					}
				}
				got := regexp.MustCompile(`42\["n",(\d+)`).FindAllStringSubmatch(answer, -1)
				if len(got) < 8 || len(got) == events {
					t.Errorf("%d of %d events", len(got), events)
				}
				for i, event := range got { // the newest, in their order
					if want := fmt.Sprint(events - len(got) + i); event[1] != want {
						t.Fatalf("event %s, want %s", event[1], want)
					}
				}
				p.Post("430[]")
				if replies != 1 {
					t.Errorf("%d replies", replies)
				}
			})
		})
	}
}

// The limits that the engine keeps are the server's.
func TestMaxConnections(t *testing.T) {
	for option, o := range map[string]socketio.Options{
		"Options.Limits.Connections refused":           {Limits: socketio.Limits{Connections: 1}},
		"Options.Limits.ConnectionsPerAddress refused": {Limits: socketio.Limits{ConnectionsPerAddress: 1}},
	} {
		testserver.LoggedOnce(t, o, []string{option}, func(h *testserver.Harness, mode rawclient.Mode) {
			c := h.Connect(mode)
			_, err := rawclient.Open(h.T.Context(), h.Dial, mode, rawclient.Options{Path: "/socket.io/"})
			var status *rawclient.StatusError
			if !errors.As(err, &status) || status.Status != 503 && status.Status != 429 {
				h.T.Errorf("the second client: %v", err)
			}
			c.Close()
			synctest.Wait()
			h.Connect(mode)
		})
	}
}

// An event whose attachments do not come is given up, however much else comes.
func TestMissingAttachments(t *testing.T) {
	for name, begin := range map[string][]string{
		"none comes": {`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`},
		"one comes":  {`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "bAQ=="},
	} {
		t.Run(name, func(t *testing.T) {
			var log testserver.LogBook
			o := &socketio.Options{ConnectTimeout: 50 * time.Second, Logger: log.Logger()}
			testserver.Run(t, o, func(h *testserver.Harness) {
				for range 2 {
					c := h.Connect(rawclient.WebSocket) // which answers PINGs
					s := h.MustSocket(c.ID)
					c.Send(begin...)
					testserver.Wait(49 * time.Second)
					h.Check(context.Cause(s.Context()))
					testserver.Wait(time.Second + time.Millisecond)
					if err := context.Cause(s.Context()); err == nil || !strings.Contains(err.Error(), string(socketio.ReasonForcedClose)) {
						h.T.Errorf("after 50 s: %v", err)
					}
				}
				log.ExpectOne(t, "Options.ConnectTimeout")
			})
		})
	}
	testserver.Behaviour(t, "that come late", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error { return e.Socket().Emit("len", e.Len()) })
		c := h.Connect(mode)
		c.Send(`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
		for range 2 {
			testserver.Wait(44 * time.Second)
			c.Send("bAQ==")
		}
		c.Expect(`42["len",2]`)
		testserver.Wait(time.Minute)
		c.Send(`42["e"]`)
		c.Expect(`42["len",0]`)
	})
}

func TestEventRate(t *testing.T) {
	rate := socketio.EventRate{PerSecond: 2, Burst: 3}
	// what of ten events that come at once is handled, and when
	handled := func(h *testserver.Harness, mode rawclient.Mode) (c *testserver.Client, times func() []string) {
		start := time.Now()
		var at []string
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			var n int
			h.Check(e.Decode(&n))
			at = append(at, fmt.Sprintf("%d: %v", n, time.Since(start)))
			return nil
		})
		c = h.Connect(mode)
		start = time.Now()
		return c, func() []string { synctest.Wait(); return at }
	}
	var ten []string
	for n := range 10 {
		ten = append(ten, fmt.Sprintf(`42["e",%d]`, n))
	}
	t.Run("wait", func(t *testing.T) {
		testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{EventRate: rate}}, func(h *testserver.Harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			go c.Client.Send(ten...)
			testserver.Wait(time.Minute)
			want := []string{"0: 0s", "1: 0s", "2: 0s", "3: 500ms", "4: 1s", "5: 1.5s", "6: 2s", "7: 2.5s", "8: 3s", "9: 3.5s"}
			if got := times(); !slices.Equal(got, want) {
				h.T.Errorf("handled %q, want %q", got, want)
			}
		})
	})
	t.Run("wait ends with the connection", func(t *testing.T) {
		testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{EventRate: socketio.EventRate{PerSecond: 1e-12}}}, func(h *testserver.Harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			go c.Client.Send(ten...)
			synctest.Wait()
			testserver.Wait(10 * time.Minute) // it is the server that does not read PONGs
			s := h.MustSocket(c.ID)
			s.Disconnect(true)
			testserver.Wait(time.Minute)
			if got := times(); !slices.Equal(got, []string{"0: 0s"}) {
				h.T.Errorf("handled %q", got)
			}
		})
	})
	t.Run("drop", func(t *testing.T) {
		rate.Over = socketio.RateDrop
		dropped := 0
		trace := &socketio.Trace{OverRate: func(_ *socketio.Socket, event string) {
			if event == "e" {
				dropped++
			}
		}}
		testserver.LoggedOnce(t, socketio.Options{Limits: socketio.Limits{EventRate: rate}, Trace: trace}, []string{"Options.Limits.EventRate", "dropped"}, func(h *testserver.Harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			c.Send(ten...)
			testserver.Wait(time.Second)
			c.Send(ten...)
			want := []string{"0: 0s", "1: 0s", "2: 0s", "0: 1s", "1: 1s"}
			if got := times(); !slices.Equal(got, want) || dropped != 15 {
				h.T.Errorf("handled %q and told of %d dropped, want %q", got, dropped, want)
			}
			dropped = 0
		})
	})
	t.Run("disconnect", func(t *testing.T) {
		rate.Over = socketio.RateDisconnect
		testserver.LoggedOnce(t, socketio.Options{Limits: socketio.Limits{EventRate: rate}}, []string{"Options.Limits.EventRate", "disconnected"}, func(h *testserver.Harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			reason := make(chan socketio.Reason, 1)
			h.MustSocket(c.ID).OnDisconnect(func(r socketio.Reason) { reason <- r })
			_ = c.Client.Send(ten...)
			if got := <-reason; got != socketio.ReasonForcedClose {
				h.T.Errorf("disconnected with %q", got)
			}
			if got := times(); !slices.Equal(got, []string{"0: 0s", "1: 0s", "2: 0s"}) {
				h.T.Errorf("handled %q", got)
			}
		})
	})
}
