package socketio

import (
	"errors"
	"fmt"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// Errors that callers may want to tell apart, by errors.Is.
var (
	// ErrDisconnected: the socket is not connected, or no longer.
	ErrDisconnected = errors.New("socketio: socket not connected")
	// ErrReservedEvent: the event's name belongs to the protocol.
	ErrReservedEvent = errors.New("socketio: reserved event name")
	// ErrAcked: the event has been acknowledged before.
	ErrAcked = errors.New("socketio: event already acknowledged")
	// ErrPendingAcks: the client owes Options.Limits.PendingAcks replies already.
	ErrPendingAcks = errors.New("socketio: too many replies pending")
	// ErrTooManyRooms: the socket would be in more rooms than Options.Limits.Rooms.
	ErrTooManyRooms = errors.New("socketio: too many rooms")
	// ErrNoHandler: no handler is registered for the event.
	ErrNoHandler = errors.New("socketio: no handler for the event")
)

// An Error is an error that the client may see. The function that returns the
// error decides how it reaches the client:
//
//   - a handler: the reply {"error": Message, "data": Data}, if the client
//     wants one;
//   - middleware of a namespace: connect_error with an Error that has this
//     message, and Data as its data property;
//   - Options.AllowRequest: an answer with the HTTP status and the message.
//
// Other errors may wrap it.
type Error struct {
	Message string
	Data    any // sent as JSON
	Status  int // for AllowRequest, 400 to 599; others are 403. Defaults to 403.
}

func (e *Error) Error() string { return e.Message }

// A Reason says why a socket disconnected, in the words of the JavaScript
// server where it has any.
type Reason string

// The reasons why sockets disconnect.
const (
	ReasonClientDisconnect Reason = "client namespace disconnect" // the client left the namespace
	ReasonServerDisconnect Reason = "server namespace disconnect" // Socket.Disconnect
	ReasonExpired          Reason = "expired"                     // Socket.ExpireAt
	ReasonTransportClose          = Reason(engine.ReasonTransportClose)
	ReasonTransportError          = Reason(engine.ReasonTransportError)
	ReasonPingTimeout             = Reason(engine.ReasonPingTimeout)
	ReasonParseError              = Reason(engine.ReasonParseError)
	ReasonForcedClose             = Reason(engine.ReasonForcedClose) // the client sent an invalid packet, or Conn.Close
	ReasonSlowClient              = Reason(engine.ReasonSlowClient)  // more than Limits.Buffered bytes waited for it
	ReasonServerShutdown          = Reason(engine.ReasonServerShutdown)
)

// disconnectError is the cause of a socket's context after its end.
type disconnectError struct{ reason Reason }

func (e disconnectError) Error() string { return ErrDisconnected.Error() + ": " + string(e.reason) }

func (e disconnectError) Unwrap() error { return ErrDisconnected }

func encodeError(h *parser.Header, err error) error {
	if h.Type == parser.Event {
		return fmt.Errorf("socketio: event %q: %w", h.Event, err)
	}
	return fmt.Errorf("socketio: %s: %w", h.Type, err)
}

// A Refusal says how the server answers a request that it refuses, and why.
type Refusal struct {
	Cause   Cause
	Status  int    // of HTTP
	Code    int    // of the Engine.IO protocol, 0 to 5; -1 if the answer is plain text
	Message string // in the answer, whose body is empty if this is
	Context string // what is wrong in the request, in the client's words, or the text of an error
}

// A Cause says which rule a refused request broke. There are few causes, so
// that refusals can be counted by cause.
type Cause string

// The causes of refusals. The comments say what Refusal.Context contains.
const (
	CauseTransport    = Cause(engine.CauseTransport)    // the name of the unknown transport
	CauseSession      = Cause(engine.CauseSession)      // the unknown id
	CauseMethod       = Cause(engine.CauseMethod)       // the request's method
	CauseOrigin       = Cause(engine.CauseOrigin)       // the Origin header
	CauseVersion      = Cause(engine.CauseVersion)      // the EIO parameter
	CauseAllowRequest = Cause(engine.CauseAllowRequest) // the error of Options.AllowRequest
	CauseID           = Cause(engine.CauseID)           // the error of Options.GenerateID
	CauseMismatch     = Cause(engine.CauseMismatch)     // the transport, which is not the session's
	CauseConcurrent   = Cause(engine.CauseConcurrent)   // the method of two requests at the same time
	CausePayload      = Cause(engine.CausePayload)      // the error
	CauseTooLarge     = Cause(engine.CauseTooLarge)     // nothing
	CauseHandshake    = Cause(engine.CauseHandshake)    // what is wrong in a WebSocket handshake
	CauseTimeout      = Cause(engine.CauseTimeout)      // nothing
	CauseConnections  = Cause(engine.CauseConnections)  // the address that has too many, if one has
	CauseShutdown     = Cause(engine.CauseShutdown)     // nothing
)
