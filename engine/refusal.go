package engine

import (
	"encoding/json"
	"net/http"
	"time"
)

// A Refusal is an answer that is an error, and why it is.
type Refusal struct {
	Cause   Cause
	Status  int    // of HTTP
	Code    int    // of the protocol, 0 to 5; -1 where the answer is plain text
	Message string // in the answer
	Context string // what is wrong in the request, in the client's words, or another error's text
}

// A Cause says which rule a refused request broke. There are few, so that
// refusals can be counted by cause.
type Cause string

// The causes of refusals, with what is their Refusal.Context.
const (
	CauseTransport    Cause = "unknown transport"    // its name
	CauseSession      Cause = "unknown session"      // its id
	CauseMethod       Cause = "bad method"           // of the request
	CauseOrigin       Cause = "origin"               // the Origin header
	CauseVersion      Cause = "protocol version"     // the EIO parameter
	CauseAllowRequest Cause = "not allowed"          // the error of Options.AllowRequest
	CauseID           Cause = "no session id"        // the error of Options.GenerateID
	CauseMismatch     Cause = "transport mismatch"   // the transport asked for, which is not the session's
	CauseConcurrent   Cause = "concurrent requests"  // the method of which there are two
	CausePayload      Cause = "bad payload"          // the error
	CauseTooLarge     Cause = "payload too large"    // nothing
	CauseHandshake    Cause = "websocket handshake"  // what fails
	CauseTimeout      Cause = "payload too slow"     // nothing
	CauseConnections  Cause = "too many connections" // the address, if these are of one
	CauseShutdown     Cause = "server shutting down" // nothing
)

// The error codes of the reference implementation.
const (
	codeUnknownTransport = iota
	codeUnknownSession
	codeBadMethod
	codeBadRequest
	codeForbidden
	codeUnsupportedVersion

	noCode = -1
)

var codeMessages = [...]string{
	"Transport unknown",
	"Session ID unknown",
	"Bad handshake method",
	"Bad request",
	"Forbidden",
	"Unsupported protocol version",
}

// reject answers a request with an error of the protocol.
func (srv *Server) reject(w http.ResponseWriter, r *http.Request, code int, cause Cause, context string) {
	status := http.StatusBadRequest
	if code == codeForbidden {
		status = http.StatusForbidden
	}
	srv.refuse(w, r, Refusal{cause, status, code, codeMessages[code], context})
}

func (srv *Server) refuse(w http.ResponseWriter, r *http.Request, e Refusal) {
	srv.logRefusal(r, e)
	if f := srv.trace.Refused; f != nil {
		f(r, e)
	}
	if e.Cause != CausePayload && e.Cause != CauseTimeout { // or else reading has ended already
		srv.boundBody(w, r)
	}
	if e.Code == noCode {
		http.Error(w, e.Message, e.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{e.Code, e.Message})
}

// boundBody bounds the wait for a body that is not wanted: net/http takes it
// before it answers.
func (srv *Server) boundBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(srv.opts.PingTimeout))
	}
}
