package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A stuck adapter waits in some of its methods until their context ends.
type stuck struct {
	silent
	methods atomic.Value // a space-separated string
}

func (s *stuck) stick(ctx context.Context, method string) error {
	if in, _ := s.methods.Load().(string); strings.Contains(in, method) {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *stuck) Publish(ctx context.Context, m *adapter.Message) (string, error) {
	if err := s.stick(ctx, "Publish"); err != nil {
		return "", err
	}
	return s.silent.Publish(ctx, m)
}

func (s *stuck) Subscribe(ctx context.Context, namespace, uid string, deliver func(*adapter.Message)) error {
	if err := s.stick(ctx, "Subscribe"); err != nil {
		return err
	}
	return s.silent.Subscribe(ctx, namespace, uid, deliver)
}

func (s *stuck) Servers(ctx context.Context, namespace string) (int, error) {
	if err := s.stick(ctx, "Servers"); err != nil {
		return 0, err
	}
	return s.silent.Servers(ctx, namespace)
}

func TestAdapterHangs(t *testing.T) {
	within := func(h *harness, limit time.Duration, what string, f func()) {
		h.Helper()
		start := time.Now()
		f()
		if d := time.Since(start); d > limit {
			h.Errorf("%s took %v, want %v at most", what, d, limit)
		}
	}
	for _, methods := range []string{"Publish", "Subscribe", "Servers", "Publish Subscribe Servers"} {
		t.Run(methods, func(t *testing.T) {
			bus := new(stuck)
			run(t, &socketio.Options{Adapter: bus}, func(h *harness) {
				o := &socketio.Options{Adapter: bus}
				bus.methods.Store(methods)
				var other *harness
				within(h, 10*time.Second, "NewServer", func() { other = h.other(o) })
				c := h.connect(rawclient.WebSocket)
				within(h, 5*time.Second, "Emit", func() { h.check(h.Emit("e")) })
				c.expect(`42["e"]`)
				within(h, 10*time.Second, "FetchSockets", func() {
					if all, _ := h.FetchSockets(context.Background()); len(all) != 1 {
						h.Errorf("%d sockets fetched", len(all))
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
				within(h, 3*time.Second, "Shutdown", func() { h.check(h.Shutdown(ctx)) })
				within(h, time.Second, "Close", func() { other.Close() })

				bus.methods.Store("")
				third := h.other(o)
				d := third.connect(rawclient.WebSocket)
				third.check(third.Emit("works"))
				d.expect(`42["works"]`)
			})
		})
	}
	t.Run("a server joins the others when the bus is there again", func(t *testing.T) {
		bus := new(stuck)
		bus.methods.Store("Servers")
		run(t, &socketio.Options{Adapter: bus}, func(h *harness) {
			c := h.connect(rawclient.WebSocket)
			wait(time.Minute)
			bus.methods.Store("")
			wait(10 * time.Second)
			p := &peer{h: h, bus: &bus.silent, uid: "other"}
			p.say(`"type":3,"data":{` + noOpts + `,"packet":{"type":2,"data":["e"]}}`)
			c.expect(`42["e"]`)
		})
	})
}

// A panicky adapter panics in some of its methods.
type panicky struct {
	journal
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

func (p *panicky) Publish(ctx context.Context, m *adapter.Message) (string, error) {
	p.fault("Publish")
	return p.journal.Publish(ctx, m)
}

func (p *panicky) Subscribe(ctx context.Context, namespace, uid string, deliver func(*adapter.Message)) error {
	p.fault("Subscribe")
	return p.journal.Subscribe(ctx, namespace, uid, deliver)
}

func (p *panicky) Servers(ctx context.Context, namespace string) (int, error) {
	p.fault("Servers")
	if !p.known {
		return 0, errors.ErrUnsupported
	}
	return p.journal.Servers(ctx, namespace)
}

func (p *panicky) PersistSession(ctx context.Context, s *adapter.Session, maxAge time.Duration) error {
	p.fault("PersistSession")
	return p.journal.PersistSession(ctx, s, maxAge)
}

func (p *panicky) RestoreSession(ctx context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	p.fault("RestoreSession")
	return p.journal.RestoreSession(ctx, namespace, pid, offset)
}

func (p *panicky) DeleteSession(ctx context.Context, namespace, pid string) (bool, error) {
	p.fault("DeleteSession")
	return p.journal.DeleteSession(ctx, namespace, pid)
}

func (p *panicky) Compare(a, b string) int {
	p.fault("Compare")
	return p.journal.Compare(a, b)
}

// An adapter that panics ends nothing, on whatever goroutine it is called.
func TestAdapterPanics(t *testing.T) {
	for _, method := range []string{"Publish", "Subscribe", "Servers", "PersistSession", "RestoreSession", "DeleteSession", "Compare"} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, servers counted: %t", method, known), func(t *testing.T) {
				bus := &panicky{journal: *newJournal(), known: known}
				o := recovering()
				o.Adapter = bus
				run(t, o, func(h *harness) {
					g := h.guest(rawclient.WebSocket)
					other := h.other(o)
					other.Of("/slow")
					kicked := other.guest(rawclient.WebSocket, "/", "/slow")
					away := h.guest(rawclient.WebSocket)
					away.drop()
					bus.methods.Store(method)
					third := h.other(o)
					wait(7 * time.Second) // heartbeats, and attempts to join
					h.Emit("e")
					h.To(g.stays["/"].SID).Emit("one")
					_, _ = h.FetchSockets(context.Background())
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					for range h.Call(ctx, "call", 1) {
					}
					cancel()
					for range h.ServerSideCall(context.Background(), "call") {
					}
					other.SocketsJoin("a")
					other.In("nobody").DisconnectSockets(true)
					g.drop()
					away.comeBack()
					g.comeBack()
					h.Emit("e")
					third.Close()
					other.sendAway(kicked, func() { other.socket(kicked.stays["/"].SID).Disconnect(false) })
					if bus.panics.Load() == 0 {
						h.Error("it has not been called")
					}
					bus.methods.Store("")
					c := h.guest(rawclient.WebSocket)
					h.Emit("works")
					c.expect("/", "works")
				})
			})
		}
	}
}
