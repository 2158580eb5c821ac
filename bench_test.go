package socketio_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/engine"
)

const benchText = "a text of 64 bytes, the length that most messages of a chat have"

// flushers are the goroutines that write a large broadcast.
var flushers = float64(runtime.GOMAXPROCS(0))

// benchmarks are the operations whose allocations have a budget: at most so
// many, however many sockets there are. Each makes what it needs and returns
// the operation.
var benchmarks = []struct {
	name    string
	sockets int
	budget  float64
	make    func(srv *benchServer) func()
}{
	{"Emit", 1, 3, func(srv *benchServer) func() {
		s := anySocket(srv)
		return func() { _ = s.Emit("message", benchText); srv.sent(1) }
	}},
	{"Emit/struct", 1, 3, func(srv *benchServer) func() {
		s := anySocket(srv)
		m := &struct {
			Room string `json:"room"`
			Text string `json:"text"`
			N    int    `json:"n"`
		}{"lobby", benchText, 1}
		return func() { _ = s.Emit("message", m); srv.sent(1) }
	}},
	{"Emit/binary", 1, 8, func(srv *benchServer) func() {
		s := anySocket(srv)
		data := make([]byte, 1024)
		return func() { _ = s.Emit("message", data); srv.sent(2) }
	}},
	{"Broadcast/1", 1, 3, broadcastToAll},
	{"Broadcast/100", 100, 3 + flushers, broadcastToAll},
	{"Broadcast/1000", 1000, 3 + flushers, broadcastToAll},
	{"Room/10 of 1000", 1000, 4, func(srv *benchServer) func() {
		n := 0
		for s := range srv.Sockets() {
			s.Join(fmt.Sprint("room ", n/10))
			n++
		}
		room := srv.To("room 7")
		return func() { _ = room.Emit("message", benchText); srv.sent(10) }
	}},
	{"Join and Leave", 1000, 0, func(srv *benchServer) func() {
		for s := range srv.Sockets() {
			s.Join("room")
		}
		s := anySocket(srv)
		return func() { s.Leave("room"); s.Join("room") }
	}},
}

func broadcastToAll(srv *benchServer) func() {
	all := srv.ClientsCount()
	return func() { _ = srv.Emit("message", benchText); srv.sent(all) }
}

func anySocket(srv *benchServer) (s *socketio.Socket) {
	for s = range srv.Sockets() {
		break
	}
	return s
}

func BenchmarkServer(b *testing.B) {
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			op := bench.make(serverWith(b, bench.sockets))
			b.ReportAllocs()
			for b.Loop() {
				op()
			}
		})
	}
	b.Run("Broadcast/10000", func(b *testing.B) {
		op := broadcastToAll(serverWith(b, 10_000))
		b.ReportAllocs()
		for b.Loop() {
			op()
		}
	})
}

// A benchServer knows how many packets it has written.
type benchServer struct {
	*socketio.Server
	written, expected atomic.Int64
}

// sent waits until so many more packets have been written, so that none is
// left for the next round.
func (srv *benchServer) sent(n int) {
	for expected := srv.expected.Add(int64(n)); srv.written.Load() < expected; {
		runtime.Gosched()
	}
}

// serverWith returns a server with so many clients, which read and do nothing
// else, in a process of their own.
func serverWith(tb testing.TB, sockets int) *benchServer {
	tb.Helper()
	srv := &benchServer{}
	trace := &socketio.Trace{}
	trace.Engine.Sent = func(_ *engine.Session, packets, _ int) { srv.written.Add(int64(packets)) }
	srv.Server = socketio.NewServer(&socketio.Options{Trace: trace})
	connected := make(chan struct{}, sockets)
	srv.OnConnect(func(*socketio.Socket) { connected <- struct{}{} })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	hs := &http.Server{Handler: srv}
	go hs.Serve(l)

	clients := exec.Command(os.Args[0])
	clients.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", silentClients, l.Addr(), sockets))
	clients.Stderr = os.Stderr
	stop, err := clients.StdinPipe()
	if err == nil {
		err = clients.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = clients.Wait()
	}()
	tb.Cleanup(func() {
		stop.Close()
		<-gone
		srv.Close()
		hs.Close()
	})
	for range sockets {
		select {
		case <-connected:
		case <-gone:
			tb.Fatal("the clients could not connect")
		}
	}
	srv.written.Store(0)
	return srv
}

// silentClients is the variable that makes this program be clients.
const silentClients = "SOCKETIO_SILENT_CLIENTS"

func TestMain(m *testing.M) {
	if spec := os.Getenv(silentClients); spec != "" {
		beClients(spec)
		return
	}
	os.Exit(m.Run())
}

// beClients connects clients that read whatever comes, until its input ends.
func beClients(spec string) {
	var addr string
	var n int
	_, err := fmt.Sscan(spec, &addr, &n)
	for range n {
		if err != nil {
			break
		}
		err = beClient(addr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func beClient(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	request := "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	const mask = 0
	frame := binary.BigEndian.AppendUint32([]byte{0x81, 0x80 | 2}, mask)
	if _, err := conn.Write(append([]byte(request), append(frame, "40"...)...)); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	answer, err := in.ReadString('\n')
	if err == nil && !strings.Contains(answer, " 101 ") {
		err = fmt.Errorf("the server says %q", answer)
	}
	go io.Copy(io.Discard, in)
	return err
}
