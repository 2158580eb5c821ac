package socketio

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/goroomcast/socketio/internal/rarelog"
)

// errPanic stands for a panic of the program's code, which has been logged.
// Clients that wait get its text.
var errPanic = errors.New("internal error")

// errGoexit stands for the result of a handler that has ended its goroutine.
var errGoexit = errors.New("socketio: a handler has ended its goroutine")

// A panicError is errPanic with the value of the program's panic.
type panicError struct{ text string }

func (e *panicError) Error() string { return e.text }

func (e *panicError) Is(target error) bool { return target == errPanic }

// A guard calls the program's code, which may panic or end its goroutine.
type guard struct{ logger *rarelog.Logger }

// call calls the program's code; a panic there becomes errPanic.
func (g guard) call(what, namespace, socketID string, f func() error) (err error) {
	err = errGoexit
	defer func() {
		if p := recover(); p != nil {
			logPanic(g.logger, what, namespace, socketID, p)
			err = errPanic
		} else if err == errGoexit { // the caller does not go on
			g.logger.About(what).Error("a handler has ended its goroutine", "handler", what, "namespace", namespace, "socket", socketID)
		}
	}()
	return f()
}

// run calls the program's code and logs how it fails, unless only because the
// client has left. An error with a method that panics becomes errPanic.
func (g guard) run(what, namespace, socketID string, f func() error) error {
	err := g.call(what, namespace, socketID, f)
	if err == nil || err == errPanic {
		return err
	}
	return g.failed(what, namespace, socketID, err)
}

// failed logs an error of the program's code, and returns it.
func (g guard) failed(what, namespace, socketID string, err error) error {
	level, text, logged := slog.LevelError, "handler failed", false
	if g.call(what, namespace, socketID, func() error {
		logged = errors.Is(err, errPanic)
		switch invalid := (*argumentError)(nil); {
		case errors.Is(err, ErrDisconnected):
			level = slog.LevelDebug
		case errors.As(err, &invalid):
			level, text = slog.LevelWarn, "a client has sent invalid arguments"
		}
		probe(err)
		return nil
	}) != nil {
		return errPanic
	}
	if !logged {
		g.logger.About(what).Log(level, text, "handler", what, "namespace", namespace, "socket", socketID, "err", err)
	}
	return err
}

// probe calls the methods of an error of the program, so that one that panics
// does it here.
func probe(err error) {
	if err != nil && !errors.Is(err, errPanic) {
		_, _ = publish(err)
		_ = err.Error()
	}
}

func logPanic(logger *rarelog.Logger, what, namespace, socketID string, p any) {
	logger.About(what).Error("panic in a handler", "handler", what, "namespace", namespace,
		"socket", socketID, "panic", p, slog.String("stack", string(debug.Stack())))
}

// recovered is deferred where values of the program are encoded or decoded. It
// logs a panic in their methods, and makes it an error.
func (g guard) recovered(what, namespace string, err *error) {
	if p := recover(); p != nil {
		if g.logger != nil {
			logPanic(g.logger, what, namespace, "", p)
		}
		*err = &panicError{fmt.Sprintf("socketio: panic in %s: %v", what, p)}
	}
}

func guarded1[A any](g guard, what string, f func(A)) func(A) {
	if f == nil {
		return nil
	}
	return func(a A) {
		_ = g.call(what, "", "", func() error { f(a); return nil })
	}
}

func guarded2[A, B any](g guard, what string, f func(A, B)) func(A, B) {
	if f == nil {
		return nil
	}
	return func(a A, b B) {
		_ = g.call(what, "", "", func() error { f(a, b); return nil })
	}
}

// An argumentError is an error in a client's arguments.
type argumentError struct{ err error }

func (e *argumentError) Error() string { return e.err.Error() }

func (e *argumentError) Unwrap() error { return e.err }

type errorReply struct {
	Error string `json:"error"`
	Data  any    `json:"data,omitempty"`
}

var internalError = errorReply{Error: errPanic.Error()}

// publish returns what a client may know of an error, and whether there is no
// more to know.
func publish(err error) (reply errorReply, all bool) {
	var public *Error
	var invalid *argumentError
	switch {
	case errors.As(err, &public) && public != nil:
		return errorReply{public.Message, public.Data}, true
	case errors.As(err, &invalid):
		return errorReply{Error: "invalid argument"}, false
	}
	return internalError, false
}
