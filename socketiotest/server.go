// Package socketiotest provides a server and clients in memory for tests of
// Socket.IO handlers, as net/http/httptest does for HTTP:
//
//	func TestRooms(t *testing.T) {
//		io := newChat() // the *socketio.Server under test
//		srv := socketiotest.NewServer(t, io)
//		ann, bob := srv.Connect(nil), srv.Connect(nil)
//
//		welcome := socketiotest.Call[string](ann, "join", "lobby") // emitWithAck
//		if welcome != "welcome to lobby" {
//			t.Errorf("got %q", welcome)
//		}
//		bob.Emit("join", "lobby")
//		ann.Expect("joined", bob.ID())
//		bob.Emit("message", Message{Room: "lobby", Text: "hello"})
//		ann.Expect("message", Message{Room: "lobby", Text: "hello"})
//	}
//
// Clients speak the protocol over connections in memory, through the whole
// server: middleware, CORS, transports, heartbeat. They keep received events
// until the test asks for them. If an event does not arrive within ten seconds,
// the test fails and lists the events that arrived instead.
//
// The package works in a bubble of testing/synctest, and best there: waiting
// takes no time, the server's OnConnect has returned when Connect returns, and
// its handlers have returned after synctest.Wait. Outside of a bubble, only a
// reply proves that the server has handled an event.
//
// Methods that can fail the test must be called from the test's goroutine, as
// those of testing.T must.
package socketiotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/parser"
)

// timeout is how long a test waits for an event or a reply.
const timeout = 10 * time.Second

// A Server is an HTTP server in memory.
type Server struct {
	t        testing.TB
	listener *memnet.Listener
}

// NewServer serves h, a *socketio.Server or a handler in front of one, until the
// end of the test. Then it calls h.Close, if h has that method.
func NewServer(t testing.TB, h http.Handler) *Server {
	s := &Server{t: t, listener: memnet.Listen()}
	hs := &http.Server{Handler: h}
	go func() { _ = hs.Serve(s.listener) }() // its error is that it has been closed
	t.Cleanup(func() {
		if c, ok := h.(io.Closer); ok {
			c.Close()
		}
		_ = hs.Close()
	})
	return s
}

// Options say how a client connects. The zero value of each field means its
// default.
type Options struct {
	// Namespace is the namespace to connect to. Defaults to "/".
	Namespace string

	// Auth is the auth option of socket.io-client. Defaults to no auth.
	Auth any

	// Transport is "websocket", "polling", or "upgrade". With "upgrade" the
	// client begins with polling and changes to WebSocket before it sends
	// anything. Defaults to "websocket".
	Transport string

	// Path of the server. Defaults to "/socket.io/".
	Path string

	// Query and Header are added to each request of the client. With an Origin
	// header the server treats the client as a page of that origin.
	Query  url.Values
	Header http.Header

	// Parser of the server. Defaults to [parser.JSON].
	Parser parser.Parser
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Namespace == "" {
		c.Namespace = "/"
	}
	if c.Transport == "" {
		c.Transport = string(rawclient.WebSocket)
	}
	if c.Path == "" {
		c.Path = "/socket.io/"
	}
	if c.Parser == nil {
		c.Parser = parser.JSON{}
	}
	return c
}

// Connect returns a client that has been let in, or fails the test. Options
// may be nil. The connection is closed at the end of the test.
func (s *Server) Connect(o *Options) *Client {
	s.t.Helper()
	c, err := s.Dial(o)
	if err != nil {
		s.t.Fatalf("socketiotest: connect: %v", err)
	}
	return c
}

// Dial is Connect for a client that may be refused. If the namespace refuses
// the client, the error is a *socketio.Error with the message and data of
// connect_error. If the server refuses the connection, the error is another one
// and names the HTTP status.
func (s *Server) Dial(o *Options) (*Client, error) {
	opts := o.withDefaults()
	if !slices.Contains(rawclient.Modes, rawclient.Mode(opts.Transport)) {
		return nil, fmt.Errorf("unknown transport %q; there are %q", opts.Transport, rawclient.Modes)
	}
	raw, err := rawclient.Open(context.Background(), s.dial, rawclient.Mode(opts.Transport), rawclient.Options{
		Path: opts.Path, Query: opts.Query.Encode(), Header: opts.Header, Pong: true,
	})
	if err != nil {
		return nil, err
	}
	conn := newConnection(s.t, raw, opts.Parser)
	c, err := conn.enter(opts.Namespace, opts.Auth)
	if err != nil {
		raw.Close()
		return nil, err
	}
	settle()
	return c, nil
}

// settle lets the server do what it can about a new client, in a synctest
// bubble. Outside of one synctest.Wait panics.
func settle() {
	defer func() { _ = recover() }()
	synctest.Wait()
}

func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	conn, err := s.listener.Dial(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = fmt.Errorf("the server is closed: %w", err)
	}
	return conn, err
}
