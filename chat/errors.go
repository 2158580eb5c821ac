package chat

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// An Error says why a command was refused. Clients get its Code, and the fields
// that belong to this code, as the data of the error. A Code never changes.
type (
	Error = store.Error
	Code  = store.Code
)

// Errors that methods return, to be compared by errors.Is. store.Code lists all
// codes.
var (
	ErrNotFound    = &Error{Code: store.NotFound, Text: "not found"}
	ErrForbidden   = &Error{Code: store.Forbidden, Text: "forbidden"}
	ErrConflict    = &Error{Code: store.Conflict, Text: "conflict"}
	ErrGone        = &Error{Code: store.Gone, Text: "gone"}
	ErrUnavailable = &Error{Code: store.Unavailable, Text: "try again later", After: 1000}
)

// Refuse returns an error whose text the client gets. The functions of Options
// and Policy may return such errors.
func Refuse(text string) error { return &Error{Code: store.Refused, Text: text} }

// public returns an error as clients may see it.
func (c *Chat) public(command string, err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, socketio.ErrDisconnected):
		e = ErrUnavailable // a client that has left gets no answer
	default:
		c.log.Error("chat: a command has failed", "command", command, "err", err)
		e = &Error{Code: store.Internal, Text: "internal error"}
	}
	if e.Code == store.Unavailable && e.After == 0 {
		e = ErrUnavailable
	}
	if c.opts.Trace.Refused != nil {
		c.opts.Trace.Refused(command, e.Code)
	}
	return e
}

var errPanic = errors.New("a panic of the program")

// guard calls a function of the program, on goroutines whose panic would end the
// process. A panic becomes an error.
func (c *Chat) guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("chat: a function of the program has panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return call()
}

// guardTrace makes a panic of a function of Options.Trace be logged, because
// these functions run on goroutines that serve everybody.
func (c *Chat) guardTrace() {
	t, guard := c.opts.Trace, func(call func()) {
		_ = c.guard(func() error { call(); return nil })
	}
	if t.Committed != nil {
		c.opts.Trace.Committed = func(ops int, took time.Duration) { guard(func() { t.Committed(ops, took) }) }
	}
	if t.Delivered != nil {
		c.opts.Trace.Delivered = func(room string, rev int64) { guard(func() { t.Delivered(room, rev) }) }
	}
	if t.CaughtUp != nil {
		c.opts.Trace.CaughtUp = func(room string, from, to int64, why string) { guard(func() { t.CaughtUp(room, from, to, why) }) }
	}
	if t.Refused != nil {
		c.opts.Trace.Refused = func(command string, code Code) { guard(func() { t.Refused(command, code) }) }
	}
}

// A refusal is the reply of a command that was refused.
type refusal struct {
	Error string `json:"error"`
	Data  *Error `json:"data"`
}

func refusalOf(e *Error) refusal {
	text := e.Text
	if text == "" {
		text = string(e.Code)
	}
	return refusal{Error: text, Data: e}
}

// connectError returns the error of a client that is not let in. Only the text
// of Refuse is for the client to see.
func connectError(err error) error {
	text := string(store.Unauthenticated)
	var e *Error
	if errors.As(err, &e) && e.Code == store.Refused {
		text = e.Text
	}
	return &socketio.Error{Message: text, Data: &Error{Code: store.Unauthenticated}}
}
