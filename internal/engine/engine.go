// Package engine is an Engine.IO server: it keeps one bidirectional, ordered
// session with each client over HTTP long-polling or WebSocket, upgrades from
// the first to the second, and notices when the client is gone.
//
// It speaks [Engine.IO protocol] revision 4, and with Options.AllowEIO3
// revision 3 beside it. Package socketio builds on it; it
// is as usable alone:
//
//	srv := engine.NewServer(nil, func(s *engine.Session, r *http.Request) engine.Receiver {
//		return &echo{s}
//	})
//	http.Handle("/engine.io/", srv)
//
// [Engine.IO protocol]: https://socket.io/docs/v4/engine-io-protocol/
package engine

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// Protocol is the Engine.IO protocol revision that this package speaks by
// default.
const Protocol = 4

// The transports, as Options.Transports and the transport query parameter
// name them.
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// A Receiver gets the messages of a session. The engine calls Text, Binary
// and EndBatch one at a time, in the client's order.
type Receiver interface {
	// Text and Binary take one message. The data is valid only during the
	// call. An error ends the session with ReasonForcedClose. They may block;
	// the client is not read meanwhile, and for long they block in
	// Session.Hold.
	Text(data []byte) error
	Binary(data []byte) error

	// EndBatch follows the last of the messages that arrived together, also if
	// one of them has ended the session. It returns the work that the messages
	// cause, or nil.
	EndBatch() Task

	// Closed is called once, when the session ends for whatever reason. It
	// can be called while Text or Binary runs, and from within Session.Send;
	// it must not block.
	Closed(reason Reason)
}

// A Task is work that a Receiver returns from EndBatch. The engine calls Run
// exactly once, on a goroutine that holds no lock and delays no other session.
type Task interface{ Run() }

// A Reason says why a session ended, in the words of the reference
// implementation.
type Reason string

// The reasons why a session ends.
const (
	ReasonTransportClose Reason = "transport close" // the client closed the connection, or it broke
	ReasonTransportError Reason = "transport error" // the client broke the rules of the transport
	ReasonPingTimeout    Reason = "ping timeout"    // no PONG within PingTimeout
	ReasonParseError     Reason = "parse error"     // a packet that is none
	ReasonForcedClose    Reason = "forced close"    // Session.Close, or a Receiver's error
	ReasonSlowClient     Reason = "slow client"     // more than MaxBuffered bytes waited for it
	ReasonServerShutdown Reason = "server shutting down"
)

// ErrClosed is returned by Session.Send when the session has ended.
var ErrClosed = errors.New("engine: session closed")

// NewID returns a fresh unguessable id: 20 characters of A-Za-z0-9_- that
// hold 120 bits from crypto/rand.
func NewID() string {
	var b [15]byte
	rand.Read(b[:]) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}
