package systemtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A loss is a fault that costs a guest its connection, or at which it gives
// that up.
type loss struct {
	name      string
	modes     []rawclient.Mode
	begin     func(f *faultyNet, c *rawclient.Client)
	elsewhere bool // the client comes back over another network
	silent    bool // the server does not see anything break
}

// losses are the faults of the network, and what they leave out.
func losses() []loss {
	all := []loss{
		{name: "the connection is cut within a binary event for the client", modes: rawclient.Modes, elsewhere: true,
			begin: func(f *faultyNet, _ *rawclient.Client) { f.set(faults{cutLarge: attachmentSize}) }},
	}
	for _, fault := range networkFaults {
		if slices.Contains(fault.revisions, 4) {
			all = append(all, loss{fault.name, rawclient.Modes, fault.begin, fault.webSocket != survives, fault.webSocket == socketio.ReasonPingTimeout})
		}
	}
	for i, during := range []string{"request", "probe", "last packet"} {
		all = append(all, loss{name: "an upgrade is cut within its " + during, modes: []rawclient.Mode{rawclient.Polling}, silent: i == 2,
			begin: func(f *faultyNet, c *rawclient.Client) {
				f.set(faults{cutSwitch: i + 1})
				_ = c.Upgrade() // that it fails the client can't know in the end
			}})
	}
	return all
}

// A client that a fault has cost its connection comes back, before or after the
// server has noticed, and has each event once and in order, whatever was
// emitted meanwhile.
func TestRecoveryFromFaults(t *testing.T) {
	for _, l := range losses() {
		for _, mode := range l.modes {
			for _, away := range []time.Duration{0, 2 * time.Second, 50 * time.Second} {
				t.Run(fmt.Sprintf("%s/%s/back after %s", l.name, mode, away), func(t *testing.T) {
					testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) { lose(h, l, mode, away) })
				})
			}
		}
	}
}

// lose has a guest lose its connection and come back, twice.
func lose(h *testserver.Harness, l loss, mode rawclient.Mode, away time.Duration) {
	network := &faultyNet{server: h.Listener.Dial}
	h.Dialer = network
	h.T.Cleanup(func() { testserver.Wait(2 * time.Second) }) // for what comes late
	n := narrate(h)
	g := h.Guest(mode)
	n.begin()
	for range 2 {
		testserver.Wait(5 * time.Second)
		s := n.to.Load()
		l.begin(network, g.Conn.Client)
		testserver.Wait(away)
		if noticed := s.Context().Err() != nil; l.silent && noticed != (away > 45*time.Second) {
			h.T.Errorf("noticed after %v: %t", away, noticed)
		}
		g.Read()
		if breaks := l.elsewhere && !l.silent; breaks && away > 0 && connected(g) {
			h.T.Error("the client has seen nothing break")
		}
		if l.elsewhere {
			network = &faultyNet{server: h.Listener.Dial} // what the old one has of the client stays as it is
			h.Dialer = network
		} else {
			g.Drop()
		}
		g.ComeBack()
		testserver.Wait(10 * time.Second)
		g.Read()
		g.Returned("/", true)
		if n.to.Load() == s {
			h.T.Error("the client has not come back")
		}
	}
	n.end()
	g.Read()
	n.check(g.Stays["/"].Events)
}

// connected reports whether the client, which has read all, has seen no end.
func connected(g *testserver.Guest) bool {
	select {
	case _, open := <-g.Conn.Packets():
		return open
	default:
		return true
	}
}

// A narrator emits numbered events in every way there is.
type narrator struct {
	h    *testserver.Harness
	to   atomic.Pointer[socketio.Socket]
	next atomic.Int64
	over atomic.Bool
}

// attachmentSize is more than other chunks have.
const attachmentSize = 800

// attachment returns that of an event. It can't be compressed.
func attachment(i int64) []byte {
	b := make([]byte, attachmentSize)
	_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(b)
	return b
}

var errOver = errors.New("the narrator has ended")

func narrate(h *testserver.Harness) *narrator {
	n := &narrator{h: h}
	h.OnConnect(func(s *socketio.Socket) {
		if !s.Recovered() {
			s.Join("room")
		}
		n.to.Store(s)
	})
	return n
}

// begin emits an event of each kind now and each second.
func (n *narrator) begin() {
	every(n.h, time.Second, func(int) error {
		if n.over.Load() {
			return errOver
		}
		for range 4 {
			i := n.next.Add(1) - 1
			if err := n.emit(i); err != nil {
				n.h.T.Errorf("emit %d: %v", i, err)
			}
		}
		return nil
	})
}

// end waits until what was emitted has arrived.
func (n *narrator) end() {
	n.over.Store(true)
	testserver.Wait(10 * time.Second)
}

func (n *narrator) emit(i int64) error {
	switch i % 4 {
	case 0:
		return n.h.Emit("all", i)
	case 1:
		return n.h.To("room").Emit("room", i)
	case 2:
		return n.to.Load().Emit("one", i)
	}
	return n.h.Emit("binary", i, attachment(i))
}

// check wants all that was emitted.
func (n *narrator) check(got []string) {
	n.h.T.Helper()
	var want []string
	for i := range n.next.Load() {
		text := fmt.Sprintf("%s %d", []string{"all", "room", "one", "binary"}[i%4], i)
		if i%4 == 3 {
			text += fmt.Sprint(" ", attachment(i))
		}
		want = append(want, text)
	}
	if len(want) < 4*30 {
		n.h.T.Errorf("only %d events emitted", len(want))
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			n.h.T.Fatalf("%d events arrived, want %d", len(got), len(want))
		case i >= len(want):
			n.h.T.Fatalf("after the last event: %.20q", got[i])
		case got[i] != want[i]:
			n.h.T.Fatalf("got %.20q where %.20q was to come", got[i], want[i])
		}
	}
}

// Emit does not fail in the moment in which a socket loses a client that may
// come back.
func TestRecoveryEmitAtTheLoss(t *testing.T) {
	testserver.Run(t, testserver.Recovering(), func(h *testserver.Harness) {
		for range 100 {
			g := h.Guest(rawclient.WebSocket)
			s := h.MustSocket(g.Stays["/"].SID)
			var busy sync.WaitGroup
			busy.Go(g.Conn.Drop)
			busy.Go(func() {
				for s.Context().Err() == nil {
					s.Data() // makes the moment longer
				}
			})
			var err error
			for err == nil && s.Context().Err() == nil {
				err = s.Emit("e")
			}
			busy.Wait()
			h.Check(err)
		}
	})
}
