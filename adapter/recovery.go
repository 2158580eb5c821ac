package adapter

import (
	"context"
	"encoding/json"
	"time"
)

// A Recovery is an [Adapter] that keeps a log, from which clients that have
// lost their connection can get the events they have missed, on any of the
// servers. Its Publish returns the place of each Broadcast without RequestID
// in the log of its namespace, and Subscribe delivers them with that in Offset,
// in the order of the log.
//
// Where sockets of one namespace are emitted to on several servers at the same
// time, clients may have got the events in another order than the log has them.
// One that loses its connection in just that moment may then miss one of them,
// or get it twice.
type Recovery interface {
	Adapter

	// PersistSession keeps a session, under its namespace and PID, for the
	// time given. It may wait, as long as ctx lasts.
	PersistSession(ctx context.Context, s *Session, maxAge time.Duration) error

	// RestoreSession returns a session and forgets it, so that one client only
	// gets it. With it come all Broadcasts of the namespace that the log has
	// after an offset, whomever they are for: that of the last event which the
	// client has, or if the log does not know it, because it is "", from
	// another log, or too old, the session's. The Offset of the session that it
	// returns is the one of the two. It returns nil if the session is unknown
	// or too old, or if the log knows neither. It may wait.
	RestoreSession(ctx context.Context, namespace, pid, offset string) (*Session, []*Message, error)

	// DeleteSession forgets a session, and reports whether there was one. It
	// may wait.
	DeleteSession(ctx context.Context, namespace, pid string) (had bool, err error)

	// Compare returns a negative number if the log has the event of offset a
	// before that of b, 0 if they are the same, and a positive number if it has
	// it after b. Both are offsets that the adapter has returned. Compare must
	// only compare: it is called under a lock.
	Compare(a, b string) int
}

// A Session is what is kept of a socket whose client may come back.
type Session struct {
	Namespace string
	PID       string // by which the client identifies itself; a secret
	SocketID  string
	Rooms     []string
	Data      json.RawMessage // nil if there is none

	// Offset is a place in the log before all that the client may have missed,
	// "" if the server knows none.
	Offset string
}
