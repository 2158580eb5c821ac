package systemtest

import (
	"context"
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
	io := socketio.NewServer(forAnyDelay())
	io.Use(func(_ context.Context, s *socketio.Socket) error { s.Join("room"); return nil }) // before its first event
	listener := memnet.Listen()
	hs := &http.Server{Handler: io}
	go hs.Serve(listener)
	defer hs.Close()
	defer io.Close()

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var emitting, visiting sync.WaitGroup
	var read, emitted atomic.Int64
	over := make(chan struct{})
	for emitter := range emitters {
		emitting.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				case <-time.After(50 * time.Microsecond):
				}
				switch to := []socketio.Broadcast{io.To(), io.To("room"), io.To("room", "other").Except("nobody")}; {
				case emitter == 0:
					for s := range io.Sockets() {
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
	dial := func(ctx context.Context) (net.Conn, error) { return listener.Dial(ctx) }
	for i := range guests {
		visiting.Go(func() {
			v := &visitor{dial: dial, mode: rawclient.Modes[i%len(rawclient.Modes)], next: make(map[float64]float64)}
			for range visits {
				if err := v.visit(ctx, rand.N(200)); err != nil {
					t.Error(err)
					return
				}
			}
			read.Add(int64(v.read))
		})
	}
	visiting.Wait()
	close(over)
	emitting.Wait()
	t.Logf("%d events emitted, %d received", emitted.Load(), read.Load())
	if read.Load() < guests*visits {
		t.Error("hardly anything happened")
	}
}

// forAnyDelay returns options with state recovery that keep all events of a test in
// real time, however long a client takes to come back.
func forAnyDelay() *socketio.Options {
	o := testserver.Recovering()
	o.Recovery.MaxEvents, o.Recovery.MaxBytes = 1<<20, 1<<30
	o.Limits.Buffered = 64 << 20
	return o
}

// A visitor is a guest over real time.
type visitor struct {
	dial func(context.Context) (net.Conn, error)
	mode rawclient.Mode
	testserver.Stay
	next map[float64]float64 // by emitter: the number of its next event
	read int
}

// visit connects, receives some events and breaks the connection.
func (v *visitor) visit(ctx context.Context, events int) error {
	c, err := rawclient.Open(ctx, v.dial, v.mode, rawclient.Options{Path: "/socket.io/", Pong: true})
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
	var emitter, n float64
	if err := args.Decode(&emitter, &n, &v.Offset); err != nil {
		return err
	}
	if want, known := v.next[emitter]; known && n != want {
		return &sequenceError{emitter, n, want}
	}
	v.next[emitter] = n + 1
	return nil
}
