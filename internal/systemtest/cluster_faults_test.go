package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

func TestClusterNoGhosts(t *testing.T) {
	t.Run("a server without uid is no peer", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(testserver.Silent)}
		testserver.Run(t, o, func(h *testserver.Harness) {
			nobody := h.Peer(o.Adapter, "")
			c := h.Connect(rawclient.WebSocket)
			nobody.Say(`"type":4,"data":{` + testserver.NoOpts + `,"rooms":["a"]}`)
			if rooms := h.MustSocket(c.ID).Rooms(); !slices.Contains(rooms, "a") {
				h.T.Errorf("rooms %q: its command has not been obeyed", rooms)
			}
			nobody.Say(`"type":2`)
			if d := h.TimeCall(); d != 0 {
				h.T.Errorf("it is waited for %v", d)
			}
		})
	})
	t.Run("nothing is sent after Close", func(t *testing.T) {
		o := &socketio.Options{Adapter: new(adapter.Loopback)}
		testserver.Run(t, o, func(h *testserver.Harness) {
			p := h.Peer(o.Adapter, "other")
			var emitting sync.WaitGroup
			for range 8 {
				emitting.Go(func() {
					for range 100 {
						_ = h.Emit("e")
					}
				})
			}
			h.Close()
			emitting.Wait()
			heard := p.Heard()
			if i := slices.Index(heard, `{"type":13}`); i < 0 || len(heard)-1-i > 8 { // those that had begun
				h.T.Errorf("%d messages, Close is number %d", len(heard), i)
			}
		})
	})
}

// A namespace that is made after Close, or while Close is at work, joins nobody
// and leaves no goroutine behind.
func TestNamespacesOfAClosedServer(t *testing.T) {
	for name, bus := range map[string]adapter.Adapter{
		"with heartbeats": new(testserver.Silent), "counted": new(adapter.Loopback),
	} {
		t.Run(name, func(t *testing.T) {
			o := testserver.Recovering()
			o.Adapter = bus
			testserver.Run(t, o, func(h *testserver.Harness) {
				var making sync.WaitGroup
				for i := range 100 {
					making.Go(func() { h.Of(fmt.Sprint("/during", i)) })
				}
				h.Close()
				making.Wait()
				h.Check(h.Of("/after").Emit("e"))
				h.Of("/after").SocketsJoin("room")
				if _, err := h.Of("/after").FetchSockets(context.Background()); err == nil {
					h.T.Error("others can be asked")
				}
				synctest.Wait()
				for _, name := range []string{"/", "/during0", "/during99", "/after"} {
					n, err := bus.Servers(context.Background(), name)
					if no := new(adapter.NoCount); n != 0 || err != nil && !errors.As(err, &no) {
						h.T.Errorf("%d servers, %v in %s", n, err, name)
					}
				}
			})
		})
	}
}

// Emit refuses what the other servers would drop.
func TestWhatOthersWouldDrop(t *testing.T) {
	log := new(testserver.LogBook)
	o := &socketio.Options{Adapter: new(adapter.Loopback), Logger: log.Logger()}
	testserver.Run(t, o, func(h *testserver.Harness) {
		c, d := h.Connect(rawclient.WebSocket), h.Other(o).Connect(rawclient.WebSocket)
		long := strings.Repeat("e", 1025)
		deep := json.RawMessage(strings.Repeat("[", 512) + strings.Repeat("]", 512))
		binary := h.To("\xff")
		_, fetchErr := binary.FetchSockets(context.Background())
		for what, err := range map[string]error{
			"a room":                       binary.Emit("e"),
			"an excepted room":             h.Except("a", "\xfe").Emit("e"),
			"a room of fetched sockets":    fetchErr,
			"a long name":                  h.Emit(long),
			"a deep value":                 h.Emit("e", deep),
			"a long name between servers":  h.ServerSideEmit(long),
			"a deep value between servers": h.ServerSideEmit("e", deep),
		} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		h.SocketsJoin("\xff") // also here, as the log says
		if rooms := h.MustSocket(c.ID).Rooms(); !slices.Contains(rooms, "\xff") {
			t.Errorf("the socket here is in %q", rooms)
		}
		for r, err := range h.Call(context.Background(), "e", deep) {
			if r != nil || err == nil {
				t.Errorf("Call yields %v, %v", r, err)
			}
		}
		log.ExpectOne(t, "not UTF-8")
		h.Check(binary.Local().Emit("local"))
		c.Expect(`42["local"]`)
		h.Check(h.Emit("end", deep[1:len(deep)-1]))
		c.Match(`^42\["end",\[`)
		d.Match(`^42\["end",\[`)
	})
}

// Other servers see a client with deep auth.
func TestDescribesDeepAuth(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback)}
	testserver.Run(t, o, func(h *testserver.Harness) {
		other := h.Other(o)
		c := h.Open(rawclient.WebSocket)
		c.Send("40" + strings.Repeat(`{"a":`, 511) + "1" + strings.Repeat("}", 511))
		c.Connected("")
		sockets, err := other.FetchSockets(context.Background())
		h.Check(err)
		if len(sockets) != 1 || sockets[0].Handshake.URL == "" {
			t.Fatalf("fetched %+v", sockets)
		}
		var auth map[string]any
		if err := sockets[0].Handshake.DecodeAuth(&auth); err != nil || auth["a"] == nil {
			t.Errorf("its auth is %v, %v", auth, err)
		}
	})
}

func TestClusterPendingAcks(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback), Limits: socketio.Limits{PendingAcks: 1}}
	testserver.Run(t, o, func(a *testserver.Harness) {
		b := a.Other(o)
		c := b.Connect(rawclient.WebSocket)
		s := b.MustSocket(c.ID)
		a.Check(s.CallFunc(func(*socketio.Reply, error) {}, "first"))
		n := 0
		for r, err := range a.Call(context.Background(), "e") {
			a.Check(testserver.WantErr(err, socketio.ErrPendingAcks))
			if n++; r.SocketID() != c.ID {
				a.T.Errorf("of socket %q", r.SocketID())
			}
		}
		if n != 1 {
			a.T.Errorf("%d pairs", n)
		}
	})
}

// A server that waits for an answer gets one, also if its event cannot be
// handled.
func TestServersThatWaitAreAnswered(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback), Logger: new(testserver.LogBook).Logger()}
	testserver.Run(t, o, func(h *testserver.Harness) {
		p := h.Peer(o.Adapter, "other")
		h.Connect(rawclient.WebSocket)
		busy := make(chan struct{})
		h.OnServerSide("wait", func(context.Context, *socketio.Event) error {
			<-busy
			return nil
		})
		p.Heard()
		for _, packet := range []string{`["connect",1]`, `[]`, `["` + strings.Repeat("e", 1025) + `"]`} {
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"requestId":"r","packet":{"type":2,"data":` + packet + `}}`)
			p.Expect(`{"type":11,"data":{"requestId":"r","clientCount":0}}`)
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"packet":{"type":2,"data":` + packet + `}}`)
			p.Expect()
		}
		refused := `{"type":10,"data":{"requestId":"r","packet":{"error":"internal error"}}}`
		p.Say(`"type":9,"data":{"requestId":"r","packet":{"a":1}}`)
		p.Expect(refused)
		p.Say(`"type":9,"data":{"packet":{"a":1}}`)
		p.Say(`"type":9,"data":{"packet":["wait"]}`)
		p.Say(`"type":9,"data":{"packet":["wait"]}`)
		p.Expect()
		large := adapter.Message{Type: adapter.ServerSideEmit, UID: "other", Namespace: "/", RequestID: "r"}
		large.Packet = parser.Encoded{Text: []byte(`["wait",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{make([]byte, cluster.MaxQueue)}}
		h.Check(errors.Join(o.Adapter.Publish(t.Context(), []*adapter.Message{&large})...))
		p.Expect(refused)
		large.RequestID = ""
		h.Check(errors.Join(o.Adapter.Publish(t.Context(), []*adapter.Message{&large})...))
		p.Expect()
		close(busy)
	})
}
