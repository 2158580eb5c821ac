//go:build linux

// Package load puts load on a Socket.IO server and measures what that costs
// the server. All clients together are one goroutine, so that they cost less
// than the server; what each receives is compared with what it has to receive
// next, byte by byte.
package load

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Options say how long the phases of a trial are.
type Options struct {
	Warmup  time.Duration
	Measure time.Duration
	// Measuring, if set, is called when the measured time begins.
	Measuring func()
}

// A Result is what a trial has measured.
type Result struct {
	Cost     float64       // the server's, in the scenario's unit
	Messages int           // counted while measuring
	Rate     float64       // messages per second
	P50, P99 time.Duration // from a message's sending to its arrival or reply; 0 where there are none
	Client   float64       // CPU time of the generator per message, µs
	Memory   float64       // the server's per client, KiB; 0 where it is not measured
	Note     string        // what the figures do not say
}

// A trial is one scenario against one server.
type trial struct {
	*fleet
	opts    Options
	result  Result
	scratch []byte

	measuring   bool
	stopping    bool // nothing new is to be sent
	outstanding int  // deliveries that are still to come
	messages    int
	latencies   latencies

	startTime        time.Time
	startCPU, ownCPU time.Duration
}

// Run runs one scenario against a server that is fresh. An error says that the
// server, or the machine, has failed in it.
func Run(s *Scenario, t Target, o Options) (Result, error) {
	if err := s.affordable(t); err != nil {
		return Result{}, err
	}
	f, err := newFleet(t)
	if err != nil {
		return Result{}, err
	}
	tr := &trial{fleet: f, opts: o}
	defer f.loop.Close()
	err = s.run(tr)
	return tr.result, err
}

// count notes that a message sent at a time has arrived.
func (t *trial) count(sent time.Time) {
	t.outstanding--
	if t.measuring {
		t.messages++
		t.latencies.add(t.loop.Now.Sub(sent))
	}
}

// measure measures the load that has been started, and waits for its end.
func (t *trial) measure() error {
	if err := t.run(t.opts.Warmup); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.run(t.opts.Measure); err != nil {
		return err
	}
	if err := t.end(); err != nil {
		return err
	}
	if err := t.drain(); err != nil {
		return err
	}
	if t.messages == 0 {
		return errors.New("not one message while measuring")
	}
	return nil
}

func (t *trial) begin() (err error) {
	if t.opts.Measuring != nil {
		t.opts.Measuring()
	}
	t.measuring = true
	t.startTime, t.ownCPU = time.Now(), ownTime()
	t.startCPU, err = cpuTime(t.target.PID)
	return err
}

func (t *trial) end() error {
	cpu, err := cpuTime(t.target.PID)
	if err != nil {
		return err
	}
	t.measuring = false
	n := float64(t.messages)
	t.result = Result{
		Cost:     micros(cpu-t.startCPU) / n,
		Messages: t.messages,
		Rate:     n / time.Since(t.startTime).Seconds(),
		P50:      t.latencies.quantile(0.5),
		P99:      t.latencies.quantile(0.99),
		Client:   micros(ownTime()-t.ownCPU) / n,
	}
	return nil
}

// drain lets what is on its way arrive, and sees that nothing more comes: the
// reply to a last event of each client has to be the next thing it gets.
func (t *trial) drain() error {
	t.stopping = true
	err := t.wait("the last messages", t.patience, func() (bool, error) { return t.outstanding == 0, nil })
	if err != nil {
		return fmt.Errorf("%d of them missing: %w", t.outstanding, err)
	}
	return t.barrier()
}

const barrier = `2["echo","barrier"]`

// barrier returns when the server has handled all that was sent, and fails if
// it has sent anything that was not expected.
func (t *trial) barrier() error {
	expected := 0
	t.deliver = func(c *client, packet []byte, _ bool) error {
		expected--
		return verify(c, packet, []byte(barrier))
	}
	for _, c := range t.clients {
		if c.mayEnd {
			continue
		}
		expected++
		if err := c.sendText([]byte("4" + barrier)); err != nil {
			return err
		}
	}
	err := t.wait("replies to a last event", t.patience, func() (bool, error) { return expected == 0, nil })
	t.deliver = unexpected
	return err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// ownTime is the CPU time of this process.
func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
