package testserver

import (
	"context"
	"errors"
	"regexp"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/socketiotest"
)

// A Client is a connection on which a test sends and expects packets as they
// are on the wire: "40" is a CONNECT, 42["e"] an event. Its Send and Next fail
// the test; those of the embedded client return an error instead.
type Client struct {
	*rawclient.Client
	Harness *Harness
	ID      string // of its socket in "/"
}

// Open opens a connection without connecting to a namespace.
func (h *Harness) Open(mode rawclient.Mode) *Client {
	h.T.Helper()
	return h.OpenWith(mode, rawclient.Options{Pong: true})
}

// OpenWith is Open with options.
func (h *Harness) OpenWith(mode rawclient.Mode, o rawclient.Options) *Client {
	h.T.Helper()
	o.Path = "/socket.io/"
	c, err := rawclient.Open(context.Background(), h.Dial, mode, o)
	if err != nil {
		h.T.Fatalf("open over %s: %v", mode, err)
	}
	h.T.Cleanup(c.Drop)
	return &Client{Client: c, Harness: h}
}

// Connect opens a connection and connects to "/". It returns after the functions
// of OnConnect.
func (h *Harness) Connect(mode rawclient.Mode) *Client {
	h.T.Helper()
	c := h.Open(mode)
	c.Send("40")
	c.ID = c.Connected("")
	return c
}

// ConnectLegacy opens a connection of protocol revision 3, which the server
// connects to "/" by itself.
func (h *Harness) ConnectLegacy(mode rawclient.Mode) *Client {
	h.T.Helper()
	c := h.OpenWith(mode, rawclient.Options{EIO3: true})
	c.Expect("40")
	synctest.Wait()
	c.ID = c.Handshake.SID
	return c
}

// TestClient is Connect for tests that do not care about the wire.
func (h *Harness) TestClient(mode rawclient.Mode) *socketiotest.Client {
	h.T.Helper()
	return socketiotest.NewServer(h.T, h.Server).Connect(&socketiotest.Options{Transport: string(mode)})
}

// Connected expects the answer to a CONNECT and returns the socket's id. The
// name of the main namespace is "" here.
func (c *Client) Connected(namespace string) string {
	c.Harness.T.Helper()
	if namespace != "" {
		namespace += ","
	}
	id := c.Match(`^40` + namespace + `\{"sid":"([\w-]{20})"\}$`)[1]
	synctest.Wait()
	return id
}

// Enter connects to a further namespace.
func (c *Client) Enter(namespace string) (id string) {
	c.Harness.T.Helper()
	c.Send("40" + namespace + ",")
	return c.Connected(namespace)
}

// Send sends packets.
func (c *Client) Send(packets ...string) {
	c.Harness.T.Helper()
	if err := c.Client.Send(packets...); err != nil {
		c.Harness.T.Fatalf("send %q: %v", packets, err)
	}
}

// Expect expects these packets next, in this order.
func (c *Client) Expect(want ...string) {
	c.Harness.T.Helper()
	for _, w := range want {
		if got := c.Next(); got != w {
			c.Harness.T.Fatalf("got packet %q, want %q", got, w)
		}
	}
}

// Next returns the next packet.
func (c *Client) Next() string {
	c.Harness.T.Helper()
	p, err := c.Client.Next()
	if err != nil {
		c.Harness.T.Fatalf("no packet: %v", err)
	}
	return p
}

// Match expects a packet that matches pattern next, and returns its submatches.
func (c *Client) Match(pattern string) []string {
	c.Harness.T.Helper()
	got := c.Next()
	m := regexp.MustCompile(pattern).FindStringSubmatch(got)
	if m == nil {
		c.Harness.T.Fatalf("got packet %q, want one like %s", got, pattern)
	}
	return m
}

// ExpectClosed expects the end of the connection, without a packet before it.
func (c *Client) ExpectClosed() {
	c.Harness.T.Helper()
	if p, err := c.Client.Next(); err == nil || errors.Is(err, rawclient.ErrSilence) {
		c.Harness.T.Fatalf("got packet %q (%v), want the end", p, err)
	}
}
