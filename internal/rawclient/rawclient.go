// Package rawclient is a minimal Engine.IO client for tests: it shows the
// packets as they are on the wire and does nothing by itself, except that it
// polls. It shares no code with the server.
package rawclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Mode is the way a client connects.
type Mode string

// The modes. Upgrade opens over polling and goes on over WebSocket.
const (
	Polling   Mode = "polling"
	WebSocket Mode = "websocket"
	Upgrade   Mode = "upgrade"
)

// Modes are all modes.
var Modes = []Mode{Polling, WebSocket, Upgrade}

// A Client is one session. Send may be called by any goroutine, its other
// methods by one at a time.
type Client struct {
	// Pong makes the client answer PINGs by itself and not show them.
	Pong bool

	Handshake Handshake

	eio3    bool
	url     string
	header  http.Header
	dial    func(ctx context.Context) (net.Conn, error)
	http    *http.Client
	ws      *wsConn
	packets chan string
	sending chan struct{} // has room while nobody sends; a mutex would stop the time of a synctest bubble
	stop    context.CancelFunc
	ctx     context.Context
	readers sync.WaitGroup
	paused  atomic.Bool // no poll follows that under way

	mu  sync.Mutex
	err error
}

// Handshake is the OPEN packet's content.
type Handshake struct {
	SID          string
	Upgrades     []string
	PingInterval int64
	PingTimeout  int64
	MaxPayload   int
}

// Options say where a client connects to.
type Options struct {
	Path   string // "/engine.io/" by default
	Query  string // further query parameters, "a=b&c=d"
	Header http.Header
	Pong   bool
	EIO3   bool // speak protocol 3
}

// Open opens a session through the connections of dial.
func Open(ctx context.Context, dial func(ctx context.Context) (net.Conn, error), mode Mode, o Options) (*Client, error) {
	if o.Path == "" {
		o.Path = "/engine.io/"
	}
	c := &Client{
		Pong:    o.Pong,
		eio3:    o.EIO3,
		url:     "http://server.test" + o.Path + "?EIO=4",
		header:  o.Header,
		dial:    dial,
		packets: make(chan string, 1024),
		sending: make(chan struct{}, 1),
	}
	if o.EIO3 {
		c.url = strings.Replace(c.url, "EIO=4", "EIO=3", 1)
	}
	if o.Query != "" {
		c.url += "&" + o.Query
	}
	c.ctx, c.stop = context.WithCancel(ctx)
	c.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	if err := c.open(mode); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

func (c *Client) open(mode Mode) error {
	if mode == WebSocket {
		ws, err := c.openWebSocket("")
		if err != nil {
			return err
		}
		c.ws = ws
		first, err := ws.next()
		if err != nil {
			return err
		}
		if err := c.parseHandshake(first); err != nil {
			return err
		}
		c.readers.Go(func() { c.readWebSocket(ws) })
		return nil
	}
	body, err := c.request(http.MethodGet, "", "", false)
	if err != nil {
		return err
	}
	packets, err := Split(body, c.eio3)
	if err != nil {
		return err
	}
	if err := c.parseHandshake(packets[0]); err != nil {
		return err
	}
	if mode == Upgrade {
		return c.Upgrade()
	}
	c.readers.Go(c.poll)
	return nil
}

func (c *Client) parseHandshake(packet string) error {
	if !strings.HasPrefix(packet, "0") {
		return fmt.Errorf("no OPEN packet but %q", packet)
	}
	return json.Unmarshal([]byte(packet[1:]), &c.Handshake)
}

// Upgrade moves a session to WebSocket. As the stock client does, it polls until
// the probe has been answered.
func (c *Client) Upgrade() error {
	ws, err := c.openWebSocket(c.Handshake.SID)
	if err != nil {
		return err
	}
	if err := ws.write("2probe"); err != nil {
		return err
	}
	answer, err := ws.next()
	if err != nil {
		return err
	}
	if answer != "3probe" {
		return fmt.Errorf("the probe is answered by %q", answer)
	}
	c.paused.Store(true)
	c.readers.Wait()
	c.mu.Lock()
	err = c.err
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := ws.write("5"); err != nil {
		return err
	}
	c.ws = ws
	c.readers.Go(func() { c.readWebSocket(ws) })
	return nil
}

// Send sends packets, as text on the wire; a packet that begins with "b" is a
// binary message in base64. Over polling they share a POST, over WebSocket a
// write. Nothing gets between them.
func (c *Client) Send(packets ...string) error {
	c.sending <- struct{}{}
	return c.send(packets...)
}

// send is Send for a caller that has put a value into c.sending. It takes the
// value out.
func (c *Client) send(packets ...string) error {
	defer func() { <-c.sending }()
	if c.ws == nil {
		body, octets, err := Join(packets, c.eio3)
		if err != nil {
			return err
		}
		body, err = c.request(http.MethodPost, c.Handshake.SID, body, octets)
		if err == nil && body != "ok" {
			return fmt.Errorf("POST answered by %q", body)
		}
		return err
	}
	return c.ws.write(packets...)
}

// ErrSilence is the error of Next when no packet has come within a minute.
var ErrSilence = errors.New("no packet within a minute")

// Next returns the next packet, waiting for it up to a minute. Binary
// messages are shown as "b" and base64 on any transport. After the end of the
// session it returns an error, io.EOF for an orderly one.
func (c *Client) Next() (string, error) {
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	select {
	case p, ok := <-c.packets:
		if ok {
			return p, nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return "", c.err
	case <-timeout.C:
		return "", ErrSilence
	}
}

// Packets are what Next returns; the channel is closed at the end of the
// session.
func (c *Client) Packets() <-chan string { return c.packets }

// Close ends the session as socket.io-client does: a CLOSE packet over
// polling, a close frame over WebSocket.
func (c *Client) Close() {
	if c.ws != nil {
		_ = c.ws.writeFrame(opClose, []byte{0x03, 0xe8})
	} else if c.Handshake.SID != "" {
		_ = c.Send("1")
	}
	c.Drop()
}

// Drop breaks all connections.
func (c *Client) Drop() {
	c.stop()
	if c.ws != nil {
		c.ws.conn.Close()
	}
	c.readers.Wait()
	c.http.CloseIdleConnections()
}

func (c *Client) end(err error) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	close(c.packets)
}

func (c *Client) readWebSocket(ws *wsConn) {
	for {
		packet, err := ws.next()
		if err != nil {
			c.end(err)
			return
		}
		if !c.show(packet) {
			c.end(net.ErrClosed)
			return
		}
	}
}

func (c *Client) poll() {
	for !c.paused.Load() {
		body, err := c.request(http.MethodGet, c.Handshake.SID, "", false)
		if err != nil {
			c.end(err)
			return
		}
		packets, err := Split(body, c.eio3)
		if err != nil {
			c.end(err)
			return
		}
		for _, packet := range packets {
			if packet == "1" {
				c.end(io.EOF)
				return
			}
			if packet != "6" && !c.show(packet) {
				c.end(net.ErrClosed)
				return
			}
		}
	}
}

// A StatusError is an answer other than 200.
type StatusError struct {
	Status int
	Body   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Body) }

func (c *Client) request(method, sid, body string, octets bool) (string, error) {
	url := c.url + "&transport=polling"
	if sid != "" {
		url += "&sid=" + sid
	}
	req, err := http.NewRequestWithContext(c.ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if octets {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", &StatusError{resp.StatusCode, string(bytes.TrimSpace(answer))}
	}
	return string(answer), nil
}

func (c *Client) openWebSocket(sid string) (*wsConn, error) {
	conn, err := c.dial(c.ctx)
	if err != nil {
		return nil, err
	}
	url := c.url + "&transport=websocket"
	if sid != "" {
		url += "&sid=" + sid
	}
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if err := req.Write(conn); err != nil {
		conn.Close()
		return nil, err
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer conn.Close()
		body, _ := io.ReadAll(resp.Body)
		return nil, &StatusError{resp.StatusCode, string(bytes.TrimSpace(body))}
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		conn.Close()
		return nil, fmt.Errorf("wrong Sec-WebSocket-Accept %q", got)
	}
	return &wsConn{conn: conn, r: br, eio3: c.eio3}, nil
}

// OverWebSocket reports whether that is the transport.
func (c *Client) OverWebSocket() bool { return c.ws != nil }
