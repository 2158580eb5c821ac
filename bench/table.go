//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cost is a cell's figure with a unit, and how many times less it is than the
// reference's.
func (t *cells) cost(sc *load.Scenario, s *server, unit string) string {
	c := t.of[sc][s]
	r, ok := c.median()
	if !ok {
		return c.without()
	}
	text := figure(r.Cost) + unit
	if ratio, ok := t.ratio(sc, r.Cost); ok && s.name != reference {
		text += fmt.Sprintf(" (%.1f×)", ratio)
	}
	return text
}

func (t *cells) costWithoutUnit(sc *load.Scenario, s *server) string { return t.cost(sc, s, "") }

// ratio is how many times less a cost is than the reference's. There is none of
// memory under stress, where nothing at all may be spent.
func (t *cells) ratio(sc *load.Scenario, cost float64) (float64, bool) {
	for _, s := range t.servers {
		if s.name == reference && sc.Group != load.Stress {
			r, ok := t.of[sc][s].median()
			return r.Cost / cost, ok && cost > 0
		}
	}
	return 0, false
}

// without says why a cell has no figure.
func (c *cell) without() string {
	switch {
	case c.failed != nil:
		return "fails"
	default:
		return "–"
	}
}

func (t *cells) latency(sc *load.Scenario, s *server) string {
	r, ok := t.of[sc][s].median()
	if !ok {
		return t.of[sc][s].without()
	}
	if r.P50 == 0 {
		return "–"
	}
	return figure(millis(r.P50)) + " / " + figure(millis(r.P99))
}

func (t *cells) hasLatency(sc *load.Scenario) bool {
	return slices.ContainsFunc(t.servers, func(s *server) bool {
		r, ok := t.of[sc][s].median()
		return ok && r.P50 > 0
	})
}

// figure writes a number with three digits that mean something, at most.
func figure(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

// remarks are the failures, and what the figures do not say.
func (t *cells) remarks() (all []string) {
	for _, sc := range t.scenarios {
		for _, s := range t.tried() {
			c := t.of[sc][s]
			head := sc.Name + ", " + s.name + ": "
			switch {
			case c.failed != nil:
				all = append(all, fmt.Sprintf("%sfails in round %d: %v", head, len(c.results)+1, c.failed))
			case c.skipped != "" && s.only == "" && c.skipped != notCompared: // or else README.md says so
				all = append(all, head+"not tried: "+c.skipped)
			case len(c.results) > 0 && c.results[0].Note != "":
				all = append(all, head+c.results[0].Note)
			}
		}
	}
	for _, s := range t.missing {
		all = append(all, s.name+": not there: "+s.problem)
	}
	return all
}

// text is all of it, for a terminal.
func (t *cells) text() string {
	var b strings.Builder
	if len(t.servers) > 0 && len(t.compared()) > 0 {
		fmt.Fprintf(&b, "\nWhat the server spends, and how many times less that is than %s's:\n\n%s\nLatency p50 / p99, ms:\n\n%s",
			reference, t.costs(), t.latencies())
	}
	if rows := t.features(); rows != nil {
		fmt.Fprintf(&b, "\nWhat each feature costs, and how many times more that is than without it:\n\n%s", aligned(rows))
	}
	if rows := t.scale(); rows != nil {
		fmt.Fprintf(&b, "\n%s:\n\n%s", load.Scale.Title, aligned(rows))
	}
	fmt.Fprintf(&b, "\n%s\n", strings.Join(t.remarks(), "\n"))
	return b.String()
}

// compared are the scenarios in which servers are compared.
func (t *cells) compared() []*load.Scenario {
	return slices.DeleteFunc(slices.Clone(t.scenarios), func(sc *load.Scenario) bool { return sc.Group == load.Scale })
}

// named returns the server of a name, or nil.
func (t *cells) named(name string) *server {
	for _, s := range t.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

// features are the rows of the table of features, whose columns have tabs
// between them.
func (t *cells) features() (rows []string) {
	own := t.named(ours)
	if own == nil || len(t.variants) == 0 {
		return nil
	}
	head := "scenario\tplain"
	for _, s := range t.variants {
		head += "\t" + strings.TrimPrefix(s.name, ours+"/")
	}
	rows = append(rows, head)
	for _, sc := range t.scenarios {
		if !slices.ContainsFunc(t.variants, func(s *server) bool { return len(t.of[sc][s].results) > 0 }) {
			continue
		}
		value := func(r load.Result) float64 { return r.Cost }
		rows = append(rows, t.featureRow(sc.Name+", "+sc.Unit, sc, own, value))
		if sc.Group == load.Scale {
			rows = append(rows, t.featureRow(sc.Name+", KiB per client", sc, own, func(r load.Result) float64 { return r.Memory }))
		}
	}
	return rows
}

func (t *cells) featureRow(name string, sc *load.Scenario, own *server, value func(load.Result) float64) string {
	plain, known := t.of[sc][own].median()
	row := name + "\t" + t.of[sc][own].without()
	if known {
		row = name + "\t" + figure(value(plain))
	}
	for _, s := range t.variants {
		r, ok := t.of[sc][s].median()
		switch {
		case !ok:
			row += "\t" + t.of[sc][s].without()
		case !known || value(plain) <= 0:
			row += "\t" + figure(value(r))
		default:
			row += fmt.Sprintf("\t%s (%.2f×)", figure(value(r)), value(r)/value(plain))
		}
	}
	return row
}

// scale are the rows of the table of scenarios with more and more clients: of
// this library and of the floor.
func (t *cells) scale() (rows []string) {
	own, bare := t.named(ours), t.named(floor)
	if own == nil {
		return nil
	}
	first := make(map[*server]float64)
	cost := func(sc *load.Scenario, s *server) string {
		if s == nil {
			return "–"
		}
		r, ok := t.of[sc][s].median()
		if !ok {
			return t.of[sc][s].without()
		}
		if first[s] == 0 {
			first[s] = r.Cost
		}
		return fmt.Sprintf("%s (%.2f×)", figure(r.Cost), r.Cost/first[s])
	}
	for _, sc := range t.scenarios {
		if sc.Group != load.Scale {
			continue
		}
		if rows == nil {
			rows = append(rows, "clients\tµs per delivery\tfloor\tKiB per client\tp50 / p99, ms")
		}
		memory := t.of[sc][own].without()
		if r, ok := t.of[sc][own].median(); ok {
			memory = figure(r.Memory)
		}
		rows = append(rows, fmt.Sprintf("%d\t%s\t%s\t%s\t%s", sc.Clients, cost(sc, own), cost(sc, bare), memory, t.latency(sc, own)))
	}
	return rows
}

func (t *cells) costs() string {
	rows := []string{t.head()}
	for _, sc := range t.compared() {
		rows = append(rows, t.row(sc.Name+", "+sc.Unit, sc, t.costWithoutUnit))
	}
	return aligned(rows)
}

func (t *cells) latencies() string {
	rows := []string{t.head()}
	for _, sc := range t.compared() {
		if t.hasLatency(sc) {
			rows = append(rows, t.row(sc.Name, sc, t.latency))
		}
	}
	return aligned(rows)
}

func (t *cells) head() string {
	row := "scenario"
	for _, s := range t.servers {
		row += "\t" + s.name
	}
	return row
}

func (t *cells) row(name string, sc *load.Scenario, text func(*load.Scenario, *server) string) string {
	for _, s := range t.servers {
		name += "\t" + text(sc, s)
	}
	return name
}

// aligned puts rows of cells, with tabs between them, below each other.
func aligned(rows []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(w, strings.Join(rows, "\n")+"\n")
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}
