//go:build linux

// Bench compares Socket.IO servers: see README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == tunnelRole {
		fmt.Fprintln(os.Stderr, serveTunnel(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	run := flag.String("run", "*", "scenarios, by comma-separated `patterns`: echo-*,bcast-1k")
	which := flag.String("servers", "*", "servers, by comma-separated `patterns`; roomcast/* are this library's with each feature")
	rounds := flag.Int("rounds", 1, "how often to run everything; medians are shown")
	measure := flag.Duration("d", 2*time.Second, "how long to measure")
	warmup := flag.Duration("warmup", 500*time.Millisecond, "how long to run before that")
	short := flag.Bool("short", false, "leave out the scenarios that take long")
	keep := flag.String("keep", "", "add to the figures that a `file` contains, if it exists, and write it")
	results := flag.String("results", "", "write RESULTS.md and its plots to a `directory`")
	profile := flag.String("cpuprofile", "", "have the server, in Go, write a CPU profile to a `file` while measuring")
	flag.Parse()

	var scenarios []*load.Scenario
	for _, sc := range load.Scenarios {
		if matches(*run, sc.Name) && !(*short && sc.Long) {
			scenarios = append(scenarios, sc)
		}
	}
	var chosen []*server
	for _, s := range slices.Concat(servers, variants) {
		if matches(*which, s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(scenarios) == 0 || len(chosen) == 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, s := range chosen {
		s.prepare(ctx)
	}
	t := newCells(scenarios, chosen)
	if err := t.read(*keep); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	t.fill(ctx, *rounds, load.Options{Warmup: *warmup, Measure: *measure}, *profile, func(line string) {
		fmt.Fprintln(os.Stderr, line)
	})
	if ctx.Err() != nil {
		os.Exit(1)
	}
	if err := t.keep(*keep); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(t.text())
	if *results != "" {
		if err := t.write(*results); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func matches(patterns, name string) bool {
	for p := range strings.SplitSeq(patterns, ",") {
		if ok, err := path.Match(p, name); ok && err == nil {
			return true
		}
	}
	return false
}
