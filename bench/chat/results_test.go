//go:build linux

package chatbench

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// metricName returns the unit of a figure for the testing package, which allows
// no spaces.
func metricName(figure string) string { return strings.ReplaceAll(figure, " ", "-") }

// report prints the medians of the rows, and writes them to the results.
func report(b *testing.B, measured []*row) {
	lines := make(map[string][]string)
	for _, r := range measured {
		if len(r.rounds) > 0 {
			lines[r.name] = r.lines()
		}
	}
	for _, r := range measured {
		fmt.Println(strings.Join(lines[r.name], "\n"))
	}
	if *results == "" || len(lines) == 0 {
		return
	}
	old, _ := os.ReadFile(*results)
	for line := range strings.Lines(string(old)) {
		for _, r := range rows {
			if len(r.rounds) == 0 && strings.HasPrefix(line, "| "+r.name+" |") {
				lines[r.name] = append(lines[r.name], strings.TrimSpace(line))
			}
		}
	}
	if err := os.WriteFile(*results, page(lines), 0o644); err != nil {
		b.Fatal(err)
	}
}

// lines returns the lines of a table with the medians of a row.
func (r *row) lines() (lines []string) {
	sync := spread(r.rounds, "sync ms").text()
	of := make(map[string]goal)
	for _, g := range r.goals {
		of[g.figure] = g
	}
	for _, figure := range slices.Sorted(maps.Keys(r.rounds[0])) {
		s := spread(r.rounds, figure)
		goal, verdict := "", ""
		if g, is := of[figure]; is {
			goal, verdict = g.text(), "reached"
			if g.missed(s.median) {
				verdict = strings.TrimSuffix("missed: "+g.why, ": ")
			}
		}
		if figure != "sync ms" {
			lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %d |", r.name, figure, s.text(), goal, verdict, sync, len(r.rounds)))
		}
	}
	return lines
}

func (g goal) missed(v float64) bool { return g.least > 0 && v < g.least || g.least == 0 && v > g.most }

func (g goal) text() string {
	if g.least > 0 {
		return "≥ " + number(g.least)
	}
	return "≤ " + number(g.most)
}

// A spreading is what a figure was in the rounds.
type spreading struct{ median, least, most float64 }

func spread(rounds []map[string]float64, figure string) spreading {
	var all []float64
	for _, r := range rounds {
		all = append(all, r[figure])
	}
	slices.Sort(all)
	return spreading{all[len(all)/2], all[0], all[len(all)-1]}
}

func (s spreading) text() string {
	if number(s.least) == number(s.most) {
		return number(s.median)
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.median), number(s.least), number(s.most))
}

func number(v float64) string {
	switch {
	case v == float64(int64(v)) && v < 1000, v >= 100 && v < 1000, v > -1000 && v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 1000:
		return fmt.Sprintf("%d,%03d", int64(v)/1000, int64(v)%1000)
	}
	return fmt.Sprintf("%.2f", v)
}

// page returns the results as a page.
func page(lines map[string][]string) []byte {
	var p bytes.Buffer
	fmt.Fprintf(&p, `# Results

Written by `+"`make bench-chat`"+`. Medians of the rounds, which are interleaved, with the smallest and largest in parentheses. Server and load
generator shared one machine: %s. "sync ms" is what writing and syncing two pages of a file took at that time.
The rows can be measured one by one: `+"`make bench-chat ROWS='posts|alone'`"+`. After each row, the views of all clients were those of the store.

| row | figure | median | goal | | sync ms | rounds |
| --- | --- | --- | --- | --- | --- | --- |
`, machine())
	for _, r := range rows {
		for _, line := range lines[r.name] {
			fmt.Fprintln(&p, line)
		}
	}
	p.WriteString("\n")
	for _, r := range rows {
		if len(lines[r.name]) > 0 {
			fmt.Fprintf(&p, "- %s: %s\n", r.name, r.does)
		}
	}
	return p.Bytes()
}

// machine describes processor, system and Go.
func machine() string {
	model := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d × %s, Linux %s, %s", runtime.NumCPU(), model, bytes.TrimSpace(kernel), runtime.Version())
}
