package systemtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

// TestRecoveryStress has clients lose their connections again and again while
// several goroutines emit. Each gets each event once, in the order of its
// emitter, however the loss and the return fall between.
func TestRecoveryStress(t *testing.T) {
	const (
		guests   = 20 // more than are written to at once
		emitters = 4
		visits   = 12
	)
	testserver.Run(t, forAnyDelay(), func(h *testserver.Harness) {
		h.Use(func(_ context.Context, s *socketio.Socket) error { s.Join("room"); return nil }) // before its first event
		var emitting, visiting sync.WaitGroup
		var read, emitted atomic.Int64
		race := newRace(guests, emitters)
		for emitter := range emitters {
			emitting.Go(func() {
				for n := 0; race.wait(emitter, n, 50*time.Microsecond); n++ {
					switch to := []socketio.Broadcast{h.To(), h.To("room"), h.To("room", "other").Except("nobody")}; {
					case emitter == 0: // what it sends is not counted, so it waits until clients have read that
						<-time.After(50 * time.Microsecond)
						for s := range h.Sockets() {
							_ = s.CallFunc(func(*socketio.Reply, error) {}, "call", "x")
							s.Volatile().Emit("volatile", "x")
						}
						n--
					default:
						to[rand.N(len(to))].Emit("e", emitter, n)
						emitted.Add(1)
					}
				}
			})
		}
		for i := range guests {
			visiting.Go(func() {
				v := &visitor{dial: h.Dial, mode: rawclient.Modes[i%len(rawclient.Modes)], next: race.visitors[i]}
				defer v.forget()
				for range visits {
					if err := v.visit(rand.N(200)); err != nil {
						t.Error(err)
						return
					}
				}
				read.Add(int64(v.read))
			})
		}
		visiting.Wait()
		close(race.over)
		emitting.Wait()
		t.Logf("%d events emitted, %d received", emitted.Load(), read.Load())
		if read.Load() < guests*visits {
			t.Error("hardly anything happened")
		}
	})
}

// forAnyDelay returns options with state recovery that keep all events of a test,
// however long a client takes to come back.
func forAnyDelay() *socketio.Options {
	o := testserver.Recovering()
	o.Logger = slog.New(slog.DiscardHandler)
	o.Recovery.MaxEvents, o.Recovery.MaxBytes = 1<<20, 1<<30
	o.Limits.Buffered = 64 << 20
	return o
}

// A race is between emitters and visitors. It is in a bubble, whose time stands still
// while there is work: then no time-out is over, however slow the machine is.
type race struct {
	over     chan struct{}
	visitors [][]atomic.Int64 // by visitor and emitter: the number of the next event, 0 before the first one
}

// ahead is how many of its events an emitter may have emitted that a visitor lacks.
// Without a limit, what visitors have missed grows faster than they fetch it.
const ahead = 200

func newRace(visitors, emitters int) *race {
	r := &race{make(chan struct{}), make([][]atomic.Int64, visitors)}
	for i := range r.visitors {
		r.visitors[i] = make([]atomic.Int64, emitters)
	}
	return r
}

// wait waits until the emitter may emit event n, now and then for a moment. Mostly no
// time passes between two events, so that they fall between whatever clients do. It
// reports false when the race is over.
func (r *race) wait(emitter, n int, moment time.Duration) bool {
	isBehind := func(next []atomic.Int64) bool {
		v := int(next[emitter].Load())
		return v > 0 && v+ahead <= n
	}
	for idle := rand.N(10) == 0; ; idle = true {
		if idle {
			<-time.After(moment)
		}
		runtime.Gosched()
		select {
		case <-r.over:
			return false
		default:
		}
		if !slices.ContainsFunc(r.visitors, isBehind) {
			return true
		}
	}
}

// A visitor is a guest that reads only some of what has come.
type visitor struct {
	dial func(context.Context) (net.Conn, error)
	mode rawclient.Mode
	testserver.Stay
	next []atomic.Int64 // its own of the race
	read int
}

// forget makes the visitor one that has not been there yet.
func (v *visitor) forget() {
	v.Stay = testserver.Stay{}
	for i := range v.next {
		v.next[i].Store(0)
	}
}

// visit connects, receives some events and breaks the connection.
func (v *visitor) visit(events int) error {
	c, err := rawclient.Open(context.Background(), v.dial, v.mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return err
	}
	defer c.Drop()
	first := v.PID == ""
	if err := c.Send(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, v.PID, v.Offset)); err != nil {
		return err
	}
	decoder := parser.JSON{}.NewDecoder()
	for n := 0; n <= events; {
		packet, err := c.Next()
		if err != nil {
			return err
		}
		p, err := decoder.Text([]byte(packet[1:]))
		if err != nil {
			return err
		}
		switch {
		case p.Type == parser.Connect:
			before := v.PID
			if err := p.Args.Decode(&v.Stay); err != nil {
				return err
			}
			if !first && v.PID != before {
				return fmt.Errorf("not recovered from offset %q", v.Offset)
			}
			n++
		case p.Event == "e":
			n++
			v.read++
			if err := v.take(p.Args); err != nil {
				return err
			}
		}
	}
	return nil
}

// take wants an event to be its emitter's next.
func (v *visitor) take(args parser.Args) error {
	var emitter int
	var n int64
	if err := args.Decode(&emitter, &n, &v.Offset); err != nil {
		return err
	}
	if want := v.next[emitter].Swap(n + 1); want > 0 && n != want {
		return &sequenceError{emitter, n, want}
	}
	return nil
}
