package engine

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// A Refusal is an answer that is an error, and why it is.
type Refusal struct {
	Cause   Cause
	Status  int    // of HTTP
	Code    int    // of the protocol, 0 to 5; -1 where the answer is plain text
	Message string // in the answer, which is empty without one
	Context string // what is wrong in the request, in the client's words, or another error's text
}

// A Cause says which rule a refused request broke. There are few, so that
// refusals can be counted by cause.
type Cause string

// The causes of refusals. The comment of each says what Refusal.Context contains.
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
	srv.refuse(w, r, protocolError(code, cause, context))
}

// A StatusError is an error of Options.AllowRequest that chooses the answer.
type StatusError struct {
	Status  int    // of HTTP, 400 to 599; any other means 403
	Message string // for the client
	Err     error  // for the log
}

func (e *StatusError) Error() string { return e.Err.Error() }
func (e *StatusError) Unwrap() error { return e.Err }

// forbidden returns the answer for an error of Options.AllowRequest.
func forbidden(err error) *Refusal {
	text := err.Error()
	e := Refusal{Cause: CauseAllowRequest, Status: http.StatusForbidden, Code: codeForbidden, Message: text, Context: text}
	if chosen := (*StatusError)(nil); errors.As(err, &chosen) {
		e.Message = chosen.Message
		if chosen.Status >= 400 && chosen.Status <= 599 {
			e.Status = chosen.Status
		}
	}
	e.Message = cmp.Or(e.Message, http.StatusText(e.Status))
	return &e
}

func protocolError(code int, cause Cause, context string) Refusal {
	status := http.StatusBadRequest
	if code == codeForbidden {
		status = http.StatusForbidden
	}
	return Refusal{Cause: cause, Status: status, Code: code, Message: codeMessages[code], Context: context}
}

func (srv *Server) refuse(w http.ResponseWriter, r *http.Request, e Refusal) {
	srv.logRefusal(r, e)
	if f := srv.trace.Rejected; f != nil {
		f(r, e)
	}
	if e.Cause != CausePayload && e.Cause != CauseTimeout { // or else reading has ended already
		srv.boundBody(w, r)
	}
	h := w.Header()
	body, contentType := []byte(e.Message), "text/plain; charset=utf-8"
	if e.Code != noCode {
		body, contentType = e.json(), "application/json"
		h.Set("Cache-Control", "no-store")
	}
	if len(body) > 0 {
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}

// json returns the body of an error of the protocol, as JavaScript would
// write it.
func (e Refusal) json() []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{e.Code, e.Message})
	return bytes.TrimSuffix(body.Bytes(), []byte{'\n'})
}

// boundBody bounds the wait for a body that is not wanted: net/http takes it
// before it answers.
func (srv *Server) boundBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(srv.opts.PingTimeout))
	}
}
