package systemtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// survives stands in for the reason where a fault ends nothing.
const survives socketio.Reason = "it goes on"

var both = []int{4, 3}

// networkFaults are faults, and the reasons for which they disconnect a client
// over WebSocket and over polling. Where only the client can notice, as it is
// the one that pings in revision 3, that is left out. docs/disconnect-reasons.md has the same.
var networkFaults = []struct {
	name               string
	revisions          []int // that it is about
	webSocket, polling socketio.Reason
	begin              func(f *faultyNet, c *rawclient.Client)
}{
	{"everything takes half a second longer", both, survives, survives,
		func(f *faultyNet, _ *rawclient.Client) { f.set(faults{delay: 500 * time.Millisecond}) }},
	{"packets are lost and sent again", both, survives, survives,
		func(f *faultyNet, _ *rawclient.Client) { f.set(faults{resend: 3}) }},
	{"the connections are cut", both, socketio.ReasonTransportClose, socketio.ReasonTransportClose,
		func(f *faultyNet, _ *rawclient.Client) { f.cut() }},
	{"both directions fall silent", both, socketio.ReasonPingTimeout, socketio.ReasonPingTimeout,
		func(f *faultyNet, _ *rawclient.Client) { f.set(faults{mute: true, deaf: true}) }},
	{"the way from the client falls silent", both, socketio.ReasonPingTimeout, socketio.ReasonPingTimeout,
		func(f *faultyNet, _ *rawclient.Client) { f.set(faults{mute: true}) }},
	{"the way to the client falls silent", []int{4}, socketio.ReasonPingTimeout, socketio.ReasonPingTimeout,
		func(f *faultyNet, _ *rawclient.Client) { f.set(faults{deaf: true}) }},
	{"the connection is cut within a binary event", both, socketio.ReasonTransportClose, socketio.ReasonTransportClose,
		func(f *faultyNet, c *rawclient.Client) {
			f.set(faults{cutLarge: 3000})
			_ = c.Send(`451-["n",{"_placeholder":true,"num":0}]`, "b"+base64.StdEncoding.EncodeToString(make([]byte, 6000)))
		}},
}

func (f *faultyNet) connect(h *testserver.Harness, mode rawclient.Mode, revision int) (*rawclient.Client, *socketio.Socket) {
	h.T.Helper()
	c, err := rawclient.Open(context.Background(), f.Dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true, EIO3: revision == 3})
	if err != nil {
		h.T.Fatal(err)
	}
	h.T.Cleanup(c.Drop)
	if revision == 3 {
		every(h, 20*time.Second, func(int) error { return c.Send("2") }) // it is the client that pings
	} else if err := c.Send("40"); err != nil {
		h.T.Fatal(err)
	}
	for p := ""; !strings.HasPrefix(p, "40"); {
		if p, err = c.Next(); err != nil {
			h.T.Fatal(err)
		}
	}
	synctest.Wait()
	return c, h.AnySocket(h.Of("/"))
}

// A client that the network troubles stays, or is disconnected for the
// documented reason within PingInterval + PingTimeout. Until then events arrive
// once and in order, either way.
func TestFaults(t *testing.T) {
	for _, fault := range networkFaults {
		for _, revision := range fault.revisions {
			for _, mode := range rawclient.Modes {
				want := fault.webSocket
				if mode == rawclient.Polling {
					want = fault.polling
				}
				t.Run(fmt.Sprintf("%s/revision %d/%s", fault.name, revision, mode), func(t *testing.T) {
					testserver.Run(t, &socketio.Options{AllowEIO3: true}, func(h *testserver.Harness) {
						f := &faultyNet{server: h.Listener.Dial}
						c, s := f.connect(h, mode, revision)
						defer testserver.Wait(2 * time.Second) // for what comes late
						defer c.Drop()
						traffic := exchange(h, c, s)
						testserver.Wait(time.Minute)
						traffic.check(t, 11)
						begun := time.Now()
						fault.begin(f, c)
						if want == survives {
							testserver.Wait(2 * time.Minute)
							if s.Context().Err() != nil {
								t.Fatal(context.Cause(s.Context()))
							}
							traffic.check(t, 30)
						} else {
							<-s.Context().Done()
							synctest.Wait()
							if took := time.Since(begun); took > 45*time.Second {
								t.Errorf("noticed after %v", took)
							}
							if traffic.reason != want {
								t.Errorf("reason %q, want %q", traffic.reason, want)
							}
							traffic.check(t, 11)
						}
					})
				})
			}
		}
	}
}

// traffic is what flows between a client and its socket: numbers both ways,
// one each five seconds.
type traffic struct {
	mu                sync.Mutex
	handled, received []int
	reason            socketio.Reason
}

func exchange(h *testserver.Harness, c *rawclient.Client, s *socketio.Socket) *traffic {
	tr := new(traffic)
	socketio.On(s, "n", func(_ context.Context, _ *socketio.Socket, n int) error {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.handled = append(tr.handled, n)
		return nil
	})
	s.OnDisconnect(func(r socketio.Reason) { tr.reason = r })
	go func() {
		for p := range c.Packets() {
			var n int
			if _, err := fmt.Sscanf(p, `42["m",%d]`, &n); err == nil {
				tr.mu.Lock()
				tr.received = append(tr.received, n)
				tr.mu.Unlock()
			}
		}
	}()
	every(h, 5*time.Second, func(n int) error { return c.Send(fmt.Sprintf(`42["n",%d]`, n)) })
	every(h, 5*time.Second, func(n int) error { return s.Emit("m", n) })
	return tr
}

// every sends until that fails or the test is over.
func every(h *testserver.Harness, pause time.Duration, send func(n int) error) {
	over := make(chan struct{})
	h.T.Cleanup(func() { close(over) })
	go func() {
		for n := 0; send(n) == nil; n++ {
			select {
			case <-time.After(pause):
			case <-over:
				return
			}
		}
	}()
}

// check wants at least so many numbers each way, from 0 on and each once.
func (tr *traffic) check(t *testing.T, atLeast int) {
	t.Helper()
	synctest.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for what, got := range map[string][]int{"handled": tr.handled, "received": tr.received} {
		if len(got) < atLeast {
			t.Errorf("%s only %d", what, len(got))
		}
		for i, n := range got {
			if i != n {
				t.Errorf("%s %v", what, got)
				break
			}
		}
	}
}

// A client whose upgrade fails goes on over polling.
func TestFaultsDuringUpgrade(t *testing.T) {
	for i, during := range []string{"the request", "the probe"} {
		for _, revision := range both {
			t.Run(fmt.Sprintf("cut within %s/revision %d", during, revision), func(t *testing.T) {
				testserver.Run(t, &socketio.Options{AllowEIO3: true}, func(h *testserver.Harness) {
					f := &faultyNet{server: h.Listener.Dial}
					c, s := f.connect(h, rawclient.Polling, revision)
					traffic := exchange(h, c, s)
					f.set(faults{cutSwitch: i + 1})
					if err := c.Upgrade(); err == nil {
						t.Error("the upgrade has not failed")
					}
					testserver.Wait(2 * time.Minute)
					if err := context.Cause(s.Context()); err != nil {
						t.Fatal(err)
					}
					traffic.check(t, 20)
				})
			})
		}
	}
}

// That its last packet has not arrived the client can't know: it polls no more.
func TestFaultAtTheEndOfAnUpgrade(t *testing.T) {
	testserver.Run(t, &socketio.Options{AllowEIO3: true}, func(h *testserver.Harness) {
		begun, reason := time.Now(), make(chan socketio.Reason, 1)
		h.OnConnect(func(s *socketio.Socket) { s.OnDisconnect(func(r socketio.Reason) { reason <- r }) })
		f := &faultyNet{server: h.Listener.Dial}
		f.set(faults{cutSwitch: 3})
		c, err := rawclient.Open(context.Background(), f.Dial, rawclient.Upgrade, rawclient.Options{Path: "/socket.io/", EIO3: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Drop()
		if r := <-reason; r != socketio.ReasonPingTimeout || time.Since(begun) > 45*time.Second {
			t.Errorf("%q after %v", r, time.Since(begun))
		}
	})
}

// Nobody answers, and nobody polls.
func TestVanishedPoller(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		p := h.NewPoller()
		p.Post("40")
		s := h.AnySocket(h.Of("/"))
		begun, reason := time.Now(), make(chan socketio.Reason, 1)
		s.OnDisconnect(func(r socketio.Reason) { reason <- r })
		if r := <-reason; r != socketio.ReasonPingTimeout || time.Since(begun) > 45*time.Second {
			t.Errorf("%q after %v", r, time.Since(begun))
		}
	})
}

// TestFaultsAreDocumented compares the rows of the page with the faults.
func TestFaultsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/disconnect-reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Faults of the network\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var want, got []string
	for _, fault := range networkFaults {
		want = append(want, fmt.Sprintf("| %s | %s | %s |", fault.name, fault.webSocket, fault.polling))
	}
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if len(got) == 0 || !slices.Equal(got[2:], want) {
		t.Errorf("the page has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
