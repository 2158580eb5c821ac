package socketio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// lifetime connects a client, wants it to be disconnected as expired, and
// returns when. Expiry is set by f.
func (h *harness) lifetime(mode rawclient.Mode, f func(s *socketio.Socket)) time.Duration {
	h.Helper()
	c := h.connect(mode)
	s := h.socket(c.id)
	start, reason := time.Now(), make(chan socketio.Reason, 1)
	s.OnDisconnect(func(r socketio.Reason) { reason <- r })
	f(s)
	<-s.Context().Done()
	lasted := time.Since(start)
	if r := <-reason; r != socketio.ReasonExpired {
		h.Errorf("reason %q", r)
	}
	c.expect("41")
	return lasted
}

func TestExpireAt(t *testing.T) {
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for name, c := range map[string]struct {
		set  func(s *socketio.Socket)
		want time.Duration
	}{
		"disconnects when the time has come": {func(s *socketio.Socket) { s.ExpireAt(in(time.Minute)) }, time.Minute},
		"can be extended": {func(s *socketio.Socket) {
			s.ExpireAt(in(time.Minute))
			wait(59 * time.Second)
			s.ExpireAt(in(20 * time.Minute))
		}, 20*time.Minute + 59*time.Second},
		"can be brought forward": {func(s *socketio.Socket) {
			s.ExpireAt(in(time.Hour))
			s.ExpireAt(in(time.Minute))
		}, time.Minute},
		"can be taken back and set again": {func(s *socketio.Socket) {
			s.ExpireAt(in(time.Minute))
			s.ExpireAt(time.Time{})
			wait(20 * time.Minute)
			s.ExpireAt(in(time.Second))
		}, 20*time.Minute + time.Second},
		"in the past disconnects at once": {func(s *socketio.Socket) { s.ExpireAt(in(-time.Hour)) }, 0},
	} {
		behaviour(t, name, func(h *harness, mode rawclient.Mode) {
			if got := h.lifetime(mode, c.set); got != c.want {
				h.Errorf("disconnected after %v, want %v", got, c.want)
			}
		})
	}
	behaviour(t, "the zero time never disconnects", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		s.ExpireAt(time.Time{})
		s.ExpireAt(in(time.Minute))
		s.ExpireAt(time.Time{})
		wait(30 * time.Minute)
		h.check(s.Emit("still there"))
		c.expect(`42["still there"]`)
	})
	behaviour(t, "does not wait for a handler, and drops what waits behind it", func(h *harness, mode rawclient.Mode) {
		handled := 0
		h.On("slow", func(ctx context.Context, e *socketio.Event) error {
			handled++
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), socketio.ErrDisconnected) {
				h.Errorf("cause %v", context.Cause(ctx))
			}
			return nil
		})
		c := h.connect(mode)
		h.socket(c.id).ExpireAt(in(5 * time.Second))
		c.send(`42["slow"]`, `42["slow"]`)
		c.expect("41")
		synctest.Wait()
		if handled != 1 {
			h.Errorf("%d events handled", handled)
		}
	})
	behaviour(t, "ends one namespace, and the client may come back", func(h *harness, mode rawclient.Mode) {
		echo(h, "echo")
		h.Of("/chat").OnConnect(func(s *socketio.Socket) { s.ExpireAt(in(5 * time.Second)) })
		c := h.connect(mode)
		for range 2 {
			c.enter("/chat")
			c.expect("41/chat,")
		}
		c.send(`42["echo",1]`)
		c.expect(`42["echo",1]`)
	})
	behaviour(t, "set by middleware counts from then on", func(h *harness, mode rawclient.Mode) {
		var reasons []socketio.Reason
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			s.ExpireAt(in(time.Second))
			wait(5 * time.Second) // too long, but nobody is left in doubt
			return nil
		})
		h.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(r socketio.Reason) { reasons = append(reasons, r) })
		})
		c := h.open(mode)
		c.send("40")
		c.match(`^40\{"sid"`)
		c.expect("41")
		synctest.Wait()
		if len(reasons) != 1 || reasons[0] != socketio.ReasonExpired {
			h.Errorf("reasons %q", reasons)
		}
	})
	behaviour(t, "after the end does nothing", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		reasons := make(chan socketio.Reason, 2)
		s.OnDisconnect(func(r socketio.Reason) { reasons <- r })
		s.ExpireAt(in(time.Minute))
		s.Disconnect(false)
		s.ExpireAt(in(time.Second))
		wait(30 * time.Minute)
		if r := <-reasons; r != socketio.ReasonServerDisconnect || len(reasons) > 0 {
			h.Errorf("reason %q, %d more", r, len(reasons))
		}
	})
}
