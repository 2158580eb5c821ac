package systemtest

import (
	"context"
	"fmt"
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

// A crowd is 1,000 clients over real connections, of which two are slow: one
// does not read at all, the other 1 KiB a second.
type crowd struct {
	*socketio.Server
	healthy []*rawclient.Client
	slow    []*rawclient.Client
	valves  []*valve
	dropped atomic.Int64 // clients disconnected as slow
}

const (
	crowdSize   = 1000
	maxBuffered = 16 << 10
)

func newCrowd(tb testing.TB, o socketio.Options) *crowd {
	tb.Helper()
	o.PingInterval, o.Limits.Buffered = noPing, maxBuffered
	c := &crowd{Server: socketio.NewServer(&o), healthy: make([]*rawclient.Client, crowdSize-2)}
	var connected atomic.Int64
	c.OnConnect(func(s *socketio.Socket) {
		s.OnDisconnect(func(r socketio.Reason) {
			if r == socketio.ReasonSlowClient {
				c.dropped.Add(1)
			}
		})
		connected.Add(1)
	})
	addr, stop := listen(tb, c.Server)
	tb.Cleanup(func() { c.Close(); stop() })

	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i := range c.healthy {
		slots <- struct{}{}
		wg.Go(func() {
			c.healthy[i], _ = joinCrowd(tb, addr, open)
			<-slots
		})
	}
	wg.Wait()
	eventually(tb, "all connected", func() bool { return connected.Load() == crowdSize-2 || tb.Failed() })
	c.SocketsJoin("healthy")
	for _, rate := range []int{0, 1 << 10} {
		client, v := joinCrowd(tb, addr, rate)
		c.slow, c.valves = append(c.slow, client), append(c.valves, v)
	}
	eventually(tb, "all connected", func() bool { return connected.Load() == crowdSize || tb.Failed() })
	c.Except("healthy").SocketsJoin("slow")
	if tb.Failed() {
		tb.FailNow()
	}
	return c
}

func joinCrowd(tb testing.TB, addr string, rate int) (c *rawclient.Client, v *valve) {
	dial := func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		v = &valve{Conn: conn, rate: open, turned: make(chan struct{})}
		return v, nil
	}
	c, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		tb.Error(err)
		return nil, nil
	}
	tb.Cleanup(c.Drop)
	_ = c.Send("40")
	if p, err := c.Next(); !strings.HasPrefix(p, "40{") {
		tb.Errorf("got %q (%v)", p, err)
	}
	v.turn(rate)
	return c, v
}

// A valve is a connection that is read at a rate, in bytes a second.
type valve struct {
	net.Conn
	mu     sync.Mutex
	rate   int
	turned chan struct{}
}

const open = -1 // the rate without a limit

func (v *valve) turn(rate int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rate = rate
	close(v.turned)
	v.turned = make(chan struct{})
}

func (v *valve) Read(b []byte) (int, error) {
	for {
		v.mu.Lock()
		rate, turned := v.rate, v.turned
		v.mu.Unlock()
		var second <-chan time.Time
		switch rate {
		case open:
			return v.Conn.Read(b)
		case 0:
		default:
			second = time.After(time.Second)
		}
		select {
		case <-turned:
		case <-second:
			return v.Conn.Read(b[:min(len(b), rate)])
		}
	}
}

func (v *valve) Close() error {
	v.turn(open)
	return v.Conn.Close()
}

// broadcast emits so many events, in turns to each of the selections, which all
// have the healthy clients. The next is emitted when these have the last. It
// returns the time that each event took to each of them, by selection.
func (c *crowd) broadcast(tb testing.TB, events int, to ...socketio.Broadcast) [][]time.Duration {
	tb.Helper()
	sent := make([]atomic.Int64, events) // when, in nanoseconds
	latencies := make([][]time.Duration, len(c.healthy))
	arrived := make([]sync.WaitGroup, events)
	for n := range arrived {
		arrived[n].Add(len(c.healthy))
	}
	var receivers sync.WaitGroup
	for i, client := range c.healthy {
		receivers.Go(func() {
			for n := range events {
				p, err := client.Next()
				latencies[i] = append(latencies[i], time.Duration(time.Now().UnixNano()-sent[n].Load()))
				if want := fmt.Sprintf(`42["n",%d,`, n); !strings.HasPrefix(p, want) {
					tb.Errorf("client %d: got %.40q (%v), want %s…", i, p, err, want)
				}
				arrived[n].Done()
			}
		})
	}
	text := strings.Repeat("x", 6<<10)
	for n := range events {
		sent[n].Store(time.Now().UnixNano())
		if err := to[n%len(to)].Emit("n", n, text); err != nil {
			tb.Error(err)
		}
		arrived[n].Wait()
		eventually(tb, "within the limits", func() bool { return c.Stats().Queued <= 2*maxBuffered })
	}
	receivers.Wait()
	sorted := make([][]time.Duration, len(to))
	for _, of := range latencies {
		for n, latency := range of {
			sorted[n%len(to)] = append(sorted[n%len(to)], latency)
		}
	}
	return sorted
}

// ordered reads what has come to a slow client, which has to be in order, and
// returns the last number.
func ordered(tb testing.TB, c *rawclient.Client, until string) (last int) {
	tb.Helper()
	last = -1
	for {
		p, err := c.Next()
		if err != nil && until != "" {
			tb.Error(err)
		}
		if err != nil || p == until {
			return last
		}
		var n int
		if _, err := fmt.Sscanf(p, `42["n",%d,`, &n); err != nil || n <= last {
			tb.Errorf("got %.40q after %d", p, last)
		}
		last = n
	}
}

// Two slow clients among 1,000 hold nobody up, whatever the policy, and what
// the server keeps for them is bounded.
func TestSlowAmongMany(t *testing.T) {
	const events = 40
	t.Run("disconnect", func(t *testing.T) {
		c := newCrowd(t, socketio.Options{})
		c.broadcast(t, events, c.To())
		eventually(t, "both disconnected as slow", func() bool { return c.dropped.Load() == 2 })
		for i, v := range c.valves {
			v.turn(open)
			ordered(t, c.slow[i], "")
		}
	})
	t.Run("drop oldest", func(t *testing.T) {
		c := newCrowd(t, socketio.Options{Limits: socketio.Limits{DropOldest: true}})
		c.broadcast(t, events, c.To())
		before := liveHeap()
		text := strings.Repeat("x", 2<<10)
		for n := range 8000 { // 16 MiB
			c.To("slow").Emit("n", events+n, text)
		}
		if grown := liveHeap() - before; grown > 4<<20 {
			t.Errorf("the heap grows by %d bytes", grown)
		}
		c.Emit("last")
		for i, v := range c.valves {
			v.turn(open)
			if last := ordered(t, c.slow[i], `42["last"]`); last != events+8000-1 {
				t.Errorf("slow client %d: the event before the last is %d", i, last)
			}
		}
		if n := c.dropped.Load(); n != 0 {
			t.Errorf("%d clients disconnected", n)
		}
	})
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkSlowAmongMany compares what 998 clients see of a broadcast with two
// slow ones among them, and alone, in turns.
func BenchmarkSlowAmongMany(b *testing.B) {
	c := newCrowd(b, socketio.Options{Limits: socketio.Limits{DropOldest: true}})
	b.ResetTimer()
	latencies := c.broadcast(b, 2*b.N, c.To(), c.To("healthy"))
	among, alone := p99(latencies[0]), p99(latencies[1])
	b.ReportMetric(float64(among.Microseconds()), "p99-µs")
	b.ReportMetric(float64(alone.Microseconds()), "p99-µs-alone")
	b.ReportMetric(float64(among)/float64(alone), "ratio")
}

func p99(latencies []time.Duration) time.Duration {
	slices.Sort(latencies)
	return latencies[len(latencies)*99/100]
}
