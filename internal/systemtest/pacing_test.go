package systemtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A client that has to wait for its handlers, or for its rate, stays, and
// nothing of what it has sent is lost.
func TestPacedClientStays(t *testing.T) {
	paced := func(o *socketio.Options, events int, event string, takes time.Duration) func(*testing.T) {
		return func(t *testing.T) {
			testserver.ForEachMode(t, o, func(h *testserver.Harness, mode rawclient.Mode) {
				handled := 0
				h.On("e", func(context.Context, *socketio.Event) error {
					handled++
					if takes > 0 {
						<-time.After(takes)
					}
					return nil
				})
				c := h.Connect(mode)
				s := h.MustSocket(c.ID)
				go func() {
					for range events {
						if c.Client.Send(event) != nil {
							return
						}
					}
				}()
				testserver.Wait(10 * time.Minute)
				if err := context.Cause(s.Context()); err != nil || handled != events {
					h.T.Errorf("%d of %d events handled, %v", handled, events, err)
				}
			})
		}
	}
	t.Run("by Limits.Inbox", paced(nil, 1000, `42["e","`+strings.Repeat("x", 10_000)+`"]`, 100*time.Millisecond))
	t.Run("by EventRate", paced(&socketio.Options{Limits: socketio.Limits{EventRate: socketio.EventRate{PerSecond: 20, Burst: 100}}}, 2200, `42["e"]`, 0))
	t.Run("by a handler of five minutes", paced(&socketio.Options{Limits: socketio.Limits{Inbox: 1000}}, 2, `42["e","`+strings.Repeat("x", 1000)+`"]`, 5*time.Minute-time.Second))
}

// A client that has to wait is gone as soon as it hangs up, and in time if it
// is silent.
func TestPacedClientLeaves(t *testing.T) {
	for name, o := range map[string]*socketio.Options{
		"Limits.Inbox": {Limits: socketio.Limits{Inbox: 1000}},
		"EventRate":    {Limits: socketio.Limits{EventRate: socketio.EventRate{PerSecond: 1e-9, Burst: 1}}},
	} {
		for _, silent := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", hangs up", true: ", silent"}[silent], func(t *testing.T) {
				testserver.ForEachMode(t, o, func(h *testserver.Harness, mode rawclient.Mode) {
					if silent && mode == rawclient.Polling {
						return // it polls, which is a sign of life
					}
					release := make(chan struct{})
					defer close(release)
					h.On("e", func(context.Context, *socketio.Event) error { <-release; return nil })
					gone := make(chan socketio.Reason, 1)
					h.OnConnect(func(s *socketio.Socket) {
						context.AfterFunc(s.Context(), func() { gone <- "" })
					})
					c := h.OpenWith(mode, rawclient.Options{}) // which answers no PING
					c.Send("40")
					c.Connected("")
					event := `42["e","` + strings.Repeat("x", 1000) + `"]`
					go c.Client.Send(event, event, event)
					testserver.Wait(time.Second)
					start, most := time.Now(), time.Duration(0)
					if silent {
						most = 2 * 45 * time.Second
					} else {
						c.Drop()
					}
					<-gone
					if waited := time.Since(start); waited > most {
						h.T.Errorf("gone after %v", waited)
					}
				})
			})
		}
	}
}
