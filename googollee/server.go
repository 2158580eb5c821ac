// Package googollee lets programs written against
// github.com/googollee/go-socket.io v1.5 to v1.7 serve the clients of today. The
// migration is the path of the import, in every file that has it:
//
//	import socketio "github.com/goroomcast/socketio/googollee"
//
// The package has all names of go-socket.io's. Programs written against
// versions up to v1.4, where NewServer returns an error, too, import
// github.com/goroomcast/socketio/googollee/v1.4 instead. What differs is listed
// in docs/migrating-from-googollee.md.
package googollee

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	gosocketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/engineio"

	"github.com/goroomcast/socketio"
)

// These are the types of go-socket.io that the signatures of handlers contain.
type (
	Conn                = gosocketio.Conn
	Namespace           = gosocketio.Namespace
	EachFunc            = gosocketio.EachFunc
	Broadcast           = gosocketio.Broadcast
	RedisAdapterOptions = gosocketio.RedisAdapterOptions
)

// A Server has the methods of go-socket.io's Server. They are safe for
// concurrent use.
type Server struct {
	io     *socketio.Server
	checks checks
	closed chan struct{}
	close  func() // closes it, once

	mu         sync.RWMutex
	namespaces map[string]*namespace
}

// NewServer returns a server. It answers at any path at which it is mounted.
// The options may be nil. NewServer panics if they contain SessionIDGenerator
// or ConnInitor, because this server cannot use them. Times that are zero
// default to those of socketio.Options.
func NewServer(o *engineio.Options) *Server {
	s := Wrap(socketio.NewServer(options(o)))
	s.checks = checksOf(o)
	return s
}

// Wrap returns a server on top of io. With Wrap a program can use
// socketio.Options, or move to the API of package socketio one handler at a
// time.
func Wrap(io *socketio.Server) *Server {
	s := &Server{io: io, closed: make(chan struct{}), namespaces: make(map[string]*namespace)}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.checks.request(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	s.io.ServeHTTP(w, r)
}

// errAdapter is for programs that share rooms with others.
var errAdapter = errors.New("googollee: Server.Adapter: rooms are not shared through go-socket.io's Redis adapter; " +
	"pass a server with socketio.Options.Adapter to Wrap")

// Adapter always returns false and an error. To share rooms between servers,
// set socketio.Options.Adapter and use Wrap.
func (s *Server) Adapter(*RedisAdapterOptions) (bool, error) { return false, errAdapter }

// Serve waits for Close and returns io.EOF. Clients are served without it too.
func (s *Server) Serve() error {
	<-s.closed
	return io.EOF
}

// Close disconnects all clients at once and returns nil.
func (s *Server) Close() error {
	s.close()
	return s.io.Close()
}

// OnConnect sets the function that is called with each client that has
// connected to a namespace. If the function returns an error, the namespace's
// OnError gets it, and the server closes the client's connection.
func (s *Server) OnConnect(namespace string, f func(Conn) error) {
	s.namespace(namespace).set(func(h *handlers) { h.connect = f })
}

// OnDisconnect sets the function that is called with each client that has left
// a namespace. Its text argument is a socketio.Reason.
func (s *Server) OnDisconnect(namespace string, f func(Conn, string)) {
	s.namespace(namespace).set(func(h *handlers) { h.disconnect = f })
}

// OnError sets the handler of errors in a namespace: arguments that
// cannot be decoded or encoded, errors that other handlers return, and their
// panics. It may be called from several goroutines at once.
func (s *Server) OnError(namespace string, f func(Conn, error)) {
	s.namespace(namespace).set(func(h *handlers) { h.err = f })
}

// OnEvent sets the handler of an event, a func(socketio.Conn, arguments…)
// results. Arguments that the client does not send are zero. The results are
// the acknowledgement; without any it is empty.
func (s *Server) OnEvent(namespace, event string, f any) {
	s.namespace(namespace).onEvent(event, newFunction(f, true))
}

// JoinRoom makes a connection of the namespace join a room. Like the other
// methods that return bool it reports whether the namespace has handlers.
func (s *Server) JoinRoom(namespace, room string, connection Conn) bool {
	return s.with(namespace, connection, func() { connection.Join(room) })
}

// LeaveRoom makes a connection of the namespace leave a room.
func (s *Server) LeaveRoom(namespace, room string, connection Conn) bool {
	return s.with(namespace, connection, func() { connection.Leave(room) })
}

// LeaveAllRooms makes a connection of the namespace leave all rooms.
func (s *Server) LeaveAllRooms(namespace string, connection Conn) bool {
	return s.with(namespace, connection, connection.LeaveAll)
}

// ClearRoom makes everybody leave a room.
func (s *Server) ClearRoom(namespace, room string) bool {
	return s.ForEach(namespace, room, func(c Conn) { c.Leave(room) })
}

// BroadcastToRoom emits an event to each connection in a room. If the last
// argument is a function, it is called with each client's acknowledgement.
func (s *Server) BroadcastToRoom(namespace, room, event string, args ...any) bool {
	n := s.find(namespace)
	if n != nil {
		n.broadcast(n.io.To(room), event, args)
	}
	return n != nil
}

// BroadcastToNamespace emits an event to each connection in a namespace.
func (s *Server) BroadcastToNamespace(namespace, event string, args ...any) bool {
	n := s.find(namespace)
	if n != nil {
		n.broadcast(n.io.To(), event, args)
	}
	return n != nil
}

// RoomLen returns the number of connections in a room. It returns -1 if the
// namespace has no handlers.
func (s *Server) RoomLen(namespace, room string) int {
	n := s.find(namespace)
	if n == nil {
		return -1
	}
	return n.io.In(room).Count()
}

// Rooms returns the names of all rooms of a namespace, sorted. They include the
// ID of each connection.
func (s *Server) Rooms(namespace string) []string {
	n := s.find(namespace)
	if n == nil {
		return nil
	}
	rooms := make(map[string]struct{})
	for socket := range n.io.Sockets() {
		for _, room := range socket.Rooms() {
			rooms[room] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(rooms))
}

// Count returns the number of clients.
func (s *Server) Count() int { return s.io.ClientsCount() }

// ForEach calls f with each connection in a room.
func (s *Server) ForEach(namespace, room string, f EachFunc) bool {
	n := s.find(namespace)
	if n == nil {
		return false
	}
	for socket := range n.io.In(room).Sockets() {
		f(conn{socket, n})
	}
	return true
}

// with calls f if the connection is one of the namespace.
func (s *Server) with(namespace string, c Conn, f func()) bool {
	n := s.find(namespace)
	if n == nil || c.Namespace() != n.io.Name() {
		return false
	}
	f()
	return true
}

// namespace returns a namespace with handlers, which it makes if need be.
func (s *Server) namespace(name string) *namespace {
	name = fullName(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n == nil {
		n = newNamespace(s.io.Of(name))
		s.namespaces[name] = n
	}
	return n
}

// find returns a namespace that has handlers, or nil.
func (s *Server) find(name string) *namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[fullName(name)]
}

// fullName makes "" the name of the main namespace, as go-socket.io does.
func fullName(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + name
}
