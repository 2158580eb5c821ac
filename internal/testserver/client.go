package testserver

import (
	"context"
	"regexp"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/socketiotest"
)

// A Client is a client as it looks on the wire.
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

// Connect opens a connection and connects to "/". What OnConnect does is done
// when it returns.
func (h *Harness) Connect(mode rawclient.Mode) *Client {
	h.T.Helper()
	c := h.Open(mode)
	c.Send("40")
	c.ID = c.Connected("")
	return c
}

// ConnectLegacy opens a connection, which is in "/" without asking.
func (h *Harness) ConnectLegacy(mode rawclient.Mode) *Client {
	h.T.Helper()
	c := h.OpenWith(mode, rawclient.Options{EIO3: true})
	c.Expect("40")
	synctest.Wait()
	c.ID = c.Handshake.SID
	return c
}

// TestClient is connect for tests to which it does not matter how things look on the
// wire.
func (h *Harness) TestClient(mode rawclient.Mode) *socketiotest.Client {
	h.T.Helper()
	return socketiotest.NewServer(h.T, h.Server).Connect(&socketiotest.Options{Transport: string(mode)})
}

// Connected wants the answer to a CONNECT and returns the socket's id. The
// main namespace is "".
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

func (c *Client) Send(packets ...string) {
	c.Harness.T.Helper()
	if err := c.Client.Send(packets...); err != nil {
		c.Harness.T.Fatalf("send %q: %v", packets, err)
	}
}

// Expect wants these packets next.
func (c *Client) Expect(want ...string) {
	c.Harness.T.Helper()
	for _, w := range want {
		if got := c.Next(); got != w {
			c.Harness.T.Fatalf("got packet %q, want %q", got, w)
		}
	}
}

func (c *Client) Next() string {
	c.Harness.T.Helper()
	p, err := c.Client.Next()
	if err != nil {
		c.Harness.T.Fatalf("no packet: %v", err)
	}
	return p
}

// Match wants a packet of this form next and returns its parts.
func (c *Client) Match(pattern string) []string {
	c.Harness.T.Helper()
	got := c.Next()
	m := regexp.MustCompile(pattern).FindStringSubmatch(got)
	if m == nil {
		c.Harness.T.Fatalf("got packet %q, want one like %s", got, pattern)
	}
	return m
}

// ExpectClosed wants the connection to end, with nothing before.
func (c *Client) ExpectClosed() {
	c.Harness.T.Helper()
	if p, err := c.Client.Next(); err == nil {
		c.Harness.T.Fatalf("got packet %q, want the end", p)
	}
}
