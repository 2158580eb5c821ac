package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/goroomcast/socketio/internal/rarelog"
)

// errPanic stands for a panic of the program's code, which has been logged.
// Clients that wait get its text.
var errPanic = errors.New("internal error")

// A panicError is errPanic with what the program's code said in it.
type panicError struct{ text string }

func (e *panicError) Error() string        { return e.text }
func (e *panicError) Is(target error) bool { return target == errPanic }

// guard calls the program's code; a panic there becomes errPanic.
func (s *Server) guard(what, namespace, socketID string, f func() error) (err error) {
	err = errGoexit
	defer func() {
		if p := recover(); p != nil {
			logPanic(s.logger, what, namespace, socketID, p)
			err = errPanic
		} else if err == errGoexit { // the caller does not go on
			s.logger.About(what).Error("a handler has ended its goroutine", "handler", what, "namespace", namespace, "socket", socketID)
		}
	}()
	return f()
}

// run calls the program's code and logs how it fails, unless only because the
// client has left. An error with a method that panics becomes errPanic.
func (s *Server) run(what, namespace, socketID string, f func() error) error {
	level, text, logged := slog.LevelError, "handler failed", false
	err := s.guard(what, namespace, socketID, func() error {
		err := f()
		if err == nil {
			return nil
		}
		if logged = errors.Is(err, errPanic); logged {
			return err
		}
		switch invalid := (*argumentError)(nil); {
		case errors.Is(err, ErrDisconnected):
			level = slog.LevelDebug
		case errors.As(err, &invalid):
			level, text = slog.LevelWarn, "a client has sent invalid arguments"
		}
		probe(err)
		return err
	})
	if err == nil || logged || err == errPanic {
		return err
	}
	s.logger.About(what).Log(level, text, "handler", what, "namespace", namespace, "socket", socketID, "err", err)
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
func (s *Server) recovered(what, namespace string, err *error) {
	if p := recover(); p != nil {
		if s != nil {
			logPanic(s.logger, what, namespace, "", p)
		}
		*err = &panicError{fmt.Sprintf("socketio: panic in %s: %v", what, p)}
	}
}

// guarded returns a Trace whose functions do not panic, except ServerCreated,
// which the program itself calls by NewServer.
func (t *Trace) guarded(s *Server) Trace {
	return Trace{
		ServerCreated:    t.ServerCreated,
		NamespaceCreated: guarded1(s, "Trace.NamespaceCreated", t.NamespaceCreated),
		NamespaceRemoved: guarded1(s, "Trace.NamespaceRemoved", t.NamespaceRemoved),
		Connected:        guarded1(s, "Trace.Connected", t.Connected),
		Disconnected:     guarded2(s, "Trace.Disconnected", t.Disconnected),
		Refused:          guarded2(s, "Trace.Refused", t.Refused),
		OverRate:         guarded2(s, "Trace.OverRate", t.OverRate),
		Handle:           t.Handle, // handle does it
	}
}

func guarded1[A any](s *Server, what string, f func(A)) func(A) {
	if f == nil {
		return nil
	}
	return func(a A) {
		_ = s.guard(what, "", "", func() error { f(a); return nil })
	}
}

func guarded2[A, B any](s *Server, what string, f func(A, B)) func(A, B) {
	if f == nil {
		return nil
	}
	return func(a A, b B) {
		_ = s.guard(what, "", "", func() error { f(a, b); return nil })
	}
}

// begin calls Trace.Handle. What fails there does not keep the event from its
// handlers.
func (s *Socket) begin(ctx context.Context, hook handleHook, e *Event) (within context.Context, done func(error)) {
	within, done = ctx, func(error) {}
	_ = s.run("Trace.Handle", func() error { within, done = hook(ctx, e); return nil })
	return within, done
}
