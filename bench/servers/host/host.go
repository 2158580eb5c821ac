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

// Run serves a Socket.IO server on the address that is the last argument.
func Run(io http.Handler) {
	l, err := net.Listen("tcp", os.Args[len(os.Args)-1])
	if err != nil {
		log.Fatal(err)
	}
	Serve(l, io)
}

// Serve serves a Socket.IO server, with /gauge and /debug/pprof/ beside it. It
// says when it listens.
func Serve(l net.Listener, io http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("/gauge", gauge)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
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
