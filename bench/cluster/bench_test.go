//go:build unix

package cluster

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// patience is how long anything may take.
const patience = 3 * time.Minute

// BenchmarkCluster measures what one of two servers emits to clients of the
// other. Each figure is of one run; repeat with -count.
func BenchmarkCluster(b *testing.B) {
	for _, bus := range buses {
		b.Run(bus.name, func(b *testing.B) {
			url := bus.bus(b)
			b.Run("roomcast", func(b *testing.B) { measure(b, func(t testing.TB) [2]node { return startGo(t, bus.name, url) }) })
			if bus.npm {
				b.Run("npm", func(b *testing.B) { measure(b, func(t testing.TB) [2]node { return startNPM(t, bus.name, url) }) })
			}
		})
	}
}

// TestOneEvent sees that each bus carries an event, so that the benchmark works.
func TestOneEvent(t *testing.T) {
	for _, bus := range buses {
		t.Run(bus.name, func(t *testing.T) {
			pair := startGo(t, bus.name, bus.bus(t))
			meet(t, pair)
			listen(t, pair[0], pair[1], 1)
		})
	}
}

// sizes are how many events the scenarios emit.
type sizes struct{ latency, one, many int }

func chosenSizes() sizes {
	if testing.Short() {
		return sizes{50, 2000, 50}
	}
	return sizes{1000, 50_000, 2000}
}

// measure runs the scenarios, each on two servers of its own.
func measure(b *testing.B, start func(testing.TB) [2]node) {
	n := chosenSizes()
	b.Run("own", func(b *testing.B) {
		pair := start(b)
		meet(b, pair)
		latency(b, pair[0], pair[0], n.latency)
	})
	b.Run("latency", func(b *testing.B) {
		pair := start(b)
		meet(b, pair)
		latency(b, pair[0], pair[1], n.latency)
	})
	b.Run("to-1", func(b *testing.B) { burst(b, start(b), 1, n.one) })
	b.Run("to-200", func(b *testing.B) { burst(b, start(b), 200, n.many) })
}

// latency measures one event after the other, from one server to a client of
// another, or of its own.
func latency(b *testing.B, from, to node, events int) {
	l := listen(b, from, to, 1)
	from.emit(events/5, 2*time.Millisecond) // to warm up
	l.await(b, events/5)
	l.reset()
	from.emit(events, 2*time.Millisecond)
	l.await(b, events)
	b.ReportMetric(0, "ns/op")
	took := l.latencies()
	b.ReportMetric(took[len(took)/2], "p50-ms")
	b.ReportMetric(took[len(took)*99/100], "p99-ms")
}

// burst measures events that are emitted without a pause.
func burst(b *testing.B, pair [2]node, clients, events int) {
	meet(b, pair)
	l := listen(b, pair[0], pair[1], clients)
	pair[0].emit(events/5, 0) // to warm up
	l.await(b, events/5*clients)
	l.reset()
	var before [2]time.Duration
	for i, n := range pair {
		before[i] = n.cpu()
	}
	begun := time.Now()
	pair[0].emit(events, 0)
	l.await(b, events*clients)
	took := time.Since(begun)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(events)/took.Seconds(), "events/s")
	for i, name := range []string{"sender-µs/event", "receiver-µs/event"} {
		b.ReportMetric(float64((pair[i].cpu()-before[i]).Microseconds())/float64(events), name)
	}
}

// meet waits until the servers know each other.
func meet(t testing.TB, pair [2]node) {
	t.Helper()
	for _, n := range pair {
		for end := time.Now().Add(patience); n.others() != 1; <-time.After(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the servers do not know each other")
			}
		}
	}
}

// Listeners are clients of one server that count the events of another, and note
// how long each took.
type listeners struct {
	got  atomic.Int64
	took chan float64 // ms
}

func listen(t testing.TB, from, to node, clients int) *listeners {
	t.Helper()
	l := &listeners{took: make(chan float64, 1<<17)}
	addr := strings.TrimPrefix(to.url(), "http://")
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) }
	for range clients {
		c, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Drop)
		if err := c.Send("40"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(); err != nil {
			t.Fatal(err)
		}
		go l.read(c, clients == 1)
	}
	for end := time.Now().Add(patience); ; { // a subscription by room may take a moment
		before := l.got.Load()
		from.emit(1, 0)
		<-time.After(50 * time.Millisecond)
		if l.got.Load()-before == int64(clients) {
			l.reset()
			return l
		}
		if time.Now().After(end) {
			t.Fatal("events do not reach all clients")
		}
	}
}

// read takes a client's events.
func (l *listeners) read(c *rawclient.Client, timed bool) {
	for packet := range c.Packets() {
		if !strings.HasPrefix(packet, `42["e"`) {
			continue
		}
		if timed {
			var args []any
			now := float64(time.Now().UnixMicro()) / 1000
			if json.Unmarshal([]byte(packet[2:]), &args) == nil {
				select {
				case l.took <- now - args[1].(float64):
				default: // in a burst nobody asks
				}
			}
		}
		l.got.Add(1)
	}
}

// await waits until so many events have come.
func (l *listeners) await(t testing.TB, n int) {
	t.Helper()
	for end := time.Now().Add(patience); l.got.Load() < int64(n); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d events came", l.got.Load(), n)
		}
	}
}

func (l *listeners) reset() {
	l.got.Store(0)
	for len(l.took) > 0 {
		<-l.took
	}
}

// latencies returns what the events have taken, in milliseconds, sorted.
func (l *listeners) latencies() (all []float64) {
	for len(l.took) > 0 {
		all = append(all, <-l.took)
	}
	slices.Sort(all)
	return all
}
