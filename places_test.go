package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A client that leaves while its handlers are at work cannot have more of them
// at work than it may have namespaces.
func TestHandlersAtWorkCountAsNamespaces(t *testing.T) {
	forEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, func(h *harness, mode rawclient.Mode) {
		h.Of("/other")
		release := make(chan struct{})
		working, most, done := 0, 0, 0
		h.On("work", func(context.Context, *socketio.Event) error {
			working++
			most = max(most, working)
			<-release
			working--
			done++
			return nil
		})
		h.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(socketio.Reason) {
				if working > 0 {
					h.Error("OnDisconnect before the handler has returned")
				}
			})
		})
		c := h.connect(mode)
		c.send(`42["work"]`)
		synctest.Wait()
		c.send("41")
		synctest.Wait()
		c.send("40") // waits for the handler
		synctest.Wait()
		for range 3 {
			c.send("40") // in its place
			c.send("40/other,")
			c.expect(`44/other,{"message":"Too many namespaces"}`)
		}
		if most != 1 || len(c.Packets()) > 0 {
			h.Errorf("%d handlers at work, packets %d", most, len(c.Packets()))
		}
		release <- struct{}{}
		c.connected("")
		c.send(`42["work"]`)
		close(release)
		synctest.Wait()
		if most != 1 || done != 2 {
			h.Errorf("%d handlers at work at once, %d done", most, done)
		}
	})
	forEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, func(h *harness, mode rawclient.Mode) {
		release := make(chan struct{})
		h.On("leave", func(context.Context, *socketio.Event) error { <-release; return nil })
		echo(h, "echo")
		c := h.connect(mode)
		c.send(`42["leave"]`, "41", "40") // a page that is mounted twice
		wait(time.Minute)
		close(release)
		c.connected("")
		c.send(`42["echo",1]`)
		c.expect(`42["echo",1]`)
	})
	t.Run("the end of the connection ends the wait", func(t *testing.T) {
		forEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, func(h *harness, mode rawclient.Mode) {
			release := make(chan struct{})
			asked := 0
			h.Use(func(context.Context, *socketio.Socket) error { asked++; return nil })
			h.On("work", func(context.Context, *socketio.Event) error { <-release; return nil })
			c := h.connect(mode)
			c.send(`42["work"]`, "41", "40")
			synctest.Wait()
			c.Drop()
			synctest.Wait()
			close(release)
			synctest.Wait()
			if asked != 1 {
				h.Errorf("middleware has been asked %d times", asked)
			}
		})
	})
}

// tries sends CONNECTs, and returns how many of them middleware was asked about.
func (c *client) tries(n int, asked *int) int {
	before := *asked
	for range n {
		_ = c.Send(`40{"password":"guess"}`)
		synctest.Wait()
		for len(c.Packets()) > 0 {
			<-c.Packets()
		}
	}
	return *asked - before
}

// A client cannot try passwords as fast as it can send.
func TestConnectRate(t *testing.T) {
	rated := func(name string, rate socketio.EventRate, f func(h *harness, c *client, asked *int)) {
		t.Run(name, func(t *testing.T) {
			forEachMode(t, &socketio.Options{Limits: socketio.Limits{EventRate: rate}}, func(h *harness, mode rawclient.Mode) {
				asked := 0
				h.Use(func(context.Context, *socketio.Socket) error { asked++; return errors.New("wrong password") })
				f(h, h.open(mode), &asked)
			})
		})
	}
	rated("by default", socketio.EventRate{}, func(h *harness, c *client, asked *int) {
		if n := c.tries(1000, asked); n != 201 {
			h.Errorf("%d tries at once, want 201", n)
		}
		c.send("40")
		c.expect(`44{"message":"Too many connects"}`)
		for range 3 {
			wait(time.Second)
			if n := c.tries(100, asked); n < 9 || n > 11 {
				h.Errorf("%d tries a second, want 10", n)
			}
		}
	})
	rated("drop", socketio.EventRate{PerSecond: 1, Burst: 5, Over: socketio.RateDrop}, func(h *harness, c *client, asked *int) {
		if n := c.tries(100, asked); n != 6 {
			h.Errorf("%d tries at once, want 6", n)
		}
		c.send("40")
		c.expect(`44{"message":"Too many connects"}`)
	})
	rated("disconnect", socketio.EventRate{PerSecond: 1, Burst: 5, Over: socketio.RateDisconnect}, func(h *harness, c *client, asked *int) {
		if n := c.tries(100, asked); n != 6 || h.ClientsCount() != 0 {
			h.Errorf("%d tries at once, want 6, and %d clients", n, h.ClientsCount())
		}
	})
	rated("wait", socketio.EventRate{PerSecond: 1, Burst: 5}, func(h *harness, c *client, _ *int) {
		var asked atomic.Int32
		var packets []string
		for n := range 50 {
			h.Of(fmt.Sprint("/", n)).Use(func(context.Context, *socketio.Socket) error { asked.Add(1); return errors.New("no") })
			packets = append(packets, fmt.Sprintf("40/%d,", n))
		}
		go c.Send(packets...)
		synctest.Wait()
		if n := asked.Load(); n != 6 {
			h.Errorf("%d tries at once, want 6", n)
		}
		wait(10*time.Second + time.Millisecond)
		if n := asked.Load(); n != 16 {
			h.Errorf("%d tries after 10 s, want 16", n)
		}
	})
	t.Run("the namespaces of a page are not over it", func(t *testing.T) {
		forEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 300}}, func(h *harness, mode rawclient.Mode) {
			c := h.open(mode)
			for range 2 {
				for n := range 300 {
					h.Of(fmt.Sprint("/", n))
					c.enter(fmt.Sprint("/", n))
				}
				for n := range 300 {
					c.send(fmt.Sprintf("41/%d,", n))
				}
			}
		})
	})
}

// What clients say when they connect is kept within bounds, and not longer than
// it is of use.
func TestAuthOfOneClient(t *testing.T) {
	forEachMode(t, &socketio.Options{Limits: socketio.Limits{Inbox: 400_000}}, func(h *harness, mode rawclient.Mode) {
		token := func(s *socketio.Socket) string {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				return err.Error()
			}
			return auth.Token[:1]
		}
		var said []string
		var last *socketio.Socket
		for _, name := range []string{"/a", "/b", "/c"} {
			h.Of(name).OnConnect(func(s *socketio.Socket) {
				last = s
				s.OnDisconnecting(func(socketio.Reason) { said = append(said, token(s)) })
				s.OnDisconnect(func(socketio.Reason) { said = append(said, token(s)) })
			})
		}
		auth := func(letter string) string { return `{"token":"` + strings.Repeat(letter, 60_000) + `"}` }
		c := h.open(mode)
		c.send("40/a," + auth("a"))
		c.connected("/a")
		a := last
		c.send("40/b," + auth("b"))
		c.expect(`44/b,{"message":"Too much auth data"}`)
		c.send("40/nowhere," + auth("n"))
		c.expect(`44/nowhere,{"message":"Invalid namespace"}`)
		c.enter("/b") // without auth there is room
		c.send(`42/a,["still there"]`, "41/a,")
		synctest.Wait()
		if want := []string{"a", "a"}; !slices.Equal(said, want) {
			h.Errorf("OnDisconnecting and OnDisconnect decode %q, want %q", said, want)
		}
		if err := a.Handshake().DecodeAuth(new(any)); !errors.Is(err, socketio.ErrDisconnected) {
			h.Errorf("later: %v", err)
		}
		c.send("40/c," + auth("c"))
		c.connected("/c")
		if got := token(last); got != "c" {
			h.Errorf("DecodeAuth decodes %q", got)
		}
	})
}
