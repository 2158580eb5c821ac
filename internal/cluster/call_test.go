package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

func text(s string) parser.Encoded { return parser.Encoded{Text: []byte(s)} }

// replies takes all replies of a call until it is over, or ctx ends.
func replies(ctx context.Context, call *Call) string {
	var got []string
	take := func() {
		for _, r := range call.Take(ctx) {
			what := string(r.Packet.Text)
			if r.Missing {
				what = fmt.Sprintf("missing %q", r.Why)
			}
			got = append(got, r.SocketID+": "+what)
		}
	}
	for call.Outstanding() > 0 && ctx.Err() == nil {
		select {
		case <-call.Ready():
			take()
		case <-call.Recounts():
			call.Recount(ctx)
		case <-call.Done():
			got = append(got, call.Cause().Error())
			return strings.Join(got, ", ")
		case <-ctx.Done():
		}
	}
	if n := call.Outstanding(); n > 0 {
		got = append(got, fmt.Sprint(n, " outstanding"))
	}
	slices.Sort(got)
	return strings.Join(got, ", ")
}

// beginCall calls, and returns what the peer has heard of it.
func (s *site) beginCall(ctx context.Context, p *peer) (*Call, *adapter.Message) {
	s.Helper()
	p.heard()
	call, err := s.member.Call(ctx, &adapter.Message{Type: adapter.Broadcast})
	if err != nil {
		s.Fatal(err)
	}
	heard := p.heard()
	if len(heard) != 1 {
		s.Fatalf("heard %v", heard)
	}
	return call, heard[0]
}

// Acknowledgements may come before their number, and answers may be of servers
// that do not say who they are.
func TestCallsOfServersOfAnyMake(t *testing.T) {
	count := adapter.Message{Type: adapter.ClientCount, Count: 2}
	one, two := adapter.Message{Type: adapter.Ack, Packet: text("1")}, adapter.Message{Type: adapter.Ack, Packet: text("2")}
	for _, uids := range [][2]string{{"one", "two"}, {"", ""}, {"", "two"}} {
		for _, answer := range [][]adapter.Message{{count, one, two}, {one, count, two}, {one, two, count}} {
			in(t, func(t *testing.T) {
				bus := new(adapter.Loopback)
				s := join(t, bus)
				p := newPeer(t, bus, "one")
				newPeer(t, bus, "two")
				call, asked := s.beginCall(context.Background(), p)
				defer call.End()
				for _, uid := range uids {
					for _, m := range answer {
						m.RequestID = asked.RequestID
						(&peer{T: t, bus: bus, uid: uid}).say(m)
					}
				}
				if got := replies(context.Background(), call); got != ": 1, : 1, : 2, : 2" {
					t.Errorf("servers %q that answer %v: %s", uids, answer, got)
				}
			})
		}
	}
}

func TestCallsBelieveNoNonsense(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(adapter.Loopback)
		s := join(t, bus)
		p := newPeer(t, bus, "peer")
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		call, asked := s.beginCall(ctx, p)
		if asked.Opts.Timeout != 3000 || call.Outstanding() != 1 {
			t.Errorf("others have %d ms; %d outstanding", asked.Opts.Timeout, call.Outstanding())
		}
		for _, m := range []adapter.Message{
			{Type: adapter.ClientCount, Count: 1 << 62},
			{Type: adapter.ClientCount, Count: -5},
			{Type: adapter.ServerSideEmitResponse},
			{Type: adapter.FetchSocketsResponse},
			{Type: adapter.ClientCount, Count: 4},
			{Type: adapter.ClientCount, Count: 1000},
			{Type: adapter.Ack, SocketID: "s", Packet: text("1")},
			{Type: adapter.Ack, SocketID: "s", Packet: text("2")},
			*NoAck("left", Left), *NoAck("pending", Pending),
		} {
			m.RequestID = asked.RequestID
			p.say(m)
		}
		got := replies(ctx, call)
		if want := `1 outstanding, left: missing "", pending: missing "pending", s: 1`; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		p.heard()
		call.End()
		p.expect() // its time is over, so the others know
		s.expectLog("acknowledgements to come", "acknowledgements to come")
	})
}

func TestAnAbandonedCallIsCancelled(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(silent)
		a, b := join(t, bus), join(t, bus)
		p := newPeer(t, bus, "peer")
		p.say(adapter.Message{Type: adapter.Heartbeat})
		call, asked := a.beginCall(context.Background(), p)
		ctx, end, err := b.member.BeginCall(asked)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		if _, _, err := b.member.BeginCall(asked); !errors.Is(err, errCallTwice) {
			t.Errorf("the same call again: %v", err)
		}
		call.End()
		p.expect(adapter.CancelCall)
		if ctx.Err() == nil {
			t.Error("the call of another server goes on")
		}
	})
}

func TestTheCallOfAnotherServerEnds(t *testing.T) {
	for timeout, want := range map[int]time.Duration{
		0: 5 * time.Second, -1: 5 * time.Second, 7000: 7 * time.Second, 1 << 62: 30 * time.Minute,
	} {
		in(t, func(t *testing.T) {
			s := join(t, new(adapter.Loopback))
			start := time.Now()
			ctx, end, err := s.member.BeginCall(&adapter.Message{UID: "a", RequestID: "r", Opts: adapter.Selection{Timeout: timeout}})
			if err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			end()
			if d := time.Since(start); d != want {
				t.Errorf("with timeout %d after %v, want %v", timeout, d, want)
			}
		})
	}
	for how, stop := range map[string]func(s *site, p *peer){
		"when the other server says goodbye": func(_ *site, p *peer) { p.say(adapter.Message{Type: adapter.Close}) },
		"when the other server is silent":    func(*site, *peer) { wait(12 * time.Second) },
		"when this server leaves":            func(s *site, _ *peer) { s.member.Leave() },
	} {
		t.Run(how, func(t *testing.T) {
			in(t, func(t *testing.T) {
				bus := new(silent)
				s := join(t, bus)
				p := newPeer(t, bus, "peer")
				p.say(adapter.Message{Type: adapter.Heartbeat})
				ctx, end, err := s.member.BeginCall(&adapter.Message{UID: "peer", RequestID: "r", Opts: adapter.Selection{Timeout: 60_000}})
				if err != nil {
					t.Fatal(err)
				}
				defer end()
				stop(s, p)
				if ctx.Err() == nil {
					t.Error("it goes on")
				}
			})
		})
	}
}

func TestACallOfAServerThatLeaves(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(adapter.Loopback)
		s := join(t, bus)
		p := newPeer(t, bus, "peer")
		call, _ := s.beginCall(context.Background(), p)
		defer call.End()
		go s.member.Leave()
		if got := replies(context.Background(), call); got != errClosed.Error() {
			t.Errorf("got %s", got)
		}
	})
}

func TestANilCallIsToNobody(t *testing.T) {
	var call *Call
	if call.Outstanding() != 0 || call.Ready() != nil || call.Recounts() != nil || call.Done() != nil || call.Take(context.Background()) != nil {
		t.Error("it waits for somebody")
	}
	call.End()
}

func TestAsk(t *testing.T) {
	for name, bus := range map[string]func() adapter.Adapter{
		"by number":     func() adapter.Adapter { return new(adapter.Loopback) },
		"by heartbeats": func() adapter.Adapter { return new(silent) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				bus := bus()
				s := join(t, bus)
				others := []string{join(t, bus).member.uid, join(t, bus).member.uid}
				slices.Sort(others)
				var answers []string
				fetch := &adapter.Message{Type: adapter.FetchSockets}
				for m, err := range s.member.Ask(context.Background(), fetch, adapter.FetchSocketsResponse) {
					if err != nil {
						t.Fatal(err)
					}
					answers = append(answers, m.Sockets[0].ID)
				}
				slices.Sort(answers)
				if !slices.Equal(answers, others) {
					t.Errorf("answers %q of %q", answers, others)
				}
				for range s.member.Ask(context.Background(), fetch, adapter.FetchSocketsResponse) {
					break
				}
				if n := len(s.member.requests); n != 0 {
					t.Errorf("%d requests are kept", n)
				}
			})
		})
	}
}

// FuzzMessages has another server say anything while it is waited for.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"uid":"u","type":11,"nsp":"/","data":{"requestId":"r","clientCount":9223372036854775807}}`), []byte{})
	f.Add([]byte(`{"uid":"","type":12,"nsp":"/","data":{"requestId":"r","packet":[1]}}`), []byte{1})
	f.Add([]byte(`{"uid":"u","type":64,"nsp":"/","data":{"requestId":"r","sid":"s","packet":"pending"}}`), []byte{})
	f.Add([]byte(`{"uid":"u","type":8,"nsp":"/","data":{"requestId":"r","sockets":[{}]}}`), []byte{})
	f.Add([]byte(`{"uid":"u","type":13,"nsp":"/"}`), []byte{})
	f.Fuzz(func(t *testing.T, message, attachment []byte) {
		m, err := adapter.Decode(parser.Encoded{Text: message, Attachments: [][]byte{attachment}})
		if err != nil {
			return
		}
		s := &site{T: t}
		s.member = New("/", NewBus(new(adapter.Loopback), s), s)
		defer s.member.Leave()
		call, err := s.member.Call(context.Background(), &adapter.Message{Type: adapter.Broadcast})
		if err != nil {
			t.Fatal(err)
		}
		defer call.End()
		m.RequestID = call.request.id
		for range 3 {
			s.member.receive(m)
			if n := call.Outstanding(); n < 0 || n > maxClients+2 {
				t.Fatalf("%d outstanding", n)
			}
		}
		if n := len(call.Take(context.Background())); n > 1 && m.SocketID != "" {
			t.Errorf("%d replies of one socket", n)
		}
	})
}
