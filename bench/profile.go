//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// fetchProfile has a server in Go profile itself for a time of whole seconds.
func (p *process) fetchProfile(d time.Duration, file string) error {
	seconds := max(1, int(d.Seconds()))
	r, err := http.Get(fmt.Sprintf("http://%v/debug/pprof/profile?seconds=%d", p.target.Addr, seconds))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s", r.Status)
	}
	profile, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, profile, 0o644)
}
