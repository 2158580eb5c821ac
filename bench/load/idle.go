//go:build linux

package load

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// A gauge is what a server says of itself after a garbage collection, as far
// as it can: servers without a collector only give back what is free.
type gauge struct {
	Heap       int // bytes in use
	Goroutines int
}

func (t *trial) gauge() (g gauge, err error) {
	q, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%v/gauge", t.target.Addr), nil)
	if err != nil {
		return g, err
	}
	q.Close = true // the connection is not to count as one of the server's
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return g, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return g, fmt.Errorf("/gauge: %s", r.Status)
	}
	return g, json.NewDecoder(r.Body).Decode(&g)
}

// settledSize is the server's memory after a garbage collection.
func (t *trial) settledSize() (int, error) {
	if _, err := t.gauge(); err != nil {
		return 0, err
	}
	return residentSize(t.target.PID)
}

// idle measures what n quiet clients occupy, beyond the first hundred, with
// which come things that every server has once.
func idle(n int) func(*trial) error {
	return func(t *trial) error {
		const first = 100
		if err := t.connect(first); err != nil {
			return err
		}
		before, err := t.settledSize()
		if err != nil {
			return err
		}
		if err := t.connect(n); err != nil {
			return err
		}
		after, err := t.settledSize()
		if err != nil {
			return err
		}
		t.result = Result{Cost: float64(after-before) / 1024 / float64(n), Messages: n}
		return t.drain()
	}
}
