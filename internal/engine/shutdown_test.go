package engine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A drainer needs time for its last message.
type drainer struct {
	*recorder
	needs time.Duration
}

func (d *drainer) Drain(done func()) {
	go func() {
		after(d.needs)
		d.Send(engine.NewMessage([]byte("last")))
		done()
	}()
}

// Shutdown lets a Drainer finish, but no longer than UpgradeTimeout.
func TestDrainer(t *testing.T) {
	for _, c := range []struct{ needs, takes time.Duration }{
		{3 * time.Second, 3 * time.Second},
		{time.Hour, 10 * time.Second},
	} {
		forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
			run(t, nil, func(h *harness) {
				h.receiver = func(r *recorder) engine.Receiver { return &drainer{r, c.needs} }
				client, r := h.open(mode, rawclient.Options{})
				start, done := time.Now(), make(chan error)
				go func() { done <- h.server.Shutdown(context.Background()) }()
				var got []string
				for p := range client.Packets() {
					got = append(got, p)
				}
				if inTime := c.needs == c.takes; slices.Contains(got, "4last") != inTime {
					t.Errorf("got %q", got)
				}
				h.expectClosed(r, engine.ReasonServerShutdown)
				if err := <-done; err != nil || time.Since(start) != c.takes {
					t.Errorf("Shutdown took %v, want %v; error %v", time.Since(start), c.takes, err)
				}
				after(time.Hour)
			})
		})
	}
}

// Shutdown returns when no receiver is at work any more.
func TestShutdownWaitsForReceivers(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, nil, func(h *harness) {
			working := make(chan struct{})
			h.onText = func(*recorder, string) error {
				close(working)
				after(time.Minute)
				return nil
			}
			c, _ := h.open(mode, rawclient.Options{})
			go c.Send("4slow")
			<-working
			start := time.Now()
			if err := h.server.Shutdown(context.Background()); err != nil || time.Since(start) != time.Minute {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	})
}
