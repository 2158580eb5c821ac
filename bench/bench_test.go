//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

// sample is two servers in three scenarios: one has all figures, the other
// fails in the second and is not tried in the third.
func sample() *cells {
	fine := &server{name: ours, about: "this", version: []string{"echo", "1"}}
	other := &server{name: reference, about: "that", version: []string{"echo", "2"}}
	gone := &server{name: "gone", problem: "its compiler is not installed"}
	scenarios := []*load.Scenario{
		{Name: "echo", Group: load.Replies, Unit: "µs", Does: "back and forth"},
		{Name: "ack", Group: load.Replies, Unit: "µs", Does: "acknowledged"},
		{Name: "crowd", Group: load.Memory, Unit: "KiB", Does: "many"},
	}
	t := newCells(scenarios, []*server{fine, other, gone}, 3)
	for _, sc := range scenarios {
		for _, cost := range []float64{9, 2, 4} {
			t.of[sc][fine].results = append(t.of[sc][fine].results,
				load.Result{Cost: cost, P50: time.Duration(cost) * time.Millisecond, P99: 20 * time.Millisecond})
		}
	}
	t.of[scenarios[0]][other].results = []load.Result{{Cost: 12, P50: time.Millisecond, P99: time.Millisecond, Note: "a note"}}
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

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.567: "0.57", 9.996: "10.0", 12.34: "12.3", 99.96: "100", 1234: "1234"} {
		if got := figure(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

func TestResults(t *testing.T) {
	dir := t.TempDir()
	if err := sample().write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| roomcast | this | 1 |\n", "| echo, µs | 4.00 (3.0×) | 12.0 |\n", "| ack, µs | 4.00 | fails |\n",
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
