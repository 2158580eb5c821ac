package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
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
	{"Emit", 1, 1, func(srv *benchServer) func() {
		s := anySocket(srv)
		return func() { _ = s.Emit("message", benchText); srv.sent(1) }
	}},
	{"Emit/struct", 1, 1, func(srv *benchServer) func() {
		s := anySocket(srv)
		m := &struct {
			Room string `json:"room"`
			Text string `json:"text"`
			N    int    `json:"n"`
		}{"lobby", benchText, 1}
		return func() { _ = s.Emit("message", m); srv.sent(1) }
	}},
	{"Emit/binary", 1, 3, func(srv *benchServer) func() {
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
	{"Echo", 1, 7, func(srv *benchServer) func() {
		return echoes[string](srv, 1, benchEvent)
	}},
	{"Echo/16 at once", 1, 16*7 + 4, func(srv *benchServer) func() {
		return echoes[string](srv, 16, bytes.Repeat(benchEvent, 16))
	}},
	{"Echo/binary", 1, 7, func(srv *benchServer) func() {
		event := rawclient.Frame(0x81, `451-["echo",{"_placeholder":true,"num":0}]`)
		return echoes[[]byte](srv, 2, append(event, rawclient.Frame(0x82, strings.Repeat("x", 1024))...))
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

var benchEvent = rawclient.Frame(0x81, `42["echo","`+benchText+`"]`)

// echoes has a further client send events whose argument is a T, and read the
// frames in which it comes back.
func echoes[T any](srv *benchServer, frames int, events []byte) func() {
	socketio.On(srv.Server, "echo", func(_ context.Context, s *socketio.Socket, arg T) error { return s.Emit("echo", arg) })
	conn, in, err := dialSocket(srv.addr, srv.wire)
	skip := func(n int) {
		for i := 0; i < n && err == nil; i++ {
			err = skipFrame(in)
		}
		if err != nil {
			panic(err)
		}
	}
	skip(2) // OPEN, and the answer to CONNECT
	return func() {
		_, err = conn.Write(events)
		skip(frames)
	}
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

// A benchServer knows how many packets it has written, and by how many writes.
type benchServer struct {
	*socketio.Server
	addr, wire        string // wire is how clients speak: plain, deflate or tls
	written, expected atomic.Int64
	writes            atomic.Int64
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
	return featuredServer(tb, sockets, &socketio.Options{Trace: &socketio.Trace{}}, "plain")
}

// featuredServer is serverWith for a server with options, a Trace among them.
func featuredServer(tb testing.TB, sockets int, o *socketio.Options, wire string) *benchServer {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	srv := &benchServer{addr: l.Addr().String(), wire: wire}
	if wire == "tls" {
		l = tls.NewListener(l, serverTLS(tb))
	}
	o.PingInterval = time.Hour // the clients do not answer
	o.Trace.Sent = func(_ socketio.Conn, packets, _ int) {
		srv.writes.Add(1)
		srv.written.Add(int64(packets))
	}
	srv.Server = socketio.NewServer(o)
	connected := make(chan struct{}, sockets+1)
	srv.OnConnect(func(*socketio.Socket) { connected <- struct{}{} })
	hs := &http.Server{Handler: srv}
	go hs.Serve(l)

	clients := exec.Command(os.Args[0])
	clients.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %s", silentClients, srv.addr, sockets, wire))
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
	for srv.written.Load() < int64(2*sockets) { // OPEN and the answer to CONNECT, which may be written a moment later
		runtime.Gosched()
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
	var addr, wire string
	var n int
	_, err := fmt.Sscan(spec, &addr, &n, &wire)
	for range n {
		if err != nil {
			break
		}
		err = beClient(addr, wire)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func beClient(addr, wire string) error {
	_, in, err := dialSocket(addr, wire)
	if err == nil {
		go io.Copy(io.Discard, in)
	}
	return err
}

// dialSocket connects a client, whose first frame is still to be read.
func dialSocket(addr, wire string) (net.Conn, *bufio.Reader, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	if wire == "tls" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	request := "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	if wire == "deflate" {
		request += "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"
	}
	request += "\r\n"
	if _, err := conn.Write(append([]byte(request), rawclient.Frame(0x81, "40")...)); err != nil {
		return nil, nil, err
	}
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the server says %q", answer.Status)
	}
	return conn, in, err
}

// skipFrame reads a server's frame, of 64 KiB at most, without an allocation.
func skipFrame(in *bufio.Reader) error {
	head, err := in.Peek(2)
	if err != nil {
		return err
	}
	size := 2 + int(head[1])
	if head[1] == 126 {
		if head, err = in.Peek(4); err != nil {
			return err
		}
		size = 4 + int(binary.BigEndian.Uint16(head[2:]))
	}
	_, err = in.Discard(size)
	return err
}

// serverTLS returns the configuration of a server with a certificate for tests.
func serverTLS(tb testing.TB) *tls.Config {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	tb.Cleanup(s.Close)
	return s.TLS
}
