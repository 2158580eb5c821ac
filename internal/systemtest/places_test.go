package systemtest

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
	"github.com/goroomcast/socketio/internal/testserver"
)

// A client that leaves while its handlers are at work cannot have more of them
// at work than it may have namespaces.
func TestHandlersAtWorkCountAsNamespaces(t *testing.T) {
	testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, func(h *testserver.Harness, mode rawclient.Mode) {
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
					h.T.Error("OnDisconnect before the handler has returned")
				}
			})
		})
		c := h.Connect(mode)
		c.Send(`42["work"]`)
		synctest.Wait()
		c.Send("41")
		synctest.Wait()
		c.Send("40") // waits for the handler
		synctest.Wait()
		for range 3 {
			c.Send("40") // in its place
			c.Send("40/other,")
			c.Expect(`44/other,{"message":"Too many namespaces"}`)
		}
		if most != 1 || len(c.Packets()) > 0 {
			h.T.Errorf("%d handlers at work, packets %d", most, len(c.Packets()))
		}
		release <- struct{}{}
		c.Connected("")
		c.Send(`42["work"]`)
		close(release)
		synctest.Wait()
		if most != 1 || done != 2 {
			h.T.Errorf("%d handlers at work at once, %d done", most, done)
		}
	})
	testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, func(h *testserver.Harness, mode rawclient.Mode) {
		release := make(chan struct{})
		h.On("leave", func(context.Context, *socketio.Event) error { <-release; return nil })
		testserver.Echo(h, "echo")
		c := h.Connect(mode)
		c.Send(`42["leave"]`, "41", "40") // a page that is mounted twice
		testserver.Wait(time.Minute)
		close(release)
		c.Connected("")
		c.Send(`42["echo",1]`)
		c.Expect(`42["echo",1]`)
	})
	t.Run("the end of the connection ends the wait", func(t *testing.T) {
		testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, func(h *testserver.Harness, mode rawclient.Mode) {
			release := make(chan struct{})
			asked := 0
			h.Use(func(context.Context, *socketio.Socket) error { asked++; return nil })
			h.On("work", func(context.Context, *socketio.Event) error { <-release; return nil })
			c := h.Connect(mode)
			c.Send(`42["work"]`, "41", "40")
			synctest.Wait()
			c.Drop()
			synctest.Wait()
			close(release)
			synctest.Wait()
			if asked != 1 {
				h.T.Errorf("middleware has been asked %d times", asked)
			}
		})
	})
}

// tries sends CONNECTs, and returns how many of them middleware was asked about.
func tries(c *testserver.Client, n int, asked *int) int {
	before := *asked
	for range n {
		_ = c.Client.Send(`40{"password":"guess"}`)
		synctest.Wait()
		for len(c.Packets()) > 0 {
			<-c.Packets()
		}
	}
	return *asked - before
}

// A client cannot try passwords as fast as it can send.
func TestConnectRate(t *testing.T) {
	rated := func(name string, rate socketio.EventRate, f func(h *testserver.Harness, c *testserver.Client, asked *int)) {
		t.Run(name, func(t *testing.T) {
			testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{EventRate: rate}}, func(h *testserver.Harness, mode rawclient.Mode) {
				asked := 0
				h.Use(func(context.Context, *socketio.Socket) error { asked++; return errors.New("wrong password") })
				f(h, h.Open(mode), &asked)
			})
		})
	}
	rated("by default", socketio.EventRate{}, func(h *testserver.Harness, c *testserver.Client, asked *int) {
		if n := tries(c, 1000, asked); n != 201 {
			h.T.Errorf("%d tries at once, want 201", n)
		}
		c.Send("40")
		c.Expect(`44{"message":"Too many connects"}`)
		for range 3 {
			testserver.Wait(time.Second)
			if n := tries(c, 100, asked); n < 9 || n > 11 {
				h.T.Errorf("%d tries a second, want 10", n)
			}
		}
	})
	rated("drop", socketio.EventRate{PerSecond: 1, Burst: 5, Over: socketio.RateDrop}, func(h *testserver.Harness, c *testserver.Client, asked *int) {
		if n := tries(c, 100, asked); n != 6 {
			h.T.Errorf("%d tries at once, want 6", n)
		}
		c.Send("40")
		c.Expect(`44{"message":"Too many connects"}`)
	})
	rated("disconnect", socketio.EventRate{PerSecond: 1, Burst: 5, Over: socketio.RateDisconnect}, func(h *testserver.Harness, c *testserver.Client, asked *int) {
		if n := tries(c, 100, asked); n != 6 || h.ClientsCount() != 0 {
			h.T.Errorf("%d tries at once, want 6, and %d clients", n, h.ClientsCount())
		}
	})
	rated("wait", socketio.EventRate{PerSecond: 1, Burst: 5}, func(h *testserver.Harness, c *testserver.Client, _ *int) {
		var asked atomic.Int32
		var packets []string
		for n := range 50 {
			h.Of(fmt.Sprint("/", n)).Use(func(context.Context, *socketio.Socket) error { asked.Add(1); return errors.New("no") })
			packets = append(packets, fmt.Sprintf("40/%d,", n))
		}
		go c.Client.Send(packets...)
		synctest.Wait()
		if n := asked.Load(); n != 6 {
			h.T.Errorf("%d tries at once, want 6", n)
		}
		testserver.Wait(10*time.Second + time.Millisecond)
		if n := asked.Load(); n != 16 {
			h.T.Errorf("%d tries after 10 s, want 16", n)
		}
	})
	t.Run("the namespaces of a page are not over it", func(t *testing.T) {
		testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{Namespaces: 300}}, func(h *testserver.Harness, mode rawclient.Mode) {
			c := h.Open(mode)
			for range 2 {
				for n := range 300 {
					h.Of(fmt.Sprint("/", n))
					c.Enter(fmt.Sprint("/", n))
				}
				for n := range 300 {
					c.Send(fmt.Sprintf("41/%d,", n))
				}
			}
		})
	})
}

// What clients say when they connect is kept within bounds, and not longer than
// it is of use.
func TestAuthOfOneClient(t *testing.T) {
	testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{Inbox: 400_000}}, func(h *testserver.Harness, mode rawclient.Mode) {
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
		c := h.Open(mode)
		c.Send("40/a," + auth("a"))
		c.Connected("/a")
		a := last
		c.Send("40/b," + auth("b"))
		c.Expect(`44/b,{"message":"Too much auth data"}`)
		c.Send("40/nowhere," + auth("n"))
		c.Expect(`44/nowhere,{"message":"Invalid namespace"}`)
		c.Enter("/b") // without auth there is room
		c.Send(`42/a,["still there"]`, "41/a,")
		synctest.Wait()
		if want := []string{"a", "a"}; !slices.Equal(said, want) {
			h.T.Errorf("OnDisconnecting and OnDisconnect decode %q, want %q", said, want)
		}
		if err := a.Handshake().DecodeAuth(new(any)); !errors.Is(err, socketio.ErrDisconnected) {
			h.T.Errorf("later: %v", err)
		}
		c.Send("40/c," + auth("c"))
		c.Connected("/c")
		if got := token(last); got != "c" {
			h.T.Errorf("DecodeAuth decodes %q", got)
		}
	})
}
