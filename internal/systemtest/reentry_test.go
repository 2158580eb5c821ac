package systemtest

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// ends are the methods that end something. The first ones leave the server.
var ends = map[string]func(m *moment){
	"Disconnect":        func(m *moment) { m.s.Disconnect(false) },
	"Disconnect, close": func(m *moment) { m.s.Disconnect(true) },
	"DisconnectSockets": func(m *moment) { m.n.DisconnectSockets(true) },
	"ExpireAt":          func(m *moment) { m.s.ExpireAt(time.Now()) },
	"Close":             func(m *moment) { _ = m.io.Close() },
	"Shutdown": func(m *moment) { // which need not wait for its caller
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = m.io.Shutdown(ctx)
	},
}

// harmless calls all other methods, one after the other.
func harmless(m *moment) {
	for _, name := range stressedNames {
		switch name {
		case "Socket.Disconnect", "Broadcast.DisconnectSockets", "Socket.ExpireAt", "Server.OfFunc":
		default:
			stressed[name](m)
		}
	}
	m.s.ExpireAt(time.Now().Add(time.Hour))
}

// TestUsersCodeThatCallsTheServer lets each function of the program, and each
// method of its values, call each method of the server. Nothing waits for
// itself, and afterwards the server serves, if it is not closed.
func TestUsersCodeThatCallsTheServer(t *testing.T) {
	places := usersCode()
	places["Options.Logger"] = userCode{options: func(b *bomb, o *socketio.Options) {
		o.Logger = slog.New(logBomb{o.Logger.Handler(), b})
	}}
	calls := map[string]func(m *moment){"the harmless": harmless}
	maps.Copy(calls, ends)
	for place, u := range places {
		t.Run(place, func(t *testing.T) {
			for _, name := range slices.Sorted(maps.Keys(calls)) {
				u.enter(t, name, calls[name])
			}
		})
	}
}

// enter has the program's code call f, up to three times, while clients come and
// go.
func (u *userCode) enter(t *testing.T, name string, f func(m *moment)) {
	b := new(bomb)
	b.disarmed.Store(true)
	unmarshalBomb.Store(b)
	o := &socketio.Options{
		Adapter:     new(adapter.Loopback),
		Trace:       new(socketio.Trace),
		Limits:      socketio.Limits{EventRate: socketio.EventRate{PerSecond: 1, Burst: 20, Over: socketio.RateDrop}},
		PingTimeout: 5 * time.Second,
		Logger:      slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if u.options != nil {
		u.options(b, o)
	}
	testserver.Run(t, o, func(h *testserver.Harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: o.Adapter, Logger: o.Logger})
		h.T.Cleanup(func() { other.Close() })
		m := firstMoment(h)
		last := &atomic.Pointer[socketio.Socket]{}
		last.Store(m.s)
		h.Use(func(_ context.Context, s *socketio.Socket) error { last.Store(s); return nil })
		var inside atomic.Bool
		b.instead = func() {
			if b.calls.Load() <= 3 && inside.CompareAndSwap(false, true) {
				defer inside.Store(false)
				now := *m
				now.s, now.ctx = last.Load(), briefly(20*time.Millisecond)
				f(&now)
			}
		}
		if u.server != nil {
			u.server(b, h)
		}
		if !strings.Contains(t.Name(), "OfFunc") {
			h.OfFunc(func(_ context.Context, name string, _ *socketio.Handshake) bool { return name == "/family" })
		}
		h.OnConnect(func(s *socketio.Socket) {
			if u.socket != nil {
				u.socket(b, h, s)
			}
		})
		b.disarmed.Store(false)
		live(h, u, b, other)
		testserver.Wait(time.Minute) // until all calls have returned
		b.disarmed.Store(true)
		if b.calls.Load() == 0 {
			t.Errorf("%s: not called", name)
		}
		if name == "Close" || name == "Shutdown" {
			return
		}
		socketio.OnCall(h.Server, "alive", func(context.Context, *socketio.Socket, struct{}) (string, error) { return "yes", nil })
		c := h.Connect(rawclient.WebSocket)
		c.Send(`427["alive"]`)
		for p := ""; p != `437["yes"]`; {
			p = c.Next()
		}
	})
}

// firstMoment returns what methods need, of a client that stays.
func firstMoment(h *testserver.Harness) *moment {
	m := &moment{stress: new(stress), io: h.Server, n: h.Of("/"), room: "room"}
	off := h.On("first", func(_ context.Context, e *socketio.Event) error { m.e = e; return nil })
	defer off()
	c := h.Connect(rawclient.WebSocket)
	m.s = h.MustSocket(c.ID)
	c.Send(`421["first"]`)
	h.Check(m.s.CallFunc(func(r *socketio.Reply, err error) { m.reply = r }, "question"))
	c.Send("43" + c.Match(`^42(\d+)\["question"\]$`)[1] + "[1]")
	synctest.Wait()
	all, err := h.FetchSockets(briefly(time.Second))
	h.Check(err)
	m.remote = all[0]
	return m
}

// A logBomb explodes where the program writes the log.
type logBomb struct {
	slog.Handler
	b *bomb
}

func (l logBomb) Handle(ctx context.Context, r slog.Record) error {
	l.b.explode()
	return l.Handler.Handle(ctx, r)
}

func (l logBomb) WithAttrs(a []slog.Attr) slog.Handler { return logBomb{l.Handler.WithAttrs(a), l.b} }
func (l logBomb) WithGroup(g string) slog.Handler      { return logBomb{l.Handler.WithGroup(g), l.b} }
