package socketio_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// other starts a second server on the first one's bus.
func (h *harness) other(o *socketio.Options) *harness {
	other := &harness{T: h.T, Server: socketio.NewServer(o)}
	other.serve(other.Server)
	return other
}

func TestClusterNoGhosts(t *testing.T) {
	t.Run("a server without uid is no peer", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(silent)}
		run(t, o, func(h *harness) {
			nobody := h.peer(o.Adapter, "")
			c := h.connect(rawclient.WebSocket)
			nobody.say(`"type":4,"data":{` + noOpts + `,"rooms":["a"]}`)
			if rooms := h.socket(c.id).Rooms(); !slices.Contains(rooms, "a") {
				h.Errorf("rooms %q: its command has not been obeyed", rooms)
			}
			nobody.say(`"type":2`)
			if d := h.timeCall(); d != 0 {
				h.Errorf("it is waited for %v", d)
			}
		})
	})
	t.Run("nothing is sent after Close", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(adapter.Loopback)}
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			var emitting sync.WaitGroup
			for range 8 {
				emitting.Go(func() {
					for range 100 {
						_ = h.Emit("e")
					}
				})
			}
			h.Close()
			emitting.Wait()
			heard := p.heard()
			if i := slices.Index(heard, `{"type":13}`); i < 0 || len(heard)-1-i > 8 { // those that had begun
				h.Errorf("%d messages, Close is number %d", len(heard), i)
			}
		})
	})
}

func TestClusterAbandonedCalls(t *testing.T) {
	o := func() *socketio.Options { return &socketio.Options{Adapter: new(silent)} }
	for name, abandon := range map[string]func(h *harness, ctx context.Context, cancel context.CancelFunc){
		"whose context is cancelled": func(h *harness, ctx context.Context, cancel context.CancelFunc) {
			go func() {
				synctest.Wait()
				cancel()
			}()
			for range h.Call(ctx, "e") {
			}
		},
		"that nobody ranges over to the end": func(h *harness, ctx context.Context, _ context.CancelFunc) {
			for range h.Call(ctx, "e") { // the first to reply is not the last
				break
			}
		},
		"of a server that closes": func(h *harness, ctx context.Context, _ context.CancelFunc) {
			go func() {
				synctest.Wait()
				h.Close()
			}()
			for range h.Call(ctx, "e") {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := o()
			run(t, o, func(a *harness) {
				b := a.other(o)
				synctest.Wait()
				c, d := b.connect(rawclient.WebSocket), b.connect(rawclient.WebSocket)
				go func() {
					c.send("43" + c.match(`^42(\d+)\["e"\]$`)[1] + "[]")
				}()
				s := b.socket(d.id)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				abandon(a, ctx, cancel)
				synctest.Wait()
				if n := s.PendingAcks(); n != 0 {
					a.Errorf("%d replies are still waited for", n)
				}
			})
		})
	}
	t.Run("of a server that dies", func(t *testing.T) {
		o := o()
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			s := h.socket(h.connect(rawclient.WebSocket).id)
			p.say(`"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":{"timeout":60000}},"requestId":"r","packet":{"type":2,"data":["e"]}}`)
			wait(9 * time.Second)
			if n := s.PendingAcks(); n != 1 {
				h.Errorf("%d replies are waited for", n)
			}
			wait(3 * time.Second)
			if n := s.PendingAcks(); n != 0 {
				h.Errorf("%d replies are still waited for", n)
			}
		})
	})
	for flags, patience := range map[string]time.Duration{
		`{}`:                              5 * time.Second,
		`{"timeout":-1}`:                  5 * time.Second,
		`{"timeout":7000}`:                7 * time.Second,
		`{"timeout":9223372036854775807}`: 30 * time.Minute,
	} {
		t.Run("with the flags "+flags, func(t *testing.T) {
			o := &socketio.Options{Adapter: new(adapter.Loopback), PingTimeout: 3 * time.Hour}
			run(t, o, func(h *harness) {
				p := h.peer(o.Adapter, "other")
				s := h.socket(h.connect(rawclient.WebSocket).id)
				p.say(`"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":` + flags + `},"requestId":"r","packet":{"type":2,"data":["e"]}}`)
				wait(patience - time.Second)
				if n := s.PendingAcks(); n != 1 {
					h.Errorf("%d replies are waited for", n)
				}
				wait(time.Second)
				synctest.Wait()
				if n := s.PendingAcks(); n != 0 {
					h.Errorf("%d replies are still waited for", n)
				}
			})
		})
	}
}

func TestClusterPendingAcks(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback), Limits: socketio.Limits{PendingAcks: 1}}
	run(t, o, func(a *harness) {
		b := a.other(o)
		c := b.connect(rawclient.WebSocket)
		s := b.socket(c.id)
		a.check(s.CallFunc(func(*socketio.Reply, error) {}, "first"))
		n := 0
		for r, err := range a.Call(context.Background(), "e") {
			a.check(wantErr(err, socketio.ErrPendingAcks))
			if n++; r.SocketID() != c.id {
				a.Errorf("of socket %q", r.SocketID())
			}
		}
		if n != 1 {
			a.Errorf("%d pairs", n)
		}
	})
}
