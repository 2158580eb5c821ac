// Package host runs a Socket.IO server that is written in Go as the benchmark
// expects it.
package host

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
)

// Run serves a Socket.IO server on the address that is the first argument,
// with /gauge and /debug/pprof/ beside it. It says when it listens.
func Run(io http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("/gauge", gauge)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(l, mux))
}

// gauge collects the garbage and says what is left.
func gauge(w http.ResponseWriter, _ *http.Request) {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_ = json.NewEncoder(w).Encode(map[string]any{"heap": m.HeapAlloc, "goroutines": runtime.NumGoroutine()})
}
