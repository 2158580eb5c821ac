package systemtest

import (
	"context"
	"fmt"
	"math"
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
)

// A tap is a bus that hands a server whatever message a test makes.
type tap struct {
	adapter.Loopback
	deliver func(*adapter.Message)
}

func (b *tap) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	if s.Namespace() == "/" && b.deliver == nil {
		b.deliver = s.Deliver
	}
	return b.Loopback.Subscribe(ctx, s)
}

func text(s string) parser.Encoded { return parser.Encoded{Text: []byte(s)} }

// hostile are messages that no server sends, all with the id of a request.
func hostile(requestID string) []*adapter.Message {
	all := []*adapter.Message{nil, {}, {Type: adapter.Close}, {Type: adapter.Heartbeat, UID: strings.Repeat("u", 1<<20)}}
	packets := []parser.Encoded{
		{}, text(``), text(`[`), text(`]`), text(`null`), text(`1e999`), text(`{"_placeholder":true,"num":0}`), text(`[{"_placeholder":true,"num":-1}]`),
		text(`["connect"]`), text(`[{}]`), text(`["e",` + strings.Repeat("[", 5000)), text("[\"\xff\"]"),
		{Text: []byte(`["e",{"_placeholder":true,"num":9}]`), Attachments: [][]byte{nil, {1}}},
		{Text: []byte(`["e"]`), Attachments: [][]byte{{1}}},
		{Attachments: [][]byte{{1}}},
	}
	for t := adapter.Type(-1); t <= 70; t++ {
		if t == adapter.DisconnectSockets {
			continue // is to be obeyed
		}
		for _, p := range packets {
			for _, uid := range []string{"", "hostile", "emitter"} {
				all = append(all, &adapter.Message{
					Type: t, UID: uid, RequestID: requestID, Packet: p, SocketID: "none", Count: -1,
					Opts: adapter.Selection{Rooms: []string{""}, Timeout: math.MinInt}, Rooms: []string{"", "\xff"},
					Sockets: []adapter.Socket{{}, {ID: "", Handshake: text("{"), Data: text("]")}},
				})
			}
		}
	}
	for _, count := range []int{math.MaxInt, math.MinInt, -1, 1<<24 + 1} {
		all = append(all, &adapter.Message{Type: adapter.ClientCount, UID: "hostile", RequestID: requestID, Count: count})
	}
	return all
}

func TestClusterHostileMessages(t *testing.T) {
	bus := new(tap)
	testserver.Run(t, &socketio.Options{Adapter: bus, Logger: new(testserver.LogBook).Logger()}, func(h *testserver.Harness) {
		p := h.Peer(bus, "peer")
		send := func(all []*adapter.Message) {
			for _, m := range all {
				if m != nil && m.Namespace == "" {
					m.Namespace = "/"
				}
				bus.deliver(m)
			}
		}
		c := h.Connect(rawclient.WebSocket)
		send(hostile("unknown"))
		for _, m := range hostile("other") {
			if m != nil {
				m.Namespace = "/elsewhere"
			}
			bus.deliver(m)
		}
		asked := func() string {
			heard := p.Heard()
			_, rest, _ := strings.Cut(heard[len(heard)-1], `"requestId":"`)
			id, _, _ := strings.Cut(rest, `"`)
			return id
		}
		p.Heard()

		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		pairs := make(chan []string)
		go func() {
			var got []string
			for r, err := range h.To("nobody").Call(ctx, "e") {
				got = append(got, fmt.Sprint(r.SocketID(), r.Len(), err))
			}
			pairs <- got
		}()
		id := asked()
		send([]*adapter.Message{
			{Type: adapter.ClientCount, UID: "peer", RequestID: id, Count: math.MaxInt},
			{Type: adapter.ClientCount, UID: "peer", RequestID: id, Count: -5},
			{Type: adapter.ServerSideEmitResponse, UID: "peer", RequestID: id},
			{Type: adapter.FetchSocketsResponse, UID: "peer", RequestID: id},
			{Type: adapter.ClientCount, UID: "peer", RequestID: id, Count: 2},
			{Type: adapter.ClientCount, UID: "peer", RequestID: id, Count: 1000},
			{Type: adapter.Ack, UID: "peer", RequestID: id, SocketID: "s", Packet: text(`1`)},
			{Type: adapter.Ack, UID: "peer", RequestID: id, SocketID: "s", Packet: text(`2`)},
		})
		if got := strings.Join(<-pairs, ", "); got != "s1 <nil>, 0 context deadline exceeded" {
			h.T.Errorf("a call yields %s", got)
		}

		fetched := make(chan int)
		go func() {
			all, err := h.To("nobody").FetchSockets(context.Background())
			h.Check(err)
			fetched <- len(all)
		}()
		id = asked()
		send([]*adapter.Message{
			{Type: adapter.ServerSideEmitResponse, UID: "peer", RequestID: id},
			{Type: adapter.ClientCount, UID: "peer", RequestID: id, Count: 2},
			{Type: adapter.FetchSocketsResponse, UID: "peer", RequestID: id, Sockets: []adapter.Socket{{}, {ID: "s"}, {ID: "t", Handshake: text("1")}}},
			{Type: adapter.FetchSocketsResponse, UID: "peer", RequestID: id, Sockets: []adapter.Socket{{ID: "u"}}},
		})
		if n := <-fetched; n != 2 {
			h.T.Errorf("%d sockets fetched, want 2", n)
		}

		replies := make(chan int)
		go func() {
			n := 0
			for range h.ServerSideCall(context.Background(), "e") {
				n++
			}
			replies <- n
		}()
		id = asked()
		send([]*adapter.Message{
			{Type: adapter.FetchSocketsResponse, UID: "peer", RequestID: id},
			{Type: adapter.ServerSideEmitResponse, UID: "peer", RequestID: id},
			{Type: adapter.ServerSideEmitResponse, UID: "peer", RequestID: id},
		})
		if n := <-replies; n != 1 {
			h.T.Errorf("%d replies of one server", n)
		}
		h.Check(h.Emit("end"))
		c.Expect(`42["end"]`)
	})
}

// Acknowledgements may come before their number, and answers may be of servers
// that do not say who they are.
func TestClusterForeignServers(t *testing.T) {
	bus := new(tap)
	testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
		p := h.Peer(bus, "one")
		h.Peer(bus, "two")
		ask := func(uids [2]string, answer ...adapter.Message) {
			done := make(chan string)
			go func() {
				var got []string
				for r, err := range h.Call(context.Background(), "e") {
					var reply any
					_ = r.Decode(&reply)
					got = append(got, fmt.Sprint(reply, err))
				}
				slices.Sort(got)
				done <- strings.Join(got, ", ")
			}()
			heard := p.Heard()
			_, rest, _ := strings.Cut(heard[0], `"requestId":"`)
			id, _, _ := strings.Cut(rest, `"`)
			start := time.Now()
			for _, uid := range uids {
				for _, m := range answer {
					m.UID, m.RequestID, m.Namespace = uid, id, "/"
					bus.deliver(&m)
					synctest.Wait()
				}
			}
			if got := <-done; got != "1 <nil>, 1 <nil>, 2 <nil>, 2 <nil>" || time.Since(start) > 0 {
				h.T.Errorf("servers %q: %s after %v", uids, got, time.Since(start))
			}
		}
		count := adapter.Message{Type: adapter.ClientCount, Count: 2}
		one, two := adapter.Message{Type: adapter.Ack, Packet: text(`1`)}, adapter.Message{Type: adapter.Ack, Packet: text(`2`)}
		for _, uids := range [][2]string{{"one", "two"}, {"", ""}, {"", "two"}} {
			ask(uids, count, one, two)
			ask(uids, one, count, two)
			ask(uids, one, two, count)
		}

		for _, uids := range [][2]string{{"one", "two"}, {"", ""}} {
			done := make(chan error)
			go func() {
				all, err := h.FetchSockets(context.Background())
				if len(all) != 2 {
					h.T.Errorf("%d sockets", len(all))
				}
				done <- err
			}()
			heard := p.Heard()
			_, rest, _ := strings.Cut(heard[0], `"requestId":"`)
			id, _, _ := strings.Cut(rest, `"`)
			for i, uid := range uids {
				bus.deliver(&adapter.Message{
					Type: adapter.FetchSocketsResponse, UID: uid, RequestID: id, Namespace: "/", Sockets: []adapter.Socket{{ID: fmt.Sprint(i)}},
				})
			}
			h.Check(<-done)
		}
	})
}

func TestServerInboxIsBounded(t *testing.T) {
	log := new(testserver.LogBook)
	bus := new(tap)
	testserver.Run(t, &socketio.Options{Adapter: bus, Logger: log.Logger()}, func(h *testserver.Harness) {
		release, handled := make(chan struct{}), 0
		h.OnServerSide("e", func(context.Context, *socketio.Event) error {
			<-release
			handled++
			return nil
		})
		big := `["e","` + strings.Repeat("x", 1<<20) + `"]`
		for range 24 {
			bus.deliver(&adapter.Message{Type: adapter.ServerSideEmit, UID: "peer", Namespace: "/", Packet: text(big)})
			synctest.Wait()
		}
		log.ExpectOne(t, "events of other servers dropped", "event=e")
		close(release)
		synctest.Wait()
		if handled != 16 { // one was being handled, and 15 with their overhead waited
			h.T.Errorf("%d events have been handled", handled)
		}
		bus.deliver(&adapter.Message{Type: adapter.ServerSideEmit, UID: "peer", Namespace: "/", Packet: text(`["e"]`)})
		synctest.Wait()
		if handled != 17 {
			h.T.Error("a later event has not been handled")
		}
	})
}

func FuzzClusterMessage(f *testing.F) {
	f.Add([]byte(`{"uid":"u","type":3,"nsp":"/","data":{"opts":{"rooms":[1],"except":[],"flags":{"timeout":1e99}},"requestId":"r","packet":{"type":2,"data":["e"]}}}`), []byte{1})
	f.Add([]byte(`{"uid":"","type":11,"nsp":"/","data":{"requestId":"r","clientCount":9223372036854775807}}`), []byte{})
	f.Add([]byte(`{"uid":"u","type":9,"nsp":"/","data":{"packet":["e",{"_placeholder":true,"num":0}]}}`), []byte{2, 3})
	f.Add([]byte(`{"uid":"u","type":64,"nsp":"/","data":{"requestId":"r","sid":"s","packet":"pending"}}`), []byte{})
	f.Fuzz(func(t *testing.T, message, attachment []byte) {
		bus := new(tap)
		io := socketio.NewServer(&socketio.Options{Adapter: bus})
		defer io.Close()
		m, err := adapter.Decode(parser.Encoded{Text: message, Attachments: [][]byte{attachment}})
		if err != nil {
			return
		}
		for range 2 {
			bus.deliver(m)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if all, err := io.FetchSockets(ctx); err != nil || len(all) > 0 {
			t.Errorf("%d sockets, %v", len(all), err)
		}
	})
}
