//go:build linux && !race

package chat_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// TestMemoryOfFollowers compares the heap with many idle followers with the heap
// with as many sockets of a namespace without a chat, which have the same auth. It
// measures the shipped build, over TCP, because connections in memory need
// buffers. When a map grows is chance, and makes 50 bytes of difference, so the
// least of several measurements counts.
func TestMemoryOfFollowers(t *testing.T) {
	const (
		rooms     = 7
		followers = 100 // of each
		most      = 560 // bytes for each
	)
	bare := perSocket(t, rooms*followers, func(i int) []string { return []string{fmt.Sprintf(`40/other,{"user":"user%d"}`, i)} })
	least := int64(math.MaxInt64)
	for tries := 0; least > most && tries < 5; tries++ {
		follower := perSocket(t, rooms*followers, func(i int) []string {
			return []string{fmt.Sprintf(`40/chat,{"user":"user%d"}`, i), fmt.Sprintf(`42/chat,0["open",{"room":"room%d"}]`, i%rooms)}
		})
		t.Logf("%d bytes for a socket, %d more for a follower", bare, follower-bare)
		least = min(least, follower-bare)
	}
	if least > most {
		t.Errorf("a follower costs %d bytes more than a socket, want at most %d", least, most)
	}
}

// perSocket returns by how much the heap grows with each of n sockets. Each sends
// packets, and has a reply to each.
func perSocket(t *testing.T, n int, packets func(i int) []string) (bytes int64) {
	defer endsAs(t, runtime.NumGoroutine())
	server := socketio.NewServer(nil)
	server.Of("/other").OnConnect(func(*socketio.Socket) {})
	c, err := chat.New(server.Of("/chat"), &chat.Options{
		Store: store.Memory(), Authenticate: authenticate, Limits: generous, WatchInterval: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer server.Close()
	for i := range 10 {
		if err := c.Room(fmt.Sprint("room", i)).Create(ctx, chat.RoomInfo{Kind: chat.Open}); err != nil {
			t.Fatal(err)
		}
	}
	web := httptest.NewServer(server)
	defer web.Close()
	conns := make([]net.Conn, 0, n+50)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	open := func() { conns = append(conns, dialRaw(t, web.Listener.Addr().String(), packets(len(conns)))) }
	for range 50 { // in which pools are filled
		open()
	}
	empty := leastHeap()
	for range n {
		open()
	}
	<-time.After(1200 * time.Millisecond) // in which presences are told, and buckets go
	bytes = (leastHeap() - empty) / int64(n)
	return bytes
}

// endsAs waits until there are no more goroutines than before: what the others keep
// would be in the next measurement.
func endsAs(t *testing.T, before int) {
	for until := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; <-time.After(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// dialRaw connects a client that keeps nothing but its connection.
func dialRaw(t *testing.T, addr string, packets []string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: "+addr+"\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReaderSize(conn, 512)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(prefix string) {
		for {
			_, payload, err := rawclient.ReadFrame(r)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(payload), prefix) {
				return
			}
		}
	}
	expect("0")
	for _, p := range packets {
		if _, err := conn.Write(rawclient.Frame(0x81, p)); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p, "40") {
			expect("40")
		} else {
			expect("43")
		}
	}
	return conn
}

// leastHeap returns the least of some sizes of the heap. What the server does every
// ten milliseconds leaves garbage, the more the longer this goroutine waits for a
// processor between the collection and the measurement.
func leastHeap() int64 {
	least := heapInUse()
	for range 10 {
		<-time.After(20 * time.Millisecond)
		least = min(least, heapInUse())
	}
	return least
}

// heapInUse returns the size of what is in use.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what is in pools goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
