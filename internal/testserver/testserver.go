// Package testserver runs a server in memory for tests, in a synctest bubble:
// time is virtual, and a test fails if the server leaves a goroutine behind.
//
// [Run] starts a test with a [Harness], which is the server and the network in
// front of it; [ForEachMode] does so once per way to connect. The harness opens
// clients of four kinds:
//
//   - [Harness.Connect] returns a [Client], whose packets the test writes and
//     reads as they are on the wire.
//   - [Harness.NewPoller] returns a [Poller], whose HTTP requests the test makes
//     one by one.
//   - [Harness.Guest] returns a [Guest], which comes back with the offset and
//     the private session id that state recovery needs.
//   - [Harness.TestClient] returns a client of package socketiotest, for tests
//     that do not care about the wire.
//
// [Harness.Other] starts a second server, and [Harness.Peer] speaks for a server
// of another make. A [LogBook] is a log that a test reads.
//
// Methods that cannot do what they are asked to end the test.
package testserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A Harness is a server in memory inside a synctest bubble. It has the methods
// of the server; those of the test are at T.
type Harness struct {
	T *testing.T // of the bubble
	*socketio.Server
	Listener *memnet.Listener
	Dialer   Dialer // connects the clients instead of the listener, if not nil
}

// A Dialer connects a client to the server, over a network of its own.
type Dialer interface {
	Dial(ctx context.Context) (net.Conn, error)
}

// Run runs f with a server that has the options o, or the defaults if o is nil.
// It returns when f and all goroutines of the server have returned; the server
// is closed after f. Without a Logger the server logs to the test's output.
func Run(t *testing.T, o *socketio.Options, f func(h *Harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o == nil {
			o = &socketio.Options{}
		}
		if o.Logger == nil {
			o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		h := &Harness{T: t, Server: socketio.NewServer(o)}
		h.Serve(h.Server)
		watchdog := time.AfterFunc(time.Hour, func() { panic("the test waits for what never comes") })
		defer watchdog.Stop()
		f(h)
	})
}

// Serve makes clients that connect from now on reach handler, which passes their
// requests to the server.
func (h *Harness) Serve(handler http.Handler) {
	h.Listener = memnet.Listen()
	hs := &http.Server{Handler: handler}
	h.T.Cleanup(func() {
		h.Server.Close()
		hs.Close()
	})
	go hs.Serve(h.Listener)
}

// Other starts another server in the same bubble. With the same Adapter in its
// options it is a server of the same cluster.
func (h *Harness) Other(o *socketio.Options) *Harness {
	other := &Harness{T: h.T, Server: socketio.NewServer(o)}
	other.Serve(other.Server)
	return other
}

// ForEachMode is Run in a subtest for each way to connect: polling, WebSocket,
// and the upgrade from one to the other.
func ForEachMode(t *testing.T, o *socketio.Options, f func(h *Harness, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			Run(t, o, func(h *Harness) { f(h, mode) })
		})
	}
}

// Behaviour is ForEachMode with the default options in a subtest with this name.
func Behaviour(t *testing.T, name string, f func(h *Harness, mode rawclient.Mode)) {
	t.Run(name, func(t *testing.T) { ForEachMode(t, nil, f) })
}

// Dial opens a connection to the server.
func (h *Harness) Dial(ctx context.Context) (net.Conn, error) {
	if h.Dialer != nil {
		return h.Dialer.Dial(ctx)
	}
	return h.Listener.Dial(ctx)
}

// MustSocket returns the connected socket with this id in "/".
func (h *Harness) MustSocket(id string) *socketio.Socket {
	h.T.Helper()
	for s := range h.In(id).Sockets() {
		return s
	}
	h.T.Fatalf("no socket %q", id)
	return nil
}

// AnySocket returns some socket of a namespace.
func (h *Harness) AnySocket(n *socketio.Namespace) *socketio.Socket {
	h.T.Helper()
	for s := range n.Sockets() {
		return s
	}
	h.T.Fatalf("no socket in %s", n.Name())
	return nil
}

// Check fails the test, but not at once, if err is not nil.
func (h *Harness) Check(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Error(err)
	}
}
