package embedded

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/nats"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

// A connector makes an adapter for a NATS server.
type connector func(t testing.TB, url string) adapter.Adapter

var connectors = map[string]connector{
	"NATS": func(t testing.TB, url string) adapter.Adapter { return connect(t, url, nats.Options{}) },
	"JetStream": func(t testing.TB, url string) adapter.Adapter {
		return connectJetStream(t, url, nats.JetStreamOptions{})
	},
}

// TestBusFails breaks the bus of two servers while one emits. A bus that is broken
// for long is broken until the emitting server has noticed and serves its own
// clients without it.
func TestBusFails(t *testing.T) {
	for name, f := range map[string]struct {
		breaks func(p *clustertest.Process, proxy *clustertest.Proxy, noticed func())
		lines  bool // the servers notice
		late   bool // messages in doubt may arrive after newer ones
	}{
		"killed": {func(p *clustertest.Process, _ *clustertest.Proxy, noticed func()) {
			p.Kill()
			noticed()
			p.Start()
		}, true, false},
		"paused for 1 s": {func(p *clustertest.Process, _ *clustertest.Proxy, _ func()) {
			p.Pause()
			<-time.After(time.Second)
			p.Resume()
		}, false, false},
		"paused for long": {func(p *clustertest.Process, _ *clustertest.Proxy, noticed func()) {
			p.Pause()
			noticed()
			p.Resume()
		}, true, true},
		"not reached by the emitting server": {func(_ *clustertest.Process, proxy *clustertest.Proxy, noticed func()) {
			proxy.Refuse()
			noticed()
			proxy.Resume()
		}, true, false},
	} {
		for kind, connect := range connectors {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				p, addr := natsProcess(t)
				proxy := clustertest.StartProxy(t, addr)
				recovery := socketio.Options{}
				if kind == "JetStream" {
					recovery.Recovery = &socketio.Recovery{}
				}
				bus := connect(t, "nats://"+proxy.Addr)
				other := connect(t, "nats://"+addr)
				back := comebacks(connOf(bus), connOf(other))
				sent, via := new(counted), bus
				if kind == "NATS" {
					sent.Adapter, via = bus, sent
				}
				a, b := newSite(t, via, recovery), newSite(t, other, recovery)
				a.meet(1)
				here, there := a.connect(nil), b.connect(nil)
				e := a.emit("e", time.Millisecond)
				there.await(t, "e", 100)
				begun, had, underWay := time.Now(), there.count("e"), 0
				f.breaks(p, proxy, func() {
					until(t, "the server notices", func() bool { return !connOf(bus).IsConnected() && len(a.logged()) > 0 })
					underWay = max(0, int(sent.events.Load())-had)
					before := here.count("e")
					until(t, "its clients get events", func() bool { return here.count("e") >= before+500 })
				})
				a.meet(1) // again
				took := time.Since(begun)
				last := e.end()
				a.endFor(here, there)
				until(t, "the emitting server's client has got all events", func() bool { return here.count("e") >= last })
				n, inOrder := missing(here.numbers("e"), last)
				inOrder = inOrder || kind == "JetStream" // events that the log did not take may pass earlier ones that it took
				if n != 0 || !inOrder {
					t.Errorf("the emitting server's client lacks %d events; in order: %v", n, inOrder)
				}
				got := there.numbers("e")
				if f.late || took >= givenUp { // on a slow machine too long for a moment
					slices.Sort(got)
				}
				n, inOrder = missing(got, last)
				if !inOrder {
					t.Error("the other server's client has got events twice or in another order")
				}
				lost := 0
				if f.lines {
					lost = a.expectLines()
				}
				t.Logf("of %d events %d did not reach the other server, logged are %d, and %d were under way", last, n, lost, underWay)
				switch {
				case !f.lines && took >= givenUp:
				case kind == "NATS" && back.late(): // the other server, because the machine is slow
				case n > lost+underWay:
					t.Errorf("%d events did not reach the other server, logged are %d, and %d were under way", n, lost, underWay)
				}
			})
		}
	}
}

// TestConnectionsAreCut cuts the connections of both servers again and again.
func TestConnectionsAreCut(t *testing.T) {
	for kind, connect := range connectors {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			_, addr := natsProcess(t)
			proxy := clustertest.StartProxy(t, addr)
			recovery := socketio.Options{Recovery: &socketio.Recovery{}}
			a, b := newSite(t, connect(t, "nats://"+proxy.Addr), recovery), newSite(t, connect(t, "nats://"+proxy.Addr), recovery)
			a.meet(1)
			here, there := a.connect(nil), b.connect(nil)
			e := a.emit("e", time.Millisecond)
			for range 10 {
				<-time.After(200 * time.Millisecond)
				proxy.Cut()
			}
			a.meet(1)
			last := e.end()
			a.endFor(here, there)
			until(t, "the emitting server's client has got all events", func() bool { return here.count("e") >= last })
			own := here.numbers("e")
			if kind == "JetStream" { // events that failed do not wait for those that come back
				slices.Sort(own)
			}
			if n, once := missing(own, last); n != 0 || !once {
				t.Errorf("the emitting server's client lacks %d events; each once: %v", n, once)
			}
			n, inOrder := missing(there.numbers("e"), last)
			if !inOrder {
				t.Error("the other server's client has got events twice or in another order")
			}
			t.Logf("of %d events %d did not reach the other server", last, n)
		})
	}
}

// A blocked subscriber takes no messages until it is released.
type blocked struct {
	adapter.Subscriber
	release chan struct{}
	got     chan string
}

func (b *blocked) Namespace() string                   { return "/" }
func (b *blocked) UID() string                         { return "slow" }
func (b *blocked) WatchRooms(func(string, bool, bool)) {}
func (b *blocked) Deliver(m *adapter.Message)          { <-b.release; b.got <- string(m.Packet.Text) }

// TestSlowConsumer has a server that takes no messages for a while. It gets small
// ones later, and loses some of many large ones, which it says.
func TestSlowConsumer(t *testing.T) {
	for _, c := range []struct {
		name        string
		sent, size  int
		least, most int
	}{
		{"a burst of small messages", 20_000, 10, 20_000, 20_000},
		{"too many large ones", 100, 900_000, 70, 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, o := natsServer(t).ClientURL(), apart(nats.Options{})
			from := connect(t, url, o)
			var log testserver.LogBook
			o.Logger = log.Everything()
			to, err := nats.New(url, &o)
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			slow := &blocked{release: make(chan struct{}), got: make(chan string, c.sent+1)}
			until(t, "it subscribes", func() bool { return to.Subscribe(ctx, slow) == nil })
			again := 0 // messages that were published again, because the machine is slow
			publish := func(n int, packet parser.Encoded) {
				m := &adapter.Message{Type: adapter.ServerSideEmit, UID: "fast", Namespace: "/", Packet: packet}
				batch := slices.Repeat([]*adapter.Message{m}, n)
				again -= n
				until(t, "it publishes", func() bool { again += n; return from.Publish(ctx, batch) == nil })
			}
			batch := min(c.sent, 5_000_000/c.size)
			for range c.sent / batch {
				publish(batch, parser.Encoded{Text: []byte(`["e",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{make([]byte, c.size)}})
			}
			if c.least < c.sent {
				const dropped = `msg="messages of other servers dropped: too many wait"`
				until(t, "what is too much is dropped", func() bool { // each time logged, at Debug
					return strings.Count(strings.Join(log.Lines(), ""), dropped) >= c.sent-c.most
				})
				if time.Since(begun) < time.Minute { // or else there may be a second line
					log.ExpectOne(t, "level=WARN "+dropped, "limit=67108864")
				}
			}
			close(slow.release)
			publish(1, parser.Encoded{Text: []byte(`["last"]`)})
			for n := 0; ; n++ {
				select {
				case got := <-slow.got:
					if got == `["last"]` {
						if n < c.least || n > c.most+again {
							t.Errorf("%d of %d messages came, %d of them sent again; want %d to %d", n, c.sent, again, c.least, c.most)
						}
						return
					}
				case <-ctx.Done():
					t.Fatal("what is sent after the slow time does not come")
				}
			}
		})
	}
}

// runNode is a server on the embedded bus in a process of its own.
func runNode() {
	bus, err := New(&Options{Listen: os.Getenv("LISTEN"), Routes: strings.Split(os.Getenv("ROUTES"), ","), Secret: secret})
	if err != nil {
		panic(err)
	}
	io := socketio.NewServer(&socketio.Options{Adapter: bus})
	io.OnServerSide("hello", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	panic(http.ListenAndServe(os.Getenv("HTTP"), io))
}

// TestANodeOfThreeDies kills and pauses one of three processes.
func TestANodeOfThreeDies(t *testing.T) {
	t.Parallel()
	one, two := start(t), start(t)
	listen, addr := clustertest.FreeAddress(t), clustertest.FreeAddress(t)
	three := clustertest.StartProgram(t, func() *exec.Cmd {
		return program(t, "node", "LISTEN="+listen, "ROUTES="+one.address()+","+two.address(), "HTTP="+addr)
	}, func() bool {
		response, err := http.Get("http://" + addr)
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	a, b := newSite(t, one, socketio.Options{}), newSite(t, two, socketio.Options{})
	a.meet(2)
	b.meet(2)
	here, there := a.connect(nil), b.connect(nil)
	e := a.emit("e", time.Millisecond)
	check := func(how string, within time.Duration, others int) {
		t.Helper()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), within+patience/2)
		defer cancel()
		if _, err := a.FetchSockets(ctx); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		a.meet(others)
		if took := time.Since(begun); took > within+patience/2 {
			t.Errorf("%s: servers answer after %v", how, took)
		}
	}
	three.Kill()
	check("killed", 0, 1)
	three.Start()
	check("started again", 0, 2)
	three.Pause()
	<-time.After(100 * time.Millisecond)
	check("paused", 10*time.Second, 1)
	three.Resume()
	check("resumed", 0, 2)
	last := e.end()
	for who, c := range map[string]*client{"the emitting server": here, "the other server": there} {
		if n, inOrder := missing(c.await(t, "e", last), last); n != 0 || !inOrder {
			t.Errorf("the client of %s lacks %d events; in order: %v", who, n, inOrder)
		}
	}
	for _, line := range a.log.Lines() {
		if strings.Contains(line, "level=ERROR") {
			t.Errorf("logged %s", line)
		}
	}
}

func TestNewFails(t *testing.T) {
	taken := start(t)
	for name, o := range map[string]Options{
		"Options.Secret":         {Listen: "127.0.0.1:0"},
		"Options.Listen":         {Listen: "127.0.0.1", Secret: secret},
		"Options.Routes":         {Listen: "127.0.0.1:0", Secret: secret, Routes: []string{"other"}},
		"without Options.Listen": {Routes: []string{"127.0.0.1:1"}},
		"Options.Prefix":         {Prefix: "a b"},
		"address already in use": {Listen: taken.address(), Secret: secret},
	} {
		if a, err := New(&o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %q in it", err, name)
			if a != nil {
				a.Close()
			}
		}
	}
}

// TestAStrangerIsKeptOut has a process with another secret.
func TestAStrangerIsKeptOut(t *testing.T) {
	t.Parallel()
	a := start(t)
	stranger, err := New(&Options{Listen: "127.0.0.1:0", Routes: []string{a.address()}, Secret: "another", Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	friend := start(t, a.address())
	until(t, "a friend joins", func() bool { return friend.interest(friend.ping) == 2 && a.interest(a.ping) == 2 })
	if n, m := stranger.interest(stranger.ping), a.interest(a.ping); n != 1 || m != 2 {
		t.Errorf("the stranger sees %d processes, the others %d", n, m)
	}
}

func TestOneServerForEachAdapter(t *testing.T) {
	a := connect(t, natsServer(t).ClientURL(), nats.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for end := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		if err := a.Subscribe(ctx, new(blocked)); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if err := a.Subscribe(ctx, new(blocked)); err == nil || !strings.Contains(err.Error(), "each needs its own") {
		t.Errorf("error %v", err)
	}
	cancel()
	if err := a.Subscribe(context.Background(), new(blocked)); err != nil {
		t.Errorf("after the end of the first: %v", err)
	}
	if _, err := a.Servers(ctx, "/"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Servers: %v", err)
	}
}
