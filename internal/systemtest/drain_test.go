package systemtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// spreading is behaviour with Options.ShutdownSpread.
func spreading(t *testing.T, name string, spread time.Duration, f func(h *testserver.Harness, mode rawclient.Mode)) {
	t.Run(name, func(t *testing.T) {
		testserver.ForEachMode(t, &socketio.Options{ShutdownSpread: spread}, f)
	})
}

// shutdown begins a Shutdown and returns how it ends.
func shutdown(h *testserver.Harness, ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(ctx) }()
	synctest.Wait()
	return done
}

// wantShutdown wants a Shutdown to have succeeded just now.
func wantShutdown(h *testserver.Harness, done <-chan error) {
	h.T.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		h.Check(err)
	default:
		h.T.Error("Shutdown goes on")
	}
}

func TestShutdownSpread(t *testing.T) {
	const spread = 8 * time.Second
	spreading(t, "lets the clients go at even intervals", spread, func(h *testserver.Harness, mode rawclient.Mode) {
		const clients = 4
		var start time.Time
		left := make(chan time.Duration, clients)
		for range clients {
			c := h.Connect(mode)
			go func() {
				for range c.Packets() { // until the end
				}
				left <- time.Since(start)
			}()
		}
		start = time.Now()
		done := shutdown(h, context.Background())
		for turn := range clients {
			if got, want := <-left, spread/clients*time.Duration(turn); got != want {
				h.T.Errorf("client %d left after %v, want %v", turn, got, want)
			}
		}
		wantShutdown(h, done)
	})
	spreading(t, "serves each client until its turn, and loses nothing that it has acknowledged", spread, func(h *testserver.Harness, mode rawclient.Mode) {
		const clients = 5
		var mu sync.Mutex
		handled := map[string]int{}
		socketio.OnCall(h.Server, "store", func(ctx context.Context, s *socketio.Socket, what string) (string, error) {
			testserver.Wait(300 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			handled[what]++
			return what, nil
		})
		acked := make(chan []string, clients)
		for i := range clients {
			c := h.Connect(mode)
			go func() {
				var mine []string
				testserver.Wait(time.Duration(i) * 10 * time.Millisecond)
				for n := 0; ; n++ {
					what := fmt.Sprintf("%d/%d", i, n)
					if c.Client.Send(fmt.Sprintf(`42%d["store",%q]`, n, what)) != nil {
						break
					}
					if p, err := c.Client.Next(); err != nil || p != fmt.Sprintf(`43%d[%q]`, n, what) {
						break
					}
					mine = append(mine, what)
				}
				acked <- mine
			}()
		}
		testserver.Wait(time.Second)
		done := shutdown(h, context.Background())
		total := 0
		for range clients {
			mine := <-acked
			mu.Lock()
			for _, what := range mine {
				total++
				if handled[what] != 1 {
					h.T.Errorf("%s was handled %d times", what, handled[what])
				}
			}
			mu.Unlock()
		}
		if total != len(handled) || total < clients*4 {
			h.T.Errorf("%d acknowledged, %d handled", total, len(handled))
		}
		wantShutdown(h, done)
	})
	spreading(t, "ends when the last client has left by itself", time.Hour, func(h *testserver.Harness, mode rawclient.Mode) {
		clients := []*testserver.Client{h.Connect(mode), h.Connect(mode), h.Connect(mode)}
		done := shutdown(h, context.Background())
		for _, c := range clients {
			c.Close()
		}
		wantShutdown(h, done)
	})
	spreading(t, "ends at once when its context does", time.Hour, func(h *testserver.Harness, mode rawclient.Mode) {
		for range 3 {
			h.Connect(mode)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			h.T.Errorf("%v after %v", err, time.Since(start))
		}
		if n := h.ClientsCount(); n != 0 {
			h.T.Errorf("%d clients left", n)
		}
	})
	spreading(t, "refuses new clients meanwhile", time.Hour, func(h *testserver.Harness, mode rawclient.Mode) {
		testserver.Echo(h, "echo")
		clients := []*testserver.Client{h.Connect(mode), h.Connect(mode)}
		ctx, cancel := context.WithCancel(context.Background())
		done := shutdown(h, ctx)
		handshake := "/socket.io/?EIO=4&transport=polling"
		if a := h.Do(httptest.NewRequest(http.MethodGet, handshake, nil)); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			h.T.Errorf("a new client gets %s, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
		}
		served := 0
		for _, c := range clients { // of which one has had its turn
			if c.Client.Send(`42["echo",1]`) == nil {
				if p, err := c.Client.Next(); err == nil && p == `42["echo",1]` {
					served++
				}
			}
		}
		if served != 1 {
			h.T.Errorf("%d clients are served, want one", served)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			h.T.Errorf("error %v", err)
		}
	})
}

// What a client has sent when its turn comes is handled and acknowledged; what
// it sends then is not.
func TestDraining(t *testing.T) {
	testserver.Behaviour(t, "handlers finish, in order, and their replies arrive", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat")
		var handled []int
		socketio.OnCall(h.Server, "n", func(ctx context.Context, s *socketio.Socket, n int) (int, error) {
			testserver.Wait(time.Second)
			if ctx.Err() != nil {
				h.T.Error("the context has ended")
			}
			handled = append(handled, n)
			return n, nil
		})
		c := h.Connect(mode)
		c.Send(`421["n",1]`, `422["n",2]`)
		synctest.Wait()
		done := shutdown(h, context.Background())
		c.Send(`423["n",3]`, "40/chat,")
		c.Expect(`431[1]`, `432[2]`)
		c.ExpectClosed()
		wantShutdown(h, done)
		if !slices.Equal(handled, []int{1, 2}) {
			h.T.Errorf("handled %v", handled)
		}
	})
	testserver.Behaviour(t, "of all namespaces", func(h *testserver.Harness, mode rawclient.Mode) {
		for i, name := range []string{"/", "/chat", "/admin"} {
			h.Of(name).On("slow", func(ctx context.Context, e *socketio.Event) error {
				testserver.Wait(time.Duration(3-i) * time.Second)
				return e.Ack()
			})
		}
		c := h.Connect(mode)
		c.Enter("/chat")
		c.Enter("/admin")
		c.Send(`421["slow"]`, `42/chat,2["slow"]`, `42/admin,3["slow"]`)
		synctest.Wait()
		done := shutdown(h, context.Background())
		c.Expect("43/admin,3[]", "43/chat,2[]", "431[]")
		c.ExpectClosed()
		wantShutdown(h, done)
	})
	testserver.Behaviour(t, "a handler gets its client's reply", func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.OnCall(h.Server, "ask", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
			testserver.Wait(time.Second)
			return socketio.Call[string](ctx, s, "name?")
		})
		c := h.Connect(mode)
		c.Send(`421["ask"]`)
		synctest.Wait()
		done := shutdown(h, context.Background())
		c.Expect(`420["name?"]`)
		c.Send(`430["Ann"]`)
		c.Expect(`431["Ann"]`)
		c.ExpectClosed()
		wantShutdown(h, done)
	})
	testserver.Behaviour(t, "a client whose middleware has not decided is let in first", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Use(func(context.Context, *socketio.Socket) error { testserver.Wait(time.Second); return nil })
		var reason socketio.Reason
		h.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(r socketio.Reason) { reason = r })
			s.Emit("welcome")
		})
		c := h.Open(mode)
		c.Send("40")
		synctest.Wait()
		done := shutdown(h, context.Background())
		c.Match(`^40\{"sid"`)
		c.Expect(`42["welcome"]`)
		c.ExpectClosed()
		wantShutdown(h, done)
		if reason != socketio.ReasonServerShutdown {
			h.T.Errorf("reason %q", reason)
		}
	})
	testserver.Behaviour(t, "a client that floods is not waited for", func(h *testserver.Harness, mode rawclient.Mode) {
		release, handled := make(chan struct{}), 0
		h.On("n", func(ctx context.Context, e *socketio.Event) error { <-release; handled++; return nil })
		c := h.Connect(mode)
		big := `42["n","` + strings.Repeat("x", 100_000) + `"]`
		go func() {
			for range 5 << 20 / len(big) {
				_ = c.Client.Send(big) // until it fails, or is ignored
			}
		}()
		synctest.Wait()
		done := shutdown(h, context.Background())
		close(release)
		c.ExpectClosed()
		h.Check(<-done)
		if limit := 1 << 20 / 100_000; handled > limit {
			h.T.Errorf("%d events were handled, more than had come: %d", handled, limit)
		}
	})
}
