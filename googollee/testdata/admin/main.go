// Admin passes the library's types around: an interface that the server
// implements, a map of connections, a table of handlers.
package main

import (
	"errors"
	"net/http"
	"sync"
)

import "github.com/googollee/go-socket.io"

type caster interface {
	BroadcastToNamespace(namespace, event string, args ...interface{}) bool
	ForEach(namespace, room string, f socketio.EachFunc) bool
}

type registry struct {
	mu    sync.Mutex
	conns map[string]socketio.Conn
	named map[socketio.Conn]string
}

func (r *registry) add(c socketio.Conn) error {
	if c.RemoteHeader().Get("X-Token") == "" {
		return errors.New("no token")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c.ID()], r.named[c] = c, c.Namespace()
	return nil
}

func (r *registry) remove(c socketio.Conn, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c.ID())
}

func label(n socketio.Namespace) string { return n.Namespace() }

func announce(to caster, text string) { to.BroadcastToNamespace("/admin", "announcement", text) }

var handlers = map[string]interface{}{
	"kick":  func(c socketio.Conn) { c.Close() },
	"label": func(c socketio.Conn) string { return label(c) },
	"leave": func(c socketio.Conn, room string) { c.Leave(room); c.Emit("left", c.Rooms()) },
}

func newServer() (*socketio.Server, http.Handler) {
	r := &registry{conns: map[string]socketio.Conn{}, named: map[socketio.Conn]string{}}
	server := socketio.NewServer(nil)
	server.OnConnect("/admin", r.add)
	server.OnDisconnect("/admin", r.remove)
	for event, f := range handlers {
		server.OnEvent("/admin", event, f)
	}
	return server, server
}

func main() {
	server, handler := newServer()
	go server.Serve()
	defer server.Close()
	announce(server, "hello")
	http.Handle("/socket.io/", handler)
	_ = http.ListenAndServe(":8000", nil)
}
