package adapter

import (
	"context"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// A SessionStore is an [Adapter] that keeps a log and sessions. Clients that have
// lost their connection get the events that they missed from the log, on any
// server.
//
// The log contains each Broadcast without a RequestID, in an order that is the
// same for all servers. Subscribe must deliver the log's messages in that order
// and with their place in it as their Offset, to every subscriber of their
// namespace: a server that keeps sessions also gets its own Broadcasts back.
// Such a server sends an event to its own clients only when the event comes back,
// so that all clients of all servers get the events in the order of the log. It
// does so at once, without an offset, if Publish fails. After a failure of the
// connection Subscribe must go on after the last message that it has delivered.
type SessionStore interface {
	Adapter

	// PersistSession keeps a session under its namespace and PID for maxAge. It
	// may block until ctx ends.
	PersistSession(ctx context.Context, s *Session, maxAge time.Duration) error

	// RestoreSession returns a session and deletes it, so that only one client
	// gets it. It also returns all Broadcasts of the namespace after an offset in
	// the log, whichever sockets they are for. That offset is the given one, of
	// the last event that the client has. If the log does not know the given
	// offset, because it is "", too old or from another log, the session's Offset
	// counts. The Offset of the returned session says which of the two counted.
	// RestoreSession returns nil if the session is unknown or too old, or if the
	// log knows neither offset. It may block until ctx ends.
	RestoreSession(ctx context.Context, namespace, pid, offset string) (*Session, []*Message, error)

	// DeleteSession deletes a session, and reports whether it existed. It may
	// block until ctx ends.
	DeleteSession(ctx context.Context, namespace, pid string) (had bool, err error)

	// Compare returns a negative number if the event of offset a is before that
	// of offset b in the log, 0 if the offsets are the same, and a positive number
	// otherwise. The adapter has returned both offsets. The server calls Compare
	// under a lock, so Compare must do nothing else.
	Compare(a, b string) int
}

// A Session is the state of a socket whose client may come back.
type Session struct {
	Namespace string
	PID       string // the secret by which the client identifies itself
	SocketID  string
	Rooms     []string       // a number that a JavaScript server has as a room is its text here
	Data      parser.Encoded // without Text if there is no data

	// Offset is a place in the log before all events that the client may have
	// missed, or "" if the server knows no such place.
	Offset string
}
