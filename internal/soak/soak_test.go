//go:build linux

// Package soak runs two servers on one bus for a long time, with clients that
// come, go and break off in every way, and a bus that is killed again and
// again. Each payload is checked. In the end the servers own what they owned
// in the beginning.
package soak

import (
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// program is the variable that makes this program a server or the bus.
const program = "SOAK_PROGRAM"

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetFlags(0)
	switch os.Getenv(program) {
	case "server":
		log.Fatal(serve(flag.Arg(0), flag.Arg(1)))
	case "bus":
		log.Fatal(serveBus(flag.Arg(0)))
	}
	os.Exit(m.Run())
}

const (
	sites   = 2  // servers
	seats   = 60 // clients at a time
	roomful = 6  // clients of a room, half of them on each server
	stalls  = 4  // further clients, which stop reading
)

// What a server may own in the end beyond what it owned in the beginning. The
// runtime keeps records of goroutines, and pools keep buffers.
const (
	heapTolerance     = 1 << 20
	residentTolerance = 8 << 20
)

// settleTime is after which a server has forgotten all clients, their sessions,
// and the events that they could have missed.
const settleTime = comeback + heartbeat + 2*silence + 2*time.Second

// A soak is a run, and what has happened in it.
type soak struct {
	t     *testing.T
	bus   *bus
	sites [sites]*site
	over  atomic.Bool

	clients, replies, events, across, upgrades, returns, late, floods, outages atomic.Int64

	mu      sync.Mutex
	endings map[string]int
}

// TestSoak runs for the time that SOAK says, after a rehearsal of a tenth of
// it, at most two minutes. The rehearsal fills pools and tables, so that they
// belong to the beginning.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK=2m go test -run TestSoak ./internal/soak runs it for two minutes; make soak, for half an hour")
	}
	s := &soak{t: t, bus: startBus(t), endings: make(map[string]int)}
	for i := range s.sites {
		s.sites[i] = startSite(t, s.bus.addr)
	}
	s.meet()
	s.run(min(max(duration/10, 2*time.Second), 2*time.Minute))
	before := s.settled(func(possession, int) bool { return true })
	for left := duration; left > 0 && !t.Failed(); left -= time.Minute {
		s.run(min(left, time.Minute))
		t.Log(s.account())
	}
	after := s.settled(func(p possession, i int) bool { return p.beyond(before[i]) == "" })
	for i := range s.sites {
		t.Logf("server %d began with %v and ends with %v", i, before[i], after[i])
		if excess := after[i].beyond(before[i]); excess != "" {
			t.Errorf("server %d ends with more than it began with: %s", i, excess)
		}
	}
	s.checkAllHappened()
}

// run lets clients come and go, and kills the bus, for a time. It returns when
// all clients are gone and the bus is back.
func (s *soak) run(d time.Duration) {
	s.over.Store(false)
	end := time.AfterFunc(d, func() { s.over.Store(true) })
	defer end.Stop()
	var all sync.WaitGroup
	for seat := range seats {
		all.Go(func() {
			for !s.over.Load() && !s.t.Failed() {
				s.visit(seat)
			}
		})
	}
	for n := range stalls {
		all.Go(func() {
			for !s.over.Load() && !s.t.Failed() {
				s.stall(n % sites)
			}
		})
	}
	all.Go(func() {
		for !s.over.Load() && !s.t.Failed() {
			s.breakBus(d)
		}
	})
	all.Wait()
	for i, site := range s.sites {
		for _, fault := range site.possession().Faults {
			s.t.Errorf("server %d: %s", i, fault)
		}
	}
}

// settled returns what the servers own when all clients are gone, their sessions
// have expired, and enough says so.
func (s *soak) settled(enough func(p possession, site int) bool) (all [sites]possession) {
	<-time.After(settleTime)
	for i, site := range s.sites {
		for range 20 {
			if all[i] = site.possession(); all[i].Clients == 0 && enough(all[i], i) {
				break
			}
			<-time.After(time.Second)
		}
		if all[i].Clients != 0 {
			s.t.Errorf("server %d: %d clients are left", i, all[i].Clients)
		}
	}
	return all
}

func (s *soak) account() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%d clients, %d replies, %d events, %d of them across the bus, %d upgrades, %d returns, %d of them too late, %d clients too slow, %d outages of the bus, endings %v",
		s.clients.Load(), s.replies.Load(), s.events.Load(), s.across.Load(), s.upgrades.Load(), s.returns.Load(), s.late.Load(), s.floods.Load(), s.outages.Load(), s.endings)
}

// checkAllHappened fails if a part of the run has not taken place at all.
func (s *soak) checkAllHappened() {
	s.t.Helper()
	for _, n := range []*atomic.Int64{&s.clients, &s.replies, &s.events, &s.across, &s.upgrades, &s.returns, &s.floods, &s.outages} {
		if n.Load() == 0 {
			s.t.Errorf("something has not happened: %s", s.account())
			return
		}
	}
	for name := range endings {
		if s.endings[name] == 0 {
			s.t.Errorf("no client has ended by %s", name)
		}
	}
}
