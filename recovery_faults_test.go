package socketio_test

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
					run(t, recovering(), func(h *harness) { h.lose(l, mode, away) })
				})
			}
		}
	}
}

// lose has a guest lose its connection and come back, twice.
func (h *harness) lose(l loss, mode rawclient.Mode, away time.Duration) {
	h.net = &faultyNet{server: h.listener.Dial}
	h.Cleanup(func() { wait(2 * time.Second) }) // for what comes late
	n := h.narrate()
	g := h.guest(mode)
	n.begin()
	for range 2 {
		wait(5 * time.Second)
		s := n.to.Load()
		l.begin(h.net, g.conn.Client)
		wait(away)
		if noticed := s.Context().Err() != nil; l.silent && noticed != (away > 45*time.Second) {
			h.Errorf("noticed after %v: %t", away, noticed)
		}
		g.read()
		if breaks := l.elsewhere && !l.silent; breaks && away > 0 && g.connected() {
			h.Error("the client has seen nothing break")
		}
		if l.elsewhere {
			h.net = &faultyNet{server: h.listener.Dial} // what the old one has of the client stays as it is
		} else {
			g.drop()
		}
		g.comeBack()
		wait(10 * time.Second)
		g.read()
		g.returned("/", true)
		if n.to.Load() == s {
			h.Error("the client has not come back")
		}
	}
	n.end()
	g.read()
	n.check(g.stays["/"].events)
}

// connected reports whether the client, which has read all, has seen no end.
func (g *guest) connected() bool {
	select {
	case _, open := <-g.conn.Packets():
		return open
	default:
		return true
	}
}

// A narrator emits numbered events in every way there is.
type narrator struct {
	h    *harness
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

func (h *harness) narrate() *narrator {
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
	n.h.every(time.Second, func(int) error {
		if n.over.Load() {
			return errOver
		}
		for range 4 {
			i := n.next.Add(1) - 1
			if err := n.emit(i); err != nil {
				n.h.Errorf("emit %d: %v", i, err)
			}
		}
		return nil
	})
}

// end waits until what was emitted has arrived.
func (n *narrator) end() {
	n.over.Store(true)
	wait(10 * time.Second)
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
	n.h.Helper()
	var want []string
	for i := range n.next.Load() {
		text := fmt.Sprintf("%s %d", []string{"all", "room", "one", "binary"}[i%4], i)
		if i%4 == 3 {
			text += fmt.Sprint(" ", attachment(i))
		}
		want = append(want, text)
	}
	if len(want) < 4*30 {
		n.h.Errorf("only %d events emitted", len(want))
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			n.h.Fatalf("%d events arrived, want %d", len(got), len(want))
		case i >= len(want):
			n.h.Fatalf("after the last event: %.20q", got[i])
		case got[i] != want[i]:
			n.h.Fatalf("got %.20q where %.20q was to come", got[i], want[i])
		}
	}
}

// Emit does not fail in the moment in which a socket loses a client that may
// come back.
func TestRecoveryEmitAtTheLoss(t *testing.T) {
	run(t, recovering(), func(h *harness) {
		for range 100 {
			g := h.guest(rawclient.WebSocket)
			s := h.socket(g.stays["/"].SID)
			var busy sync.WaitGroup
			busy.Go(g.conn.Drop)
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
			h.check(err)
		}
	})
}
