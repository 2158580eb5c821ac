//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

// A cell is what one server has done in one scenario.
type cell struct {
	results []load.Result
	version string // of the server, at the last of the results
	failed  error
	skipped string // why it was not tried
}

// cells are kept by scenario and server, in the order of both lists.
type cells struct {
	scenarios []*load.Scenario
	servers   []*server // those that are there
	variants  []*server // of this library's, with a feature each
	missing   []*server // those that are not
	of        map[*load.Scenario]map[*server]*cell
}

func newCells(scenarios []*load.Scenario, all []*server) *cells {
	t := &cells{scenarios: scenarios, of: map[*load.Scenario]map[*server]*cell{}}
	for _, s := range all {
		switch {
		case s.problem != "":
			t.missing = append(t.missing, s)
		case s.variant:
			t.variants = append(t.variants, s)
		default:
			t.servers = append(t.servers, s)
		}
	}
	for _, sc := range scenarios {
		t.of[sc] = map[*server]*cell{}
		for _, s := range t.tried() {
			t.of[sc][s] = &cell{}
			switch {
			case sc.Group == load.Scale && s.name != ours && s.name != floor && !s.variant:
				t.of[sc][s].skipped = notCompared
			case sc.Polling && !s.polling:
				t.of[sc][s].skipped = "it has no polling"
			case s.only != "" && s.only != sc.Name:
				t.of[sc][s].skipped = "it serves " + s.only + " alone"
			}
		}
	}
	return t
}

// notCompared says that a scenario is about this library alone.
const notCompared = "not compared"

// tried are all servers that are there.
func (t *cells) tried() []*server { return slices.Concat(t.servers, t.variants) }

// rounds is how many results the fullest cell of a server contains.
func (t *cells) rounds(s *server) (n int) {
	for _, row := range t.of {
		n = max(n, len(row[s].results))
	}
	return n
}

// versions returns the versions of a server that the results are of.
func (t *cells) versions(s *server) string {
	var all []string
	for _, row := range t.of {
		if v := row[s].version; v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// fill runs all scenarios, each against one server after the other, as many
// times as there are rounds: what changes on the machine meanwhile concerns
// all servers.
func (t *cells) fill(ctx context.Context, rounds int, o load.Options, profile string, progress func(line string)) {
	versions := make(map[*server]string)
	for round := range rounds {
		for _, sc := range t.scenarios {
			for _, s := range t.tried() {
				if versions[s] == "" {
					versions[s] = s.versionText(ctx)
				}
				c := t.of[sc][s]
				if c.skipped != "" || c.failed != nil {
					continue
				}
				if ctx.Err() != nil {
					return
				}
				r, err := trial(ctx, s, sc, o, profile)
				var limit *load.LimitError
				switch {
				case errors.As(err, &limit):
					c.skipped = limit.Error()
				case err != nil:
					c.failed = err
				default:
					c.results, c.version = append(c.results, r), versions[s]
				}
				progress(fmt.Sprintf("%d/%d %-12s %-12s %s", round+1, rounds, sc.Name, s.name, outcome(sc, r, err)))
			}
		}
	}
}

func outcome(sc *load.Scenario, r load.Result, err error) string {
	if err != nil {
		return err.Error()
	}
	line := fmt.Sprintf("%7.2f %s", r.Cost, sc.Unit)
	if r.Client > 0 {
		line += fmt.Sprintf(" (generator %.2f µs), %.0f/s", r.Client, r.Rate)
	}
	if r.P50 > 0 {
		line += fmt.Sprintf(", p50 %.2f ms, p99 %.2f ms", millis(r.P50), millis(r.P99))
	}
	if r.Memory > 0 {
		line += fmt.Sprintf(", %.2f KiB per client", r.Memory)
	}
	if r.Note != "" {
		line += ", " + r.Note
	}
	return line
}

// trial runs one scenario against a server of its own.
func trial(ctx context.Context, s *server, sc *load.Scenario, o load.Options, profile string) (load.Result, error) {
	p, err := s.start(ctx)
	if err != nil {
		return load.Result{}, err
	}
	defer p.stop()
	o.Warmup += s.cold
	profiled := make(chan error, 1)
	if profile != "" {
		o.Measuring = func() { go func() { profiled <- p.fetchProfile(o.Measure, profile) }() }
	}
	r, err := load.Run(sc, p.target, o)
	if err != nil {
		if p.ended() {
			err = fmt.Errorf("%w; the server has ended: %s", err, p.stderr.text)
		}
		return r, err
	}
	if o.Measuring != nil && r.P50 > 0 { // scenarios without latencies may not measure a span of time
		return r, <-profiled
	}
	return r, nil
}

// median returns the results' figures in the middle, each by itself; ok is
// false for a cell that has none, or has failed.
func (c *cell) median() (r load.Result, ok bool) {
	if len(c.results) == 0 || c.failed != nil {
		return r, false
	}
	r = c.results[0]
	r.Cost = middle(c.results, func(r load.Result) float64 { return r.Cost })
	r.Client = middle(c.results, func(r load.Result) float64 { return r.Client })
	r.Rate = middle(c.results, func(r load.Result) float64 { return r.Rate })
	r.P50 = middle(c.results, func(r load.Result) time.Duration { return r.P50 })
	r.P99 = middle(c.results, func(r load.Result) time.Duration { return r.P99 })
	r.Memory = middle(c.results, func(r load.Result) float64 { return r.Memory })
	return r, true
}

func middle[T float64 | time.Duration](results []load.Result, of func(load.Result) T) T {
	all := make([]T, len(results))
	for i, r := range results {
		all[i] = of(r)
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}
