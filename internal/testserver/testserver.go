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

// A Harness is a server in memory inside a synctest bubble.
type Harness struct {
	T *testing.T
	*socketio.Server
	Listener *memnet.Listener
	Dialer   interface {
		Dial(ctx context.Context) (net.Conn, error)
	} // between clients and the listener, if there is one
}

// Run runs f with a server in a synctest bubble, which ends only when all the
// server's goroutines have.
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

// Serve makes h's clients connect to a handler, h's server in the end.
func (h *Harness) Serve(handler http.Handler) {
	h.Listener = memnet.Listen()
	hs := &http.Server{Handler: handler}
	h.T.Cleanup(func() {
		h.Server.Close()
		hs.Close()
	})
	go hs.Serve(h.Listener)
}

// Other starts a second server on the first one's bus.
func (h *Harness) Other(o *socketio.Options) *Harness {
	other := &Harness{T: h.T, Server: socketio.NewServer(o)}
	other.Serve(other.Server)
	return other
}

// ForEachMode runs f with a server for each way to connect.
func ForEachMode(t *testing.T, o *socketio.Options, f func(h *Harness, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			Run(t, o, func(h *Harness) { f(h, mode) })
		})
	}
}

// Behaviour is forEachMode in a subtest of its own.
func Behaviour(t *testing.T, name string, f func(h *Harness, mode rawclient.Mode)) {
	t.Run(name, func(t *testing.T) { ForEachMode(t, nil, f) })
}

func (h *Harness) Dial(ctx context.Context) (net.Conn, error) {
	if h.Dialer != nil {
		return h.Dialer.Dial(ctx)
	}
	return h.Listener.Dial(ctx)
}

// MustSocket returns the connected socket of an id in "/".
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
