package socketio

import (
	"net/http"

	"github.com/goroomcast/socketio/internal/engine"
)

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

// engine returns what the engine is told to call.
func (t *Trace) engine() *engine.Trace {
	var e engine.Trace
	if f := t.Opened; f != nil {
		e.Opened = func(s *engine.Session) { f(Conn{s}) }
	}
	if f := t.Closed; f != nil {
		e.Closed = func(s *engine.Session, reason engine.Reason) { f(Conn{s}, Reason(reason)) }
	}
	if f := t.Upgraded; f != nil {
		e.Upgraded = func(s *engine.Session, err error) { f(Conn{s}, err) }
	}
	if f := t.Rejected; f != nil {
		e.Rejected = func(r *http.Request, why engine.Refusal) {
			f(r, Refusal{
				Cause:   Cause(why.Cause),
				Status:  why.Status,
				Code:    why.Code,
				Message: why.Message,
				Context: why.Context,
			})
		}
	}
	if f := t.Received; f != nil {
		e.Received = func(s *engine.Session, bytes int) { f(Conn{s}, bytes) }
	}
	if f := t.Sent; f != nil {
		e.Sent = func(s *engine.Session, packets, bytes int) { f(Conn{s}, packets, bytes) }
	}
	if f := t.Dropped; f != nil {
		e.Dropped = func(s *engine.Session, packets, bytes int) { f(Conn{s}, packets, bytes) }
	}
	return &e
}
