//go:build linux

package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter/nats"
)

const (
	heartbeat = 2 * time.Second
	silence   = 20 * time.Second // after which a client that was lost is gone; long, because the machine may be busy
	comeback  = 5 * time.Second  // within which it may come back

	floodSize   = 16 << 10
	floodEvents = 4000
)

// A host is one of the servers.
type host struct {
	*socketio.Server

	mu     sync.Mutex
	faults []string
	slow   map[string]bool // owners of clients that were too slow
}

// serve is a process that is a server on a bus.
func serve(addr, bus string) error {
	a, err := nats.New("nats://"+bus, nil)
	if err != nil {
		return err
	}
	h := &host{slow: make(map[string]bool), Server: socketio.NewServer(&socketio.Options{
		Adapter:      a,
		Recovery:     &socketio.Recovery{MaxAge: comeback, MaxEvents: 100_000, MaxBytes: 64 << 20},
		PingInterval: heartbeat, PingTimeout: silence,
	})}
	h.Use(func(_ context.Context, s *socketio.Socket) error {
		if s.Recovered() {
			return nil
		}
		s.SetData(0)
		return s.Join(auth(s).Room) // before its first event
	})
	h.OnConnect(h.greet)
	h.OnServerSide("hello", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	http.Handle(h.Pattern(), h)
	http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(h.wasSlow(r.FormValue("owner")))
	})
	http.HandleFunc("/possession", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(h.possession()) })
	http.HandleFunc("/hears", func(w http.ResponseWriter, r *http.Request) { _ = json.NewEncoder(w).Encode(h.hears(r.Context())) })
	return http.ListenAndServe(addr, nil)
}

func (h *host) fault(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.faults) < 20 {
		h.faults = append(h.faults, fmt.Sprintf(format, args...))
	}
}

type identity struct {
	Site, Owner int
	Room        string
}

func auth(s *socketio.Socket) (id identity) {
	_ = s.Handshake().DecodeAuth(&id)
	return id
}

// greet adds the handlers of a client. Its data is the number of its next event.
func (h *host) greet(s *socketio.Socket) {
	id := auth(s)
	if id.Owner == 0 {
		h.fault("a client without an owner, recovered: %v", s.Recovered())
	}
	s.On("say", func(_ context.Context, e *socketio.Event) error {
		next, _ := socketio.Data[int](s)
		var owner, n int
		var text string
		if err := e.Decode(&owner, &n, &text); err != nil || owner != id.Owner || n != next || text != payload(owner, n) {
			h.fault("event %d of client %d is handled as event %d of client %d (%v): %.40q", n, owner, next, id.Owner, err, text)
		}
		s.SetData(next + 1)
		if err := h.To(id.Room).Emit("said", id.Site, owner, n, time.Now(), []byte(text)); err != nil {
			h.fault("Emit: %v", err)
		}
		if n%5 == 0 {
			h.ask(s, owner, n)
		}
		return e.Ack(owner, n, text)
	})
	s.On("flood", func(context.Context, *socketio.Event) error {
		s.OnDisconnect(func(r socketio.Reason) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.slow[fmt.Sprint(id.Owner)] = r == socketio.ReasonSlowClient
		})
		go h.flood(s, id.Owner)
		return nil
	})
}

// ask has a client reply.
func (h *host) ask(s *socketio.Socket, owner, n int) {
	_ = s.CallFunc(func(r *socketio.Reply, err error) {
		if err != nil {
			return // the client has left
		}
		var text string
		if err := r.Decode(&text); err != nil || text != payload(owner, n) {
			h.fault("client %d replies %.40q to question %d (%v)", owner, text, n, err)
		}
	}, "ask", n)
}

// flood sends a client more than may wait for it.
func (h *host) flood(s *socketio.Socket, owner int) {
	for n := range floodEvents {
		if s.Emit("flood", n, floodText(owner, n)) != nil {
			return
		}
		select {
		case <-s.Context().Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
	h.fault("client %d does not read, and is not too slow after %d events", owner, floodEvents)
}

// wasSlow reports once that a client was too slow.
func (h *host) wasSlow(owner string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer delete(h.slow, owner)
	return h.slow[owner]
}

// hears reports whether the other server answers.
func (h *host) hears(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	n := 0
	for _, err := range h.ServerSideCall(ctx, "hello") {
		if err == nil {
			n++
		}
	}
	return n == sites-1
}

// A possession is what a server owns.
type possession struct {
	Clients, Goroutines, Descriptors int
	Heap, Resident                   int // bytes, after a garbage collection
	Faults                           []string
}

func (h *host) possession() (p possession) {
	runtime.GC()
	debug.FreeOSMemory() // the second collection empties pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.Clients, p.Goroutines, p.Heap = h.ClientsCount(), runtime.NumGoroutine(), int(m.HeapAlloc)
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		p.Descriptors = len(entries)
	}
	var pages int
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(text), new(int), &pages)
	}
	p.Resident = pages * os.Getpagesize()
	h.mu.Lock()
	defer h.mu.Unlock()
	p.Faults = h.faults
	return p
}
