package socketio

import "github.com/goroomcast/socketio/internal/engine"

// A Conn stands for a client's connection, which carries the client's sockets
// in all namespaces. It is a small value: it may be kept, compared, and used
// as the key of a map. Its methods are safe for concurrent use.
type Conn struct{ session *engine.Session }

// ID returns the connection's id: 20 random characters, which log lines have
// as "conn". Unlike the id of the session, which the client sends with its
// requests, it is no secret.
func (c Conn) ID() string { return c.session.PublicID() }

// Transport returns how the client is connected now, or was connected last:
// "polling" or "websocket".
func (c Conn) Transport() string { return c.session.Transport() }

// OnUpgrade adds a function that is called once, when the client has changed
// from polling to WebSocket, or at once if it has changed already. The function
// is not called for a client that began with WebSocket. The server does not
// read from the client until the function returns. Off removes the function.
func (c Conn) OnUpgrade(f func()) (off func()) { return c.session.OnUpgrade(f) }

// Close closes the connection beneath its sockets, after sending what is queued
// for the client. The sockets disconnect with [ReasonForcedClose], and the
// client reconnects by itself; see [Socket.Disconnect] for sending it away.
func (c Conn) Close() { c.session.Close() }
