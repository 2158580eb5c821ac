package systemtest

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A puppet is one session of a client that a fuzzer drives: it polls, posts and
// upgrades when told to, and writes down what it hears.
type puppet struct {
	h     *testserver.Harness
	eio3  bool
	http  *http.Client
	url   string
	sid   string
	ws    *puppetWire // the transport, if it is not polling
	probe *puppetWire // before its upgrade

	ctx  context.Context // of its requests
	stop context.CancelFunc

	mu      sync.Mutex
	packets []string
	polling bool
}

// A puppetWire is a WebSocket of a puppet.
type puppetWire struct {
	conn net.Conn
	eio3 bool

	mu    sync.Mutex
	heard []string
	ended bool
}

// puppet opens a session.
func newPuppet(h *testserver.Harness, eio3, overWebSocket bool) *puppet {
	p := &puppet{h: h, eio3: eio3, url: "/socket.io/?EIO=4"}
	if eio3 {
		p.url = "/socket.io/?EIO=3"
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.Dial(ctx) },
	}}
	if overWebSocket {
		p.ws = p.dial()
	} else {
		p.poll()
	}
	heard := p.take()
	if len(heard) == 0 {
		h.T.Fatal("no OPEN packet")
	}
	_, rest, found := strings.Cut(heard[0], `0{"sid":"`)
	if !found {
		h.T.Fatalf("a session opens with %q", heard[0])
	}
	p.sid, _, _ = strings.Cut(rest, `"`)
	return p
}

func (p *puppet) request(method, transport, body string) *http.Request {
	url := "http://server.test" + p.url + "&transport=" + transport
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	req, err := http.NewRequestWithContext(p.ctx, method, url, strings.NewReader(body))
	if err != nil {
		p.h.T.Fatal(err)
	}
	return req
}

func (p *puppet) do(req *http.Request) (status int, body string) {
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// poll begins a poll, which ends when the server wants it to.
func (p *puppet) poll() {
	p.mu.Lock()
	p.polling = true
	p.mu.Unlock()
	go func() {
		status, body := p.do(p.request(http.MethodGet, "polling", ""))
		p.mu.Lock()
		defer p.mu.Unlock()
		p.polling = false
		if status != http.StatusOK {
			return
		}
		packets, err := rawclient.Split(body, p.eio3)
		p.h.Check(err)
		p.packets = append(p.packets, packets...)
	}()
	synctest.Wait()
}

func (p *puppet) isPolling() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polling
}

// send sends packets as rawclient.Client.Send does.
func (p *puppet) send(packets ...string) {
	defer synctest.Wait()
	if p.ws != nil {
		for _, packet := range packets {
			p.ws.send(packet)
		}
		return
	}
	body, octets, err := rawclient.Join(packets, p.eio3)
	if err != nil {
		return // base64 that is none has no other form
	}
	p.post(body, octets)
}

// post sends the body of a POST as it is.
func (p *puppet) post(body string, octets bool) {
	req := p.request(http.MethodPost, "polling", body)
	if octets {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	p.do(req)
	synctest.Wait()
}

// dial opens a WebSocket, for the session if there is one. It returns nil if
// that is refused.
func (p *puppet) dial() *puppetWire {
	conn, err := p.h.Dial(context.Background())
	if err != nil {
		p.h.T.Fatal(err)
	}
	req := p.request(http.MethodGet, "websocket", "")
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		req.Header.Set(name, value)
	}
	p.h.Check(req.Write(conn))
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, req)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return nil
	}
	w := &puppetWire{conn: conn, eio3: p.eio3}
	go w.listen(r)
	synctest.Wait()
	return w
}

func (w *puppetWire) listen(r io.Reader) {
	for {
		opcode, payload, err := rawclient.ReadFrame(r)
		packet := string(payload)
		switch {
		case err != nil:
		case opcode == 2 && w.eio3:
			packet = "b" + base64.StdEncoding.EncodeToString(payload[1:])
		case opcode == 2:
			packet = "b" + base64.StdEncoding.EncodeToString(payload)
		case opcode == 8:
			err = errors.New("close frame")
			w.conn.Close()
		case opcode != 1:
			continue
		}
		w.mu.Lock()
		if err == nil {
			w.heard = append(w.heard, packet)
		} else {
			w.ended = true
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send sends a packet in a frame of its own.
func (w *puppetWire) send(packet string) {
	data, is := strings.CutPrefix(packet, "b")
	if !is {
		w.write(rawclient.Frame(0x81, packet))
		return
	}
	binary, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return
	}
	if w.eio3 {
		binary = append([]byte{4}, binary...)
	}
	w.write(rawclient.Frame(0x82, string(binary)))
}

// write sends bytes; that the server has hung up shows elsewhere.
func (w *puppetWire) write(b []byte) {
	_, _ = w.conn.Write(b)
	synctest.Wait()
}

func (w *puppetWire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// over reports whether the server has ended it.
func (w *puppetWire) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// take returns what has come since it was last asked: what came over polling
// is older than what came over the WebSocket that took its place.
func (p *puppet) take() []string {
	p.mu.Lock()
	heard := p.packets
	p.packets = nil
	p.mu.Unlock()
	if p.ws != nil {
		heard = append(heard, p.ws.take()...)
	}
	return heard
}

// drop breaks all connections.
func (p *puppet) drop() {
	for _, w := range []*puppetWire{p.ws, p.probe} {
		if w != nil {
			w.conn.Close()
		}
	}
	p.stop()
	synctest.Wait()
	p.http.CloseIdleConnections()
	synctest.Wait()
}

// A cutter sends a frame as three, with a ping among them.
type cutter struct{ net.Conn }

func (c cutter) Write(frame []byte) (int, error) {
	const head = 6 // of a short frame
	payload := slices.Clone(frame[head:])
	for i := range payload {
		payload[i] ^= frame[2+i%4]
	}
	cut := len(payload) / 2
	for _, f := range [][]byte{
		rawclient.Frame(1, string(payload[:cut])),
		rawclient.Frame(0x89, "ping"),
		rawclient.Frame(0, string(payload[cut:])),
		rawclient.Frame(0x80, ""),
	} {
		if _, err := c.Conn.Write(f); err != nil {
			return 0, err
		}
	}
	return len(frame), nil
}
