package systemtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// TestScale has 2,000 WebSocket clients in 100 rooms over real connections.
// In each room three clients send to the room and two never read. The others
// get each message once and in order; the next is sent when all have the last,
// so that only who never reads can be dropped as slow.
func TestScale(t *testing.T) {
	const (
		clients  = 2000
		rooms    = 100
		stalled  = 200
		senders  = 3
		messages = 24
		each     = clients / rooms
		deaf     = stalled / rooms
	)
	goroutines := runtime.NumGoroutine()

	io := socketio.NewServer(&socketio.Options{PingInterval: noPing, Limits: socketio.Limits{Buffered: 16 << 10}})
	var slow, connected atomic.Int64
	io.OnConnect(func(s *socketio.Socket) {
		connected.Add(1)
		s.OnDisconnect(func(r socketio.Reason) {
			if r == socketio.ReasonSlowClient {
				slow.Add(1)
			}
			connected.Add(-1)
		})
	})
	socketio.OnCall(io, "join", func(ctx context.Context, s *socketio.Socket, room string) (bool, error) {
		s.Join(room)
		return true, nil
	})
	type note struct {
		Room   string `json:"room"`
		Sender int    `json:"sender"`
		N      int    `json:"n"`
		Text   string `json:"text"`
	}
	socketio.On(io, "note", func(ctx context.Context, s *socketio.Socket, n note) error {
		return io.To(n.Room).Emit("note", n.Sender, n.N, n.Text)
	})
	addr, stop := listen(t, io)
	descriptors := countDescriptors(t) - 1 // of the listener; the runtime's own are there by now

	// Everybody comes in and joins.
	everyone := make([]*rawclient.Client, clients)
	var gates [clients]chan struct{}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i := range everyone {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			gate := make(chan struct{})
			gates[i] = gate
			dial := func(ctx context.Context) (net.Conn, error) {
				var d net.Dialer
				conn, err := d.DialContext(ctx, "tcp", addr)
				if err != nil {
					return nil, err
				}
				_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				return &gatedConn{conn, gate}, nil
			}
			c, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
			if err != nil {
				t.Error(err)
				return
			}
			everyone[i] = c
			for _, step := range [][2]string{
				{"40", `40{"sid":`},
				{fmt.Sprintf(`420["join","room%d"]`, i%rooms), "430[true]"},
			} {
				_ = c.Send(step[0])
				if p, err := c.Next(); err != nil || !strings.HasPrefix(p, step[1]) {
					t.Errorf("client %d: got %q (%v), want %s…", i, p, err, step[1])
					return
				}
			}
		}()
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}

	// Client i is the (i/rooms)-th of its room: first the senders, last the deaf.
	place := func(i int) int { return i / rooms }
	isDeaf := func(i int) bool { return place(i) >= each-deaf }
	for i := range everyone {
		if isDeaf(i) {
			close(gates[i])
		}
	}
	var rounds [rooms][messages]sync.WaitGroup
	for room := range rounds {
		for n := range rounds[room] {
			rounds[room][n].Add(each - deaf)
		}
	}
	text := strings.Repeat("x", 2<<10)
	for i, c := range everyone {
		if place(i) < senders {
			wg.Go(func() {
				for n := range messages {
					if n > 0 {
						rounds[i%rooms][n-1].Wait()
					}
					if err := c.Send(fmt.Sprintf(`42["note",{"room":"room%d","sender":%d,"n":%d,"text":"%s"}]`, i%rooms, place(i), n, text)); err != nil {
						t.Errorf("client %d: %v", i, err)
						return
					}
				}
			})
		}
		if !isDeaf(i) {
			wg.Go(func() {
				for n := range messages {
					if !receiveRound(t, c, n, senders) {
						t.Errorf("client %d failed in round %d", i, n)
					}
					rounds[i%rooms][n].Done()
				}
			})
		}
	}
	wg.Wait()

	eventually(t, "all that never read dropped as slow", func() bool { return slow.Load() >= stalled })

	// Nothing further arrives, and everybody leaves.
	for i, c := range everyone {
		if !isDeaf(i) {
			_ = c.Send(`421["join","room0"]`)
			if p, err := c.Next(); p != "431[true]" {
				t.Errorf("client %d: got %.40q (%v) after all messages", i, p, err)
			}
		}
		c.Close()
	}
	eventually(t, "all sockets gone", func() bool { return connected.Load() == 0 })
	if got := slow.Load(); got != stalled {
		t.Errorf("%d clients were dropped as slow, want %d", got, stalled)
	}
	stop()
	eventually(t, "all goroutines gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "all descriptors closed", func() bool { return countDescriptors(t) <= descriptors })
}

// receiveRound wants the n-th message of each sender, in any order.
func receiveRound(t *testing.T, c *rawclient.Client, n, senders int) bool {
	seen := make([]bool, senders)
	for range senders {
		p, err := c.Next()
		if err != nil {
			t.Error(err)
			return false
		}
		var sender, got int
		if _, err := fmt.Sscanf(p, `42["note",%d,%d,`, &sender, &got); err != nil || got != n || seen[sender] {
			t.Errorf("got %.40q in round %d", p, n)
			return false
		}
		seen[sender] = true
	}
	return true
}

// A gatedConn is not read any more once its gate is closed.
type gatedConn struct {
	net.Conn
	gate chan struct{}
}

func (c *gatedConn) Read(b []byte) (int, error) {
	select {
	case <-c.gate:
		return 0, net.ErrClosed
	default:
		return c.Conn.Read(b)
	}
}

// listen serves h on a loopback address with small send buffers.
func listen(t testing.TB, h http.Handler) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{
		Handler: h,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10)
			return ctx
		},
	}
	go hs.Serve(l)
	return l.Addr().String(), func() { hs.Close() }
}

// patience bounds the wait, in real time, for what must happen. A machine that is
// busy with other things may take long.
const patience = 3 * time.Minute

// noPing is a PingInterval that is longer than a test, for clients that do not read:
// they are to end for that, and not because they miss a PING.
const noPing = time.Hour

// eventually waits for what the other side of a real connection has to do.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("not %s:\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("counting descriptors needs /proc")
	}
	return len(entries)
}
