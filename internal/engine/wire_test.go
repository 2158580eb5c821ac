package engine_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// A wire is a WebSocket of which a test decides each bit.
type wire struct {
	h    *harness
	conn net.Conn
	r    *bufio.Reader
	resp *http.Response

	deflater *deflater // where compression has been agreed on
	length   int       // of the last frame's payload
}

// wire opens a WebSocket; further headers may take the place of its own.
func (h *harness) wire(query string, header ...string) *wire {
	h.t.Helper()
	conn, err := h.dial(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if !strings.Contains(query, "EIO=") {
		query += "&EIO=4"
	}
	req, err := http.NewRequest("GET", "http://server.test/engine.io/?transport=websocket"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header = http.Header{
		"Connection":            {"keep-alive, Upgrade"},
		"Upgrade":               {"WebSocket"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Del(header[i])
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	if err := req.Write(conn); err != nil {
		h.t.Fatal(err)
	}
	w := &wire{h: h, conn: conn, r: bufio.NewReader(conn)}
	if w.resp, err = http.ReadResponse(w.r, req); err != nil {
		h.t.Fatal(err)
	}
	return w
}

// session opens a WebSocket session and takes its OPEN packet.
func (h *harness) wireSession() (*wire, *recorder) {
	h.t.Helper()
	w := h.wire("")
	if got := w.next(); len(got) < 6 || got[:6] != "text 0" {
		h.t.Fatalf("the first frame is %q", got)
	}
	return w, <-h.sessions
}

// write sends bytes, chunk at a time if chunk is not 0. An error is none of
// the test: it comes when the server has hung up.
func (w *wire) write(data []byte, chunk int) {
	if chunk == 0 {
		chunk = max(len(data), 1)
	}
	for len(data) > 0 {
		n := min(chunk, len(data))
		if _, err := w.conn.Write(data[:n]); err != nil {
			return
		}
		data = data[n:]
	}
}

// next describes the next frame: its kind and payload, a close frame's code
// and reason, "end" after the last.
func (w *wire) next() string { return w.nextWithin(time.Minute) }

func (w *wire) nextWithin(d time.Duration) string {
	_ = w.conn.SetReadDeadline(time.Now().Add(d))
	head, err := w.read(2)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
			return "end"
		}
		return err.Error()
	}
	length := uint64(head[1])
	switch length {
	case 126:
		ext, _ := w.read(2)
		length = uint64(binary.BigEndian.Uint16(ext))
	case 127:
		ext, _ := w.read(8)
		length = binary.BigEndian.Uint64(ext)
	}
	payload, err := w.read(int(length))
	if err != nil {
		return err.Error()
	}
	w.length = len(payload)
	switch head[0] {
	case 0x81:
		return "text " + string(payload)
	case 0x82:
		return "binary " + string(payload)
	case 0xC1, 0xC2:
		return w.deflated(head[0], payload)
	case 0x8A:
		return "pong " + string(payload)
	case 0x88:
		if len(payload) == 0 {
			return "close"
		}
		return fmt.Sprintf("close %d%s", binary.BigEndian.Uint16(payload), payload[2:])
	}
	return fmt.Sprintf("frame with the head %x", head)
}

// deflated describes a compressed frame.
func (w *wire) deflated(head byte, payload []byte) string {
	if w.deflater == nil {
		return "compressed frame without permessage-deflate"
	}
	message, err := w.deflater.inflate(payload)
	if err != nil {
		return err.Error()
	}
	return map[byte]string{0xC1: "deflated text ", 0xC2: "deflated binary "}[head] + message
}

func (w *wire) read(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(w.r, b)
	return b, err
}

func (w *wire) expect(want ...string) {
	w.h.t.Helper()
	for _, s := range want {
		if got := w.next(); got != s {
			w.h.t.Fatalf("got %.80q, want %.80q", got, s)
		}
	}
}

const fin = 0x80

func frame(head byte, payload string) []byte { return rawclient.Frame(head, payload) }

func frameHead(head byte, length uint64) []byte { return rawclient.FrameHead(head, length) }

func text(payload string) []byte        { return frame(fin|1, payload) }
func binaryFrame(payload string) []byte { return frame(fin|2, payload) }
func ping(payload string) []byte        { return frame(fin|9, payload) }

func closing(code int, reason string) []byte {
	return frame(fin|8, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}
