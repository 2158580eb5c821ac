package socketio_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// What adapters do is tested by package adaptertest. These tests are about
// what the other servers see, and about time.

// A peer is another server, of whatever make, in the namespace "/".
type peer struct {
	h   *harness
	bus adapter.Adapter
	uid string

	mu       sync.Mutex
	received []string // as JSON, without uid and nsp
}

func (h *harness) peer(bus adapter.Adapter, uid string) *peer {
	p := &peer{h: h, bus: bus, uid: uid}
	ctx, cancel := context.WithCancel(context.Background())
	h.Cleanup(cancel)
	h.check(bus.Subscribe(ctx, "/", uid, func(m *adapter.Message) {
		encoded, err := m.Encode()
		h.check(err)
		_, text, _ := strings.Cut(string(encoded.Text), `"nsp":"/",`)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.received = append(p.received, "{"+text)
	}))
	return p
}

// say publishes a message with this type and data.
func (p *peer) say(text string) {
	p.h.Helper()
	m, err := adapter.Decode(parser.Encoded{Text: []byte(`{"uid":"` + p.uid + `","nsp":"/",` + text + "}")})
	p.h.check(err)
	_, err = p.bus.Publish(context.Background(), m)
	p.h.check(err)
	synctest.Wait()
}

// heard returns what the peer has been sent.
func (p *peer) heard() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.received
	p.received = nil
	return all
}

func (p *peer) expect(want ...string) {
	p.h.Helper()
	got := p.heard()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		p.h.Fatalf("the other server has heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// silent is a bus that does not know how many servers it has.
type silent struct{ adapter.Loopback }

func (*silent) Servers(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }

const noOpts = `"opts":{"rooms":[],"except":[],"flags":{}}`

func TestClusterWire(t *testing.T) {
	bus := func() *socketio.Options { return &socketio.Options{Adapter: new(adapter.Loopback)} }
	t.Run("what is said", func(t *testing.T) {
		o := bus()
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			h.check(h.Emit("e", 1))
			h.check(h.To("a").Except("b").Volatile().Emit("e"))
			h.SocketsJoin("a")
			h.In("a").SocketsLeave("b")
			h.DisconnectSockets(false)
			h.check(h.ServerSideEmit("e", "x"))
			h.check(h.Local().Emit("e"))
			p.expect(
				`{"type":3,"data":{`+noOpts+`,"packet":{"type":2,"data":["e",1]}}}`,
				`{"type":3,"data":{"opts":{"rooms":["a"],"except":["b"],"flags":{"volatile":true}},"packet":{"type":2,"data":["e"]}}}`,
				`{"type":4,"data":{`+noOpts+`,"rooms":["a"]}}`,
				`{"type":5,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"rooms":["b"]}}`,
				`{"type":6,"data":{`+noOpts+`,"close":false}}`,
				`{"type":9,"data":{"packet":["e","x"]}}`,
			)
			h.Close()
			p.expect(`{"type":13}`)
		})
	})
	t.Run("answers", func(t *testing.T) {
		o := bus()
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			p.say(`"type":7,"data":{` + noOpts + `,"requestId":"r1"}`)
			p.expect(`{"type":8,"data":{"requestId":"r1","sockets":[]}}`)
			p.say(`"type":3,"data":{` + noOpts + `,"requestId":"r2","packet":{"type":2,"data":["e"]}}`)
			p.expect(`{"type":11,"data":{"requestId":"r2","clientCount":0}}`)

			a, b := h.connect(rawclient.WebSocket), h.connect(rawclient.WebSocket)
			p.say(`"type":3,"data":{` + noOpts + `,"requestId":"r3","packet":{"type":2,"data":["e"],"nsp":"/"}}`)
			p.expect(`{"type":11,"data":{"requestId":"r3","clientCount":2}}`)
			id := a.match(`^42(\d+)\["e"\]$`)[1]
			b.expect(`42` + id + `["e"]`)
			a.send(`43` + id + `["ok","more"]`)
			p.expect(`{"type":12,"data":{"requestId":"r3","packet":"ok","sid":"` + a.id + `"}}`)
			b.Drop()
			p.expect(`{"type":64,"data":{"requestId":"r3","sid":"` + b.id + `"}}`)

			h.OnServerSide("sum", func(_ context.Context, e *socketio.Event) error {
				if e.Socket() != nil {
					h.Error("an event of a server has a socket")
				}
				var x, y int
				h.check(e.Decode(&x, &y))
				return errors.Join(e.Ack(x+y), wantErr(e.Ack(0), socketio.ErrAcked))
			})
			p.say(`"type":9,"data":{"requestId":"r4","packet":["sum",1,2]}`)
			p.expect(`{"type":10,"data":{"requestId":"r4","packet":3}}`)
		})
	})
	t.Run("a call forgets after the time that the asker gave", func(t *testing.T) {
		o := bus()
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			c := h.connect(rawclient.WebSocket)
			p.say(`"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":{"timeout":2000}},"requestId":"r","packet":{"type":2,"data":["e"]}}`)
			s := h.socket(c.id)
			if n := s.PendingAcks(); n != 1 {
				h.Errorf("%d pending", n)
			}
			wait(2 * time.Second)
			synctest.Wait()
			if n := s.PendingAcks(); n != 0 {
				h.Errorf("%d pending", n)
			}
		})
	})
	t.Run("a call to servers that do not name sockets", func(t *testing.T) {
		o := bus()
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			var got []string
			for r, err := range h.Call(ctx, "e") {
				var reply string
				if err == nil {
					err = r.Decode(&reply)
				}
				got = append(got, fmt.Sprint(r.SocketID(), reply, err))
			}
			if want := "context deadline exceeded"; len(got) != 1 || got[0] != want {
				h.Errorf("got %q of a server that does not say how many", got)
			}
			if heard := p.heard(); len(heard) != 1 || !strings.Contains(heard[0], `"flags":{"timeout":3000}`) {
				h.Errorf("asked by %q", heard)
			}

			done := make(chan []string)
			go func() {
				var got []string
				for r, err := range h.Call(context.Background(), "e") {
					var reply any
					_ = r.Decode(&reply)
					got = append(got, fmt.Sprint(r.SocketID(), reply, err))
				}
				done <- got
			}()
			asked := p.heard()
			_, rest, _ := strings.Cut(asked[0], `"requestId":"`)
			requestID, _, _ := strings.Cut(rest, `"`)
			p.say(`"type":11,"data":{"requestId":"` + requestID + `","clientCount":2}`)
			p.say(`"type":12,"data":{"requestId":"` + requestID + `","packet":["list"]}`)
			p.say(`"type":12,"data":{"requestId":"nonsense","packet":0}`)
			p.say(`"type":12,"data":{"requestId":"` + requestID + `"}`)
			if got := strings.Join(<-done, ", "); got != "[list] <nil>, <nil> <nil>" {
				h.Errorf("got %s", got)
			}
		})
	})
	t.Run("nonsense", func(t *testing.T) {
		log := new(logBook)
		o := &socketio.Options{Adapter: new(adapter.Loopback), Logger: log.logger()}
		run(t, o, func(h *harness) {
			p := h.peer(o.Adapter, "other")
			c := h.connect(rawclient.WebSocket)
			p.say(`"type":3,"data":{` + noOpts + `,"packet":{"type":2,"data":[]}}`)
			log.expectOne(t, "invalid message of another server", "type=3")
			p.say(`"type":9,"data":{"packet":{"a":1}}`)
			p.say(`"type":99`)
			p.say(`"type":10,"data":{"requestId":"unknown","packet":1}`)
			p.say(`"type":3,"data":{` + noOpts + `,"packet":{"type":2,"data":["connect",1]}}`)
			h.check(h.Emit("end"))
			c.expect(`42["end"]`)
		})
	})
}

func wantErr(got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("error %w, want %w", got, want)
	}
	return nil
}

// timeCall returns how long a call without a deadline takes.
func (h *harness) timeCall() time.Duration {
	start := time.Now()
	for r, err := range h.ServerSideCall(context.Background(), "e") {
		if r == nil || !errors.Is(err, context.DeadlineExceeded) {
			h.Errorf("yields %v, %v", r, err)
		}
	}
	return time.Since(start)
}

// troubled is a bus to which one cannot subscribe at first.
type troubled struct {
	adapter.Loopback
	failures int
}

func (b *troubled) Subscribe(ctx context.Context, namespace, uid string, deliver func(*adapter.Message)) error {
	if b.failures > 0 {
		b.failures--
		return errors.New("out of order")
	}
	return b.Loopback.Subscribe(ctx, namespace, uid, deliver)
}

func TestClusterSubscribesAgain(t *testing.T) {
	log := new(logBook)
	bus := &troubled{failures: 2}
	run(t, &socketio.Options{Adapter: bus, Logger: log.logger()}, func(h *harness) {
		log.expectOne(t, "cannot join the other servers", "out of order")
		c := h.connect(rawclient.WebSocket)
		wait(3 * time.Second)
		p := &peer{h: h, bus: &bus.Loopback, uid: "other"}
		p.say(`"type":3,"data":{` + noOpts + `,"packet":{"type":2,"data":["e"]}}`)
		c.expect(`42["e"]`)
	})
	bus.failures = 1 << 30
	run(t, &socketio.Options{Adapter: bus, Logger: log.logger()}, func(h *harness) { h.Close() })
}

type broken struct{ adapter.Loopback }

func (*broken) Publish(context.Context, *adapter.Message) (string, error) {
	return "", errors.New("cable cut")
}

func TestClusterPublishFails(t *testing.T) {
	log := new(logBook)
	run(t, &socketio.Options{Adapter: new(broken), Logger: log.logger()}, func(h *harness) {
		c := h.connect(rawclient.WebSocket)
		h.check(h.Emit("e"))
		c.expect(`42["e"]`)
		log.expectOne(t, "cannot send to the other servers", "cable cut", "namespace=/", "type=3")
		if err := h.ServerSideEmit("e"); err == nil {
			h.Error("ServerSideEmit has not failed")
		}
	})
}

// Servers of one cluster may have different parsers.
func TestClusterParsers(t *testing.T) {
	bus := new(adapter.Loopback)
	run(t, &socketio.Options{Adapter: bus, Parser: msgpack.Parser{}}, func(h *harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: bus})
		defer other.Close()
		c := h.open(rawclient.WebSocket)
		s := make(chan *socketio.Socket, 1)
		h.OnConnect(func(connected *socketio.Socket) { s <- connected })
		connect, err := msgpack.Parser{}.Encode(nil, &parser.Header{Type: parser.Connect})
		h.check(err)
		c.send("b" + base64.StdEncoding.EncodeToString(connect.Attachments[0]))
		c.next()
		<-s
		h.check(other.Emit("e", uint64(1<<63), []byte{1}))
		packet, err := base64.StdEncoding.DecodeString(c.next()[1:])
		h.check(err)
		p, err := msgpack.Parser{}.NewDecoder().Binary(packet)
		h.check(err)
		var n any
		var data []byte
		h.check(p.Args.Decode(&n, &data))
		if p.Event != "e" || n != float64(1<<63) || string(data) != "\x01" {
			h.Errorf("got %s %v %q", p.Event, n, data)
		}
	})
}

// Without an adapter all sockets are local.
func TestUtilityMethods(t *testing.T) {
	behaviour(t, "FetchSockets", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		h.socket(a.id).Join("room")
		h.socket(a.id).SetData(map[string]int{"n": 1})
		if all, err := h.FetchSockets(context.Background()); err != nil || len(all) != 2 {
			h.Errorf("%d sockets, %v", len(all), err)
		}
		in, err := h.In("room").FetchSockets(context.Background())
		h.check(err)
		var data struct{ N int }
		if len(in) != 1 || in[0].ID != a.id || strings.Join(in[0].Rooms, " ") != a.id+" room" || in[0].DecodeData(&data) != nil || data.N != 1 {
			h.Errorf("fetched %+v", in)
		}
		if got, _ := h.In(b.id).Local().FetchSockets(context.Background()); len(got) != 1 || got[0].ID != b.id {
			h.Errorf("fetched %+v", got)
		}
	})
	behaviour(t, "SocketsJoin and SocketsLeave", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		h.SocketsJoin("x")
		h.In(a.id).SocketsJoin("y", "z")
		h.In("y").SocketsLeave("x", "z")
		for id, want := range map[string]string{a.id: "y", b.id: "x"} {
			if got := strings.Join(h.socket(id).Rooms()[1:], " "); got != want {
				h.Errorf("in rooms %s, want %s", got, want)
			}
		}
		h.SocketsLeave("x", "y")
		if got := len(h.socket(a.id).Rooms()) + len(h.socket(b.id).Rooms()); got != 2 {
			h.Errorf("%d rooms left", got)
		}
	})
	behaviour(t, "DisconnectSockets", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		h.check(h.Emit("bye"))
		h.In(a.id).DisconnectSockets(false)
		a.expect(`42["bye"]`, "41")
		h.DisconnectSockets(true)
		b.expect(`42["bye"]`, "41")
		b.expectClosed()
	})
	behaviour(t, "server-side events go nowhere", func(h *harness, mode rawclient.Mode) {
		h.OnServerSide("e", func(context.Context, *socketio.Event) error { t.Error("heard itself"); return nil })
		h.check(h.ServerSideEmit("e"))
		for r, err := range h.ServerSideCall(context.Background(), "e") {
			h.Errorf("yields %v, %v", r, err)
		}
	})
}

func TestServerSideRefuses(t *testing.T) {
	io := socketio.NewServer(nil)
	defer io.Close()
	h := harness{T: t}
	h.check(wantErr(io.ServerSideEmit("connection"), socketio.ErrReservedEvent))
	if io.ServerSideEmit("e", make(chan int)) == nil {
		t.Error("a channel has been encoded")
	}
	n := 0
	for r, err := range io.ServerSideCall(context.Background(), "connect") {
		h.check(wantErr(err, socketio.ErrReservedEvent))
		if n++; r != nil {
			t.Error("a reply")
		}
	}
	if n != 1 {
		t.Errorf("%d pairs", n)
	}
}

// Children of a parent come and go on each server by themselves.
func TestClusterFamilies(t *testing.T) {
	bus := new(adapter.Loopback)
	run(t, &socketio.Options{Adapter: bus}, func(h *harness) {
		other := &harness{T: h.T, Server: socketio.NewServer(&socketio.Options{Adapter: bus})}
		other.serve(other.Server)
		pattern := regexp.MustCompile(`^/r`)
		parent := h.OfPattern(pattern)
		heard := make(chan string, 1)
		other.OfPattern(pattern).OnServerSide("e", func(context.Context, *socketio.Event) error {
			heard <- "e"
			return nil
		})
		count := func(want int) {
			h.Helper()
			if n, err := bus.Servers(context.Background(), "/r1"); err != nil || n != want {
				h.Errorf("%d servers have the child, want %d", n, want)
			}
		}
		count(0)
		a, b := h.open(rawclient.WebSocket), other.open(rawclient.WebSocket)
		a.enter("/r1")
		b.enter("/r1")
		count(2)
		h.check(parent.Emit("e", 1))
		a.expect(`42/r1,["e",1]`)
		b.expect(`42/r1,["e",1]`)
		parent.SocketsJoin("x")
		h.check(h.Of("/r1").ServerSideEmit("e"))
		<-heard
		if all, err := parent.In("x").FetchSockets(context.Background()); err != nil || len(all) != 2 {
			h.Errorf("%d sockets, %v", len(all), err)
		}
		b.send("41/r1,")
		synctest.Wait()
		count(1)

		// A child that exists only on another server is not reached by the
		// parent, but by its name.
		b.enter("/r2")
		h.check(parent.Emit("e", 2))
		a.expect(`42/r1,["e",2]`)
		parent.SocketsJoin("y")
		if all, err := parent.FetchSockets(context.Background()); err != nil || len(all) != 1 {
			h.Errorf("%d sockets, %v", len(all), err)
		}
		h.check(h.Of("/r2").Emit("e", 3))
		b.expect(`42/r2,["e",3]`)
		if all, err := h.Of("/r2").In("y").FetchSockets(context.Background()); err != nil || len(all) != 0 {
			h.Errorf("%d sockets, %v", len(all), err)
		}
		h.check(parent.ServerSideEmit("e"))
		for range parent.ServerSideCall(context.Background(), "e") {
			h.Error("a parent has got a reply")
		}
		synctest.Wait()
		if len(heard) > 0 {
			h.Error("a parent's event has been heard")
		}
	})
}
