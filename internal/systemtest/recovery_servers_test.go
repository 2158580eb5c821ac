package systemtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

var comebacks = flag.Int("comebacks", 240, "how many clients come back in TestRecoveryOverServers")

// TestRecoveryOverServers has clients lose their connection and come back, to
// the same server or to the other one, while both servers emit to the same
// sockets. Each client gets each event once, in the order of its emitter.
func TestRecoveryOverServers(t *testing.T) {
	const (
		guests   = 20
		servers  = 2
		emitters = 4
	)
	bus := testserver.NewJournal()
	o := forAnyDelay()
	o.Adapter = bus
	testserver.Run(t, o, func(h *testserver.Harness) {
		all := [servers]*testserver.Harness{h, h.Other(o)}
		for _, io := range all {
			io.Use(func(_ context.Context, s *socketio.Socket) error { s.Join("room"); return nil })
		}
		var emitting, visiting sync.WaitGroup
		var read, visits, lost, repeated, refused atomic.Int64
		race := newRace(guests, emitters)
		for emitter := range emitters {
			emitting.Go(func() {
				io := all[emitter%servers]
				to := []socketio.Broadcast{io.To(), io.To("room"), io.To("room", "other").Except("nobody"), io.Compress(false)}
				for n := 0; race.wait(emitter, n, 2*time.Millisecond); n++ {
					to[rand.N(len(to))].Emit("e", emitter, n)
					io.Volatile().Emit("volatile", "x")
				}
			})
		}
		for i := range guests {
			visiting.Go(func() {
				v := &visitor{mode: rawclient.Modes[i%len(rawclient.Modes)], next: race.visitors[i]}
				defer v.forget()
				for range *comebacks/guests + 1 {
					if v.dial == nil || v.mode != rawclient.Polling { // the server notices the loss of a poll late
						v.dial = all[rand.N(servers)].Dial
						for v.PID != "" && !bus.Has(v.PID) {
							<-time.After(time.Millisecond)
						}
					}
					v.read = 0
					err := v.visit(1 + rand.N(60)) // without any event a client has no place in the log
					read.Add(int64(v.read))
					visits.Add(1)
					wrong := (*sequenceError)(nil)
					switch {
					case err == nil:
					case errors.As(err, &wrong) && wrong.got > wrong.want:
						lost.Add(1)
					case errors.As(err, &wrong):
						repeated.Add(1)
					default:
						refused.Add(1)
					}
					if err != nil {
						t.Log(err)
						v.forget()
					}
				}
			})
		}
		visiting.Wait()
		close(race.over)
		emitting.Wait()
		t.Logf("%d comebacks, %d events received", visits.Load()-guests, read.Load())
		if l, r, f := lost.Load(), repeated.Load(), refused.Load(); l+r+f > 0 {
			t.Errorf("%d lost an event, %d got one again, %d could not come back", l, r, f)
		}
		if int(visits.Load()) < *comebacks {
			t.Error("hardly anything happened")
		}
	})
}

// A sequenceError says that an event is not its emitter's next.
type sequenceError struct {
	emitter   int
	got, want int64
}

func (e *sequenceError) Error() string {
	return fmt.Sprintf("event %v of emitter %v after %v", e.got, e.emitter, e.want-1)
}
