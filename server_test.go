package socketio_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A harness is a server in memory inside a synctest bubble.
type harness struct {
	*testing.T
	*socketio.Server
	listener *memnet.Listener
}

// run runs f with a server in a synctest bubble, which ends only when all the
// server's goroutines have.
func run(t *testing.T, o *socketio.Options, f func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o == nil {
			o = &socketio.Options{}
		}
		if o.Logger == nil {
			o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		h := &harness{T: t, Server: socketio.NewServer(o), listener: memnet.Listen()}
		hs := &http.Server{Handler: h.Server}
		go hs.Serve(h.listener)
		f(h)
		h.Server.Close()
		hs.Close()
		synctest.Wait()
	})
}

// forEachMode runs f with a server for each way to connect.
func forEachMode(t *testing.T, o *socketio.Options, f func(h *harness, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			run(t, o, func(h *harness) { f(h, mode) })
		})
	}
}

func (h *harness) dial(ctx context.Context) (net.Conn, error) { return h.listener.Dial(ctx) }

// A client is a client as it looks on the wire.
type client struct {
	*rawclient.Client
	h  *harness
	id string // of its socket in "/"
}

// open opens a connection without connecting to a namespace.
func (h *harness) open(mode rawclient.Mode) *client {
	h.Helper()
	c, err := rawclient.Open(context.Background(), h.dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		h.Fatalf("open over %s: %v", mode, err)
	}
	h.Cleanup(c.Drop)
	return &client{Client: c, h: h}
}

// connect opens a connection and connects to "/".
func (h *harness) connect(mode rawclient.Mode) *client {
	h.Helper()
	c := h.open(mode)
	c.send("40")
	c.id = c.match(`^40\{"sid":"([\w-]{20})"\}$`)[1]
	return c
}

func (c *client) send(packets ...string) {
	c.h.Helper()
	if err := c.Send(packets...); err != nil {
		c.h.Fatalf("send %q: %v", packets, err)
	}
}

// expect wants these packets next.
func (c *client) expect(want ...string) {
	c.h.Helper()
	for _, w := range want {
		if got := c.next(); got != w {
			c.h.Fatalf("got packet %q, want %q", got, w)
		}
	}
}

func (c *client) next() string {
	c.h.Helper()
	p, err := c.Next()
	if err != nil {
		c.h.Fatalf("no packet: %v", err)
	}
	return p
}

// match wants a packet of this form next and returns its parts.
func (c *client) match(pattern string) []string {
	c.h.Helper()
	got := c.next()
	m := regexp.MustCompile(pattern).FindStringSubmatch(got)
	if m == nil {
		c.h.Fatalf("got packet %q, want one like %s", got, pattern)
	}
	return m
}

// expectClosed wants the connection to end, with nothing before.
func (c *client) expectClosed() {
	c.h.Helper()
	if p, err := c.Next(); err == nil {
		c.h.Fatalf("got packet %q, want the end", p)
	}
}

type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func TestTypedHandlers(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		socketio.On(h.Server, "message", func(ctx context.Context, s *socketio.Socket, m message) error {
			return s.Emit("echo", m)
		})
		socketio.OnCall(h.Server, "sum", func(ctx context.Context, s *socketio.Socket, terms []int) (int, error) {
			sum := 0
			for _, n := range terms {
				sum += n
			}
			return sum, nil
		})
		c := h.connect(mode)
		c.send(`42["message",{"room":"a","text":"hé"}]`)
		c.expect(`42["echo",{"room":"a","text":"hé"}]`)
		c.send(`427["sum",[1,2,3]]`)
		c.expect(`437[6]`)
		c.send(`428["message",{"text":"acked"}]`)
		c.expect(`42["echo",{"room":"","text":"acked"}]`, `438[]`)
	})
}
