//go:build linux

package soak

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/goroomcast/socketio/internal/clustertest"
)

// serveBus is a process that is a NATS server.
func serveBus(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: number, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return errors.New("the NATS server has ended")
}

// start starts this program in another role, and waits until it listens.
func start(t *testing.T, role, addr string, args ...string) *clustertest.Process {
	return clustertest.StartProgram(t, func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], append([]string{addr}, args...)...)
		cmd.Env = append(os.Environ(), program+"="+role)
		cmd.Stderr = t.Output()
		return cmd
	}, clustertest.Listens(addr))
}

// A bus is the process between the servers.
type bus struct {
	*clustertest.Process
	addr string

	mu      sync.Mutex
	outages []outage
}

type outage struct{ from, to time.Time } // to is zero as long as it lasts

func startBus(t *testing.T) *bus {
	addr := clustertest.FreeAddress(t)
	return &bus{addr: addr, Process: start(t, "bus", addr)}
}

// lossy reports whether the bus was away between two times: events of the other
// server may be missing then.
func (b *bus) lossy(from, to time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.outages, func(o outage) bool {
		return o.from.Before(to) && (o.to.IsZero() || o.to.After(from))
	})
}

func (b *bus) setAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if away {
		b.outages = append(b.outages, outage{from: time.Now()})
	} else {
		b.outages[len(b.outages)-1].to = time.Now()
	}
}

// breakBus waits for a while, kills the bus or stops it for a moment, and has
// the servers find each other again.
func (s *soak) breakBus(run time.Duration) {
	s.rest(run/6 + rand.N(run/6))
	if s.over.Load() {
		return
	}
	s.outages.Add(1)
	s.bus.setAway(true)
	if rand.N(3) == 0 {
		s.bus.Pause()
		s.rest(rand.N(3 * time.Second))
		s.bus.Resume()
	} else {
		s.bus.Kill()
		s.rest(rand.N(3 * time.Second))
		s.bus.Start()
	}
	s.meet()
	s.bus.setAway(false)
}

// meet waits until the servers hear each other.
func (s *soak) meet() {
	for deadline := time.Now().Add(30 * time.Second); !s.sites[0].hears() || !s.sites[1].hears(); {
		if time.Now().After(deadline) {
			s.t.Error("the servers do not find each other")
			return
		}
	}
}

// rest waits for a time, or until the run is over.
func (s *soak) rest(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && !s.over.Load(); {
		<-time.After(min(100*time.Millisecond, time.Until(end)))
	}
}
