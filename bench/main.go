//go:build linux

// Bench compares Socket.IO servers: see README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path"
	"strings"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := flag.String("run", "*", "scenarios, by comma-separated patterns: echo-*,bcast-1k")
	which := flag.String("servers", "*", "servers, likewise")
	measure := flag.Duration("d", 2*time.Second, "how long to measure")
	warmup := flag.Duration("warmup", 500*time.Millisecond, "how long to run before that")
	profile := flag.String("cpuprofile", "", "write the server's CPU `profile` while measuring, of servers in Go")
	flag.Parse()
	for _, s := range servers {
		if !matches(*which, s.name) {
			continue
		}
		if s.prepare(ctx); s.problem != "" {
			fmt.Println(s.name, s.problem)
			continue
		}
		for _, sc := range load.Scenarios {
			if !matches(*run, sc.Name) {
				continue
			}
			p, err := s.start(ctx)
			if err != nil {
				fmt.Println(s.name, err)
				continue
			}
			o := load.Options{Warmup: *warmup, Measure: *measure}
			done := make(chan error, 1)
			if *profile != "" {
				o.Measuring = func() { go func() { done <- fetchProfile(p, *measure, *profile) }() }
			}
			r, err := load.Run(sc, p.target, o)
			if *profile != "" && err == nil {
				err = <-done
			}
			p.stop()
			fmt.Printf("%-12s %-14s %8.2f %-4s %8.0f/s p50 %v p99 %v client %.2f µs %s", s.name, sc.Name, r.Cost, sc.Unit, r.Rate, r.P50, r.P99, r.Client, r.Note)
			if err != nil {
				fmt.Printf(" FAILED: %v %s", err, p.stderr)
			}
			fmt.Println()
		}
	}
}

func matches(patterns, name string) bool {
	for _, p := range strings.Split(patterns, ",") {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// fetchProfile has a server in Go profile itself.
func fetchProfile(p *process, d time.Duration, file string) error {
	r, err := http.Get(fmt.Sprintf("http://%v/debug/pprof/profile?seconds=%d", p.target.Addr, max(1, int(d.Seconds()))))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("/debug/pprof/profile: %s", r.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r.Body)
	if err := f.Close(); err != nil {
		return err
	}
	return err
}
