// Nethttp is the floor of polling in Go: package net/http with a handler that
// knows the benchmark's requests by their bytes, has the headers of a Socket.IO
// server, and checks nothing. No server that leaves HTTP to net/http can cost
// less.
package main

import (
	"io"
	"log"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/goroomcast/socketio/bench/servers/host"
)

const open = `","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`

// sessions has a channel for each session: what its next poll gets.
type sessions struct {
	byID sync.Map
	last atomic.Int64
}

func main() { host.Run(&sessions{}) }

func (s *sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("sid")
	if id == "" {
		id = strconv.FormatInt(s.last.Add(1), 10)
		s.byID.Store(id, make(chan []byte, 16))
		answer(w, "text/plain; charset=UTF-8", []byte(`0{"sid":"`+id+open))
		return
	}
	session, ok := s.byID.Load(id)
	if !ok {
		http.Error(w, "unknown session", http.StatusBadRequest)
		return
	}
	waiting := session.(chan []byte)
	if r.Method == http.MethodGet {
		select {
		case packet := <-waiting:
			answer(w, "text/plain; charset=UTF-8", packet)
		case <-r.Context().Done():
		}
		return
	}
	packet, err := io.ReadAll(r.Body)
	if err != nil {
		log.Print(err)
		return
	}
	if string(packet) == "40" {
		packet = []byte(`40{"sid":"` + id + `"}`)
	}
	waiting <- packet
	answer(w, "text/html", []byte("ok"))
}

func answer(w http.ResponseWriter, contentType string, body []byte) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
