package socketio_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// What adapters do is tested by package adaptertest. These tests are about
// what the other servers see, and about time.

func TestClusterWire(t *testing.T) {
	bus := func() *socketio.Options { return &socketio.Options{Adapter: new(adapter.Loopback)} }
	t.Run("what is said", func(t *testing.T) {
		o := bus()
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			h.Check(h.Emit("e", 1))
			h.Check(h.To("a").Except("b").Volatile().Emit("e"))
			h.SocketsJoin("a")
			h.In("a").SocketsLeave("b")
			h.DisconnectSockets(false)
			h.Check(h.ServerSideEmit("e", "x"))
			h.Check(h.Local().Emit("e"))
			p.Expect(
				`{"type":3,"data":{"packet":{"type":2,"data":["e",1]},`+testserver.NoOpts+`}}`,
				`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["a"],"except":["b"],"flags":{"volatile":true}}}}`,
				`{"type":4,"data":{`+testserver.NoOpts+`,"rooms":["a"]}}`,
				`{"type":5,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"rooms":["b"]}}`,
				`{"type":6,"data":{`+testserver.NoOpts+`,"close":false}}`,
				`{"type":9,"data":{"packet":["e","x"]}}`,
			)
			h.Close()
			p.Expect(`{"type":13}`)
		})
	})
	t.Run("answers", func(t *testing.T) {
		o := bus()
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			p.Say(`"type":7,"data":{` + testserver.NoOpts + `,"requestId":"r1"}`)
			p.Expect(`{"type":8,"data":{"requestId":"r1","sockets":[]}}`)
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"requestId":"r2","packet":{"type":2,"data":["e"]}}`)
			p.Expect(`{"type":11,"data":{"requestId":"r2","clientCount":0}}`)

			a, b := h.Connect(rawclient.WebSocket), h.Connect(rawclient.WebSocket)
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"requestId":"r3","packet":{"type":2,"data":["e"],"nsp":"/"}}`)
			p.Expect(`{"type":11,"data":{"requestId":"r3","clientCount":2}}`)
			id := a.Match(`^42(\d+)\["e"\]$`)[1]
			b.Expect(`42` + id + `["e"]`)
			a.Send(`43` + id + `["ok","more"]`)
			p.Expect(`{"type":12,"data":{"requestId":"r3","packet":"ok","sid":"` + a.ID + `"}}`)
			b.Drop()
			p.Expect(`{"type":64,"data":{"requestId":"r3","sid":"` + b.ID + `"}}`)

			h.OnServerSide("sum", func(_ context.Context, e *socketio.Event) error {
				if e.Socket() != nil {
					h.T.Error("an event of a server has a socket")
				}
				var x, y int
				h.Check(e.Decode(&x, &y))
				return errors.Join(e.Ack(x+y), testserver.WantErr(e.Ack(0), socketio.ErrAcked))
			})
			p.Say(`"type":9,"data":{"requestId":"r4","packet":["sum",1,2]}`)
			p.Expect(`{"type":10,"data":{"requestId":"r4","packet":3}}`)
		})
	})
	t.Run("a call forgets after the time that the asker gave", func(t *testing.T) {
		o := bus()
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			c := h.Connect(rawclient.WebSocket)
			p.Say(`"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":{"timeout":2000}},"requestId":"r","packet":{"type":2,"data":["e"]}}`)
			s := h.MustSocket(c.ID)
			if n := s.PendingAcks(); n != 1 {
				h.T.Errorf("%d pending", n)
			}
			testserver.Wait(2 * time.Second)
			synctest.Wait()
			if n := s.PendingAcks(); n != 0 {
				h.T.Errorf("%d pending", n)
			}
		})
	})
	t.Run("a call to servers that do not name sockets", func(t *testing.T) {
		o := bus()
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
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
				h.T.Errorf("got %q of a server that does not say how many", got)
			}
			if heard := p.Heard(); len(heard) != 1 || !strings.Contains(heard[0], `"flags":{"timeout":3000}`) {
				h.T.Errorf("asked by %q", heard)
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
			asked := p.Heard()
			_, rest, _ := strings.Cut(asked[0], `"requestId":"`)
			requestID, _, _ := strings.Cut(rest, `"`)
			p.Say(`"type":11,"data":{"requestId":"` + requestID + `","clientCount":2}`)
			p.Say(`"type":12,"data":{"requestId":"` + requestID + `","packet":["list"]}`)
			p.Say(`"type":12,"data":{"requestId":"nonsense","packet":0}`)
			p.Say(`"type":12,"data":{"requestId":"` + requestID + `"}`)
			if got := strings.Join(<-done, ", "); got != "[list] <nil>, <nil> <nil>" {
				h.T.Errorf("got %s", got)
			}
		})
	})
	t.Run("nonsense", func(t *testing.T) {
		log := new(testserver.LogBook)
		o := &socketio.Options{Adapter: new(adapter.Loopback), Logger: log.Logger()}
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			c := h.Connect(rawclient.WebSocket)
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"packet":{"type":2,"data":[]}}`)
			log.ExpectOne(t, "invalid message of another server", "type=3")
			p.Say(`"type":9,"data":{"packet":{"a":1}}`)
			p.Say(`"type":99`)
			p.Say(`"type":10,"data":{"requestId":"unknown","packet":1}`)
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"packet":{"type":2,"data":["connect",1]}}`)
			h.Check(h.Emit("end"))
			c.Expect(`42["end"]`)
		})
	})
}

// troubled is a bus to which one cannot subscribe at first.
type troubled struct {
	adapter.Loopback
	failures int
}

func (b *troubled) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	if b.failures > 0 {
		b.failures--
		return errors.New("out of order")
	}
	return b.Loopback.Subscribe(ctx, s)
}

func TestClusterSubscribesAgain(t *testing.T) {
	log := new(testserver.LogBook)
	bus := &troubled{failures: 2}
	testserver.Run(t, &socketio.Options{Adapter: bus, Logger: log.Logger()}, func(h *testserver.Harness) {
		log.ExpectOne(t, "cannot join the other servers", "out of order")
		c := h.Connect(rawclient.WebSocket)
		testserver.Wait(3 * time.Second)
		p := &testserver.Peer{Harness: h, Bus: &bus.Loopback, UID: "other"}
		p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"packet":{"type":2,"data":["e"]}}`)
		c.Expect(`42["e"]`)
	})
	bus.failures = 1 << 30
	testserver.Run(t, &socketio.Options{Adapter: bus, Logger: log.Logger()}, func(h *testserver.Harness) { h.Close() })
}

// A lookout is a bus that shows what an adapter sees of a server.
type lookout struct {
	adapter.Loopback
	adapter.Subscriber
}

func (l *lookout) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	if s.Namespace() == "/" {
		l.Subscriber = s
	}
	return l.Loopback.Subscribe(ctx, s)
}

// An adapter sees the rooms and the sockets of its server, and each change in
// order.
func TestAnAdapterSeesTheRooms(t *testing.T) {
	bus := new(lookout)
	testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
		join := func(rooms ...string) (*testserver.Client, *socketio.Socket) {
			c := h.Connect(rawclient.WebSocket)
			s := h.MustSocket(c.ID)
			h.Check(s.Join(rooms...))
			return c, s
		}
		_, first := join("a", "b")
		var seen []string
		expect := func(want ...string) {
			h.T.Helper()
			if !slices.Equal(seen, want) {
				h.T.Errorf("the adapter has seen %q, want %q", seen, want)
			}
			seen = nil
		}
		names := map[string]string{first.ID(): "first"}
		watch := func(room string, private, exists bool) {
			if private {
				room = "private " + cmp.Or(names[room], "id")
			}
			seen = append(seen, fmt.Sprint(room, " ", exists))
		}
		bus.WatchRooms(watch)
		slices.Sort(seen)
		expect("a true", "b true", "private first true")
		c, second := join("a", "c")
		expect("private id true", "c true")
		second.Leave("c")
		h.Check(second.Join("c"))
		second.Leave("c", "a")
		expect("c false", "c true", "c false")
		if got := bus.Rooms(); len(got) != 4 {
			h.T.Errorf("rooms %q", got)
		}
		for want, rooms := range map[int][]string{2: nil, 1: {"a", "b"}, 0: {"c"}} {
			if got := bus.Sockets(rooms...); len(got) != want {
				h.T.Errorf("sockets in %q: %q", rooms, got)
			}
		}
		c.Send("41")
		synctest.Wait()
		expect("private id false")
		bus.WatchRooms(func(string, bool, bool) { panic("boom") })
		bus.WatchRooms(watch)
		slices.Sort(seen)
		expect("a true", "b true", "private first true")
	})
}

func TestClusterPublishFails(t *testing.T) {
	log := new(testserver.LogBook)
	testserver.Run(t, &socketio.Options{Adapter: new(testserver.Broken), Logger: log.Logger()}, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		h.Check(h.Emit("e"))
		c.Expect(`42["e"]`)
		h.Check(h.ServerSideEmit("e"))
		synctest.Wait()
		log.ExpectOne(t, "cannot send to the other servers", "cable cut")
	})
}

// Servers of one cluster may have different parsers.
func TestClusterParsers(t *testing.T) {
	bus := new(adapter.Loopback)
	testserver.Run(t, &socketio.Options{Adapter: bus, Parser: msgpack.Parser{}}, func(h *testserver.Harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: bus})
		defer other.Close()
		c := h.Open(rawclient.WebSocket)
		s := make(chan *socketio.Socket, 1)
		h.OnConnect(func(connected *socketio.Socket) { s <- connected })
		connect, err := msgpack.Parser{}.Encode(nil, &parser.Header{Type: parser.Connect})
		h.Check(err)
		c.Send("b" + base64.StdEncoding.EncodeToString(connect.Attachments[0]))
		c.Next()
		<-s
		h.Check(other.Emit("e", uint64(1<<63), []byte{1}))
		packet, err := base64.StdEncoding.DecodeString(c.Next()[1:])
		h.Check(err)
		p, err := msgpack.Parser{}.NewDecoder().Binary(packet)
		h.Check(err)
		var n any
		var data []byte
		h.Check(p.Args.Decode(&n, &data))
		if p.Event != "e" || n != float64(1<<63) || string(data) != "\x01" {
			h.T.Errorf("got %s %v %q", p.Event, n, data)
		}
	})
}

// Without an adapter all sockets are local.
func TestUtilityMethods(t *testing.T) {
	testserver.Behaviour(t, "FetchSockets", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		h.MustSocket(a.ID).Join("room")
		h.MustSocket(a.ID).SetData(map[string]int{"n": 1})
		if all, err := h.FetchSockets(context.Background()); err != nil || len(all) != 2 {
			h.T.Errorf("%d sockets, %v", len(all), err)
		}
		in, err := h.In("room").FetchSockets(context.Background())
		h.Check(err)
		var data struct{ N int }
		if len(in) != 1 || in[0].ID != a.ID || strings.Join(in[0].Rooms, " ") != a.ID+" room" || in[0].DecodeData(&data) != nil || data.N != 1 {
			h.T.Errorf("fetched %+v", in)
		}
		if got, _ := h.In(b.ID).Local().FetchSockets(context.Background()); len(got) != 1 || got[0].ID != b.ID {
			h.T.Errorf("fetched %+v", got)
		}
	})
	testserver.Behaviour(t, "SocketsJoin and SocketsLeave", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		h.SocketsJoin("x")
		h.In(a.ID).SocketsJoin("y", "z")
		h.In("y").SocketsLeave("x", "z")
		for id, want := range map[string]string{a.ID: "y", b.ID: "x"} {
			if got := strings.Join(h.MustSocket(id).Rooms()[1:], " "); got != want {
				h.T.Errorf("in rooms %s, want %s", got, want)
			}
		}
		h.SocketsLeave("x", "y")
		if got := len(h.MustSocket(a.ID).Rooms()) + len(h.MustSocket(b.ID).Rooms()); got != 2 {
			h.T.Errorf("%d rooms left", got)
		}
	})
	testserver.Behaviour(t, "DisconnectSockets", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		h.Check(h.Emit("bye"))
		h.In(a.ID).DisconnectSockets(false)
		a.Expect(`42["bye"]`, "41")
		h.DisconnectSockets(true)
		b.Expect(`42["bye"]`, "41")
		b.ExpectClosed()
	})
	testserver.Behaviour(t, "server-side events go nowhere", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OnServerSide("e", func(context.Context, *socketio.Event) error { t.Error("heard itself"); return nil })
		h.Check(h.ServerSideEmit("e"))
		for r, err := range h.ServerSideCall(context.Background(), "e") {
			h.T.Errorf("yields %v, %v", r, err)
		}
	})
}

func TestServerSideRefuses(t *testing.T) {
	io := socketio.NewServer(nil)
	defer io.Close()
	h := testserver.Harness{T: t}
	h.Check(testserver.WantErr(io.ServerSideEmit("connection"), socketio.ErrReservedEvent))
	if io.ServerSideEmit("e", make(chan int)) == nil {
		t.Error("a channel has been encoded")
	}
	n := 0
	for r, err := range io.ServerSideCall(context.Background(), "connect") {
		h.Check(testserver.WantErr(err, socketio.ErrReservedEvent))
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
	testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
		other := &testserver.Harness{T: h.T, Server: socketio.NewServer(&socketio.Options{Adapter: bus})}
		other.Serve(other.Server)
		pattern := regexp.MustCompile(`^/r`)
		parent := h.OfPattern(pattern)
		heard := make(chan string, 1)
		other.OfPattern(pattern).OnServerSide("e", func(context.Context, *socketio.Event) error {
			heard <- "e"
			return nil
		})
		count := func(want int) {
			h.T.Helper()
			if n, err := bus.Servers(context.Background(), "/r1"); err != nil || n != want {
				h.T.Errorf("%d servers have the child, want %d", n, want)
			}
		}
		count(0)
		a, b := h.Open(rawclient.WebSocket), other.Open(rawclient.WebSocket)
		a.Enter("/r1")
		b.Enter("/r1")
		count(2)
		h.Check(parent.Emit("e", 1))
		a.Expect(`42/r1,["e",1]`)
		b.Expect(`42/r1,["e",1]`)
		parent.SocketsJoin("x")
		h.Check(h.Of("/r1").ServerSideEmit("e"))
		<-heard
		if all, err := parent.In("x").FetchSockets(context.Background()); err != nil || len(all) != 2 {
			h.T.Errorf("%d sockets, %v", len(all), err)
		}
		b.Send("41/r1,")
		synctest.Wait()
		count(1)

		// A child that exists only on another server is not reached by the
		// parent, but by its name.
		b.Enter("/r2")
		h.Check(parent.Emit("e", 2))
		a.Expect(`42/r1,["e",2]`)
		parent.SocketsJoin("y")
		if all, err := parent.FetchSockets(context.Background()); err != nil || len(all) != 1 {
			h.T.Errorf("%d sockets, %v", len(all), err)
		}
		h.Check(h.Of("/r2").Emit("e", 3))
		b.Expect(`42/r2,["e",3]`)
		if all, err := h.Of("/r2").In("y").FetchSockets(context.Background()); err != nil || len(all) != 0 {
			h.T.Errorf("%d sockets, %v", len(all), err)
		}
		h.Check(parent.ServerSideEmit("e"))
		for range parent.ServerSideCall(context.Background(), "e") {
			h.T.Error("a parent has got a reply")
		}
		synctest.Wait()
		if len(heard) > 0 {
			h.T.Error("a parent's event has been heard")
		}
	})
}

func TestClusterAbandonedCalls(t *testing.T) {
	o := func() *socketio.Options { return &socketio.Options{Adapter: new(testserver.Silent)} }
	for name, abandon := range map[string]func(h *testserver.Harness, ctx context.Context, cancel context.CancelFunc){
		"whose context is cancelled": func(h *testserver.Harness, ctx context.Context, cancel context.CancelFunc) {
			go func() {
				synctest.Wait()
				cancel()
			}()
			for range h.Call(ctx, "e") {
			}
		},
		"that nobody ranges over to the end": func(h *testserver.Harness, ctx context.Context, _ context.CancelFunc) {
			for range h.Call(ctx, "e") { // the first to reply is not the last
				break
			}
		},
		"of a server that closes": func(h *testserver.Harness, ctx context.Context, _ context.CancelFunc) {
			go func() {
				synctest.Wait()
				h.Close()
			}()
			for range h.Call(ctx, "e") {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := o()
			testserver.Run(t, o, func(a *testserver.Harness) {
				b := a.Other(o)
				synctest.Wait()
				c, d := b.Connect(rawclient.WebSocket), b.Connect(rawclient.WebSocket)
				go func() {
					c.Send("43" + c.Match(`^42(\d+)\["e"\]$`)[1] + "[]")
				}()
				s := b.MustSocket(d.ID)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				abandon(a, ctx, cancel)
				synctest.Wait()
				if n := s.PendingAcks(); n != 0 {
					a.T.Errorf("%d replies are still waited for", n)
				}
			})
		})
	}
	t.Run("of a server that dies", func(t *testing.T) {
		o := o()
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			s := h.MustSocket(h.Connect(rawclient.WebSocket).ID)
			p.Say(`"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":{"timeout":60000}},"requestId":"r","packet":{"type":2,"data":["e"]}}`)
			testserver.Wait(9 * time.Second)
			if n := s.PendingAcks(); n != 1 {
				h.T.Errorf("%d replies are waited for", n)
			}
			testserver.Wait(3 * time.Second)
			if n := s.PendingAcks(); n != 0 {
				h.T.Errorf("%d replies are still waited for", n)
			}
		})
	})
	for flags, patience := range map[string]time.Duration{
		`{}`:                              5 * time.Second,
		`{"timeout":-1}`:                  5 * time.Second,
		`{"timeout":7000}`:                7 * time.Second,
		`{"timeout":9223372036854775807}`: 30 * time.Minute,
	} {
		t.Run("with the flags "+flags, func(t *testing.T) {
			o := &socketio.Options{Adapter: new(adapter.Loopback), PingTimeout: 3 * time.Hour}
			testserver.Run(t, o, func(h *testserver.Harness) {
				p := h.Peer(o.Adapter, "other")
				s := h.MustSocket(h.Connect(rawclient.WebSocket).ID)
				p.Say(`"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":` + flags + `},"requestId":"r","packet":{"type":2,"data":["e"]}}`)
				testserver.Wait(patience - time.Second)
				if n := s.PendingAcks(); n != 1 {
					h.T.Errorf("%d replies are waited for", n)
				}
				testserver.Wait(time.Second)
				synctest.Wait()
				if n := s.PendingAcks(); n != 0 {
					h.T.Errorf("%d replies are still waited for", n)
				}
			})
		})
	}
}

// FuzzValues relays what another server may have sent: it stays the same from
// the second time on.
func FuzzValues(f *testing.F) {
	f.Add(`["a",1,null,{"b":[]}]`, []byte(nil))
	f.Add(`["a",{"_placeholder":true,"num":0}]`, []byte("x"))
	f.Add(`[1e999,{"_placeholder":true,"num":-1}]`, []byte{0xff})
	f.Fuzz(func(t *testing.T, text string, attachment []byte) {
		array := parser.Encoded{Text: []byte(text)}
		if attachment != nil {
			array.Attachments = [][]byte{attachment}
		}
		once, err := socketio.RelayValues(array)
		if err != nil {
			return
		}
		twice, err := socketio.RelayValues(once)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", text, once.Text, err)
		}
		if !bytes.Equal(once.Text, twice.Text) || !slices.EqualFunc(once.Attachments, twice.Attachments, bytes.Equal) {
			t.Errorf("%q becomes %q, then %q", text, once.Text, twice.Text)
		}
	})
}
