//go:build linux

package soak

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/clustertest"
)

// A site is a server as the clients see it.
type site struct {
	*clustertest.Process
	t    *testing.T
	addr string
	http *http.Client
}

func startSite(t *testing.T, bus string) *site {
	addr := clustertest.FreeAddress(t)
	return &site{
		Process: start(t, "server", addr, bus), t: t, addr: addr,
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second},
	}
}

// get asks the server for a value.
func (s *site) get(path string, v any) {
	s.t.Helper()
	r, err := s.http.Get("http://" + s.addr + path)
	if err == nil {
		defer r.Body.Close()
		err = json.NewDecoder(r.Body).Decode(v)
	}
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
	}
}

func (s *site) hears() (ok bool) {
	s.get("/hears", &ok)
	return ok
}

func (s *site) wasSlow(owner int) (slow bool) {
	s.get(fmt.Sprint("/slow?owner=", owner), &slow)
	return slow
}

func (s *site) possession() (p possession) {
	s.get("/possession", &p)
	return p
}

// beyond says what p contains more of than q.
func (p possession) beyond(q possession) string {
	for _, part := range []struct {
		name                   string
		now, before, tolerance int
	}{
		{"goroutines", p.Goroutines, q.Goroutines, 0},
		{"descriptors", p.Descriptors, q.Descriptors, 0},
		{"bytes of heap", p.Heap, q.Heap, heapTolerance},
		{"bytes of resident size", p.Resident, q.Resident, residentTolerance},
	} {
		if part.now > part.before+part.tolerance {
			return fmt.Sprintf("%d %s instead of %d", part.now, part.name, part.before)
		}
	}
	return ""
}

func (p possession) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, heap %.2f MiB, resident size %.1f MiB",
		p.Goroutines, p.Descriptors, float64(p.Heap)/(1<<20), float64(p.Resident)/(1<<20))
}
