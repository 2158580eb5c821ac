package systemtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A stress is two servers that share rooms, and what happens to them.
type stress struct {
	ctx     context.Context // until nobody is to call methods any more
	servers []*socketio.Server
	ending  atomic.Bool // servers shut down

	calls                                    map[string]*atomic.Int64
	lasts                                    atomic.Int64 // calls with an effect that lasts
	connected, disconnected, events, replies atomic.Int64

	lastEvent  atomic.Pointer[socketio.Event]
	lastReply  atomic.Pointer[socketio.Reply]
	lastRemote atomic.Pointer[socketio.RemoteSocket]
}

// stressTime is how long TestStress goes on: STRESS=1m for long.
func stressTime(t *testing.T) time.Duration {
	text := os.Getenv("STRESS")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// upgradeTimeout is short, because a session that ends waits as long for a client
// that has vanished.
const upgradeTimeout = 2 * time.Second

// TestStress calls methods at random from many goroutines and from within
// handlers, while clients connect and leave over real connections, and goes on
// while one server shuts down and the other is closed. Nothing may race, hang
// or stay behind.
func TestStress(t *testing.T) {
	const (
		clients = 24
		callers = 6
	)
	duration := stressTime(t)
	watchdog := time.AfterFunc(duration+5*patience, func() {
		stacks := make([]byte, 4<<20)
		panic("hangs:\n" + string(stacks[:runtime.Stack(stacks, true)]))
	})
	defer watchdog.Stop()
	goroutines := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	st := &stress{ctx: ctx, calls: make(map[string]*atomic.Int64)}
	for method := range stressed {
		st.calls[method] = new(atomic.Int64)
	}
	bus := new(adapter.Loopback)
	var dials []dialer
	var stops []func()
	for range 2 {
		io := st.server(bus)
		st.servers = append(st.servers, io)
		addr, stop := listen(t, io)
		stops = append(stops, stop)
		dials = append(dials, func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) })
	}

	var calling, visiting sync.WaitGroup
	for range callers {
		calling.Go(st.call)
	}
	for i := range clients {
		visiting.Go(func() {
			for !st.ending.Load() {
				err := visit(ctx, dials[i%len(dials)], rawclient.Modes[i/2%len(rawclient.Modes)])
				if err != nil && !st.ending.Load() {
					t.Error(err)
					return
				}
			}
		})
	}
	<-time.After(duration)
	eventually(t, "all methods called", st.allCalled)
	for _, dial := range dials {
		last, err := rawclient.Open(ctx, dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
		if err != nil {
			t.Fatal("a server does not serve any more: ", err)
		}
		last.Drop()
	}
	st.ending.Store(true)
	shutdown, cancelShutdown := context.WithTimeout(context.Background(), patience)
	defer cancelShutdown()
	var ends sync.WaitGroup
	for range 2 {
		ends.Go(func() {
			if err := st.servers[0].Shutdown(shutdown); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
	ends.Go(func() {
		if err := errors.Join(st.servers[1].Close(), st.servers[1].Shutdown(shutdown)); err != nil {
			t.Errorf("Close and Shutdown: %v", err)
		}
	})
	ends.Wait()
	visiting.Wait()
	cancel()
	calling.Wait()
	for _, stop := range stops {
		stop()
	}
	eventually(t, "all OnDisconnect called", func() bool { return st.connected.Load() == st.disconnected.Load() })
	eventually(t, "all goroutines gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	t.Logf("%d sockets, %d events, %d replies", st.connected.Load(), st.events.Load(), st.replies.Load())
}

type dialer = func(context.Context) (net.Conn, error)

// server returns a server whose handlers, too, call methods.
func (st *stress) server(bus adapter.Adapter) *socketio.Server {
	io := socketio.NewServer(&socketio.Options{
		PingInterval: 50 * time.Millisecond, UpgradeTimeout: upgradeTimeout,
		ShutdownSpread: 300 * time.Millisecond, Adapter: bus,
	})
	for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("/chat")} {
		n.Use(func(_ context.Context, s *socketio.Socket) error {
			s.Join("early")
			if rand.N(10) == 0 {
				return &socketio.Error{Message: "unlucky", Data: s.Rooms()}
			}
			return nil
		})
		n.OnConnect(func(s *socketio.Socket) {
			st.connected.Add(1)
			s.OnDisconnecting(func(socketio.Reason) { n.To(s.Rooms()...).Emit("leaving", s.ID()) })
			s.OnDisconnect(func(socketio.Reason) { st.disconnected.Add(1); st.meddle(n, s) })
			st.meddle(n, s)
		})
		n.On("e", func(c context.Context, e *socketio.Event) error {
			st.events.Add(1)
			st.lastEvent.Store(e)
			st.meddle(n, e.Socket())
			_ = e.Ack(e.Len())
			return nil
		})
		n.OnServerSide("server", func(_ context.Context, e *socketio.Event) error { return e.Ack(1) })
	}
	return io
}

// call calls methods until the end.
func (st *stress) call() {
	for st.ctx.Err() == nil {
		io := st.servers[rand.N(len(st.servers))]
		n := []*socketio.Namespace{io.Of("/"), io.Of("/chat")}[rand.N(2)]
		for s := range n.Sockets() {
			st.meddle(n, s)
			if rand.N(4) == 0 {
				break
			}
		}
		runtime.Gosched()
	}
}

func (st *stress) allCalled() bool {
	for _, n := range st.calls {
		if n.Load() == 0 {
			return false
		}
	}
	return true
}

// lasting allows a few calls whose effect lasts.
func (st *stress) lasting() bool { return st.lasts.Add(1) <= 12 }

func (st *stress) note(r *socketio.Reply, err error) {
	if err == nil {
		st.replies.Add(1)
		st.lastReply.Store(r)
	}
}

// callPattern finds the namespace and id of an event that wants a reply.
var callPattern = regexp.MustCompile(`^42((?:/chat,)?\d+)\[`)

// visit is a client's session: it connects, sends, answers calls and leaves in
// some way. That the server ends it is no error, nor that a busy machine takes too
// long for an upgrade.
func visit(ctx context.Context, dial func(context.Context) (net.Conn, error), mode rawclient.Mode) error {
	begun := time.Now()
	c, err := rawclient.Open(ctx, dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil && mode == rawclient.Upgrade && time.Since(begun) >= upgradeTimeout {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Drop()
	defer context.AfterFunc(ctx, c.Drop)()
	if c.Send("40", "40/chat,") != nil {
		return nil
	}
	for i := range rand.N(60) {
		p, err := c.Next()
		if err != nil {
			return nil
		}
		answer := fmt.Sprintf(`42%d["e",%q]`, i, mode)
		if call := callPattern.FindStringSubmatch(p); call != nil {
			answer = "43" + call[1] + "[1]"
		}
		if i > 0 && c.Send(answer) != nil {
			return nil
		}
	}
	switch rand.N(4) {
	case 0:
		c.Close()
	case 1:
		_ = c.Send("41")
	case 2:
		_ = c.Send("4bad")
	}
	return nil
}
