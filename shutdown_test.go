package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestShutdown(t *testing.T) {
	behaviour(t, "sends what is queued, tells the sockets and refuses new clients", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		reasons := make(chan socketio.Reason, 2)
		for _, c := range []*client{a, b} {
			h.socket(c.id).OnDisconnect(func(r socketio.Reason) { reasons <- r })
		}
		h.check(h.Emit("goodbye"))
		h.check(h.Shutdown(context.Background()))
		for range 2 {
			if r := <-reasons; r != socketio.ReasonServerShutdown {
				h.Errorf("reason %q", r)
			}
		}
		for _, c := range []*client{a, b} {
			c.expect(`42["goodbye"]`)
			c.expectClosed()
		}
		_, err := rawclient.Open(context.Background(), h.dial, mode, rawclient.Options{Path: "/socket.io/"})
		var status *rawclient.StatusError
		if !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable {
			h.Errorf("a new client: %v, want 503", err)
		}
		h.check(h.Shutdown(context.Background())) // a second time
	})
	behaviour(t, "ends the contexts of handlers after UpgradeTimeout, and waits for them and OnDisconnect", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		var saw []string
		s := h.socket(c.id)
		s.On("e", func(ctx context.Context, e *socketio.Event) error {
			<-ctx.Done()
			wait(time.Minute)
			saw = append(saw, "handled")
			return nil
		})
		s.OnDisconnect(func(socketio.Reason) { saw = append(saw, "disconnected") })
		c.send(`42["e"]`)
		synctest.Wait()
		start := time.Now()
		h.check(h.Shutdown(context.Background()))
		if time.Since(start) != 10*time.Second+time.Minute || !slices.Equal(saw, []string{"handled", "disconnected"}) {
			h.Errorf("after %v: %q", time.Since(start), saw)
		}
	})
	behaviour(t, "gives up with the cause of its context", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		release := make(chan struct{})
		h.On("e", func(ctx context.Context, e *socketio.Event) error { <-release; return nil })
		c.send(`42["e"]`)
		synctest.Wait()
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Second, cause)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, cause) {
			h.Errorf("error %v, want the context's cause", err)
		}
		close(release)
	})
	t.Run("does not wait for a client that takes nothing", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			p := h.newPoller()
			p.post("40")
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if got := h.do(httptest.NewRequest(http.MethodGet, p.url(), nil)).StatusCode; got != http.StatusBadRequest {
				t.Errorf("its session answers %d", got)
			}
		})
	})
}

func TestClose(t *testing.T) {
	behaviour(t, "ends all connections at once", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		reason := make(chan socketio.Reason, 1)
		h.socket(c.id).OnDisconnect(func(r socketio.Reason) { reason <- r })
		h.check(h.Close())
		if r := <-reason; r != socketio.ReasonServerShutdown {
			h.Errorf("reason %q", r)
		}
		c.expectClosed()
		h.check(h.Close())
		h.check(h.Emit("to nobody"))
	})
}

func TestRestart(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		before := h.connect(mode)
		h.check(h.Close())
		before.expectClosed()
		h.Server = socketio.NewServer(nil)
		h.serve(h.Server)
		echo(h, "echo")
		after := h.connect(mode)
		after.send(`42["echo",1]`)
		after.expect(`42["echo",1]`)
	})
}
