package chat_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A faultyBus is an adapter that loses messages, delays them, so that they
// overtake each other, and delivers them twice.
type faultyBus struct {
	adapter.Loopback

	mu     sync.Mutex
	random *rand.Rand
	faults
	away  bool
	lost  int
	moved int
}

type faults struct {
	lose, twice float64       // shares of the messages
	late        time.Duration // at most
}

func (b *faultyBus) set(f faults, away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults, b.away = f, away
}

// Publish implements adapter.Adapter.
func (b *faultyBus) Publish(ctx context.Context, batch []*adapter.Message) []error {
	b.mu.Lock()
	away := b.away
	b.mu.Unlock()
	if away {
		return adapter.Each(batch, func(*adapter.Message) error { return errors.New("the bus is away") })
	}
	return b.Loopback.Publish(ctx, batch)
}

// Subscribe implements adapter.Adapter.
func (b *faultyBus) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	return b.Loopback.Subscribe(ctx, &behindFaults{Subscriber: to, bus: b})
}

// behindFaults is a subscriber behind a faulty bus.
type behindFaults struct {
	adapter.Subscriber
	bus *faultyBus
	mu  sync.Mutex
}

func (s *behindFaults) Deliver(m *adapter.Message) {
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.faults == (faults{}) && !b.away {
		s.deliver(m)
		return
	}
	if b.away || b.random.Float64() < b.lose {
		b.lost++
		return
	}
	times := 1
	if b.random.Float64() < b.twice {
		times = 2
	}
	encoded, err := m.Encode()
	if err != nil {
		panic(err)
	}
	for range times {
		late := time.Duration(0)
		if b.late > 0 {
			late = time.Duration(b.random.Int64N(int64(b.late)))
		}
		b.moved++
		time.AfterFunc(late, func() {
			if m, err := adapter.Decode(encoded); err == nil {
				s.deliver(m)
			}
		})
	}
}

func (s *behindFaults) deliver(m *adapter.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Subscriber.Deliver(m)
}

// runPartition runs f with two servers on one database, and a faulty bus between
// them.
func runPartition(t *testing.T, seed uint64, f func(w *world, farm *farm, bus *faultyBus)) {
	t.Helper()
	testserver.Run(t, nil, func(h *testserver.Harness) {
		bus := &faultyBus{random: rand.New(rand.NewPCG(seed, 5))}
		farm := &farm{h: h, db: store.Memory(), random: newRandom(seed), so: func() *socketio.Options { return &socketio.Options{Adapter: bus} }}
		farm.add()
		farm.add()
		f(&world{T: h.T, h: h, chat: farm.processes[0].chat, store: farm.db}, farm, bus)
	})
}

// turns dials the servers in turn: a client changes the server with each
// connection.
func (f *farm) turns() func(ctx context.Context) (net.Conn, error) {
	next := 0
	return func(ctx context.Context) (net.Conn, error) {
		f.mu.Lock()
		next++
		p := f.processes[next%len(f.processes)]
		f.mu.Unlock()
		return p.dial(ctx)
	}
}

// kindsOfFaults are what a bus does to messages.
var kindsOfFaults = map[string]faults{
	"lost":                           {lose: 1},
	"some lost":                      {lose: 0.3},
	"twice":                          {twice: 1},
	"late, and out of order":         {late: 3 * time.Second},
	"very late":                      {late: 40 * time.Second},
	"lost, late, twice, in disorder": {lose: 0.3, twice: 0.3, late: 500 * time.Millisecond},
}

// TestPartition lets users on two servers post, edit, delete and react, with a
// bus that does all that a bus can do. One watch interval after the last
// change every view is what the store has, and no client has found a gap.
func TestPartition(t *testing.T) {
	for name, kind := range kindsOfFaults {
		for seed := range seeds(1) {
			t.Run(fmt.Sprint(name, ", seed ", seed), func(t *testing.T) {
				runPartition(t, uint64(seed), func(w *world, f *farm, bus *faultyBus) {
					users := []string{"ann", "bob", "cy", "dan"}
					w.room("r", chat.Open, users...)
					w.room("s", chat.Closed, users...)
					bus.set(kind, false)
					var actors []*actor
					var all sync.WaitGroup
					for i, user := range users {
						s := newStock(w, user, f.turns())
						if i%2 == 0 {
							s.dial = f.processes[i/2].dial
						}
						s.start()
						a := &actor{stock: s, random: rand.New(rand.NewPCG(uint64(seed), uint64(i)))}
						actors = append(actors, a)
						all.Go(func() { a.act(150) })
					}
					all.Wait()
					for i, a := range actors[:2] { // of two servers
						a.must("post", post("r", "last", fmt.Sprint("last ", i)))
					}
					testserver.Wait(5*time.Second + 100*time.Millisecond) // the changes of a busy room are held for a moment
					synctest.Wait()
					for _, a := range actors {
						for _, room := range []string{"r", "s"} {
							head, err := f.db.Heads(ctx, []string{room})
							w.check(err)
							a.mu.Lock()
							rev, conn := a.views[room].rev, a.live
							a.mu.Unlock()
							if rev != head[0].Rev {
								w.Errorf("%s (connected: %t) is at %d of %s, which is at %d", a.user, conn, rev, room, head[0].Rev)
								continue
							}
							a.compare(w, f.db, room)
						}
						if a.gaps > 0 {
							w.Errorf("%s has found %d gaps", a.user, a.gaps)
						}
					}
					if kind.lose > 0 && bus.lost == 0 || kind.lose < 1 && bus.moved == 0 {
						w.Error("the bus has carried nothing, so the test shows nothing")
					}
				})
			})
		}
	}
}

// TestBusAway takes the bus away for 20 s: meanwhile followers learn of changes
// by the watch, and afterwards at once.
func TestBusAway(t *testing.T) {
	runPartition(t, 1, func(w *world, f *farm, bus *faultyBus) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := connect(w, "ann", f.processes[0].dial), connect(w, "bob", f.processes[1].dial)
		ann.open("r")
		bob.open("r")
		ann.watch("bob")
		var want []string
		say := func(s *stock, text string, within time.Duration) {
			w.Helper()
			s.must("post", post("r", text, text))
			want = append(want, text)
			start := time.Now()
			for _, other := range []*stock{ann, bob} {
				other.wait(text, func() bool { return len(other.views["r"].rows) == len(want) })
			}
			if took := time.Since(start); took > within {
				w.Errorf("%q has taken %v", text, took)
			}
		}
		say(ann, "with the bus", 50*time.Millisecond)
		bus.set(faults{}, true)
		for i := range 4 {
			say([]*stock{ann, bob}[i%2], fmt.Sprint("without ", i), 5*time.Second)
			testserver.Wait(time.Second)
		}
		testserver.Wait(20 * time.Second)
		bus.set(faults{}, false)
		say(bob, "with it again", 50*time.Millisecond)
		testserver.Wait(10 * time.Second)
		ann.shows("r", want...)
		bob.shows("r", want...)
		if states := ann.states("bob"); len(states) > 0 && states[len(states)-1] != "online" {
			w.Errorf("ann was told of bob: %q", states)
		}
	})
}

// TestRemovalOverAFaultyBus removes a user, with a device on each server, while
// hints are late and overtake each other. No device gets a later message.
func TestRemovalOverAFaultyBus(t *testing.T) {
	for name, kind := range kindsOfFaults {
		for seed := range seeds(2) {
			t.Run(fmt.Sprint(name, ", seed ", seed), func(t *testing.T) {
				runPartition(t, uint64(seed), func(w *world, f *farm, bus *faultyBus) {
					w.room("r", chat.Closed, "ann", "bob", "cy")
					var devices []*stock
					for _, p := range f.processes {
						s := connect(w, "ann", p.dial)
						s.open("r")
						devices = append(devices, s)
					}
					bob, cy := connect(w, "bob", f.processes[0].dial), connect(w, "cy", f.processes[1].dial)
					bob.open("r")
					cy.open("r")
					bus.set(kind, false)
					random := rand.New(rand.NewPCG(uint64(seed), 9))
					say := func(i int, text string) {
						[]*stock{bob, cy}[random.IntN(2)].must("post", post("r", fmt.Sprint(i), text))
						testserver.Wait(time.Duration(random.Int64N(int64(200 * time.Millisecond))))
					}
					for i := range 20 {
						say(i, "before")
					}
					removed := make(chan struct{})
					go func() {
						defer close(removed)
						w.check(f.processes[random.IntN(2)].chat.Room("r").Kick(ctx, "ann", ""))
					}()
					<-removed
					for i := range 20 {
						say(100+i, "secret")
						for _, s := range devices {
							s.refusedWith("not_found", "post", post("r", fmt.Sprint("x", i), "x"))
						}
					}
					testserver.Wait(45 * time.Second)
					for i, s := range devices {
						if s.sees("secret") {
							w.Errorf("the device on server %d has got a later message", i)
						}
						if n := len(s.named("changes")); n == 0 && kind.lose < 1 {
							w.Errorf("the device on server %d has got nothing, so the test shows nothing", i)
						}
					}
					if got, want := texts(cy, "r"), texts(bob, "r"); len(want) != 40 || !slices.Equal(got, want) {
						w.Errorf("cy shows %q, bob %q", got, want)
					}
				})
			})
		}
	}
}

// TestNothingIsSticky brings a client back to the other server each time.
func TestNothingIsSticky(t *testing.T) {
	runPartition(t, 1, func(w *world, f *farm, _ *faultyBus) {
		w.room("r", chat.Open, "ann", "bob")
		bob := connect(w, "bob", f.processes[0].dial)
		bob.open("r")
		ann := connect(w, "ann", f.turns())
		ann.open("r")
		before := ann.resets
		var want []string
		for i := range 30 {
			ann.drop()
			synctest.Wait()
			bob.must("post", post("r", fmt.Sprint(i), fmt.Sprint("bob ", i)))
			ann.must("post", post("r", fmt.Sprint(i), fmt.Sprint("ann ", i))) // waits until it is back
			want = append(want, fmt.Sprint("bob ", i), fmt.Sprint("ann ", i))
		}
		testserver.Wait(time.Second)
		ann.shows("r", want...)
		bob.shows("r", want...)
		if ann.resets != before {
			w.Errorf("%d resets", ann.resets-before)
		}
		for i, p := range f.processes {
			p.mu.Lock()
			if len(p.conns) < 15 {
				w.Errorf("server %d had %d connections", i, len(p.conns))
			}
			p.mu.Unlock()
		}
	})
}
