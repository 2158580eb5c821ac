package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A diary is a Host that notes the events it is told to deliver.
type diary struct {
	site
	mu     sync.Mutex
	events []string
}

func (d *diary) Obey(m *adapter.Message) error {
	d.note(string(m.Packet.Text) + m.Offset)
	return nil
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, s)
}

func (d *diary) expect(want string) {
	d.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := strings.Join(d.events, " "); got != want {
		d.Errorf("delivered %q, want %q", got, want)
	}
	d.events = nil
}

// A tape is a log. What is published comes back when a test says so.
type tape struct {
	vault
	result func(ctx context.Context) error

	mu       sync.Mutex
	messages []*adapter.Message
}

func (t *tape) Publish(ctx context.Context, batch []*adapter.Message) []error {
	return adapter.Each(batch, func(m *adapter.Message) error {
		if m.Type != adapter.Broadcast {
			return nil
		}
		t.mu.Lock()
		t.messages = append(t.messages, m)
		t.mu.Unlock()
		return t.result(ctx)
	})
}

func newDiary(t *testing.T, bus *tape) *diary {
	bus.result = func(context.Context) error { return nil }
	d := &diary{site: site{T: t}}
	d.member = New("/", NewBus(bus, d), d)
	d.member.Store()
	d.member.Join()
	synctest.Wait()
	t.Cleanup(d.member.Leave)
	return d
}

func (d *diary) emit(texts ...string) {
	for _, s := range texts {
		d.member.Emit(&adapter.Message{Type: adapter.Broadcast, Packet: text(`"` + s + `"`)})
		synctest.Wait()
	}
}

// back has the first n messages come back, written in another way.
func (d *diary) back(bus *tape, n int) {
	d.Helper()
	bus.mu.Lock()
	messages := bus.messages[:n]
	bus.messages = bus.messages[n:]
	bus.mu.Unlock()
	for _, m := range messages {
		again := *m
		again.Opts.Rooms = []string{}
		again.Packet = text(" " + string(m.Packet.Text))
		again.Offset = "@"
		d.member.receive(&again)
	}
	synctest.Wait()
}

func TestEventsComeBack(t *testing.T) {
	cut := func(context.Context) error { return errors.New("cable cut") }
	for name, test := range map[string]func(d *diary, bus *tape){
		"once": func(d *diary, bus *tape) {
			d.emit("a", "b")
			d.expect("")
			d.back(bus, 2)
			d.expect(` "a"@  "b"@`)
		},
		"or land, if they cannot be published": func(d *diary, bus *tape) {
			bus.result = cut
			d.emit("a")
			d.expect(`"a"`)
		},
		"and not again, if they have been published all the same": func(d *diary, bus *tape) {
			bus.result = cut
			d.emit("a", "b")
			d.expect(`"a" "b"`)
			d.back(bus, 2)
			d.expect("")
		},
		"before Publish has failed": func(d *diary, bus *tape) {
			bus.result = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			d.emit("a")
			d.back(bus, 1)
			d.expect(` "a"@`)
			wait(6 * time.Second)
			d.expect("")
		},
		"after Publish has hung, and later ones are not held back": func(d *diary, bus *tape) {
			bus.result = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			d.emit("a", "b", "c")
			wait(4 * time.Second)
			d.expect("")
			wait(2 * time.Second)
			d.expect(`"a" "b" "c"`)
			d.emit("d")
			d.expect(`"d"`)
			wait(20 * time.Second)
			d.back(bus, len(bus.messages))
			d.expect("")
		},
		"and others wait for it for a time, if the bus goes before": func(d *diary, bus *tape) {
			d.emit("a")
			bus.result = cut
			d.emit("b") // finds that out
			d.expect(`"b"`)
			d.emit("c")
			wait(4 * time.Second)
			d.emit("d")
			d.expect("")
			wait(1100 * time.Millisecond)
			d.expect(`"c" "d"`)
			d.emit("e")
			d.expect(`"e"`)
			d.back(bus, len(bus.messages))
			d.expect(` "a"@`)
		},
		"with the log again, when the bus is back": func(d *diary, bus *tape) {
			bus.result = cut
			d.emit("a")
			bus.result = func(context.Context) error { return nil }
			d.emit("b")
			d.expect(`"a" "b"`)
			d.emit("c")
			d.expect("")
			d.back(bus, 3)
			d.expect(` "c"@`)
		},
		"as often as they are emitted, also if they are equal": func(d *diary, bus *tape) {
			d.emit("a", "a")
			bus.result = cut
			d.emit("a")
			d.expect(`"a"`)
			d.back(bus, 3)
			d.expect(` "a"@  "a"@`)
		},
		"also if an equal one before has failed": func(d *diary, bus *tape) {
			bus.result = cut
			d.emit("a")
			d.expect(`"a"`)
			bus.messages = nil // it was never in the log
			bus.result = func(context.Context) error { return nil }
			d.emit("b") // the bus is back
			d.emit("a", "c", "a")
			d.expect(`"b"`)
			d.back(bus, 4)
			d.expect(` "a"@  "c"@  "a"@`)
		},
		"also if an equal one behind has failed": func(d *diary, bus *tape) {
			d.emit("a", "b", "a")
			d.back(bus, 1)
			bus.result = cut
			d.emit("a", "c")
			d.expect(` "a"@ "a"`)
			bus.messages = bus.messages[:2] // the others were never in the log
			d.back(bus, 2)
			d.expect(` "b"@  "a"@ "c"`)
		},
		"also if an equal one before was late, and is back": func(d *diary, bus *tape) {
			bus.result = cut
			d.emit("a")
			bus.result = func(context.Context) error { return nil }
			d.emit("b", "a")
			d.expect(`"a" "b"`)
			d.back(bus, 3) // a, that has landed already, for the other
			d.expect(` "a"@`)
			d.emit("a")
			d.back(bus, 1)
			d.expect(` "a"@`)
		},
		"before Publish has failed, beside an equal one": func(d *diary, bus *tape) {
			d.emit("a")
			bus.result = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			d.emit("a")
			d.back(bus, 1) // the first
			d.expect(` "a"@`)
			wait(6 * time.Second)
			d.expect(`"a"`)
			d.back(bus, 1)
			d.expect("")
		},
		"also a minute after one that never came": func(d *diary, bus *tape) {
			bus.result = cut
			d.emit("a")
			bus.messages = nil
			wait(40 * time.Second)
			d.emit("a") // lands, and is late
			wait(40 * time.Second)
			bus.result = func(context.Context) error { return nil }
			d.expect(`"a" "a"`)
			d.back(bus, 1)
			d.expect("")
			d.emit("b")
			wait(doubtTime + time.Second)
			d.emit("c")
			d.back(bus, 2)
			d.expect(`"b"  "b"@  "c"@`) // b was in doubt for too long
		},
		"not to a server that has left": func(d *diary, bus *tape) {
			d.emit("a")
			d.member.Leave()
			d.back(bus, 1)
			d.expect("")
			d.emit("b")
			d.expect(`"b"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				bus := &tape{vault: vault{fail: func() {}}}
				test(newDiary(t, bus), bus)
			})
		})
	}
}

// A moody bus takes its time. It may fail with or without having taken an event.
type moody struct {
	tape
	random *rand.Rand
}

func (m *moody) Publish(ctx context.Context, batch []*adapter.Message) []error {
	return adapter.Each(batch, func(message *adapter.Message) error {
		if message.Type != adapter.Broadcast {
			return nil
		}
		m.mu.Lock()
		mood, before, after := m.random.IntN(12), m.random.IntN(200), m.random.IntN(200)
		m.mu.Unlock()
		<-time.After(time.Duration(max(0, before-100)) * time.Millisecond)
		if mood > 0 {
			m.mu.Lock()
			m.messages = append(m.messages, message)
			m.mu.Unlock()
		}
		<-time.After(time.Duration(max(0, after-100)) * time.Millisecond)
		if mood < 2 {
			return errors.New("cable cut")
		}
		return nil
	})
}

// TestEqualEvents emits a few events again and again over a moody bus. Each is
// delivered once.
func TestEqualEvents(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			in(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				bus := &moody{tape: tape{vault: vault{fail: func() {}}}, random: rand.New(rand.NewPCG(seed, 1))}
				d := &diary{site: site{T: t}}
				d.member = New("/", NewBus(bus, d), d)
				d.member.Store()
				d.member.Join()
				synctest.Wait()
				defer d.member.Leave()
				emitted, delivered := make(map[string]int), make(map[string]int)
				for range 200 {
					switch what := string(rune('a' + random.IntN(3))); random.IntN(4) {
					case 0:
						wait(time.Duration(random.IntN(100)) * time.Millisecond)
					case 1:
						bus.mu.Lock()
						n := len(bus.messages)
						bus.mu.Unlock()
						d.back(&bus.tape, random.IntN(n+1))
					default:
						emitted[what]++
						d.emit(what)
					}
				}
				wait(20 * time.Second)
				d.back(&bus.tape, len(bus.messages))
				for _, e := range d.events {
					delivered[strings.Trim(e, ` "@`)]++
				}
				if !maps.Equal(delivered, emitted) {
					t.Errorf("emitted %v, delivered %v", emitted, delivered)
				}
			})
		})
	}
}

func TestEventsBeforeTheSubscription(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := &tape{vault: vault{fail: func() {}}, result: func(context.Context) error { return nil }}
		d := &diary{site: site{T: t}}
		d.member = New("/", NewBus(bus, d), d)
		d.member.Store()
		defer d.member.Leave()
		d.emit("early")
		d.expect(`"early"`)
		d.member.Join()
		d.back(bus, 1)
		d.emit("later")
		d.expect("")
		d.back(bus, 1)
		d.expect(` "later"@`)
	})
}

func TestDoubtsAreBounded(t *testing.T) {
	in(t, func(t *testing.T) {
		e := new(echo)
		for i := range 2 * maxDoubts {
			e.doubt(uint64(i))
		}
		if len(e.doubts) != maxDoubts || len(e.oldest) != maxDoubts || e.undoubt(0) || !e.undoubt(2*maxDoubts-1) {
			t.Errorf("%d, %d doubts", len(e.doubts), len(e.oldest))
		}
		wait(doubtTime + time.Second)
		e.doubt(7)
		if len(e.doubts) != 1 || len(e.doubts[7]) != 1 {
			t.Errorf("%d doubts after a while", len(e.doubts))
		}
	})
}

// A batch that is cut in the middle takes time in proportion to its length,
// because Emit waits meanwhile.
func TestABatchThatIsCut(t *testing.T) {
	in(t, func(t *testing.T) {
		d := newDiary(t, new(tape))
		e := d.member.echo
		number := 0 // of the event
		allocations := func(n int) float64 {
			return testing.AllocsPerRun(1, func() {
				flights := make([]*flight, 2*n)
				for i := range flights {
					number++
					flights[i] = &flight{echo: e, message: &adapter.Message{Type: adapter.Broadcast, Packet: text(strconv.Itoa(number))}}
					e.expect(flights[i])
					flights[i].begin()
				}
				for _, f := range flights[:n] {
					e.came(f.message)
				}
				for _, f := range flights[:n] {
					f.end(nil)
				}
				for _, f := range flights[n:] {
					f.end(errors.New("cable cut"))
				}
				if len(d.events) != 2*n {
					t.Errorf("%d events delivered, want %d", len(d.events), 2*n)
				}
				d.events = nil
			})
		}
		if few, many := allocations(25), allocations(250); many > 20*few {
			t.Errorf("%.0f allocations for 50 events, %.0f for 500", few, many)
		}
	})
}
