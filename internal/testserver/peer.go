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

// A Peer is another server, of whatever make, in the namespace "/".
type Peer struct {
	Harness *Harness
	Bus     adapter.Adapter
	UID     string

	mu       sync.Mutex
	received []string // as JSON, without uid and nsp
}

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

// Say publishes a message with this type and data.
func (p *Peer) Say(text string) {
	p.Harness.T.Helper()
	m, err := adapter.Decode(parser.Encoded{Text: []byte(`{"uid":"` + p.UID + `","nsp":"/",` + text + "}")})
	p.Harness.Check(err)
	_, err = p.Bus.Publish(context.Background(), m)
	p.Harness.Check(err)
	synctest.Wait()
}

// Heard returns what the peer has been sent.
func (p *Peer) Heard() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.received
	p.received = nil
	return all
}

func (p *Peer) Expect(want ...string) {
	p.Harness.T.Helper()
	got := p.Heard()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		p.Harness.T.Fatalf("the other server has heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const NoOpts = `"opts":{"rooms":[],"except":[],"flags":{}}`

// TimeCall returns how long a call without a deadline takes.
func (h *Harness) TimeCall() time.Duration {
	start := time.Now()
	for r, err := range h.ServerSideCall(context.Background(), "e") {
		if r == nil || !errors.Is(err, context.DeadlineExceeded) {
			h.T.Errorf("yields %v, %v", r, err)
		}
	}
	return time.Since(start)
}

// Silent is a bus that does not know how many servers it has.
type Silent struct{ adapter.Loopback }

func (*Silent) Servers(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }

type Broken struct{ adapter.Loopback }

func (*Broken) Publish(context.Context, *adapter.Message) (string, error) {
	return "", errors.New("cable cut")
}
