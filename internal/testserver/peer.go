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
	h.Check(bus.Subscribe(ctx, "/", uid, func(m *adapter.Message) {
		encoded, err := m.Encode()
		h.Check(err)
		_, text, _ := strings.Cut(string(encoded.Text), `"nsp":"/",`)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.received = append(p.received, "{"+text)
	}))
	return p
}

// Say publishes a message; text is its type and data as JSON: "type":1.
func (p *Peer) Say(text string) {
	p.Harness.T.Helper()
	m, err := adapter.Decode(parser.Encoded{Text: []byte(`{"uid":"` + p.UID + `","nsp":"/",` + text + "}")})
	p.Harness.Check(err)
	_, err = p.Bus.Publish(context.Background(), m)
	p.Harness.Check(err)
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

// Servers returns errors.ErrUnsupported.
func (*Silent) Servers(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }

// A Broken is a bus that publishes nothing.
type Broken struct{ adapter.Loopback }

// Publish returns an error.
func (*Broken) Publish(context.Context, *adapter.Message) (string, error) {
	return "", errors.New("cable cut")
}
