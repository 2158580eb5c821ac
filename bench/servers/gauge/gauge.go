// Package gauge lets the benchmark look into the servers that are written in Go.
package gauge

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/debug"
)

// Register adds to a mux /gauge, which collects the garbage and says what is
// left, and /debug/pprof/.
func Register(mux *http.ServeMux) {
	mux.HandleFunc("/gauge", func(w http.ResponseWriter, _ *http.Request) {
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_ = json.NewEncoder(w).Encode(map[string]any{"heap": m.HeapAlloc, "goroutines": runtime.NumGoroutine()})
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
}
