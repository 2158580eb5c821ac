package hostile_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"unicode/utf16"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// http sends a request as it stands, with the line feeds of its head as
// HTTP wants them, and returns the answer's status and body: "nothing" if there
// is none within answerTime, "end" if the server hangs up instead.
func (s *siege) http(request string) string {
	s.T.Helper()
	return <-s.request(request)
}

// request is http without waiting.
func (s *siege) request(request string) <-chan string {
	s.T.Helper()
	conn := s.connection()
	head, body, _ := strings.Cut(request, "\n\n")
	request = strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
	go io.WriteString(conn, request) // an answer may come before its end
	said, answered := make(chan string, 1), make(chan string, 1)
	go func() {
		method, _, _ := strings.Cut(request, " ")
		said <- s.answer(bufio.NewReader(conn), method)
	}()
	go func() {
		select {
		case a := <-said:
			answered <- a
		case <-after(answerTime):
			answered <- "nothing"
		}
	}()
	return answered
}

// answer reads the answer to a request.
func (s *siege) answer(r *bufio.Reader, method string) string {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return "end"
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	s.mu.Lock()
	s.header = resp.Header
	s.mu.Unlock()
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, text))
}

// expectHTTP wants this answer, or this status, if that is all of it.
func (s *siege) expectHTTP(request, want string) {
	s.T.Helper()
	if got := s.http(request); got != want && (len(want) != len("400") || !strings.HasPrefix(got, want+" ")) {
		s.T.Errorf("%.200q is answered by %.300q, want %.300q", request, got, want)
	}
}

// connection opens one that nobody closes but the server or the end.
func (s *siege) connection() net.Conn {
	s.T.Helper()
	conn, err := s.dial(context.Background())
	s.ok(err)
	s.mu.Lock()
	s.hangUps = append(s.hangUps, func() { conn.Close() })
	s.mu.Unlock()
	return conn
}

func (s *siege) expectEndings(want ...string) {
	s.T.Helper()
	synctest.Wait()
	if got := s.got(&s.endings); !slices.Equal(got, want) {
		s.T.Errorf("sockets end with %q, want %q", got, want)
	}
}

// target is the path and query of a session's polls.
func target(c *rawclient.Client, eio3 bool) string {
	return fmt.Sprintf("/socket.io/?EIO=%d&transport=polling&sid=%s", protocol(eio3), c.Handshake.SID)
}

// post is a POST to a session.
func post(c *rawclient.Client, eio3 bool, body string) string {
	return postTo(target(c, eio3), body)
}

func postTo(path, body string, fields ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\nHost: server.test\nContent-Length: %d\n%s\n%s",
		path, len(body), strings.Join(append(fields, ""), "\n"), body)
}

func get(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\nHost: server.test\n" + strings.Join(append(fields, "", ""), "\n")
}

// payload is a payload of one packet.
func payload(eio3 bool, packet string) string {
	if eio3 {
		return fmt.Sprintf("%d:%s", len(utf16.Encode([]rune(packet))), packet)
	}
	return packet
}

// upgrade is a request for a WebSocket. Fields of its own can be taken away by
// an empty value and replaced.
func upgrade(query string, fields ...string) string {
	all := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		all = slices.DeleteFunc(all, func(have string) bool { return strings.HasPrefix(have, name+":") })
		if value != "" {
			all = append(all, f)
		}
	}
	return get("/socket.io/?transport=websocket&"+query, all...)
}

// A wire is a WebSocket of which an attacker decides each bit.
type wire struct {
	s    *siege
	conn net.Conn

	mu      sync.Mutex
	heard   []string
	stopped bool
}

// wire opens a WebSocket.
func (s *siege) wire(query string, fields ...string) *wire {
	s.T.Helper()
	w := &wire{s: s, conn: s.connection()}
	go io.WriteString(w.conn, strings.ReplaceAll(upgrade(query, fields...), "\n", "\r\n"))
	r := bufio.NewReader(w.conn)
	resp, err := http.ReadResponse(r, nil)
	s.ok(err)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		s.T.Fatalf("WebSocket refused: %s", resp.Status)
	}
	go w.listen(r)
	return w
}

func (w *wire) listen(r io.Reader) {
	for {
		opcode, payload, err := rawclient.ReadFrame(r)
		said := "end"
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
		case err != nil:
			said = err.Error()
		case opcode == 1:
			said = "text " + string(payload)
		case opcode == 2:
			said = "binary " + string(payload)
		case opcode == 8 && len(payload) > 1:
			said = fmt.Sprintf("close %d%s", binary.BigEndian.Uint16(payload), payload[2:])
		case opcode == 8:
			said = "close"
		case opcode == 10:
			said = "pong " + string(payload)
		default:
			said = fmt.Sprint("opcode ", opcode)
		}
		w.mu.Lock()
		w.heard = append(w.heard, said)
		stopped := w.stopped
		w.mu.Unlock()
		if err != nil || stopped {
			return
		}
	}
}

// memberWire opens a WebSocket session that is in "/".
func (s *siege) memberWire(eio3 bool, fields ...string) *wire {
	s.T.Helper()
	w := s.wire(fmt.Sprint("EIO=", protocol(eio3)), fields...)
	if !eio3 {
		w.write(text("40"))
	}
	pause(answerTime)
	if got := w.take(); len(got) != 2 || !strings.HasPrefix(got[0], "text 0{") || !strings.HasPrefix(got[1], "text 40") {
		s.T.Fatalf("a WebSocket begins with %q", got)
	}
	return w
}

// write sends frames; that the server has hung up is not the attacker's affair.
func (w *wire) write(frames ...[]byte) {
	_, _ = w.conn.Write(slices.Concat(frames...))
}

// deaf makes the client read no more.
func (w *wire) deaf() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
}

// take returns what has come since it was last asked.
func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// expect wants this within answerTime, and no more.
func (w *wire) expect(want ...string) {
	w.s.T.Helper()
	pause(answerTime)
	if got := w.take(); !slices.Equal(got, want) {
		w.s.T.Errorf("the WebSocket hears %.200q, want %.200q", got, want)
	}
}

const fin = 0x80

func text(payload string) []byte { return rawclient.Frame(fin|1, payload) }
func bin(payload string) []byte  { return rawclient.Frame(fin|2, payload) }
func ping(payload string) []byte { return rawclient.Frame(fin|9, payload) }

func closing(code int, reason string) []byte {
	return rawclient.Frame(fin|8, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}
