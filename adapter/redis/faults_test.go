package redis

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/socketiotest"
)

// A pair is two servers, a and b, each with one client. While a test disturbs
// Redis, a emits numbers to a room that both clients are in.
type pair struct {
	*testing.T
	ctx              context.Context
	redis            *clustertest.Redis
	asker            rueidis.Client  // of redis
	bus              adapter.Adapter // of a
	a, b             *socketio.Server
	clientA, clientB *socketiotest.Client
	log              logBook      // of a
	reached          atomic.Int64 // events that b has sent to its client

	stop    chan struct{}
	stopped chan struct{}

	mu      sync.Mutex
	emitted int
	slowest time.Duration
}

// A logBook keeps the lines of a log.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logBook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// lines returns those that contain a text.
func (l *logBook) lines(with string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, with) {
			lines = append(lines, line)
		}
	}
	return lines
}

func newPair(t *testing.T, r *clustertest.Redis, a, b adapter.Adapter) *pair {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	p := &pair{T: t, ctx: ctx, redis: r, asker: connect(t, r.Addr), bus: a, stop: make(chan struct{}), stopped: make(chan struct{})}
	var recovery *socketio.Recovery
	if _, keeps := a.(adapter.SessionStore); keeps {
		recovery = &socketio.Recovery{}
	}
	p.a = socketio.NewServer(&socketio.Options{Adapter: a, Logger: p.log.logger(), Recovery: recovery})
	p.b = socketio.NewServer(&socketio.Options{Adapter: b, Logger: slog.New(slog.DiscardHandler), Recovery: recovery})
	p.a.OnConnect(func(s *socketio.Socket) { s.Join("r") })
	p.b.OnConnect(func(s *socketio.Socket) {
		s.Join("r")
		s.OnAnyOutgoing(func(string, []any) { p.reached.Add(1) })
	})
	p.clientA, p.clientB = socketiotest.NewServer(t, p.a).Connect(nil), socketiotest.NewServer(t, p.b).Connect(nil)
	p.meet()
	go p.emit()
	t.Cleanup(p.end)
	return p
}

// meet waits until the servers hear each other.
func (p *pair) meet() {
	p.Helper()
	for limit := 500 * time.Millisecond; ; {
		ctx, cancel := context.WithTimeout(p.ctx, limit)
		fromA, errA := p.a.In("r").FetchSockets(ctx)
		fromB, errB := p.b.In("r").FetchSockets(ctx)
		if ctx.Err() != nil { // lost, or the machine is too slow
			limit += limit / 2
		}
		cancel()
		if errA == nil && errB == nil && len(fromA) == 2 && len(fromB) == 2 {
			return
		}
		if p.ctx.Err() != nil {
			p.Fatalf("the servers do not hear each other: %d sockets, %v, and %d sockets, %v", len(fromA), errA, len(fromB), errB)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (p *pair) pause(d time.Duration) {
	p.Helper()
	select {
	case <-time.After(d):
	case <-p.ctx.Done():
		p.Fatal("too slow, or what the test waits for does not happen")
	}
}

func (p *pair) emit() {
	defer close(p.stopped)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-p.stop:
			return
		}
		p.mu.Lock()
		n := p.emitted
		p.mu.Unlock()
		began := time.Now()
		err := p.a.To("r").Emit("n", n)
		p.mu.Lock()
		p.emitted++
		p.slowest = max(p.slowest, time.Since(began))
		p.mu.Unlock()
		if err != nil {
			p.Errorf("Emit: %v", err)
		}
	}
}

func (p *pair) end() {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	<-p.stopped
}

// kill kills Redis, which forgets what it has not passed on yet. It returns how many
// events that may be.
func (p *pair) kill() (underWay int) {
	p.redis.Kill()
	return max(0, p.next()-int(p.reached.Load()))
}

// away lets Redis be away for some time. Emit must not wait for it.
func (p *pair) away(d time.Duration) {
	p.Helper()
	before := p.next()
	p.pause(d)
	for p.next() < before+20 {
		p.pause(time.Millisecond)
	}
}

// returnTogether waits until both servers subscribe again. It reports whether that
// is within the time for which each holds its events back for the other, as it is
// if the machine is not too slow.
func (p *pair) returnTogether() bool {
	p.Helper()
	for alone := time.Now(); ; p.pause(time.Millisecond) {
		now := time.Now()
		switch n := p.subscribed(); n {
		case 0:
			alone = now
		case 2:
			return time.Since(alone) < gracePeriod
		}
	}
}

// subscribed returns how many servers subscribe at the moment.
func (p *pair) subscribed() (n int) {
	p.Helper()
	for _, c := range [][2]string{{"NUMSUB", "socket.io-request#/#"}, {"NUMSUB", "socket.io#/#"}, {"SHARDNUMSUB", "socket.io#/#"}} {
		client := p.asker
		counts, _ := client.Do(p.ctx, client.B().Arbitrary("PUBSUB", c[0]).Keys(c[1]).Build()).AsIntMap()
		n += int(counts[c[1]])
	}
	return n
}

// ping asks Redis again and again, until slowest is called and returns how long the
// slowest answer has taken.
func (p *pair) ping() (slowest func() time.Duration) {
	client := connect(p.T, p.redis.Addr)
	ctx, cancel := context.WithCancel(p.ctx)
	p.Cleanup(cancel)
	result := make(chan time.Duration, 1)
	go func() {
		var longest time.Duration
		for began := time.Now(); ctx.Err() == nil; began = time.Now() {
			_ = client.Do(p.ctx, client.B().Ping().Build()).Error()
			longest = max(longest, time.Since(began))
			<-time.After(10 * time.Millisecond)
		}
		result <- longest
	}()
	return func() time.Duration { cancel(); return <-result }
}

// next returns the number that is emitted next.
func (p *pair) next() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.emitted
}

// outcome ends the test: it returns how many events the client of b lacks, after
// it has checked that the client of a lacks none, that Emit was quick, and that
// b's client has all from the number resumed on.
func (p *pair) outcome(resumed int) (missing int) {
	p.Helper()
	p.pause(200 * time.Millisecond)
	p.end()
	if err := p.a.To("r").Emit("n", -1); err != nil {
		p.Error(err)
	}
	if p.slowest > 4*time.Second { // without a load on the machine it takes microseconds
		p.Errorf("Emit has taken %v", p.slowest)
	}
	if got := received(p.clientA); len(got) != p.emitted {
		p.Errorf("the client of the same server has %d of %d events", len(got), p.emitted)
	}
	got := received(p.clientB)
	has := make(map[int]bool)
	last := -1
	for _, n := range got {
		if n <= last {
			p.Errorf("%d has come after %d", n, last)
		}
		last, has[n] = n, true
	}
	for n := range p.emitted {
		switch {
		case has[n]:
		case n >= resumed:
			p.Errorf("event %d is missing, after the return at %d", n, resumed)
		default:
			missing++
		}
	}
	p.Logf("%d events, %d missing on the other server, slowest Emit %v", p.emitted, missing, p.slowest)
	return missing
}

func received(c *socketiotest.Client) (numbers []int) {
	for {
		n := socketiotest.Receive[int](c, "n")
		if n < 0 {
			return numbers
		}
		numbers = append(numbers, n)
	}
}

// expectLog wants one line when the bus has gone and one when it is back, and
// returns how many messages it says are lost.
func (p *pair) expectLog() (lost int) {
	p.Helper()
	const again = "sending to the other servers again"
	for len(p.log.lines(again)) == 0 { // events may arrive before the line that says so
		p.pause(time.Millisecond)
	}
	gone, back := p.log.lines("cannot send to the other servers"), p.log.lines(again)
	if len(gone) != 1 || len(back) != 1 {
		p.Fatalf("log lines %q and %q, want one of each", gone, back)
	}
	_, number, _ := strings.Cut(back[0], "lost=")
	if _, err := fmt.Sscan(number, &lost); err != nil {
		p.Errorf("%s: %v", back[0], err)
	}
	return lost
}

// outage returns how long Redis is away: shortly, or as REDIS_OUTAGE says.
func outage(t *testing.T) time.Duration {
	d, err := time.ParseDuration(os.Getenv("REDIS_OUTAGE"))
	if err != nil {
		return time.Second
	}
	t.Logf("Redis is away for %v", d)
	return d
}

// makers make the adapters, named as npm's.
var makers = []struct {
	name string
	make func(rueidis.Client) adapter.Adapter
}{
	{"redis", func(c rueidis.Client) adapter.Adapter { return NewClassic(c, nil) }},
	{"redis-sharded", func(c rueidis.Client) adapter.Adapter { return NewSharded(c, nil) }},
}

// turns lets two faults happen at a time, however many tests run in parallel: on
// a machine that is too busy, Redis dies with much that it has acknowledged and
// not yet passed on.
var turns = make(chan struct{}, 2)

// takeTurn waits for a turn, which lasts until the test ends.
func takeTurn(t *testing.T) {
	turns <- struct{}{}
	t.Cleanup(func() { <-turns })
}

func TestFaults(t *testing.T) {
	for _, kind := range makers {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range faults {
				t.Run(fault.name, func(t *testing.T) {
					t.Parallel()
					takeTurn(t)
					r := clustertest.StartRedis(t)
					proxy := clustertest.StartProxy(t, r.Addr)
					p := newPair(t, r, kind.make(connect(t, r.Addr)), kind.make(connect(t, proxy.Addr)))
					p.pause(50 * time.Millisecond)
					fault.run(p, proxy)
				})
			}
		})
	}
}

// slowRedis is how long an answer of Redis takes where a machine has too much to do
// for a bound on what is lost.
const slowRedis = 100 * time.Millisecond

// faults disturb Redis. The servers have connections of their own; those of b go
// through a proxy.
var faults = []struct {
	name string
	run  func(p *pair, b *clustertest.Proxy)
}{
	{"Redis dies and starts again, empty", func(p *pair, _ *clustertest.Proxy) {
		underWay := p.kill()
		p.away(outage(p.T))
		p.redis.Start()
		together := p.returnTogether()
		p.meet()
		missing := p.outcome(p.next())
		if lost := p.expectLog(); lost == 0 || missing > lost+underWay && together {
			p.Errorf("%d events are missing, the log says that %d messages are lost, and %d were under way", missing, lost, underWay)
		}
	}},
	{"Redis stands still", func(p *pair, _ *clustertest.Proxy) {
		began := time.Now()
		p.redis.Pause()
		p.away(outage(p.T))
		p.redis.Resume()
		p.meet()
		d := time.Since(began)
		if missing := p.outcome(p.next()); missing > 0 && d < 4*time.Second {
			p.Errorf("%d events are missing", missing)
		}
	}},
	{"only publishing is cut", func(p *pair, _ *clustertest.Proxy) {
		p.redis.Do("ACL", "SETUSER", "default", "-publish", "-spublish")
		p.away(outage(p.T))
		p.redis.Do("ACL", "SETUSER", "default", "+publish", "+spublish")
		p.meet()
		missing := p.outcome(p.next())
		if lost := p.expectLog(); missing == 0 || missing > lost {
			p.Errorf("%d events are missing, the log says that %d messages are lost", missing, lost)
		}
	}},
	{"the connections that subscribe are killed", func(p *pair, _ *clustertest.Proxy) {
		slowest := p.ping()
		for range 5 {
			p.redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
			p.pause(20 * time.Millisecond)
		}
		p.meet()
		if missing := p.outcome(p.next()); missing > 200 && slowest() < slowRedis {
			p.Errorf("%d events are missing", missing)
		}
	}},
	{"the other connections are killed", func(p *pair, _ *clustertest.Proxy) {
		slowest := p.ping()
		for range 5 {
			p.redis.Do("CLIENT", "KILL", "TYPE", "normal")
			p.pause(20 * time.Millisecond)
		}
		p.meet()
		if missing := p.outcome(p.next()); missing > 50 && slowest() < slowRedis {
			p.Errorf("%d events are missing", missing)
		}
	}},
	{"a server is cut off", func(p *pair, b *clustertest.Proxy) {
		slowest := p.ping()
		b.Refuse()
		p.away(outage(p.T))
		b.Resume()
		p.meet()
		p.outcome(p.next())
		if gone := p.log.lines("cannot send"); len(gone) > 0 && slowest() < 2*time.Second { // or else Redis has had no time
			p.Errorf("the other server has logged %q", gone)
		}
	}},
	{"a server reads too slowly, so that Redis drops it", func(p *pair, b *clustertest.Proxy) {
		p.redis.Do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 1mb 1")
		b.Stall()
		ballast := strings.Repeat("x", 1<<20)
		for range 16 { // the sockets' buffers take some
			if err := p.a.Emit("ballast", ballast); err != nil {
				p.Fatal(err)
			}
			p.pause(20 * time.Millisecond)
		}
		b.Resume()
		p.meet()
		p.outcome(p.next())
	}},
}
