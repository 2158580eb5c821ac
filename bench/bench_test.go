//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

// sample is two servers in three scenarios: one has all figures, the other
// fails in the second and is not tried in the third.
func sample() *cells {
	fine := &server{name: ours, about: "this"}
	other := &server{name: reference, about: "that"}
	gone := &server{name: "gone", problem: "its compiler is not installed"}
	scenarios := []*load.Scenario{
		{Name: "echo", Group: load.Replies, Unit: "µs", Does: "back and forth"},
		{Name: "ack", Group: load.Replies, Unit: "µs", Does: "acknowledged"},
		{Name: "crowd", Group: load.Memory, Unit: "KiB", Does: "many"},
	}
	t := newCells(scenarios, []*server{fine, other, gone})
	for i, sc := range scenarios {
		t.of[sc][fine].version = []string{"1.0", "1.1", ""}[i] // the second was measured later
		for _, cost := range []float64{9, 2, 4} {
			t.of[sc][fine].results = append(t.of[sc][fine].results,
				load.Result{Cost: cost, P50: time.Duration(cost) * time.Millisecond, P99: 20 * time.Millisecond})
		}
	}
	t.of[scenarios[0]][other].results = []load.Result{{Cost: 12, P50: time.Millisecond, P99: time.Millisecond, Note: "a note"}}
	t.of[scenarios[0]][other].version = "2"
	t.of[scenarios[1]][other].results = []load.Result{{Cost: 1}, {Cost: 1}}
	t.of[scenarios[1]][other].failed = errors.New("a <reply> too many")
	t.of[scenarios[2]][other].skipped = "too few descriptors"
	return t
}

func TestTable(t *testing.T) {
	text := sample().text()
	for _, want := range []string{
		"echo, µs    4.00 (3.0×)  12.0\n", // the median, not the mean; and its ratio
		"ack, µs     4.00         fails\n",
		"crowd, KiB  4.00         –\n",
		"echo      4.00 / 20.0  1.00 / 1.00\n",
		"echo, node: a note\n",
		"ack, node: fails in round 3: a <reply> too many\n",
		"crowd, node: not tried: too few descriptors\n",
		"gone: not there: its compiler is not installed\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// withFeature is sample with a variant of this library's server, and a scenario of
// scale.
func withFeature() *cells {
	t := sample()
	crowds := []*load.Scenario{
		{Name: "scale-1k", Group: load.Scale, Unit: "µs", Clients: 1000},
		{Name: "scale-9k", Group: load.Scale, Unit: "µs", Clients: 9000},
		{Name: "scale-99k", Group: load.Scale, Unit: "µs", Clients: 99_000},
	}
	with := &server{name: ours + "/zeal", about: "with zeal", variant: true}
	t = newCells(append(t.scenarios, crowds...), append(t.servers, with))
	own, echo := t.named(ours), t.scenarios[0]
	t.of[echo][own].results = []load.Result{{Cost: 4}}
	t.of[echo][with].results = []load.Result{{Cost: 5}, {Cost: 7}}
	t.of[crowds[0]][own].results = []load.Result{{Cost: 2, Memory: 5}}
	t.of[crowds[0]][with].results = []load.Result{{Cost: 3, Memory: 20}}
	t.of[crowds[1]][own].results = []load.Result{{Cost: 3, Memory: 6}}
	t.of[crowds[2]][own].skipped = "too few descriptors"
	return t
}

func TestFeatures(t *testing.T) {
	text := withFeature().text()
	for _, want := range []string{
		"scenario                  plain  zeal\n",
		"echo, µs                  4.00   6.00 (1.50×)\n",
		"scale-1k, µs              2.00   3.00 (1.50×)\n",
		"scale-1k, KiB per client  5.00   20.0 (4.00×)\n",
		"1000     2.00 (1.00×)     –      5.00            –\n",
		"9000     3.00 (1.50×)     –      6.00            –\n",
		"99000    –                –      –               –\n",
		"scale-99k, roomcast: not tried: too few descriptors\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, other := range []string{"ack, µs   ", "scale-1k, node", "scale-1k, µs  2.00  –"} { // no variant has tried it, or it is not compared
		if strings.Contains(text[strings.Index(text, "zeal"):], other) {
			t.Errorf("%q in\n%s", other, text)
		}
	}
	dir := t.TempDir()
	if err := withFeature().write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if want := "| scenario | plain | zeal |\n| --- | --- | --- |\n| echo, µs | 4.00 | 6.00 (1.50×) |\n"; err != nil || !bytes.Contains(page, []byte(want)) {
		t.Errorf("no %q (%v) in\n%s", want, err, page)
	}
}

// TestKeep has the rounds of a run be several runs.
func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept.json")
	for range 2 {
		c := sample()
		again := newCells(c.scenarios, c.servers)
		if err := errors.Join(c.keep(file), again.read(file)); err != nil {
			t.Fatal(err)
		}
		if got, want := again.costs(), c.costs(); got != want {
			t.Errorf("read\n%s, kept\n%s", got, want)
		}
		if got := again.versions(again.servers[0]); got != "1.0; 1.1" {
			t.Errorf("versions %q", got)
		}
		if err := newCells(c.scenarios[:1], c.servers[:1]).keep(file); err != nil { // the others stay
			t.Fatal(err)
		}
		if err := again.read(file); err != nil || len(again.of[c.scenarios[1]][c.servers[0]].results) != 3 {
			t.Errorf("%v: figures are lost", err)
		}
	}
}

// TestVariants runs a scenario against each variant, TLS by the tunnel.
func TestVariants(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "roomcast")
	if out, err := exec.Command("go", "build", "-o", bin, "./servers/roomcast").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	echo := slices.IndexFunc(load.Scenarios, func(sc *load.Scenario) bool { return sc.Name == "echo-k1" })
	for _, v := range variants {
		s := *v
		s.run = append([]string{bin}, v.run[1:]...)
		var r load.Result
		var err error
		for _, measure := range []time.Duration{50 * time.Millisecond, 5 * time.Second} { // longer if a busy machine runs nothing
			o := load.Options{Warmup: 10 * time.Millisecond, Measure: measure}
			if r, err = trial(t.Context(), &s, load.Scenarios[echo], o, ""); err == nil {
				break
			}
		}
		if err != nil || r.Messages == 0 {
			t.Errorf("%s: %d messages, %v", s.name, r.Messages, err)
		}
	}
}

// TestMain is the tunnel, if a test has started it.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == tunnelRole {
		fmt.Fprintln(os.Stderr, serveTunnel(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.567: "0.57", 9.996: "10.0", 12.34: "12.3", 99.96: "100", 1234: "1234"} {
		if got := figure(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

func TestResults(t *testing.T) {
	dir := t.TempDir()
	if err := sample().write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| roomcast | this | 1.0; 1.1 | 3 |\n| node | that | 2 | 2 |\n", "| echo, µs | 4.00 (3.0×) | 12.0 |\n", "| ack, µs | 4.00 | fails |\n",
		"](results-replies.svg)", "](results-idle.svg)", "- gone: not there",
	} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	svg, err := os.ReadFile(filepath.Join(dir, "results-replies.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	for _, want := range []string{`width="380"`, `width="126"`, ">4.00 µs (3.0×)<", ">fails<"} { // 126 of 380 is 4 of 12
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
}

func TestProcess(t *testing.T) {
	shell := func(script string) *server { return &server{name: "shell", run: []string{"sh", "-c", script, "sh"}} }

	p, err := shell("echo listening; sleep 60 & wait").start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.ended() {
		t.Error("ended too early")
	}
	p.stop()
	if !p.ended() {
		t.Error("not ended after stop")
	}

	for script, want := range map[string]string{
		"echo no such luck; sleep 60":  "no such luck",
		"echo out of luck >&2; exit 1": "out of luck",
		"echo at ${1%:*}; sleep 60":    `"at 127.0.0.1"`, // the address is the argument
	} {
		if _, err := shell(script).start(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", script, err, want)
		}
	}
}

func TestPrepare(t *testing.T) {
	for want, s := range map[string]*server{
		"":                              {build: [][]string{{"true"}}},
		"false: exit status 1":          {build: [][]string{{"true"}, {"false"}}},
		"no-such-tool is not installed": {build: [][]string{{"no-such-tool"}}},
	} {
		if s.prepare(context.Background()); s.problem != want {
			t.Errorf("got %q, want %q", s.problem, want)
		}
	}
}
