//go:build linux

// Package chatbench measures package chat: a server of its own process, and
// clients over real WebSockets. It is a package of tests, because the servers and
// the database are started as those of the tests are.
package chatbench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/clustertest"
)

var (
	binary  string
	only    = flag.String("rows", ".", "a regular expression for the rows to be measured")
	rounds  = flag.Int("rounds", 5, "how often each row is measured; the figures are medians")
	profile = flag.String("serverprofile", "", "a file for a CPU profile of a row's server, of 5 s")
	results = flag.String("results", "", "the file to write the figures to; other rows in it stay")
)

func TestMain(m *testing.M) { os.Exit(clustertest.RunWith(m, "./server", &binary)) }

// BenchmarkChat measures the rows that are chosen, the rounds of all of them
// interleaved. After each, it compares the clients' views with the store.
func BenchmarkChat(b *testing.B) {
	chosen := regexp.MustCompile("^(" + *only + ")")
	if testing.Short() {
		*rounds = 1
	}
	var measured []*row
	for _, r := range rows {
		if chosen.MatchString(r.name) {
			measured = append(measured, r)
		}
	}
	for n := range *rounds {
		for _, r := range measured {
			b.Run(fmt.Sprintf("%s/%d", r.name, n+1), func(b *testing.B) {
				m := &meter{TB: b, figures: make(map[string]float64), short: testing.Short()}
				m.set("sync ms", syncTime(b))
				r.run(m)
				b.ReportMetric(0, "ns/op")
				for unit, v := range m.figures {
					b.ReportMetric(v, metricName(unit))
				}
				if !b.Failed() {
					r.rounds = append(r.rounds, m.figures)
				}
			})
		}
	}
	report(b, measured)
}

// TestRows runs some rows at a small scale, so that the benchmark works.
func TestRows(t *testing.T) {
	for _, r := range rows {
		if r.smoke {
			t.Run(r.name, func(t *testing.T) { r.run(&meter{TB: t, figures: make(map[string]float64), short: true, smoke: true}) })
		}
	}
}

// A meter gets the figures of a row.
type meter struct {
	testing.TB
	figures map[string]float64
	short   bool // a glance
	smoke   bool // a test
}

func (m *meter) set(figure string, v float64) { m.figures[figure] = v }

// size returns how many there are of something, fewer for a glance, and fewer
// still for a test.
func (m *meter) size(n int) int {
	switch {
	case m.smoke:
		return max(n/200, 4)
	case m.short:
		return max(n/10, 10)
	}
	return n
}

// time returns how long to measure.
func (m *meter) time(d time.Duration) time.Duration {
	switch {
	case m.smoke:
		return 200 * time.Millisecond
	case m.short:
		return d / 5
	}
	return d
}

func (m *meter) check(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// fleet returns a fleet of clients, which ends with the row.
func (m *meter) fleet(servers ...*server) *fleet {
	m.Helper()
	f, err := newFleet(servers...)
	m.check(err)
	m.Cleanup(f.loop.Close)
	return f
}

// percentile returns a quantile of durations in µs, as ms.
func percentile(sorted []int64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]) / 1000
}

// syncTime returns how long a write and an fsync of two pages take, ms: what a
// transaction alone costs at least.
func syncTime(t testing.TB) float64 {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page := make([]byte, 8192)
	var took []int64
	for range 100 {
		begun := time.Now()
		if _, err := file.Write(page); err != nil {
			t.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begun).Microseconds())
	}
	sortInts(took)
	return percentile(took, 0.5)
}
