package systemtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/memnet"
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
	var all [servers]*socketio.Server
	var dials [servers]func(context.Context) (net.Conn, error)
	for i := range all {
		o := forAnyDelay()
		o.Adapter = bus
		all[i] = socketio.NewServer(o)
		all[i].Use(func(_ context.Context, s *socketio.Socket) error { s.Join("room"); return nil })
		listener := memnet.Listen()
		hs := &http.Server{Handler: all[i]}
		go hs.Serve(listener)
		defer hs.Close()
		defer all[i].Close()
		dials[i] = func(ctx context.Context) (net.Conn, error) { return listener.Dial(ctx) }
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(*comebacks)*10*time.Millisecond)
	defer cancel()
	var emitting, visiting sync.WaitGroup
	var read, visits, lost, repeated, refused atomic.Int64
	over := make(chan struct{})
	for emitter := range emitters {
		emitting.Go(func() {
			io := all[emitter%servers]
			to := []socketio.Broadcast{io.To(), io.To("room"), io.To("room", "other").Except("nobody"), io.Compress(false)}
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				case <-time.After(2 * time.Millisecond):
				}
				to[rand.N(len(to))].Emit("e", emitter, n)
				io.Volatile().Emit("volatile", "x")
			}
		})
	}
	for i := range guests {
		visiting.Go(func() {
			v := &visitor{mode: rawclient.Modes[i%len(rawclient.Modes)], next: make(map[float64]float64)}
			for range *comebacks/guests + 1 {
				if v.dial == nil || v.mode != rawclient.Polling { // the server notices the loss of a poll late
					v.dial = dials[rand.N(servers)]
					for v.PID != "" && !bus.Has(v.PID) && ctx.Err() == nil {
						<-time.After(time.Millisecond)
					}
				}
				v.read = 0
				err := v.visit(ctx, 1+rand.N(60)) // without any event a client has no place in the log
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
					v = &visitor{dial: v.dial, mode: v.mode, next: make(map[float64]float64)}
				}
			}
		})
	}
	visiting.Wait()
	close(over)
	emitting.Wait()
	t.Logf("%d comebacks, %d events received", visits.Load()-guests, read.Load())
	if l, r, f := lost.Load(), repeated.Load(), refused.Load(); l+r+f > 0 {
		t.Errorf("%d lost an event, %d got one again, %d could not come back", l, r, f)
	}
	if int(visits.Load()) < *comebacks {
		t.Error("hardly anything happened")
	}
}

// A sequenceError says that an event is not its emitter's next.
type sequenceError struct{ emitter, got, want float64 }

func (e *sequenceError) Error() string {
	return fmt.Sprintf("event %v of emitter %v after %v", e.got, e.emitter, e.want-1)
}
