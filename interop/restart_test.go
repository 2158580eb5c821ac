package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
)

// TestRestart has the JavaScript client move from one server to another, as its restart makes it. What the first has
// acknowledged is stored, and with the client's retries everything is, once.
func TestRestart(t *testing.T) {
	requireNode(t)
	const clients = 12
	var mu sync.Mutex
	stored := map[string]int{}
	var begun sync.WaitGroup
	begun.Add(clients)
	var servers [2]*socketio.Server
	for i := range servers {
		io := socketio.NewServer(&socketio.Options{ShutdownSpread: 500 * time.Millisecond, Cookie: &http.Cookie{Name: "io"}})
		socketio.OnCall(io, "store", func(_ context.Context, _ *socketio.Socket, what string) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			stored[what]++
			if strings.HasSuffix(what, "/3") && i == 0 {
				begun.Done()
			}
			return i + 1, nil
		})
		servers[i] = io
	}
	b := &balancer{current: servers[0], sessions: make(map[string]*socketio.Server)}
	front := httptest.NewServer(b)
	defer front.Close()
	defer servers[1].Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	down := make(chan error, 1)
	go func() {
		begun.Wait()
		b.route(servers[1])
		down <- servers[0].Shutdown(ctx)
	}()
	node := exec.CommandContext(ctx, "node", "restart.mjs")
	node.Env = append(os.Environ(), "URL="+front.URL, fmt.Sprint("CLIENTS=", clients))
	node.Stderr = t.Output()
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
	var acked []int
	if err := json.Unmarshal(out, &acked); err != nil || len(acked) != clients {
		t.Fatalf("%s: %v", out, err)
	}
	for client, n := range acked {
		for i := range n {
			if got := stored[fmt.Sprint(client, "/", i)]; got != 1 {
				t.Errorf("number %d of client %d was stored %d times", i, client, got)
			}
		}
	}
}

// A balancer sends new clients to the current server, and those who are there to theirs.
type balancer struct {
	mu       sync.Mutex
	current  *socketio.Server
	sessions map[string]*socketio.Server
}

func (b *balancer) route(to *socketio.Server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = to
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	server := b.sessions[r.URL.Query().Get("sid")]
	if server == nil {
		server = b.current
	}
	b.mu.Unlock()
	server.ServeHTTP(w, r)
	if cookie, err := http.ParseSetCookie(w.Header().Get("Set-Cookie")); err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sessions[cookie.Value] = server
	}
}
