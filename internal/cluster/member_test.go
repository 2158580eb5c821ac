package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// A site is a Host that notes what it is told.
type site struct {
	*testing.T
	member *Member

	mu     sync.Mutex
	obeyed []string // types
	logged []string
}

func (s *site) Obey(m *adapter.Message) error {
	s.mu.Lock()
	s.obeyed = append(s.obeyed, fmt.Sprint(int(m.Type)))
	s.mu.Unlock()
	switch m.Type {
	case adapter.FetchSockets:
		s.member.Respond(m, &adapter.Message{Type: adapter.FetchSocketsResponse, Sockets: []adapter.Socket{{ID: s.member.uid}}})
	case adapter.Broadcast:
		if string(m.Packet.Text) == `["panic"]` {
			panic("boom")
		}
		return errors.New("not understood")
	}
	return nil
}

func (s *site) Rooms() []string                     { return nil }
func (s *site) Sockets(...string) []string          { return nil }
func (s *site) WatchRooms(func(string, bool, bool)) {}

func (s *site) Guard(what string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			s.Log(slog.LevelError, "panic", "in", what)
		}
	}()
	f()
	return true
}

func (s *site) Log(_ slog.Level, text string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logged = append(s.logged, fmt.Sprintln(append([]any{text}, args...)...))
}

// expectLog wants one line with each of these, and no others.
func (s *site) expectLog(want ...string) {
	s.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.logged) != len(want) {
		s.Errorf("logged %q, want %q", s.logged, want)
	}
	for i, line := range s.logged {
		if i < len(want) && !strings.Contains(line, want[i]) {
			s.Errorf("logged %q, want %q", line, want[i])
		}
	}
	s.logged = nil
}

func (s *site) took() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.obeyed = nil }()
	return strings.Join(s.obeyed, " ")
}

func join(t *testing.T, a adapter.Adapter) *site {
	s := &site{T: t}
	s.member = New("/", NewBus(a, s), s)
	s.member.Join()
	synctest.Wait()
	t.Cleanup(s.member.Leave)
	return s
}

// A peer is another server, of whatever make.
type peer struct {
	*testing.T
	bus adapter.Adapter
	uid string

	mu       sync.Mutex
	received []*adapter.Message
}

func newPeer(t *testing.T, bus adapter.Adapter, uid string) *peer {
	p := &peer{T: t, bus: bus, uid: uid}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	if err := bus.Subscribe(ctx, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) Namespace() string                   { return "/" }
func (p *peer) UID() string                         { return p.uid }
func (p *peer) Rooms() []string                     { return nil }
func (p *peer) Sockets(...string) []string          { return nil }
func (p *peer) WatchRooms(func(string, bool, bool)) {}
func (p *peer) Deliver(m *adapter.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = append(p.received, m)
}

func (p *peer) say(m adapter.Message) {
	p.Helper()
	m.UID, m.Namespace = p.uid, "/"
	if errs := p.bus.Publish(context.Background(), []*adapter.Message{&m}); errs != nil {
		p.Error(errs)
	}
	synctest.Wait()
}

// heard returns what the peer has been sent.
func (p *peer) heard() []*adapter.Message {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.received
	p.received = nil
	return all
}

func (p *peer) expect(want ...adapter.Type) {
	p.Helper()
	var got []adapter.Type
	for _, m := range p.heard() {
		got = append(got, m.Type)
	}
	if !slices.Equal(got, want) {
		p.Errorf("heard %v, want %v", got, want)
	}
}

// silent is a bus that does not know how many servers it has.
type silent struct{ adapter.Loopback }

func (*silent) Servers(context.Context, string) (int, error) { return 0, new(adapter.NoCount) }

// ask returns how many servers answer a request without a deadline, how many
// do not, and how long that takes.
func (s *site) ask() (answers, missing int, took time.Duration) {
	s.Helper()
	ctx, cancel := WithTimeout(context.Background())
	defer cancel()
	return s.askUntil(ctx)
}

func (s *site) askUntil(ctx context.Context) (answers, missing int, took time.Duration) {
	s.Helper()
	start := time.Now()
	for m, err := range s.member.Ask(ctx, &adapter.Message{Type: adapter.ServerSideEmit}, adapter.ServerSideEmitResponse) {
		var late *MissingError
		switch {
		case errors.As(err, &late):
			missing = late.Servers
			if m != nil || !errors.Is(err, context.DeadlineExceeded) {
				s.Errorf("yields %v, %v", m, err)
			}
		case err != nil:
			s.Error(err)
		default:
			answers++
		}
	}
	return answers, missing, time.Since(start)
}

func (s *site) expectWait(want time.Duration, why string) {
	s.Helper()
	if _, _, took := s.ask(); took != want {
		s.Errorf("%s is waited for %v, want %v", why, took, want)
	}
}

func in(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestHeartbeats(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(silent)
		p := newPeer(t, bus, "other")
		s := join(t, bus)
		p.expect(adapter.InitialHeartbeat)
		p.say(adapter.Message{Type: adapter.InitialHeartbeat})
		p.expect(adapter.Heartbeat)
		wait(5 * time.Second)
		p.expect(adapter.Heartbeat)
		wait(4 * time.Second)
		p.expect()
		wait(time.Second)
		p.expect(adapter.Heartbeat)

		p.say(adapter.Message{Type: adapter.Heartbeat})
		s.expectWait(5*time.Second, "a silent server")
		p.say(adapter.Message{Type: adapter.Heartbeat})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, missing, took := s.askUntil(ctx); missing != 0 || took < 10*time.Second || took > 12*time.Second {
			t.Errorf("a dead server is waited for %v, want 10 to 12 s; %d missing", took, missing)
		}
		s.expectWait(0, "a server that was silent for long")
		p.say(adapter.Message{Type: adapter.Heartbeat})
		s.expectWait(5*time.Second, "a server that is back")
		p.say(adapter.Message{Type: adapter.Close})
		s.expectWait(0, "a server that has left")
		(&peer{T: t, bus: bus, uid: "emitter"}).say(adapter.Message{Type: adapter.SocketsJoin})
		(&peer{T: t, bus: bus}).say(adapter.Message{Type: adapter.SocketsJoin})
		if took := s.took(); took != "4 4" {
			t.Errorf("obeyed %s", took)
		}
		s.expectWait(0, "a program that only publishes, or one without id")
		p.heard()
		s.member.Leave()
		s.member.Leave()
		p.expect(adapter.Close)
		if err := s.member.Publish(&adapter.Message{}); err == nil {
			t.Error("a server that has left publishes")
		}
		s.expectLog()
	})
}

// While a server cannot send, it does not take the others for dead.
func TestAnOutageIsNoSilence(t *testing.T) {
	for _, outage := range []time.Duration{3 * time.Second, 9 * time.Second, 12 * time.Second, time.Minute} {
		in(t, func(t *testing.T) {
			bus := &uncounted{troubled{fail: func(context.Context) error { return errors.New("cable cut") }}}
			s := join(t, bus)
			p := newPeer(t, &bus.Loopback, "other")
			p.say(adapter.Message{Type: adapter.Heartbeat})
			wait(4900 * time.Millisecond) // the next heartbeat is the first that cannot be sent
			bus.methods.Store("Publish")
			wait(outage)
			bus.methods.Store("")
			if _, missing, _ := s.ask(); missing != 1 {
				t.Errorf("after %v without a bus %d servers are missing, want 1", outage, missing)
			}
			p.say(adapter.Message{Type: adapter.Heartbeat})
			wait(4 * time.Second)
			s.expectWait(5*time.Second, "a silent server")
			wait(3 * time.Second)
			s.expectWait(0, "a dead server")
		})
	}
}

// An uncounted adapter does not know how many servers it has.
type uncounted struct{ troubled }

func (*uncounted) Servers(context.Context, string) (int, error) { return 0, new(adapter.NoCount) }

func TestAServerThatHasLeftIsNoPeerAgain(t *testing.T) {
	for _, late := range []adapter.Type{
		adapter.InitialHeartbeat, adapter.Heartbeat, adapter.Broadcast, adapter.SocketsJoin, adapter.FetchSockets,
		adapter.FetchSocketsResponse, adapter.ServerSideEmit, adapter.Ack, 99, adapter.Close,
	} {
		in(t, func(t *testing.T) {
			bus := new(silent)
			p := newPeer(t, bus, "other")
			s := join(t, bus)
			p.say(adapter.Message{Type: adapter.InitialHeartbeat})
			p.say(adapter.Message{Type: adapter.Close})
			for range 5 {
				p.say(adapter.Message{Type: late, RequestID: "r"})
				s.expectWait(0, fmt.Sprint("a server that has left and sends type ", late))
				wait(3 * time.Second)
			}
		})
	}
}

func TestPeersAreBounded(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(silent)
		s := join(t, bus)
		for i := range 2 * maxPeers {
			(&peer{T: t, bus: bus, uid: fmt.Sprint(i)}).say(adapter.Message{Type: adapter.Heartbeat})
		}
		if answers, missing, _ := s.ask(); answers != 0 || missing != maxPeers {
			t.Errorf("%d servers answer, %d do not", answers, missing)
		}
		wait(12 * time.Second)
		s.expectWait(0, "a server that is silent for long")
		(&peer{T: t, bus: bus, uid: strings.Repeat("u", maxUID+1)}).say(adapter.Message{Type: adapter.Heartbeat})
		s.expectLog("id of a server")
		s.expectWait(0, "a server with too long an id")
	})
}

func TestInvalidMessages(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(adapter.Loopback)
		s := join(t, bus)
		p := newPeer(t, bus, "other")
		p.say(adapter.Message{Type: adapter.Broadcast})
		s.expectLog("invalid message of another server type 3 err not understood")
		p.say(adapter.Message{Type: adapter.Broadcast, Packet: parser.Encoded{Text: []byte(`["panic"]`)}})
		s.expectLog("panic in message of another server")
		p.say(adapter.Message{Type: adapter.FetchSockets})
		s.expectLog("request without id")
		for _, m := range []*adapter.Message{nil, {UID: "other", Namespace: "/else", Type: adapter.Broadcast}, {UID: s.member.uid, Namespace: "/", Type: 3}} {
			s.member.receive(m)
		}
		p.say(adapter.Message{Type: 99})
		p.say(adapter.Message{Type: adapter.Ack, RequestID: "unknown"})
		p.say(adapter.Message{Type: adapter.CancelCall, RequestID: "unknown"})
		s.expectLog()
	})
}

func TestANilMemberIsAlone(t *testing.T) {
	var c *Member
	c.Join()
	if err := c.Publish(&adapter.Message{}); err != nil {
		t.Error(err)
	}
	for range c.Ask(context.Background(), &adapter.Message{}, 0) {
		t.Error("it has an answer")
	}
	c.Leave()
	if c.Store() != nil {
		t.Error("it has a store")
	}
}
