package redis

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/parser"
)

// A bookkeeper is a Streams that notes which of the numbers that a pair emits
// Redis has not acknowledged.
type bookkeeper struct {
	*Streams

	underWay int // events that Redis may have forgotten when it died

	mu     sync.Mutex
	failed map[int]bool
}

func (b *bookkeeper) Publish(ctx context.Context, batch []*adapter.Message) []error {
	errs := b.Streams.Publish(ctx, batch)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, err := range errs {
		var n int
		if _, scanned := fmt.Sscanf(string(batch[i].Packet.Text), `["n",%d]`, &n); err != nil && scanned == nil {
			b.failed[n] = true
		}
	}
	return errs
}

// expectKept wants the other server's client to have all events that Redis has
// acknowledged. It must be called after outcome, which has returned missing.
func (b *bookkeeper) expectKept(p *pair, missing int) {
	p.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if missing > len(b.failed)+b.underWay {
		p.Errorf("%d events are missing, but Redis has acknowledged all but %d, and %d were under way", missing, len(b.failed), b.underWay)
	}
	p.Logf("%d not acknowledged, %d under way", len(b.failed), b.underWay)
}

// TestStreamsFaults disturbs Redis: what it has acknowledged comes, once and in
// order, and the emitting server's client has everything once and in order.
func TestStreamsFaults(t *testing.T) {
	for name, f := range map[string]struct {
		redis []string // arguments
		run   func(p *pair, a, b *clustertest.Proxy)
	}{
		"Redis dies and starts again, empty": {run: func(p *pair, _, _ *clustertest.Proxy) {
			p.bus.(*bookkeeper).underWay = p.kill()
			p.away(outage(p.T))
			p.redis.Start()
		}},
		"Redis dies and starts again with its data": {redis: []string{"--appendonly", "yes", "--appendfsync", "always"}, run: func(p *pair, _, _ *clustertest.Proxy) {
			p.redis.Kill()
			p.away(outage(p.T))
			p.redis.Start()
		}},
		"Redis stands still for a second": {run: func(p *pair, _, _ *clustertest.Proxy) {
			p.redis.Pause()
			p.away(time.Second)
			p.redis.Resume()
		}},
		"Redis stands still for longer than anybody waits": {run: func(p *pair, _, _ *clustertest.Proxy) {
			p.redis.Pause()
			p.away(7 * time.Second)
			p.redis.Resume()
		}},
		"all connections are killed again and again": {run: func(p *pair, _, _ *clustertest.Proxy) {
			for range 10 {
				p.redis.Do("CLIENT", "KILL", "TYPE", "normal")
				p.redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
				p.pause(20 * time.Millisecond)
			}
		}},
		"the connections of both servers break": {run: func(p *pair, a, b *clustertest.Proxy) {
			for range 10 {
				a.Cut()
				b.Cut()
				p.pause(20 * time.Millisecond)
			}
		}},
		"the other server is cut off": {run: func(p *pair, _, b *clustertest.Proxy) {
			b.Refuse()
			p.away(outage(p.T))
			b.Resume()
		}},
		"the emitting server is cut off": {run: func(p *pair, a, _ *clustertest.Proxy) {
			a.Refuse()
			p.away(outage(p.T))
			a.Resume()
		}},
		"Redis refuses entries": {run: func(p *pair, _, _ *clustertest.Proxy) {
			p.redis.Do("ACL", "SETUSER", "default", "-xadd")
			p.away(outage(p.T))
			p.redis.Do("ACL", "SETUSER", "default", "+xadd")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			takeTurn(t)
			r := clustertest.StartRedis(t, f.redis...)
			proxyA, proxyB := clustertest.StartProxy(t, r.Addr), clustertest.StartProxy(t, r.Addr)
			quiet := &StreamsOptions{Logger: slog.New(slog.DiscardHandler)}
			a := &bookkeeper{Streams: NewStreams(connect(t, proxyA.Addr), quiet), failed: make(map[int]bool)}
			p := newPair(t, r, a, NewStreams(connect(t, proxyB.Addr), quiet))
			p.pause(50 * time.Millisecond)
			f.run(p, proxyA, proxyB)
			p.meet()
			a.expectKept(p, p.outcome(p.next()))
			if strings.HasPrefix(name, "Redis dies") {
				p.expectLog()
			}
		})
	}
}

// A server that finds the stream shorter than it should be says so, and goes on.
func TestStreamsTrimmed(t *testing.T) {
	r := clustertest.StartRedis(t)
	proxy := clustertest.StartProxy(t, r.Addr)
	var log logBook
	p := newPair(t, r, NewStreams(connect(t, r.Addr), nil), NewStreams(connect(t, proxy.Addr), &StreamsOptions{Logger: log.logger()}))
	p.pause(50 * time.Millisecond)
	proxy.Refuse()
	length := func() int {
		n, _ := strconv.Atoi(r.Do("XLEN", "socket.io"))
		return n
	}
	for before := length(); length() < before+100; {
		p.pause(time.Millisecond)
	}
	r.Do("XTRIM", "socket.io", "MAXLEN", "3")
	proxy.Resume()
	p.meet()
	if missing := p.outcome(p.next()); missing == 0 {
		t.Error("nothing is missing")
	}
	if lines := log.lines("a stream has lost entries that the server may not have read"); len(lines) != 1 {
		t.Errorf("logged %q, want one line", lines)
	}
}

// What Redis has taken and lost before the server has read it reaches the
// server's own clients all the same, once and without a place in the log.
func TestStreamsLostBeforeRead(t *testing.T) {
	r := clustertest.StartRedis(t)
	client := connect(t, r.Addr)
	s := NewStreams(client, &StreamsOptions{Logger: slog.New(slog.DiscardHandler)})
	l := s.log("/")
	own := &deliveries{}
	l.enter(&streamMember{Subscriber: own, log: l}) // nobody reads
	publish := func(text string) {
		m := &adapter.Message{Type: adapter.Broadcast, UID: own.UID(), Namespace: "/", Packet: parser.Encoded{Text: []byte(text)}}
		if errs := s.Publish(t.Context(), []*adapter.Message{m}); errs != nil {
			t.Fatal(errs)
		}
	}
	check := func() {
		conn, release := client.Dedicate()
		defer release()
		if err := s.readers()[0].checkKept(t.Context(), conn, l); err != nil {
			t.Fatal(err)
		}
	}
	publish(`["kept"]`)
	check()
	publish(`["lost"]`)
	r.Do("DEL", l.name)
	check()
	check()
	if want := []string{`["kept"]`, `["lost"]`}; !slices.Equal(own.got, want) {
		t.Errorf("delivered %q, want %q", own.got, want)
	}
	publish(`["after"]`)
	check()
	if len(own.got) != 2 {
		t.Errorf("delivered %q, of which the last is in the stream", own.got)
	}
}

// A burst that the stream has no room for waits until it has been read.
func TestStreamsBurst(t *testing.T) {
	r := clustertest.StartRedis(t)
	o := &StreamsOptions{MaxLen: 4000}
	here, there := NewStreams(connect(t, r.Addr), o), NewStreams(connect(t, r.Addr), o)
	const sent = 12_000
	counts := []*counter{{uid: "here", last: sent, all: make(chan struct{})}, {uid: "there", last: sent, all: make(chan struct{})}}
	for i, s := range []*Streams{here, there} {
		if err := s.Subscribe(t.Context(), counts[i]); err != nil {
			t.Fatal(err)
		}
	}
	batch := make([]*adapter.Message, 500)
	for i := range sent / len(batch) {
		for j := range batch {
			text := fmt.Appendf(nil, `["e",%d]`, i*len(batch)+j+1)
			batch[j] = &adapter.Message{Type: adapter.Broadcast, UID: "here", Namespace: "/", Packet: parser.Encoded{Text: text}}
		}
		if errs := here.Publish(t.Context(), batch); errs != nil {
			t.Fatal(errs)
		}
	}
	late := time.After(5 * time.Minute)
	for _, c := range counts {
		select {
		case <-c.all:
		case <-late:
			t.Errorf("the server %s got %d of %d events", c.uid, c.n.Load(), sent)
		}
	}
}

// A counter counts events that come in order.
type counter struct {
	adapter.Subscriber
	uid  string
	last int64
	n    atomic.Int64
	all  chan struct{}
}

func (*counter) Namespace() string { return "/" }
func (c *counter) UID() string     { return c.uid }
func (c *counter) Deliver(m *adapter.Message) {
	n := c.n.Load() + 1
	if string(m.Packet.Text) != fmt.Sprintf(`["e",%d]`, n) {
		return
	}
	if c.n.Store(n); n == c.last {
		close(c.all)
	}
}

// deliveries are what a server has got.
type deliveries struct {
	adapter.Subscriber
	got []string
}

func (*deliveries) Namespace() string { return "/" }
func (*deliveries) UID() string       { return "own" }
func (d *deliveries) Deliver(m *adapter.Message) {
	d.got = append(d.got, string(m.Packet.Text)+m.Offset)
}
