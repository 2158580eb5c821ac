package systemtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A second CONNECT may come while it is being decided about the first.
func TestConnectWhileDeciding(t *testing.T) {
	deciders := map[string]func(h *testserver.Harness){
		"by recovery": func(h *testserver.Harness) {},
		"by a family": func(h *testserver.Harness) {
			h.OfFunc(func(context.Context, string, *socketio.Handshake) bool {
				testserver.Wait(20 * time.Millisecond)
				return true
			})
		},
	}
	pairs := map[string][]string{
		"with a pid, then without":     {`40/chat,{"pid":"x"}`, "40/chat,"},
		"without a pid, then with":     {"40/chat,", `40/chat,{"pid":"x"}`},
		"with a pid both times":        {`40/chat,{"pid":"x"}`, `40/chat,{"pid":"x"}`},
		"to one that Of makes between": {"40/late,", "40/late,"},
	}
	for decider, set := range deciders {
		for name, packets := range pairs {
			t.Run(decider+", "+name, func(t *testing.T) {
				testserver.ForEachMode(t, testserver.Recovering(), func(h *testserver.Harness, mode rawclient.Mode) {
					set(h)
					h.Of("/chat")
					healthy := h.TestClient(mode)
					c := h.Open(mode)
					c.Send(packets[0])
					if packets[0] == "40/late," {
						synctest.Wait()
						h.Of("/late")
					}
					_ = c.Client.Send(packets[1])
					both := h.Open(mode)
					_ = both.Client.Send(packets...)
					testserver.Wait(time.Minute)
					healthy.Of("/chat", nil)
				})
			})
		}
	}
}

// A connection whose client comes back over another ends twice.
func TestSupersededConnection(t *testing.T) {
	for _, over := range []socketio.RatePolicy{socketio.RateWait, socketio.RateDrop, socketio.RateDisconnect} {
		o := testserver.Recovering()
		o.Limits.EventRate = socketio.EventRate{PerSecond: 10, Over: over}
		testserver.ForEachMode(t, o, func(h *testserver.Harness, mode rawclient.Mode) {
			g := h.Guest(mode)
			h.Emit("into the void")
			h.ComesBackWith(g, "into the void")
			h.Emit("live")
			g.Expect("/", "live")
		})
	}
}

// A standing is what a client is to a namespace, as far as it shows.
type standing int

const (
	absent   standing = iota // there is no such namespace
	asked                    // it is being decided about
	rejoins                  // likewise, and the client has been in it before
	within                   // it is in it
	departed                 // it has left by itself
	expelled                 // the server has disconnected it
	over                     // the connection is closed
)

// states are how a client gets into each standing. They return the namespace,
// and the standing.
var states = map[string]func(p *player) (namespace string, is standing){
	"a namespace that there is not": func(p *player) (string, standing) { return "/nowhere", absent },
	"one that a family is asked about": func(p *player) (string, standing) {
		name := fmt.Sprint("/decided", p.n) // recovery keeps those of before
		p.send("40" + name + ",")
		return name, asked
	},
	"one that middleware decides about": func(p *player) (string, standing) { p.send("40/slow,"); return "/slow", asked },
	"one that it is in":                 func(p *player) (string, standing) { p.send("40/plain,"); return "/plain", within },
	"a child that it is in":             func(p *player) (string, standing) { p.send("40/child,"); return "/child", within },
	"one that it has left": func(p *player) (string, standing) {
		p.send("40/plain,")
		p.send("41/plain,")
		return "/plain", departed
	},
	"one that the server has put it out of": func(p *player) (string, standing) {
		p.send("40/plain,")
		p.send(`42/plain,["put out"]`)
		testserver.Wait(time.Second)
		return "/plain", expelled
	},
	"one that it has come back to over another connection": func(p *player) (string, standing) {
		p.send("40/plain,")
		testserver.Wait(time.Second)
		pid := regexp.MustCompile(`40/plain,.*"pid":"([^"]+)"`).FindStringSubmatch(strings.Join(waiting(p.Client), ""))
		if pid == nil {
			return "/plain", within // without recovery, or of revision 3
		}
		p.successor = openPath(p.h, p.path, p.mode, false)
		p.successor.Send(fmt.Sprintf(`40/plain,{"pid":%q}`, pid[1]))
		testserver.Wait(time.Second)
		return "/plain", over
	},
}

// packets are all types of them that a client may send to a namespace.
var packetTypes = map[string]func(namespace string) []string{
	"CONNECT":       func(n string) []string { return []string{"40" + n + ","} },
	"CONNECT again": func(n string) []string { return []string{"40" + n + `,{"pid":"of a former life"}`} },
	"DISCONNECT":    func(n string) []string { return []string{"41" + n + ","} },
	"EVENT":         func(n string) []string { return []string{"42" + n + `,["echo"]`} },
	"EVENT with id": func(n string) []string { return []string{"42" + n + `,7["echo"]`} },
	"binary EVENT": func(n string) []string {
		return []string{"451-" + n + `,7["echo",{"_placeholder":true,"num":0}]`, "bAQ=="}
	},
	"ACK":           func(n string) []string { return []string{"43" + n + ",5[]"} },
	"binary ACK":    func(n string) []string { return []string{"461-" + n + `,5[{"_placeholder":true,"num":0}]`, "bAQ=="} },
	"CONNECT_ERROR": func(n string) []string { return []string{"44" + n + `,{"message":"no"}`} },
}

// after returns what a packet makes of a standing, at once.
func (is standing) after(kind string) standing {
	joins, leaves, acks := strings.HasPrefix(kind, "CONNECT"), kind == "DISCONNECT", strings.HasSuffix(kind, "ACK")
	switch {
	case is == over, kind == "CONNECT_ERROR":
		return over
	case joins && is == absent, joins && is == asked:
		return is
	case joins:
		return rejoins
	case is == absent, is == asked, is == departed && !acks:
		return over
	case leaves && (is == within || is == rejoins):
		return departed
	}
	return is
}

// TestStates has clients send each type of packet in each state of a socket,
// twice and with each other type, over both transports and of both revisions,
// to servers that have between them each pair of options, or with STATES=3 each
// group of three. A model says what comes of it. Afterwards another client is
// served, and nothing is left.
func TestStates(t *testing.T) {
	size := 2
	if os.Getenv("STATES") == "3" {
		size = 3
	}
	for i, s := range setups(size) {
		t.Run(fmt.Sprint("setup ", i), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("setup %v", s)
				}
			}()
			var log testserver.LogBook
			o := s.options()
			if o.Logger = log.Logger(); s["Logger"] > 0 {
				o.Logger = log.Everything()
			}
			testserver.Run(t, o, func(h *testserver.Harness) { playStates(h, i, o) })
			for _, line := range log.Lines() {
				if strings.Contains(line, "panic") {
					t.Error(line)
				}
			}
		})
	}
}

func playStates(h *testserver.Harness, setup int, o *socketio.Options) {
	n := setup
	stage(h)
	path := cmp.Or(o.Path, "/socket.io/")
	modes := []rawclient.Mode{rawclient.WebSocket, rawclient.Polling}
	if len(o.Transports) == 1 {
		modes = []rawclient.Mode{rawclient.Mode(o.Transports[0])}
	}
	healthy := openPath(h, path, modes[0], false)
	healthy.Send("40")
	first := slices.Sorted(maps.Keys(packetTypes))
	for i, state := range slices.Sorted(maps.Keys(states)) {
		for j, a := range first {
			for k, b := range first {
				if (i+j+k+setup)%len(first) != 0 {
					continue // it is another setup's
				}
				n++
				p := &player{h: h, n: n, path: path, mode: modes[n/2%len(modes)], eio3: o.AllowEIO3 && n%2 == 0}
				if p.playStates(state, a, b); h.T.Failed() {
					h.T.Fatalf("%s: %s, then %s; over %s, revision 3: %t", state, a, b, p.mode, p.eio3)
				}
				if got := ask(healthy, "", n); !strings.HasPrefix(got, "43") {
					h.T.Fatalf("the healthy client hears %q after %s: %s, %s", got, state, a, b)
				}
			}
		}
	}
	healthy.Close()
	testserver.Wait(10 * time.Minute) // for what recovery keeps
	all := h.Stats()
	for name, n := range all.Namespaces {
		if n.Sockets+n.Rooms+n.Acks+n.Inbox > 0 || name == "other" {
			h.T.Errorf("%s is left with %+v", name, n)
		}
	}
	if h.ClientsCount() != 0 {
		h.T.Errorf("%d sessions are left", h.ClientsCount())
	}
	h.Check(h.Shutdown(context.Background())) // which waits for all handlers
}

// stage makes the namespaces of states.
func stage(h *testserver.Harness) {
	pause := func(ctx context.Context) error {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	family := h.OfFunc(func(ctx context.Context, name string, _ *socketio.Handshake) bool {
		return name == "/child" || strings.HasPrefix(name, "/decided") && pause(ctx) == nil
	})
	h.Of("/slow").Use(func(ctx context.Context, _ *socketio.Socket) error { return pause(ctx) })
	for _, n := range []*socketio.Namespace{h.Of("/"), h.Of("/plain"), h.Of("/slow"), family} {
		n.On("echo", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
		n.On("put out", func(_ context.Context, e *socketio.Event) error { e.Socket().Disconnect(false); return nil })
	}
}

// A player is a client of TestStates.
type player struct {
	h         *testserver.Harness
	n         int
	path      string
	mode      rawclient.Mode
	eio3      bool
	successor *testserver.Client // over which it has come back
	*testserver.Client
}

func openPath(h *testserver.Harness, path string, mode rawclient.Mode, eio3 bool) *testserver.Client {
	h.T.Helper()
	c, err := rawclient.Open(context.Background(), h.Dial, mode, rawclient.Options{Path: path, Pong: !eio3, EIO3: eio3})
	if err != nil {
		h.T.Fatal(err)
	}
	return &testserver.Client{Client: c, Harness: h}
}

// send sends packets that may find the connection closed.
func (p *player) send(packets ...string) {
	_ = p.Client.Client.Send(packets...)
	synctest.Wait()
}

// live lets seconds pass. Clients of revision 3 send the PINGs.
func (p *player) live(seconds int) {
	for range seconds {
		p.live(0)
		testserver.Wait(time.Second)
	}
	if p.eio3 {
		p.send("2")
	}
}

// ask emits an event and returns the answer, or "" if there is none.
func ask(c *testserver.Client, namespace string, id int) string {
	if namespace != "" {
		namespace += ","
	}
	_ = c.Client.Send(fmt.Sprintf(`42%s%d["echo"]`, namespace, id))
	testserver.Wait(time.Second)
	for _, packet := range waiting(c) {
		if packet == fmt.Sprintf("43%s%d[]", namespace, id) {
			return packet
		}
	}
	return ""
}

func (p *player) playStates(state, a, b string) {
	h := p.h
	p.Client = openPath(h, p.path, p.mode, p.eio3)
	if !p.eio3 {
		p.send("40")
	}
	namespace, is := states[state](p)
	waiting(p.Client)
	p.send(append(packetTypes[a](namespace), packetTypes[b](namespace)...)...)
	is = is.after(a).after(b)
	p.live(2)
	heard := waiting(p.Client)
	if ended := slices.Contains(heard, "end"); ended != (is == over) {
		h.T.Errorf("heard %q; the connection is to end: %t", heard, is == over)
	}
	if is != over {
		p.check(namespace, is, heard, a, b)
	}
	if s := p.successor; s != nil {
		if ask(s, "/plain", 8) == "" {
			h.T.Errorf("the client that has come back hears nothing")
		}
		s.Close()
	}
	p.Close()
	testserver.Wait(time.Second)
	if n := h.ClientsCount(); n != 1 {
		h.T.Errorf("%d sessions, want that of the healthy client", n)
	}
	for _, n := range []*socketio.Namespace{h.Of("/plain"), h.Of("/slow")} {
		if left := len(slices.Collect(n.Sockets())); left != 0 {
			h.T.Errorf("%d sockets are left in %s", left, n.Name())
		}
	}
}

// check wants a connection that stays to be of use, and the client to be a
// member or not, once, as it has been told.
func (p *player) check(namespace string, is standing, heard []string, a, b string) {
	h := p.h
	admitted, refused, answered := 0, 0, 0
	for _, packet := range heard {
		switch {
		case strings.HasPrefix(packet, "40"+namespace):
			admitted++
		case strings.HasPrefix(packet, "44"+namespace):
			refused++
		case strings.HasPrefix(packet, "43"+namespace+",7"):
			answered++
		}
	}
	if p.live(0); ask(p.Client, "", 9) == "" {
		h.T.Errorf("the connection is of no use")
	}
	in := is == within || is == rejoins || is == asked
	wants := 0
	if in {
		for _, kind := range []string{a, b} {
			if strings.HasPrefix(kind, "CONNECT") {
				wants = 0 // the answers of the socket before may be lost
			} else if kind == "EVENT with id" || kind == "binary EVENT" {
				wants++
			}
		}
	}
	switch connects := strings.HasPrefix(a, "CONNECT") || strings.HasPrefix(b, "CONNECT"); {
	case is == absent && (refused == 0 || admitted > 0),
		in && (refused > 0 || connects && admitted == 0),
		answered < wants:
		h.T.Errorf("heard %q, with %d answers, want %d", heard, answered, wants)
	}
	p.live(0)
	if got := ask(p.Client, namespace, 10); is != expelled && is != departed && is != absent && got == "" {
		h.T.Errorf("the client is no member")
	}
	n := 0
	for s := range h.Of("/plain").Sockets() {
		_ = s
		n++
	}
	if in && namespace == "/plain" && n != 1 || !in && n != 0 {
		h.T.Errorf("%d sockets", n)
	}
}
