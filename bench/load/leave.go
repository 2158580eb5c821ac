//go:build linux

package load

import (
	"errors"
	"fmt"
	"time"
)

// A possession is what a server has while it has no clients.
type possession struct {
	gauge
	descriptors int
	resident    int
}

func (t *trial) possession() (p possession, err error) {
	if p.gauge, err = t.gauge(); err != nil {
		return p, err
	}
	if p.descriptors, err = descriptors(t.target.PID); err != nil {
		return p, err
	}
	p.resident, err = residentSize(t.target.PID)
	return p, err
}

var errNotBack = errors.New("not back after the clients have left")

// leaves has n clients come, join rooms and go, after a few have done so, and
// measures what the server keeps of them. Descriptors and goroutines have to
// be back as they were.
func leaves(n int) func(*trial) error {
	return func(t *trial) error {
		before, err := t.visit(n/20, nil)
		if err != nil {
			return err
		}
		after, err := t.visit(n, &before)
		if err != nil {
			return err
		}
		kept, of := after.Heap-before.Heap, "heap"
		if before.Heap == 0 {
			kept, of = after.resident-before.resident, "resident size"
		}
		t.result = Result{
			Cost:     float64(kept) / 1024 / float64(n),
			Messages: n,
			Note: fmt.Sprintf("%s %+.1f MiB, goroutines %+d, descriptors %+d",
				of, float64(kept)/(1<<20), after.Goroutines-before.Goroutines, after.descriptors-before.descriptors),
		}
		return nil
	}
}

// visit connects n clients, which join rooms and leave, and returns what the
// server has when it has come to rest, or not more than before.
func (t *trial) visit(n int, before *possession) (p possession, err error) {
	if err := t.connectGroups(n, func(*client) bool { return true }); err != nil {
		return p, err
	}
	full, err := t.possession()
	if err != nil {
		return p, err
	}
	if err := t.leave(); err != nil {
		return p, err
	}
	const rest = 300 * time.Millisecond
	for deadline := time.Now().Add(t.patience); ; {
		if err := t.run(rest); err != nil {
			return p, err
		}
		if p, err = t.possession(); err != nil {
			return p, err
		}
		switch {
		case before == nil && p.descriptors <= full.descriptors-n:
			return p, nil
		case before != nil && p.descriptors <= before.descriptors && p.Goroutines <= before.Goroutines:
			return p, nil
		case time.Now().After(deadline):
			if before == nil {
				before = &possession{descriptors: full.descriptors - n}
			}
			return p, fmt.Errorf("%w: descriptors %+d, goroutines %+d", errNotBack,
				p.descriptors-before.descriptors, p.Goroutines-before.Goroutines)
		}
	}
}
