//go:build linux

package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/bench/websocket"
)

// A fakeServer speaks as much of the protocol as the tests need, and may make
// mistakes.
type fakeServer struct {
	reply func(n int, packet []byte) [][]byte // what the n-th event of a client is answered with
	skip  func(client, n int) int             // how often a client gets the n-th broadcast

	keepAll bool // clients stay in their rooms

	mu         sync.Mutex
	clients    []net.Conn
	rooms      map[string][]net.Conn
	broadcasts int
}

func (s *fakeServer) listen(t *testing.T) Target {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				s.serve(c)
			})
		}
	})
	return Target{Addr: netip.MustParseAddrPort(l.Addr().String()), PID: os.Getpid(), EIO: 4}
}

func (s *fakeServer) serve(c net.Conn) {
	var data []byte
	buf := make([]byte, 4096)
	shaken := false
	for events := 0; ; {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		data = append(data, buf[:n]...)
		if !shaken {
			_, rest, found := bytes.Cut(data, []byte("\r\n\r\n"))
			if !found {
				continue
			}
			data, shaken = rest, true
			head := "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + websocket.Accept(handshakeKey) + "\r\n\r\n"
			_, _ = c.Write(websocket.Append([]byte(head), websocket.Text, []byte(`0{"sid":"a"}`)))
		}
		for {
			f, size, err := websocket.Cut(data)
			if size == 0 || err != nil {
				break
			}
			data = data[size:]
			switch {
			case string(f.Payload) == "40":
				s.mu.Lock()
				s.clients = append(s.clients, c)
				s.mu.Unlock()
				s.send(c, []byte(`40{"sid":"b"}`))
			case bytes.HasPrefix(f.Payload, []byte(`42["bcast"`)):
				s.broadcast(f.Payload)
			case s.inRooms(c, f.Payload):
			case f.Opcode == websocket.Binary:
				_, _ = c.Write(websocket.Append(nil, websocket.Binary, f.Payload))
			default:
				for _, packet := range s.reply(events, f.Payload) {
					s.send(c, packet)
				}
				events++
			}
		}
	}
}

func (s *fakeServer) broadcast(packet []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.clients {
		for range s.skip(i, s.broadcasts) {
			s.send(c, packet)
		}
	}
	s.broadcasts++
}

// inRooms handles the events that are about rooms.
func (s *fakeServer) inRooms(c net.Conn, packet []byte) bool {
	var event []json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(packet, []byte("42")), &event); err != nil || len(event) != 2 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var room string
	switch string(event[0]) {
	case `"join"`:
		_ = json.Unmarshal(event[1], &room)
		s.rooms[room] = append(s.rooms[room], c)
	case `"leave"`:
		_ = json.Unmarshal(event[1], &room)
		if !s.keepAll {
			s.rooms[room] = slices.DeleteFunc(s.rooms[room], func(in net.Conn) bool { return in == c })
		}
	case `"room"`:
		var to struct {
			Room string
			Text json.RawMessage
		}
		_ = json.Unmarshal(event[1], &to)
		for _, in := range s.rooms[to.Room] {
			s.send(in, fmt.Appendf(nil, `42["room",%s]`, to.Text))
		}
	default:
		return false
	}
	return true
}

func (s *fakeServer) send(c net.Conn, packet []byte) {
	if packet == nil {
		c.Close()
		return
	}
	_, _ = c.Write(websocket.Append(nil, websocket.Text, packet))
}

// faithful replies as a server should.
func faithful(_ int, packet []byte) [][]byte { return [][]byte{packet} }

// expect runs a scenario for a moment and wants an error that contains a text,
// or messages if the text is "". The moment is longer if that fails, because a
// busy machine may run neither server nor clients for a while.
func expect(t *testing.T, want string, server func() *fakeServer, run func(*trial) error) {
	t.Helper()
	var err error
	for pace := time.Duration(1); pace <= 100; pace *= 10 {
		var r Result
		if r, err = try(t, server(), run, pace); err == nil && r.Messages > 0 {
			if r.P50 <= 0 || r.P99 < r.P50 || r.Rate <= 0 {
				t.Errorf("got %+v", r)
			}
			if want == "" {
				return
			}
		}
		if err != nil && want != "" && strings.Contains(err.Error(), want) {
			return
		}
	}
	t.Errorf("got error %v, want one with %q", err, want)
}

func try(t *testing.T, s *fakeServer, run func(*trial) error, pace time.Duration) (Result, error) {
	t.Helper()
	f, err := newFleet(s.listen(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.loop.Close()
	f.patience = pace * 400 * time.Millisecond
	tr := &trial{fleet: f, opts: Options{Warmup: time.Millisecond, Measure: pace * 30 * time.Millisecond}}
	err = run(tr)
	return tr.result, err
}

func isBarrier(packet []byte) bool { return bytes.HasSuffix(packet, []byte(barrier)) }

func TestReplies(t *testing.T) {
	var held []byte
	for name, test := range map[string]struct {
		reply func(n int, packet []byte) [][]byte
		err   string // "" is none
	}{
		"faithful": {faithful, ""},
		"with line feed": {func(_ int, packet []byte) [][]byte {
			return [][]byte{append(bytes.Clone(packet), '\n')}
		}, ""},
		"twice": {func(n int, packet []byte) [][]byte {
			if n == 5 {
				return [][]byte{packet, packet}
			}
			return [][]byte{packet}
		}, "want"},
		"not at all": {func(n int, packet []byte) [][]byte {
			if n == 5 {
				return nil
			}
			return [][]byte{packet}
		}, "want"},
		"never again": {func(n int, packet []byte) [][]byte {
			if n >= 5 {
				return nil
			}
			return [][]byte{packet}
		}, "2 of them missing"},
		"swapped": {func(n int, packet []byte) [][]byte {
			switch n {
			case 4:
				held = bytes.Clone(packet)
				return nil
			case 5:
				return [][]byte{packet, held}
			}
			return [][]byte{packet}
		}, "want"},
		"damaged": {func(n int, packet []byte) [][]byte {
			if n == 5 {
				packet = bytes.Clone(packet)
				packet[40] ^= 1
			}
			return [][]byte{packet}
		}, "want"},
		"cut short": {func(n int, packet []byte) [][]byte {
			if n == 5 {
				return [][]byte{append(bytes.Clone(packet[:60]), `"]`...)}
			}
			return [][]byte{packet}
		}, "want"},
		"one more in the end": {func(n int, packet []byte) [][]byte {
			if isBarrier(packet) {
				return [][]byte{held, packet}
			}
			held = bytes.Clone(packet)
			return [][]byte{packet}
		}, "want"},
		"one unasked for": {func(n int, packet []byte) [][]byte {
			if n == 5 {
				return [][]byte{packet, []byte(`42["hello"]`)}
			}
			return [][]byte{packet}
		}, "want"},
		"not a packet": {func(int, []byte) [][]byte { return [][]byte{[]byte("9")} }, "not an Engine.IO packet"},
		"closed":       {func(int, []byte) [][]byte { return [][]byte{nil} }, "connection lost"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, test.err, func() *fakeServer { return &fakeServer{reply: test.reply} }, replies(echo, 1, 2))
		})
	}
}

func TestBroadcast(t *testing.T) {
	for name, test := range map[string]struct {
		skip func(client, n int) int
		err  string
	}{
		"to each once": {func(int, int) int { return 1 }, ""},
		"one missed": {func(client, n int) int {
			if client == 2 && n == 3 {
				return 0
			}
			return 1
		}, "want"},
		"one told twice": {func(client, n int) int {
			if client == 1 && n == 3 {
				return 2
			}
			return 1
		}, "client"},
		"one left out for ever": {func(client, n int) int {
			if client == 1 {
				return 0
			}
			return 1
		}, "2 of them missing"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, test.err, func() *fakeServer { return &fakeServer{reply: faithful, skip: test.skip} }, broadcast(4, 2))
		})
	}
}

func TestRooms(t *testing.T) {
	server := func(keepAll bool) func() *fakeServer {
		return func() *fakeServer {
			return &fakeServer{reply: faithful, rooms: map[string][]net.Conn{}, keepAll: keepAll}
		}
	}
	for name, run := range map[string]func(*trial) error{"rooms": rooms(40, 2), "churn": churn(40)} {
		t.Run(name, func(t *testing.T) {
			expect(t, "", server(false), run)
		})
	}
	t.Run("leaving has no effect", func(t *testing.T) {
		expect(t, "want", server(true), churn(10))
	})
}

func TestBinaryEcho(t *testing.T) {
	expect(t, "", func() *fakeServer { return &fakeServer{reply: faithful} }, binaryEcho(2))
	expect(t, "do not alternate", func() *fakeServer {
		return &fakeServer{reply: func(n int, packet []byte) [][]byte {
			if n == 3 {
				return nil // an attachment without its event
			}
			return [][]byte{packet}
		}}
	}, binaryEcho(1))
}

func TestRefusedHandshake(t *testing.T) {
	server := httptest.NewServer(nil)
	defer server.Close()
	f, err := newFleet(Target{Addr: netip.MustParseAddrPort(server.Listener.Addr().String()), EIO: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer f.loop.Close()
	checkError(t, f.connect(1), "handshake refused")
}

func TestServerGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	_, err = Run(&Scenario{Clients: 1, run: replies(echo, 1, 1)}, Target{Addr: addr, PID: os.Getpid(), EIO: 4}, Options{})
	checkError(t, err, "connection refused")
}

func TestLimit(t *testing.T) {
	_, err := Run(&Scenario{Clients: 1 << 40}, Target{}, Options{})
	checkError(t, err, "ulimit -n")
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}
