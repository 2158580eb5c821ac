package socketio

import (
	"errors"
	"fmt"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// Errors that callers may want to tell apart, by errors.Is.
var (
	// ErrDisconnected says that the socket is not connected yet, or is no
	// longer connected.
	ErrDisconnected = errors.New("socketio: socket not connected")
	// ErrReservedEvent says that the event's name belongs to the protocol.
	ErrReservedEvent = errors.New("socketio: reserved event name")
	// ErrAcked says that the event has been acknowledged before.
	ErrAcked = errors.New("socketio: event already acknowledged")
	// ErrPendingAcks says that the client already owes
	// Options.Limits.PendingAcks replies.
	ErrPendingAcks = errors.New("socketio: too many replies pending")
	// ErrTooManyRooms says that the socket would be in more rooms than
	// Options.Limits.Rooms.
	ErrTooManyRooms = errors.New("socketio: too many rooms")
	// ErrNoHandler says that no handler is registered for the event.
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
	Data    any // sent as JSON; nil for no data
	Status  int // for AllowRequest only, 400 to 599; any other status becomes 403
}

func (e *Error) Error() string { return e.Message }

// A Reason says why a socket disconnected. If the JavaScript server knows the
// same reason, the text is the same, too.
type Reason string

// The reasons why sockets disconnect.
const (
	ReasonClientDisconnect Reason = "client namespace disconnect"       // the client left the namespace
	ReasonServerDisconnect Reason = "server namespace disconnect"       // Socket.Disconnect
	ReasonExpired          Reason = "expired"                           // Socket.ExpireAt
	ReasonTransportClose          = Reason(engine.ReasonTransportClose) // the client closed the connection, or the connection broke
	ReasonTransportError          = Reason(engine.ReasonTransportError) // the client broke the rules of the transport
	ReasonPingTimeout             = Reason(engine.ReasonPingTimeout)    // the client did not answer a PING in time
	ReasonParseError              = Reason(engine.ReasonParseError)     // the client sent an invalid Engine.IO packet
	ReasonForcedClose             = Reason(engine.ReasonForcedClose)    // Conn.Close, or the client sent an invalid Socket.IO packet
	ReasonSlowClient              = Reason(engine.ReasonSlowClient)     // more than Limits.Buffered bytes waited for it
	ReasonServerShutdown          = Reason(engine.ReasonServerShutdown) // Server.Shutdown or Server.Close
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

// A Refusal says how the server answers a request that it refuses, and why it
// refuses the request.
type Refusal struct {
	Cause   Cause
	Status  int    // of HTTP
	Code    int    // of the Engine.IO protocol, 0 to 5; -1 if the answer is plain text
	Message string // the message in the answer; if it is empty, so is the answer's body
	Context string // what is wrong in the request, in the client's words, or the text of an error
}

// A Cause says which rule a refused request broke. The set of causes is small
// and fixed, so a program can count refusals by cause.
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
	CauseMismatch     = Cause(engine.CauseMismatch)     // the request's transport, which differs from the session's
	CauseConcurrent   = Cause(engine.CauseConcurrent)   // the method of two requests at the same time
	CausePayload      = Cause(engine.CausePayload)      // the error
	CauseTooLarge     = Cause(engine.CauseTooLarge)     // nothing
	CauseHandshake    = Cause(engine.CauseHandshake)    // what is wrong in a WebSocket handshake
	CauseTimeout      = Cause(engine.CauseTimeout)      // nothing
	CauseConnections  = Cause(engine.CauseConnections)  // the address if it has too many connections, else nothing
	CauseShutdown     = Cause(engine.CauseShutdown)     // nothing
)
