package adapter

import (
	"context"
	"encoding/json"
	"time"
)

// A SessionStore is an [Adapter] that keeps a log and sessions. Clients that have
// lost their connection get the events that they missed from the log, on any
// server. Publish must return the place of each Broadcast without a RequestID in
// the log of its namespace. Subscribe must deliver these messages with that
// place as their Offset, in the order of the log.
//
// If several servers emit to sockets of one namespace at the same time, a client
// may receive the events in another order than that of the log. If that client
// loses its connection at that moment, it may miss one of these events, or get
// one twice.
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
	Rooms     []string
	Data      json.RawMessage // nil without data

	// Offset is a place in the log before all events that the client may have
	// missed, or "" if the server knows no such place.
	Offset string
}
