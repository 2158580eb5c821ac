// Package socketio is package googollee for programs written against
// github.com/googollee/go-socket.io v1.1 to v1.4, where NewServer returns an
// error, too. The migration is the path of the import, in every file that has
// it:
//
//	import socketio "github.com/goroomcast/socketio/googollee/v1.4"
package socketio

import (
	"fmt"

	"github.com/googollee/go-socket.io/engineio"

	"github.com/goroomcast/socketio/googollee"
)

// The types of go-socket.io, which handlers keep.
type (
	Conn      = googollee.Conn
	EachFunc  = googollee.EachFunc
	Broadcast = googollee.Broadcast
)

// A Server has the methods of go-socket.io's Server. They are safe for
// concurrent use.
type Server struct{ *googollee.Server }

// NewServer returns a server, as that of package googollee does. The error is
// always nil.
func NewServer(o *engineio.Options) (*Server, error) {
	return &Server{googollee.NewServer(o)}, nil
}

// OnError sets the handler of errors in a namespace: a
// func(Conn, error), or as in v1.3 and before a func(error). Another type
// panics.
func (s *Server) OnError(namespace string, f any) {
	switch f := f.(type) {
	case func(Conn, error):
		s.Server.OnError(namespace, f)
	case func(error):
		s.Server.OnError(namespace, func(_ Conn, err error) { f(err) })
	default:
		panic(fmt.Sprintf("socketio: OnError: %T is no func(socketio.Conn, error)", f))
	}
}
