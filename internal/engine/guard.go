package engine

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/goroomcast/socketio/internal/rarelog"
)

// errPanic stands for a panic of the program's code, which has been logged.
var errPanic = errors.New("internal error")

// guard calls the program's code; a panic there becomes errPanic.
func (srv *Server) guard(what string, f func() error) (err error) {
	defer srv.recovered(what, &err)
	return f()
}

// ask is guard for code that may end its request by http.ErrAbortHandler.
func (srv *Server) ask(what string, f func() error) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			logPanic(srv.log, what, p)
			err = errPanic
		}
	}()
	return f()
}

// recovered is deferred around calls of the program's code. It logs a panic and
// sets the error that stands for it, unless err is nil.
func (srv *Server) recovered(what string, err *error) {
	if p := recover(); p != nil {
		logPanic(srv.log, what, p)
		if err != nil {
			*err = errPanic
		}
	}
}

// run runs a receiver's task.
func (srv *Server) run(task Task) {
	defer srv.recovered("Task.Run", nil)
	task.Run()
}

func logPanic(logger *rarelog.Logger, what string, p any) {
	logger.About(what).Error("panic in the program's code", "call", what, "panic", p, slog.String("stack", string(debug.Stack())))
}

// guarded returns a Trace whose functions do not panic.
func (t Trace) guarded(logger *rarelog.Logger) Trace {
	return Trace{
		Opened:   guarded1(logger, "Trace.Opened", t.Opened),
		Closed:   guarded2(logger, "Trace.Closed", t.Closed),
		Upgraded: guarded2(logger, "Trace.Upgraded", t.Upgraded),
		Rejected: guarded2(logger, "Trace.Rejected", t.Rejected),
		Received: guarded2(logger, "Trace.Received", t.Received),
		Sent:     guarded3(logger, "Trace.Sent", t.Sent),
		Dropped:  guarded3(logger, "Trace.Dropped", t.Dropped),
	}
}

func guarded1[A any](logger *rarelog.Logger, what string, f func(A)) func(A) {
	if f == nil {
		return nil
	}
	return func(a A) {
		defer recoverFrom(logger, what)
		f(a)
	}
}

func guarded2[A, B any](logger *rarelog.Logger, what string, f func(A, B)) func(A, B) {
	if f == nil {
		return nil
	}
	return func(a A, b B) {
		defer recoverFrom(logger, what)
		f(a, b)
	}
}

func guarded3[A, B, C any](logger *rarelog.Logger, what string, f func(A, B, C)) func(A, B, C) {
	if f == nil {
		return nil
	}
	return func(a A, b B, c C) {
		defer recoverFrom(logger, what)
		f(a, b, c)
	}
}

func recoverFrom(logger *rarelog.Logger, what string) {
	if p := recover(); p != nil {
		logPanic(logger, what, p)
	}
}

// A guardedHandler is the program's log handler. The handler may panic itself, or
// in a method of a value that it writes: an error, a LogValuer.
type guardedHandler struct{ slog.Handler }

func (h guardedHandler) Enabled(ctx context.Context, level slog.Level) (enabled bool) {
	defer func() { _ = recover() }()
	return h.Handler.Enabled(ctx, level)
}

// Handle writes a record. If that panics it writes the record again with all
// values as text. It ignores a second panic.
func (h guardedHandler) Handle(ctx context.Context, r slog.Record) (err error) {
	err = errPanic
	if h.handle(ctx, r, &err) {
		return err
	}
	text := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		text.AddAttrs(slog.String(a.Key, a.Value.String()))
		return true
	})
	h.handle(ctx, text, &err)
	return err
}

func (h guardedHandler) handle(ctx context.Context, r slog.Record, err *error) (returned bool) {
	defer func() { _ = recover() }()
	*err = h.Handler.Handle(ctx, r)
	return true
}

func (h guardedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return guardedHandler{h.Handler.WithAttrs(attrs)}
}

func (h guardedHandler) WithGroup(name string) slog.Handler {
	return guardedHandler{h.Handler.WithGroup(name)}
}
