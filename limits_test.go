package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// loggedOnce is forEachMode for what is to be logged in one line.
func loggedOnce(t *testing.T, o socketio.Options, line []string, f func(h *harness, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			var log logBook
			o.Logger = log.logger()
			run(t, &o, func(h *harness) { f(h, mode) })
			log.expectOne(t, line[0], line[1:]...)
		})
	}
}

func TestMaxNamespaces(t *testing.T) {
	var seen tally
	o := socketio.Options{Limits: socketio.Limits{Namespaces: 3}, Trace: &socketio.Trace{Refused: seen.trace().Refused}}
	loggedOnce(t, o, []string{"Options.Limits.Namespaces", "limit=3"}, func(h *harness, mode rawclient.Mode) {
		h.OfPattern(regexp.MustCompile("^/r"))
		deciding := make(chan struct{})
		h.OfFunc(func(ctx context.Context, name string, _ *socketio.Handshake) bool {
			select {
			case <-deciding:
			case <-ctx.Done():
			}
			return strings.HasPrefix(name, "/slow")
		})
		echo(h, "echo")
		c := h.connect(mode)
		c.send("40/slow1,", "40/slow2,") // count while it is decided about them
		synctest.Wait()
		c.send("40/r1,")
		c.expect(`44/r1,{"message":"Too many namespaces"}`)
		seen.expect(h.T, `refused nothing: Too many namespaces "/r1"`)
		close(deciding)
		got := []string{c.next()[:11], c.next()[:11]}
		if slices.Sort(got); !slices.Equal(got, []string{`40/slow1,{"`, `40/slow2,{"`}) {
			h.Fatalf("got %q", got)
		}
		synctest.Wait()
		c.send("40/nowhere,")
		c.expect(`44/nowhere,{"message":"Too many namespaces"}`)

		c.send("41/slow1,")
		for i := range 10 { // as many as it likes, one after the other
			c.enter(fmt.Sprint("/r", i))
			c.send(`40/r11,`)
			c.expect(`44/r11,{"message":"Too many namespaces"}`)
			c.send(fmt.Sprintf("41/r%d,", i))
		}
		c.send(`42["echo",1]`) // the others are still there
		c.expect(`42["echo",1]`)
		c.send("40/nowhere,")
		c.expect(`44/nowhere,{"message":"Invalid namespace"}`)
		seen.told = nil
	})
}

func TestMaxRooms(t *testing.T) {
	log := new(logBook)
	o := &socketio.Options{Limits: socketio.Limits{Rooms: 2}, Logger: log.logger()}
	run(t, o, func(h *harness) {
		s := h.Socket(h.connect(rawclient.WebSocket).id)
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
		h.check(s.Join("c"))
		for range 20 {
			_ = s.Join("d")
		}
		log.expectOne(t, "may not join further rooms: Options.Limits.Rooms", "limit=2", s.ID())
	})
}

func TestMaxPendingAcks(t *testing.T) {
	forEachMode(t, &socketio.Options{Limits: socketio.Limits{PendingAcks: 2}}, func(h *harness, mode rawclient.Mode) {
		c, other := h.connect(mode), h.connect(mode)
		s := h.socket(c.id)
		replies := 0
		emit := func() error {
			return s.CallFunc(func(*socketio.Reply, error) { replies++ }, "e")
		}
		h.check(emit())
		h.check(emit())
		if err := emit(); !errors.Is(err, socketio.ErrPendingAcks) {
			h.Errorf("CallFunc: %v", err)
		}
		if _, err := socketio.Call[int](h.Context(), s, "e"); !errors.Is(err, socketio.ErrPendingAcks) {
			h.Errorf("Call: %v", err)
		}
		go func() {
			c.expect(`420["e"]`, `421["e"]`)
			id := other.match(`^42(\d+)\["all"\]$`)[1]
			other.send("43" + id + "[7]")
		}()
		answers := map[string]string{}
		for r, err := range h.Call(h.Context(), "all") {
			var n int
			_ = r.Decode(&n)
			answers[r.SocketID()] = fmt.Sprintf("%d %v", n, err)
		}
		if want := map[string]string{c.id: "0 " + socketio.ErrPendingAcks.Error(), other.id: "7 <nil>"}; !maps.Equal(answers, want) {
			h.Errorf("Broadcast.Call yields %q, want %q", answers, want)
		}
		c.send(`430[]`)
		synctest.Wait()
		h.check(emit())
		c.expect(`425["e"]`) // nothing was sent of those that failed
		if n := s.PendingAcks(); n != 2 || replies != 1 {
			h.Errorf("%d acknowledgements pending, %d replies", n, replies)
		}
	})
}

// With DropOldest a slow client loses events, but nothing that somebody waits
// for.
func TestDropOldest(t *testing.T) {
	for _, revision := range []int{4, 3} {
		t.Run(fmt.Sprint("Engine.IO ", revision), func(t *testing.T) {
			run(t, &socketio.Options{Limits: socketio.Limits{Buffered: 10_000, DropOldest: true}, AllowEIO3: true}, func(h *harness) {
				chat := h.Of("/chat")
				h.On("ask", func(ctx context.Context, e *socketio.Event) error { return e.Ack("reply") })
				replies := 0
				p := h.newPollerOf(revision)
				if revision == 4 {
					p.post("40")
				}
				p.poll()
				s := h.anySocket(h.Namespace)
				p.post(`427["ask"]`, "40/chat,", "40/nowhere,")
				h.check(s.CallFunc(func(*socketio.Reply, error) { replies++ }, "question"))
				h.anySocket(chat).Disconnect(false)
				const events = 100
				for n := range events {
					h.check(h.Emit("n", n, strings.Repeat("x", 1000)))
				}
				h.check(context.Cause(s.Context()))
				answer := p.poll()
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
				p.post("430[]")
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
		loggedOnce(t, o, []string{option}, func(h *harness, mode rawclient.Mode) {
			c := h.connect(mode)
			_, err := rawclient.Open(h.Context(), h.dial, mode, rawclient.Options{Path: "/socket.io/"})
			var status *rawclient.StatusError
			if !errors.As(err, &status) || status.Status != 503 && status.Status != 429 {
				h.Errorf("the second client: %v", err)
			}
			c.Close()
			synctest.Wait()
			h.connect(mode)
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
			var log logBook
			o := &socketio.Options{ConnectTimeout: 50 * time.Second, Logger: log.logger()}
			run(t, o, func(h *harness) {
				for range 2 {
					c := h.connect(rawclient.WebSocket) // which answers PINGs
					s := h.socket(c.id)
					c.send(begin...)
					wait(49 * time.Second)
					h.check(context.Cause(s.Context()))
					wait(time.Second + time.Millisecond)
					if err := context.Cause(s.Context()); err == nil || !strings.Contains(err.Error(), string(socketio.ReasonForcedClose)) {
						h.Errorf("after 50 s: %v", err)
					}
				}
				log.expectOne(t, "Options.ConnectTimeout")
			})
		})
	}
	behaviour(t, "that come late", func(h *harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error { return e.Socket().Emit("len", e.Len()) })
		c := h.connect(mode)
		c.send(`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
		for range 2 {
			wait(44 * time.Second)
			c.send("bAQ==")
		}
		c.expect(`42["len",2]`)
		wait(time.Minute)
		c.send(`42["e"]`)
		c.expect(`42["len",0]`)
	})
}

func TestEventRate(t *testing.T) {
	rate := socketio.EventRate{PerSecond: 2, Burst: 3}
	// what of ten events that come at once is handled, and when
	handled := func(h *harness, mode rawclient.Mode) (c *client, times func() []string) {
		start := time.Now()
		var at []string
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			var n int
			h.check(e.Decode(&n))
			at = append(at, fmt.Sprintf("%d: %v", n, time.Since(start)))
			return nil
		})
		c = h.connect(mode)
		start = time.Now()
		return c, func() []string { synctest.Wait(); return at }
	}
	var ten []string
	for n := range 10 {
		ten = append(ten, fmt.Sprintf(`42["e",%d]`, n))
	}
	t.Run("wait", func(t *testing.T) {
		forEachMode(t, &socketio.Options{Limits: socketio.Limits{EventRate: rate}}, func(h *harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			go c.Send(ten...)
			wait(time.Minute)
			want := []string{"0: 0s", "1: 0s", "2: 0s", "3: 500ms", "4: 1s", "5: 1.5s", "6: 2s", "7: 2.5s", "8: 3s", "9: 3.5s"}
			if got := times(); !slices.Equal(got, want) {
				h.Errorf("handled %q, want %q", got, want)
			}
		})
	})
	t.Run("wait ends with the connection", func(t *testing.T) {
		forEachMode(t, &socketio.Options{Limits: socketio.Limits{EventRate: socketio.EventRate{PerSecond: 1e-12}}}, func(h *harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			go c.Send(ten...)
			synctest.Wait()
			wait(10 * time.Minute) // it is the server that does not read PONGs
			s := h.socket(c.id)
			s.Disconnect(true)
			wait(time.Minute)
			if got := times(); !slices.Equal(got, []string{"0: 0s"}) {
				h.Errorf("handled %q", got)
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
		loggedOnce(t, socketio.Options{Limits: socketio.Limits{EventRate: rate}, Trace: trace}, []string{"Options.Limits.EventRate", "dropped"}, func(h *harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			c.send(ten...)
			wait(time.Second)
			c.send(ten...)
			want := []string{"0: 0s", "1: 0s", "2: 0s", "0: 1s", "1: 1s"}
			if got := times(); !slices.Equal(got, want) || dropped != 15 {
				h.Errorf("handled %q and told of %d dropped, want %q", got, dropped, want)
			}
			dropped = 0
		})
	})
	t.Run("disconnect", func(t *testing.T) {
		rate.Over = socketio.RateDisconnect
		loggedOnce(t, socketio.Options{Limits: socketio.Limits{EventRate: rate}}, []string{"Options.Limits.EventRate", "disconnected"}, func(h *harness, mode rawclient.Mode) {
			c, times := handled(h, mode)
			reason := make(chan socketio.Reason, 1)
			h.socket(c.id).OnDisconnect(func(r socketio.Reason) { reason <- r })
			_ = c.Send(ten...)
			if got := <-reason; got != socketio.ReasonForcedClose {
				h.Errorf("disconnected with %q", got)
			}
			if got := times(); !slices.Equal(got, []string{"0: 0s", "1: 0s", "2: 0s"}) {
				h.Errorf("handled %q", got)
			}
		})
	})
}
