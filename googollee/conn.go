package googollee

import (
	"errors"
	"net"
	"net/http"
	"net/url"

	gosocketio "github.com/googollee/go-socket.io"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/unshared"
)

// A conn is a socket that looks like go-socket.io's Conn. It has no state of
// its own: conns of one socket are equal, as programs that have them as keys
// of maps need.
type conn struct {
	socket    *socketio.Socket
	namespace *namespace
}

var _ gosocketio.Conn = conn{}

// ID implements gosocketio.Conn. It is the id that the client knows.
func (c conn) ID() string { return c.socket.ID() }

// Namespace implements gosocketio.Conn.
func (c conn) Namespace() string { return c.namespace.io.Name() }

// Context implements gosocketio.Conn with the socket's Data.
func (c conn) Context() any { return c.socket.Data() }

// SetContext implements gosocketio.Conn. The value is not encoded for other
// servers, as SetData would do: programs share it between goroutines.
func (c conn) SetContext(v any) { c.socket.SetData(unshared.Value{V: v}) }

// Close implements gosocketio.Conn: it closes the connection of all the
// client's namespaces.
func (c conn) Close() error {
	c.socket.Disconnect(true)
	return nil
}

// Join implements gosocketio.Conn.
func (c conn) Join(room string) { _ = c.socket.Join(room) } // without a limit there is no error

// Leave implements gosocketio.Conn.
func (c conn) Leave(room string) { c.socket.Leave(room) }

// LeaveAll implements gosocketio.Conn. Nothing leaves the room of its ID.
func (c conn) LeaveAll() { c.socket.Leave(c.socket.Rooms()...) }

// Rooms implements gosocketio.Conn.
func (c conn) Rooms() []string { return c.socket.Rooms() }

// Emit implements gosocketio.Conn. A function as the last argument gets the
// client's acknowledgement, in turn with the other handlers.
func (c conn) Emit(event string, args ...any) {
	var err error
	if endsInFunc(args) {
		last := len(args) - 1
		f := newFunction(args[last], false)
		err = c.socket.CallFunc(func(r *socketio.Reply, err error) { c.acked(f, r, err) }, event, outgoing(args[:last])...)
	} else {
		err = c.socket.Emit(event, outgoing(args)...)
	}
	if err != nil && !errors.Is(err, socketio.ErrDisconnected) {
		c.namespace.failed(c, err)
	}
}

func (c conn) acked(f *function, r *socketio.Reply, err error) {
	if err != nil {
		return // disconnected, which OnDisconnect tells
	}
	_ = c.namespace.try(c, func() error {
		args, err := f.decode(r)
		if err != nil {
			return err
		}
		_, err = f.call(c, args)
		return err
	})
}

// URL implements gosocketio.Conn.
func (c conn) URL() url.URL {
	u, err := url.ParseRequestURI(c.socket.Handshake().URL)
	if err != nil {
		return url.URL{}
	}
	return *u
}

// RemoteHeader implements gosocketio.Conn.
func (c conn) RemoteHeader() http.Header { return c.socket.Handshake().Header }

// RemoteAddr implements gosocketio.Conn.
func (c conn) RemoteAddr() net.Addr { return addr(c.socket.Handshake().Address) }

// LocalAddr implements gosocketio.Conn.
func (c conn) LocalAddr() net.Addr {
	if a, ok := c.socket.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return a
	}
	return addr("")
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }
