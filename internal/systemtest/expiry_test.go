package systemtest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// lifetime connects a client, wants it to be disconnected as expired, and
// returns when. Expiry is set by f.
func lifetime(h *testserver.Harness, mode rawclient.Mode, f func(s *socketio.Socket)) time.Duration {
	h.T.Helper()
	c := h.Connect(mode)
	s := h.MustSocket(c.ID)
	start, reason := time.Now(), make(chan socketio.Reason, 1)
	s.OnDisconnect(func(r socketio.Reason) { reason <- r })
	f(s)
	<-s.Context().Done()
	lasted := time.Since(start)
	if r := <-reason; r != socketio.ReasonExpired {
		h.T.Errorf("reason %q", r)
	}
	c.Expect("41")
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
			testserver.Wait(59 * time.Second)
			s.ExpireAt(in(20 * time.Minute))
		}, 20*time.Minute + 59*time.Second},
		"can be brought forward": {func(s *socketio.Socket) {
			s.ExpireAt(in(time.Hour))
			s.ExpireAt(in(time.Minute))
		}, time.Minute},
		"can be taken back and set again": {func(s *socketio.Socket) {
			s.ExpireAt(in(time.Minute))
			s.ExpireAt(time.Time{})
			testserver.Wait(20 * time.Minute)
			s.ExpireAt(in(time.Second))
		}, 20*time.Minute + time.Second},
		"in the past disconnects at once": {func(s *socketio.Socket) { s.ExpireAt(in(-time.Hour)) }, 0},
	} {
		testserver.Behaviour(t, name, func(h *testserver.Harness, mode rawclient.Mode) {
			if got := lifetime(h, mode, c.set); got != c.want {
				h.T.Errorf("disconnected after %v, want %v", got, c.want)
			}
		})
	}
	testserver.Behaviour(t, "the zero time never disconnects", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		s.ExpireAt(time.Time{})
		s.ExpireAt(in(time.Minute))
		s.ExpireAt(time.Time{})
		testserver.Wait(30 * time.Minute)
		h.Check(s.Emit("still there"))
		c.Expect(`42["still there"]`)
	})
	testserver.Behaviour(t, "does not wait for a handler, and drops what waits behind it", func(h *testserver.Harness, mode rawclient.Mode) {
		handled := 0
		h.On("slow", func(ctx context.Context, e *socketio.Event) error {
			handled++
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), socketio.ErrDisconnected) {
				h.T.Errorf("cause %v", context.Cause(ctx))
			}
			return nil
		})
		c := h.Connect(mode)
		h.MustSocket(c.ID).ExpireAt(in(5 * time.Second))
		c.Send(`42["slow"]`, `42["slow"]`)
		c.Expect("41")
		synctest.Wait()
		if handled != 1 {
			h.T.Errorf("%d events handled", handled)
		}
	})
	testserver.Behaviour(t, "ends one namespace, and the client may come back", func(h *testserver.Harness, mode rawclient.Mode) {
		testserver.Echo(h, "echo")
		h.Of("/chat").OnConnect(func(s *socketio.Socket) { s.ExpireAt(in(5 * time.Second)) })
		c := h.Connect(mode)
		for range 2 {
			c.Enter("/chat")
			c.Expect("41/chat,")
		}
		c.Send(`42["echo",1]`)
		c.Expect(`42["echo",1]`)
	})
	testserver.Behaviour(t, "set by middleware counts from then on", func(h *testserver.Harness, mode rawclient.Mode) {
		var reasons []socketio.Reason
		h.Use(func(ctx context.Context, s *socketio.Socket) error {
			s.ExpireAt(in(time.Second))
			testserver.Wait(5 * time.Second) // too long, but nobody is left in doubt
			return nil
		})
		h.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(r socketio.Reason) { reasons = append(reasons, r) })
		})
		c := h.Open(mode)
		c.Send("40")
		c.Match(`^40\{"sid"`)
		c.Expect("41")
		synctest.Wait()
		if len(reasons) != 1 || reasons[0] != socketio.ReasonExpired {
			h.T.Errorf("reasons %q", reasons)
		}
	})
	testserver.Behaviour(t, "after the end does nothing", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		reasons := make(chan socketio.Reason, 2)
		s.OnDisconnect(func(r socketio.Reason) { reasons <- r })
		s.ExpireAt(in(time.Minute))
		s.Disconnect(false)
		s.ExpireAt(in(time.Second))
		testserver.Wait(30 * time.Minute)
		if r := <-reasons; r != socketio.ReasonServerDisconnect || len(reasons) > 0 {
			h.T.Errorf("reason %q, %d more", r, len(reasons))
		}
	})
}
