package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A gate is an adapter that publishes when a test lets it, and notes what it is
// given.
type gate struct {
	adapter.Loopback
	open   chan struct{} // Publish waits for it, or for its context
	refuse func(m *adapter.Message) error

	mu      sync.Mutex
	batches []int
	ids     []string // RequestIDs
}

func (g *gate) Publish(ctx context.Context, batch []*adapter.Message) []error {
	g.mu.Lock()
	g.batches = append(g.batches, len(batch))
	g.mu.Unlock()
	select {
	case <-g.open:
	case <-ctx.Done():
		return adapter.Each(batch, func(*adapter.Message) error { return context.Cause(ctx) })
	}
	return adapter.Each(batch, func(m *adapter.Message) error {
		if g.refuse != nil {
			if err := g.refuse(m); err != nil {
				return err
			}
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.ids = append(g.ids, m.RequestID)
		return nil
	})
}

// numbered publishes messages whose RequestID is a number.
func (s *site) numbered(from, n, size int) {
	for i := from; i < from+n; i++ {
		m := &adapter.Message{Type: adapter.SocketsJoin, RequestID: fmt.Sprint(i)}
		m.Packet.Text = make([]byte, size)
		if err := s.member.Publish(m); err != nil {
			s.Error(err)
		}
	}
	synctest.Wait()
}

func TestPublishingWaitsForNothing(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := &gate{open: make(chan struct{})}
		s := join(t, bus)
		start := time.Now()
		s.numbered(0, 2000, 0)
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		close(bus.open)
		synctest.Wait()
		for i, id := range bus.ids {
			if id != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, id)
			}
		}
		if len(bus.ids) != 2000 || len(bus.batches) > 6 {
			t.Errorf("%d messages in batches of %v", len(bus.ids), bus.batches)
		}
		s.expectLog()
		bus.batches = nil
		s.numbered(0, 20, 1<<20)
		if len(bus.ids) != 2020 || len(bus.batches) < 5 {
			t.Errorf("%d messages, large ones in batches of %v", len(bus.ids), bus.batches)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := &gate{open: make(chan struct{})}
		s := join(t, bus)
		s.numbered(0, 1, 2*maxOutgoing)
		s.numbered(1, 100, 1<<20) // one is being published, 63 wait
		s.expectLog(awayText + " err too many messages wait")
		close(bus.open)
		synctest.Wait()
		s.expectLog("sending to the other servers again lost 37")
		if n := len(bus.ids); n != 64 {
			t.Errorf("%d messages published", n)
		}
	})
}

const awayText = "cannot send to the other servers"

func TestTheBusGoesAndComesBack(t *testing.T) {
	in(t, func(t *testing.T) {
		var refusing error
		bus := &gate{open: make(chan struct{}), refuse: func(*adapter.Message) error { return refusing }}
		close(bus.open)
		s := join(t, bus)
		for range 3 {
			refusing = errors.New("cable cut")
			for i := range 10 {
				s.numbered(i, 1, 0)
				wait(time.Second)
			}
			s.expectLog(awayText + " err cable cut")
			refusing = nil
			s.numbered(0, 3, 0)
			s.expectLog("sending to the other servers again lost 10")
		}
	})
}

func TestABusThatHangs(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := &gate{open: make(chan struct{})}
		s := join(t, bus)
		s.numbered(0, 10, 0)
		wait(4 * time.Second)
		s.expectLog()
		wait(2 * time.Second)
		s.expectLog(awayText + " err context deadline exceeded")
		wait(time.Minute)
		close(bus.open)
		s.numbered(10, 1, 0)
		s.expectLog("sending to the other servers again lost 10")
		if got := strings.Join(bus.ids, " "); got != "10" {
			t.Errorf("published %s", got)
		}
	})
}

// One message that cannot be sent is not a bus that is away.
func TestAMessageThatCannotBeSent(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := &gate{open: make(chan struct{}), refuse: func(m *adapter.Message) error {
			if m.RequestID == "2" {
				return errors.New("too large")
			}
			return nil
		}}
		s := join(t, bus)
		s.numbered(0, 1, 0)
		s.numbered(1, 4, 0)
		close(bus.open)
		synctest.Wait()
		s.expectLog("a message cannot be sent to the other servers err too large")
		if got := strings.Join(bus.ids, " "); got != "0 1 3 4" {
			t.Errorf("published %s", got)
		}
	})
}

// A bus that goes, or comes back, in the middle of a batch says so in one line.
func TestTheBusGoesInABatch(t *testing.T) {
	for _, reason := range []error{errors.New("cable cut"), fmt.Errorf("not acknowledged: %w", context.DeadlineExceeded)} {
		in(t, func(t *testing.T) {
			goes, back := 3, 7
			bus := &gate{open: make(chan struct{}), refuse: func(m *adapter.Message) error {
				if n, _ := strconv.Atoi(m.RequestID); goes <= n && n < back {
					return reason
				}
				return nil
			}}
			s := join(t, bus)
			s.numbered(0, 1, 0)
			s.numbered(1, 4, 0)
			close(bus.open)
			synctest.Wait()
			s.expectLog(awayText + " err " + reason.Error())
			bus.open = make(chan struct{})
			s.numbered(5, 1, 0)
			s.numbered(6, 4, 0)
			close(bus.open)
			synctest.Wait()
			s.expectLog("sending to the other servers again lost 4")
			if got := strings.Join(bus.ids, " "); got != "0 1 2 7 8 9" {
				t.Errorf("published %s", got)
			}
		})
	}
}

func TestClosingABus(t *testing.T) {
	for name, test := range map[string]struct {
		open bool
		took time.Duration
		ids  string
	}{"that answers": {true, 0, "0 1 2 "}, "that hangs": {false, goodbyeTime, ""}} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				bus := &gate{open: make(chan struct{})}
				if test.open {
					close(bus.open)
				}
				s := join(t, bus)
				for i := range 3 {
					_ = s.member.Publish(&adapter.Message{Type: adapter.SocketsJoin, RequestID: fmt.Sprint(i)})
				}
				start := time.Now()
				s.member.Leave()
				s.member.bus.Close()
				if d := time.Since(start); d != test.took {
					t.Errorf("it took %v, want %v", d, test.took)
				}
				synctest.Wait()
				if got := strings.Join(bus.ids, " "); got != test.ids {
					t.Errorf("published %q, want %q", got, test.ids)
				}
				if err := s.member.bus.put(&sending{Message: new(adapter.Message)}); !errors.Is(err, errClosed) {
					t.Errorf("a message after that: %v", err)
				}
				s.expectLog()
			})
		})
	}
}

// NewServer and Of wait for a second, and the subscription follows.
func TestJoiningABusThatHangs(t *testing.T) {
	for _, method := range []string{"Servers", "Subscribe"} {
		in(t, func(t *testing.T) {
			bus := &troubled{fail: func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }}
			bus.methods.Store(method)
			start := time.Now()
			s := join(t, bus)
			if d := time.Since(start); d != joinPatience {
				t.Errorf("joining takes %v", d)
			}
			bus.methods.Store("")
			wait(requestTimeout + subscribeRetry)
			p := newPeer(t, &bus.Loopback, "other")
			p.say(adapter.Message{Type: adapter.SocketsLeave})
			if took := s.took(); took != "5" {
				t.Errorf("obeyed %q", took)
			}
		})
	}
}
