package testserver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// A Peer stands for another server, perhaps of another make, in the namespace
// "/". A test says what it publishes, and sees what the server publishes.
type Peer struct {
	Harness *Harness
	Bus     adapter.Adapter
	UID     string // of the server that it stands for

	mu       sync.Mutex
	received []string // as JSON, without uid and nsp
}

// Peer subscribes a peer to bus.
func (h *Harness) Peer(bus adapter.Adapter, uid string) *Peer {
	p := &Peer{Harness: h, Bus: bus, UID: uid}
	ctx, cancel := context.WithCancel(context.Background())
	h.T.Cleanup(cancel)
	h.Check(bus.Subscribe(ctx, p.Subscriber()))
	return p
}

// Subscriber returns the peer's subscriber.
func (p *Peer) Subscriber() adapter.Subscriber { return listener{p} }

// A listener is the Subscriber of a Peer that has no sockets.
type listener struct{ p *Peer }

func (listener) Namespace() string                   { return "/" }
func (l listener) UID() string                       { return l.p.UID }
func (listener) Rooms() []string                     { return nil }
func (listener) Sockets(...string) []string          { return nil }
func (listener) WatchRooms(func(string, bool, bool)) {}
func (l listener) Deliver(m *adapter.Message) {
	encoded, err := m.Encode()
	l.p.Harness.Check(err)
	text := string(encoded.Text)
	end := strings.LastIndex(text, `,"uid":"`)
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.p.received = append(l.p.received, text[:end]+"}")
}

// Say publishes a message; text is its type and data as JSON: "type":1.
func (p *Peer) Say(text string) {
	p.Harness.T.Helper()
	m, err := adapter.Decode(parser.Encoded{Text: []byte(`{"uid":"` + p.UID + `","nsp":"/",` + text + "}")})
	p.Harness.Check(err)
	p.Harness.Check(errors.Join(p.Bus.Publish(context.Background(), []*adapter.Message{m})...))
	synctest.Wait()
}

// Heard returns the messages that the peer has received since the last call.
func (p *Peer) Heard() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.received
	p.received = nil
	return all
}

// Expect expects exactly these messages since the last call.
func (p *Peer) Expect(want ...string) {
	p.Harness.T.Helper()
	got := p.Heard()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		p.Harness.T.Fatalf("the other server has heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// NoOpts selects all sockets, as a part of a message.
const NoOpts = `"opts":{"rooms":[],"except":[],"flags":{}}`

// TimeCall returns how long a ServerSideCall without a deadline takes. Each of
// its errors must be that a server did not answer in time.
func (h *Harness) TimeCall() time.Duration {
	start := time.Now()
	for r, err := range h.ServerSideCall(context.Background(), "e") {
		if r == nil || !errors.Is(err, context.DeadlineExceeded) {
			h.T.Errorf("yields %v, %v", r, err)
		}
	}
	return time.Since(start)
}

// A Silent is a bus that does not know the number of its servers.
type Silent struct{ adapter.Loopback }

// Servers returns an adapter.NoCount.
func (*Silent) Servers(context.Context, string) (int, error) { return 0, new(adapter.NoCount) }

// A Broken is a bus that publishes nothing.
type Broken struct{ adapter.Loopback }

// Publish returns an error.
func (*Broken) Publish(_ context.Context, batch []*adapter.Message) []error {
	return adapter.Each(batch, func(*adapter.Message) error { return errors.New("cable cut") })
}
