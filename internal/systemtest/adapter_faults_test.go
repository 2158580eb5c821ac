package systemtest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A stuck adapter waits in some of its methods until their context ends.
type stuck struct {
	testserver.Silent
	methods atomic.Value // a space-separated string
}

func (s *stuck) stick(ctx context.Context, method string) error {
	if in, _ := s.methods.Load().(string); strings.Contains(in, method) {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *stuck) Publish(ctx context.Context, batch []*adapter.Message) []error {
	if err := s.stick(ctx, "Publish"); err != nil {
		return adapter.Each(batch, func(*adapter.Message) error { return err })
	}
	return s.Silent.Publish(ctx, batch)
}

func (s *stuck) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	if err := s.stick(ctx, "Subscribe"); err != nil {
		return err
	}
	return s.Silent.Subscribe(ctx, to)
}

func (s *stuck) Servers(ctx context.Context, namespace string) (int, error) {
	if err := s.stick(ctx, "Servers"); err != nil {
		return 0, err
	}
	return s.Silent.Servers(ctx, namespace)
}

func TestAdapterHangs(t *testing.T) {
	within := func(h *testserver.Harness, limit time.Duration, what string, f func()) {
		h.T.Helper()
		start := time.Now()
		f()
		if d := time.Since(start); d > limit {
			h.T.Errorf("%s took %v, want %v at most", what, d, limit)
		}
	}
	for _, methods := range []string{"Publish", "Subscribe", "Servers", "Publish Subscribe Servers"} {
		t.Run(methods, func(t *testing.T) {
			bus := new(stuck)
			testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
				o := &socketio.Options{Adapter: bus}
				bus.methods.Store(methods)
				var other *testserver.Harness
				within(h, 10*time.Second, "NewServer", func() { other = h.Other(o) })
				c := h.Connect(rawclient.WebSocket)
				within(h, 5*time.Second, "Emit", func() { h.Check(h.Emit("e")) })
				c.Expect(`42["e"]`)
				within(h, 10*time.Second, "FetchSockets", func() {
					if all, _ := h.FetchSockets(context.Background()); len(all) != 1 {
						h.T.Errorf("%d sockets fetched", len(all))
					}
				})
				within(h, 10*time.Second, "ServerSideCall", func() {
					for range h.ServerSideCall(context.Background(), "e") {
					}
				})
				h.Of("/a")
				h.Of("/b")
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				defer cancel()
				within(h, 3*time.Second, "Shutdown", func() { h.Check(h.Shutdown(ctx)) })
				within(h, time.Second, "Close", func() { other.Close() })

				bus.methods.Store("")
				third := h.Other(o)
				d := third.Connect(rawclient.WebSocket)
				third.Check(third.Emit("works"))
				d.Expect(`42["works"]`)
			})
		})
	}
	t.Run("a server joins the others when the bus is there again", func(t *testing.T) {
		bus := new(stuck)
		bus.methods.Store("Servers")
		testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
			c := h.Connect(rawclient.WebSocket)
			testserver.Wait(time.Minute)
			bus.methods.Store("")
			testserver.Wait(10 * time.Second)
			p := &testserver.Peer{Harness: h, Bus: &bus.Silent, UID: "other"}
			p.Say(`"type":3,"data":{` + testserver.NoOpts + `,"packet":{"type":2,"data":["e"]}}`)
			c.Expect(`42["e"]`)
		})
	})
}

// A panicky adapter panics in some of its methods.
type panicky struct {
	*testserver.Journal
	known   bool // the number of servers
	methods atomic.Value
	panics  atomic.Int64
}

func (p *panicky) fault(method string) {
	if in, _ := p.methods.Load().(string); strings.Contains(in, method) {
		p.panics.Add(1)
		panic("on purpose: " + method)
	}
}

func (p *panicky) Publish(ctx context.Context, batch []*adapter.Message) []error {
	p.fault("Publish")
	return p.Journal.Publish(ctx, batch)
}

func (p *panicky) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	p.fault("Subscribe")
	return p.Journal.Subscribe(ctx, s)
}

func (p *panicky) Servers(ctx context.Context, namespace string) (int, error) {
	p.fault("Servers")
	if !p.known {
		return 0, new(adapter.NoCount)
	}
	return p.Journal.Servers(ctx, namespace)
}

func (p *panicky) PersistSession(ctx context.Context, s *adapter.Session, maxAge time.Duration) error {
	p.fault("PersistSession")
	return p.Journal.PersistSession(ctx, s, maxAge)
}

func (p *panicky) RestoreSession(ctx context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	p.fault("RestoreSession")
	return p.Journal.RestoreSession(ctx, namespace, pid, offset)
}

func (p *panicky) DeleteSession(ctx context.Context, namespace, pid string) (bool, error) {
	p.fault("DeleteSession")
	return p.Journal.DeleteSession(ctx, namespace, pid)
}

func (p *panicky) Compare(a, b string) int {
	p.fault("Compare")
	return p.Journal.Compare(a, b)
}

// An adapter that panics ends nothing, on whatever goroutine it is called.
func TestAdapterPanics(t *testing.T) {
	for _, method := range []string{"Publish", "Subscribe", "Servers", "PersistSession", "RestoreSession", "DeleteSession", "Compare"} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, servers counted: %t", method, known), func(t *testing.T) {
				bus := &panicky{Journal: testserver.NewJournal(), known: known}
				o := testserver.Recovering()
				o.Adapter = bus
				testserver.Run(t, o, func(h *testserver.Harness) {
					g := h.Guest(rawclient.WebSocket)
					other := h.Other(o)
					other.Of("/slow")
					kicked := other.Guest(rawclient.WebSocket, "/", "/slow")
					away := h.Guest(rawclient.WebSocket)
					away.Drop()
					bus.methods.Store(method)
					third := h.Other(o)
					testserver.Wait(7 * time.Second) // heartbeats, and attempts to join
					h.Emit("e")
					h.To(g.Stays["/"].SID).Emit("one")
					_, _ = h.FetchSockets(context.Background())
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					for range h.Call(ctx, "call", 1) {
					}
					cancel()
					for range h.ServerSideCall(context.Background(), "call") {
					}
					other.SocketsJoin("a")
					other.In("nobody").DisconnectSockets(true)
					g.Drop()
					away.ComeBack()
					g.ComeBack()
					h.Emit("e")
					third.Close()
					sendAway(other, kicked, func() { other.MustSocket(kicked.Stays["/"].SID).Disconnect(false) })
					if bus.panics.Load() == 0 {
						h.T.Error("it has not been called")
					}
					bus.methods.Store("")
					c := h.Guest(rawclient.WebSocket)
					h.Emit("works")
					c.Expect("/", "works")
				})
			})
		}
	}
}
