package socketio_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/socketiotest"
)

// A harness is a server in memory inside a synctest bubble.
type harness struct {
	*testing.T
	*socketio.Server
	listener *memnet.Listener
	net      *faultyNet // between clients and the listener, if there is one
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
		h := &harness{T: t, Server: socketio.NewServer(o)}
		h.serve(h.Server)
		watchdog := time.AfterFunc(time.Hour, func() { panic("the test waits for what never comes") })
		defer watchdog.Stop()
		f(h)
	})
}

// serve makes h's clients connect to a handler, h's server in the end.
func (h *harness) serve(handler http.Handler) {
	h.listener = memnet.Listen()
	hs := &http.Server{Handler: handler}
	h.Cleanup(func() {
		h.Server.Close()
		hs.Close()
	})
	go hs.Serve(h.listener)
}

// forEachMode runs f with a server for each way to connect.
func forEachMode(t *testing.T, o *socketio.Options, f func(h *harness, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			run(t, o, func(h *harness) { f(h, mode) })
		})
	}
}

// behaviour is forEachMode in a subtest of its own.
func behaviour(t *testing.T, name string, f func(h *harness, mode rawclient.Mode)) {
	t.Run(name, func(t *testing.T) { forEachMode(t, nil, f) })
}

func (h *harness) dial(ctx context.Context) (net.Conn, error) {
	if h.net != nil {
		return h.net.Dial(ctx)
	}
	return h.listener.Dial(ctx)
}

// A client is a client as it looks on the wire.
type client struct {
	*rawclient.Client
	h  *harness
	id string // of its socket in "/"
}

// open opens a connection without connecting to a namespace.
func (h *harness) open(mode rawclient.Mode) *client {
	h.Helper()
	return h.openWith(mode, rawclient.Options{Pong: true})
}

func (h *harness) openWith(mode rawclient.Mode, o rawclient.Options) *client {
	h.Helper()
	o.Path = "/socket.io/"
	c, err := rawclient.Open(context.Background(), h.dial, mode, o)
	if err != nil {
		h.Fatalf("open over %s: %v", mode, err)
	}
	h.Cleanup(c.Drop)
	return &client{Client: c, h: h}
}

// connect opens a connection and connects to "/". What OnConnect does is done
// when it returns.
func (h *harness) connect(mode rawclient.Mode) *client {
	h.Helper()
	c := h.open(mode)
	c.send("40")
	c.id = c.connected("")
	return c
}

// join is connect for tests to which it does not matter how things look on the
// wire.
func (h *harness) join(mode rawclient.Mode) *socketiotest.Client {
	h.Helper()
	return socketiotest.NewServer(h.T, h.Server).Connect(&socketiotest.Options{Transport: string(mode)})
}

// socket returns the connected socket of an id in "/".
func (h *harness) socket(id string) *socketio.Socket {
	h.Helper()
	for s := range h.In(id).Sockets() {
		return s
	}
	h.Fatalf("no socket %q", id)
	return nil
}

// connected wants the answer to a CONNECT and returns the socket's id. The
// main namespace is "".
func (c *client) connected(namespace string) string {
	c.h.Helper()
	if namespace != "" {
		namespace += ","
	}
	id := c.match(`^40` + namespace + `\{"sid":"([\w-]{20})"\}$`)[1]
	synctest.Wait()
	return id
}

// enter connects to a further namespace.
func (c *client) enter(namespace string) (id string) {
	c.h.Helper()
	c.send("40" + namespace + ",")
	return c.connected(namespace)
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

// check fails the test, but not at once, if err is not nil.
func (h *harness) check(err error) {
	h.Helper()
	if err != nil {
		h.Error(err)
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

func TestClientsCount(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		h.Of("/chat")
		both, one := h.connect(mode), h.open(mode)
		both.enter("/chat")
		if n := h.ClientsCount(); n != 2 {
			h.Errorf("%d clients, want 2", n)
		}
		one.Close()
		synctest.Wait()
		if n := h.ClientsCount(); n != 1 {
			h.Errorf("%d clients, want 1", n)
		}
	})
}

func TestPattern(t *testing.T) {
	for path, pattern := range map[string]string{
		"":            "/socket.io/",
		"/":           "/",
		"/live":       "/live/",
		"/live/":      "/live/",
		"/{app}/a b%": "/%7Bapp%7D/a%20b%25/",
	} {
		t.Run("of path "+path, func(t *testing.T) {
			io := socketio.NewServer(&socketio.Options{Path: path})
			defer io.Close()
			if got := io.Pattern(); got != pattern {
				t.Fatalf("pattern %q, want %q", got, pattern)
			}
			mux := http.NewServeMux()
			mux.Handle(io.Pattern(), io)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", pattern+"?EIO=4&transport=polling", nil))
			if w.Code != http.StatusOK {
				t.Errorf("answered by %d %q", w.Code, w.Body)
			}
		})
	}
}
