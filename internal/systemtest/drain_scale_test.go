package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// TestRollingRestart has 2,000 clients on one server, each with an event under
// way all the time, while a second server takes over. All of them end up there,
// no faster than Options.ShutdownSpread says, and every event is handled and
// acknowledged exactly once: one that was not acknowledged is sent again, and
// had not been handled.
func TestRollingRestart(t *testing.T) {
	const (
		clients = 2000
		spread  = 2 * time.Second
	)
	goroutines := runtime.NumGoroutine()
	r := &rollout{handled: make(map[string]int)}
	first, firstAddr, stopFirst := r.server(t, 1, spread)
	second, secondAddr, stopSecond := r.server(t, 2, 0)
	descriptors := countDescriptors(t) - 2 // of the listeners
	r.route(firstAddr)

	var wg, begun sync.WaitGroup
	begun.Add(clients)
	events := make([]int, clients)
	slots := make(chan struct{}, 32)
	for i := range clients {
		mode := rawclient.WebSocket
		if i%4 == 0 {
			mode = rawclient.Modes[i/4%len(rawclient.Modes)]
		}
		wg.Go(func() {
			var err error
			if events[i], err = r.commute(i, mode, slots, &begun); err != nil {
				t.Errorf("client %d over %s: %v", i, mode, err)
			}
		})
	}
	begun.Wait()
	r.route(secondAddr)
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := first.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if n := first.ClientsCount(); n != 0 {
		t.Errorf("%d clients stay with the first server", n)
	}
	wg.Wait()

	if n := len(r.arrivals); n != clients {
		t.Errorf("%d clients came to the second server, want %d", n, clients)
	}
	slices.SortFunc(r.arrivals, time.Time.Compare)
	for i, at := range r.arrivals {
		if turn := spread / clients * time.Duration(i); at.Sub(start) < turn {
			t.Fatalf("%d clients came within %v, before their turn", i+1, at.Sub(start))
		}
	}
	total := 0
	for i, n := range events {
		total += n
		for n := range n {
			if got := r.handled[fmt.Sprint(i, "/", n)]; got != 1 {
				t.Errorf("event %d of client %d was handled %d times", n, i, got)
			}
		}
	}
	if len(r.handled) != total {
		t.Errorf("%d events were handled, %d acknowledged", len(r.handled), total)
	}
	stopFirst()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	stopSecond()
	eventually(t, "all goroutines gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "all descriptors closed", func() bool { return countDescriptors(t) <= descriptors })
}

// A rollout is two servers behind what decides to which of them clients go.
type rollout struct {
	addr atomic.Pointer[string]

	mu       sync.Mutex
	handled  map[string]int // events
	arrivals []time.Time    // at the second server
}

func (r *rollout) route(addr string) { r.addr.Store(&addr) }

func (r *rollout) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", *r.addr.Load())
}

// server serves one of the servers, which answers "store" with its number.
func (r *rollout) server(t *testing.T, number int, spread time.Duration) (io *socketio.Server, addr string, stop func()) {
	io = socketio.NewServer(&socketio.Options{ShutdownSpread: spread, PingTimeout: patience, UpgradeTimeout: patience})
	if number == 2 {
		io.OnConnect(func(*socketio.Socket) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.arrivals = append(r.arrivals, time.Now())
		})
	}
	socketio.OnCall(io, "store", func(_ context.Context, _ *socketio.Socket, event string) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.handled[event]++
		return number, nil
	})
	addr, stop = listen(t, io)
	return io, addr, stop
}

// commute has a client store one event after the other, and connect again
// when its connection ends, until the second server has stored some. It
// returns how many events have been acknowledged.
func (r *rollout) commute(client int, mode rawclient.Mode, slots chan struct{}, begun *sync.WaitGroup) (acked int, err error) {
	pace := time.NewTicker(250 * time.Millisecond) // or else the load would be the test
	defer pace.Stop()
	var once sync.Once
	defer once.Do(begun.Done)
	for range 2 { // connections
		slots <- struct{}{}
		c, err := r.connect(mode)
		<-slots
		if err != nil {
			return acked, err
		}
		for stored := 0; ; stored++ {
			server, err := store(c, acked, fmt.Sprint(client, "/", acked))
			if errors.Is(err, io.EOF) && acked > 0 {
				break
			}
			if err != nil {
				c.Drop()
				return acked, err
			}
			acked++
			once.Do(begun.Done)
			begun.Wait() // nothing keeps the others from coming in
			if server == 2 && stored == 1 {
				c.Close()
				return acked, nil
			}
			<-pace.C
		}
		c.Drop()
	}
	return acked, errors.New("disconnected by the second server")
}

func (r *rollout) connect(mode rawclient.Mode) (*rawclient.Client, error) {
	c, err := rawclient.Open(context.Background(), r.dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return nil, err
	}
	_ = c.Send("40")
	if p, err := c.Next(); err != nil || !strings.HasPrefix(p, `40{"sid":`) {
		c.Drop()
		return nil, fmt.Errorf("CONNECT is answered by %q: %w", p, err)
	}
	return c, nil
}

// store sends an event and returns which server has acknowledged it. After an
// orderly end of the connection the error is io.EOF.
func store(c *rawclient.Client, id int, event string) (server int, err error) {
	_ = c.Send(fmt.Sprintf(`42%d["store",%q]`, id, event)) // Next tells why it fails
	p, err := c.Next()
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(p, fmt.Sprintf("43%d[%%d]", id), &server); err != nil {
		return 0, fmt.Errorf("%q: %w", p, err)
	}
	return server, nil
}
