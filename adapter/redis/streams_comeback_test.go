package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A nomad is a client that comes back with its session, to one server or another.
// It notes the numbers of the events a and b.
type nomad struct {
	*testing.T
	*rawclient.Client
	pid, offset string
	got         map[string][]int
}

// visit connects to a server, and reports whether the session is the former one.
func (n *nomad) visit(at *memnet.Listener) (back bool) {
	n.Helper()
	auth := ""
	if n.pid != "" {
		auth = fmt.Sprintf(`{"pid":%q,"offset":%q}`, n.pid, n.offset)
	}
	dial := func(ctx context.Context) (net.Conn, error) { return at.Dial(ctx) }
	raw, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err == nil {
		err = raw.Send("40" + auth)
	}
	if err != nil {
		n.Fatal(err)
	}
	n.Client = raw
	n.Cleanup(raw.Drop)
	answer, err := raw.Next()
	var said struct{ PID string }
	if err != nil || json.Unmarshal([]byte(strings.TrimPrefix(answer, "40")), &said) != nil {
		n.Fatalf("CONNECT answered by %q, %v", answer, err)
	}
	back = said.PID == n.pid
	n.pid = said.PID
	return back
}

// read notes an event. It reports false if there is none.
func (n *nomad) read() bool {
	packet, err := n.Next()
	var args []any
	if err != nil || json.Unmarshal([]byte(strings.TrimPrefix(packet, "42")), &args) != nil || len(args) != 3 {
		return false
	}
	name := args[0].(string)
	n.got[name] = append(n.got[name], int(args[1].(float64)))
	n.offset = args[2].(string)
	return true
}

// Clients lose their connections again and again, and come back to the other of
// two servers, while both emit: each client gets each event once.
func TestStreamsComebacks(t *testing.T) {
	t.Parallel()
	r := clustertest.StartRedis(t)
	control := connect(t, r.Addr)
	var servers []*socketio.Server
	var listeners []*memnet.Listener
	for range 2 {
		io := socketio.NewServer(&socketio.Options{Adapter: NewStreams(connect(t, r.Addr), nil), Recovery: &socketio.Recovery{}})
		l := memnet.Listen()
		hs := &http.Server{Handler: io}
		go hs.Serve(l)
		t.Cleanup(func() { io.Close(); hs.Close() })
		servers, listeners = append(servers, io), append(listeners, l)
	}
	const clients, times, every = 8, 12, 3 * time.Millisecond
	const ahead = 30 // events of a server beyond those that there were when a visit began, or else clients fall behind on a slow machine
	stop := make(chan struct{})
	var emitting, coming sync.WaitGroup
	var lasts [2]atomic.Int64
	var most atomic.Int64 // that each server may emit
	most.Store(ahead)
	for i, io := range servers {
		emitting.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					if lasts[i].Load() >= most.Load() {
						continue
					}
					if err := io.Emit(string('a'+rune(i)), lasts[i].Add(1)); err != nil {
						t.Error(err)
					}
				case <-stop:
					return
				}
			}
		})
	}
	var all [clients]*nomad
	for i := range all {
		n := &nomad{T: t, got: make(map[string][]int)}
		all[i] = n
		n.visit(listeners[i%2])
		coming.Go(func() {
			for loss := range times {
				more := max(lasts[0].Load(), lasts[1].Load()) + ahead
				for now := most.Load(); now < more && !most.CompareAndSwap(now, more); now = most.Load() {
				}
				for range 5 + 3*i {
					if !n.read() {
						t.Errorf("client %d gets no events after loss %d", i, loss)
						return
					}
				}
				n.Drop()
				key := "sio:session:" + n.pid
				for ; ; <-time.After(time.Millisecond) { // a client that is faster than its session gets a new one
					if kept, err := control.Do(t.Context(), control.B().Exists().Key(key).Build()).AsInt64(); err != nil || kept == 1 {
						break
					}
				}
				if !n.visit(listeners[(i+loss+1)%2]) {
					t.Errorf("client %d is a new one after loss %d", i, loss)
				}
			}
		})
	}
	coming.Wait()
	close(stop)
	emitting.Wait()
	events := 0
	for i, n := range all {
		for name, last := range map[string]int{"a": int(lasts[0].Load()), "b": int(lasts[1].Load())} {
			for len(n.got[name]) == 0 || n.got[name][len(n.got[name])-1] < last {
				if !n.read() {
					t.Fatalf("client %d does not get the last event %d of %s", i, last, name)
				}
			}
			got := n.got[name]
			events += len(got)
			for j := 1; j < len(got); j++ {
				if got[j] != got[j-1]+1 {
					t.Errorf("client %d has got %s %d after %d", i, name, got[j], got[j-1])
				}
			}
		}
	}
	t.Logf("%d comebacks, %d events", clients*times, events)
}
