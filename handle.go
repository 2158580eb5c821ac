package socketio

import (
	"context"
	"errors"
)

// errGoexit stands for the result of a handler that has none.
var errGoexit = errors.New("socketio: a handler has ended its goroutine")

// handle runs the handlers of an event.
func (s *Socket) handle(e *Event) {
	err := errGoexit
	ctx, done := s.Context(), (func(error))(nil)
	defer func() {
		if done != nil {
			_ = s.run("Trace.Handle", func() error { done(err); return nil })
		}
	}()
	defer func() { e.conclude(err) }()
	if hook := s.namespace.server.trace.Handle; hook != nil {
		ctx, done = s.begin(ctx, hook, e)
	}
	err = s.runHandlers(ctx, e)
}

// runHandlers returns what Trace.Handle is told. What failed has been logged.
func (s *Socket) runHandlers(ctx context.Context, e *Event) error {
	if err := s.pass(ctx, e); err != nil {
		if !s.handles(e.Name()) {
			err = errors.Join(ErrNoHandler, err)
		}
		return err
	}
	found := false
	var failed error
	for _, n := range s.namespace.lineage {
		found = s.handleBy(ctx, &n.handlers, e, &failed) || found
	}
	if own := s.handlers.Load(); own != nil {
		found = s.handleBy(ctx, own, e, &failed) || found
	}
	if !found {
		s.logUnhandled(e)
		return ErrNoHandler
	}
	return failed
}

// logUnhandled tells of an event without a handler, which is a mistake unless
// somebody listens to all events.
func (s *Socket) logUnhandled(e *Event) {
	const text = "no handler for an event"
	args := []any{"event", e.Name(), "namespace", s.namespace.name, "socket", s.id}
	if s.listeners.toAny() {
		s.namespace.server.logger.Debug(text, args...)
	} else {
		s.namespace.server.logger.About(e.Name()).Warn(text, args...)
	}
}

// handleBy reports whether a table has handlers for the event, and joins their
// errors.
func (s *Socket) handleBy(ctx context.Context, hs *handlers, e *Event, failed *error) bool {
	list := hs.get(e.Name())
	for _, h := range list {
		if err := s.run(e.Name(), func() error { return (*h)(ctx, e) }); err != nil {
			*failed = errors.Join(*failed, err)
		}
	}
	return len(list) > 0
}

// handles reports whether there are handlers for an event.
func (s *Socket) handles(event string) bool {
	for _, n := range s.namespace.lineage {
		if len(n.handlers.get(event)) > 0 {
			return true
		}
	}
	own := s.handlers.Load()
	return own != nil && len(own.get(event)) > 0
}
