package socketio

import (
	"context"
	"errors"
	"sync/atomic"
)

// A socket has a place for its own middleware and listeners only once it is
// needed.
type listeners struct{ made atomic.Pointer[listenerLists] }

type listenerLists struct {
	use callbacks[Handler]
	any callbacks[Handler]
	out callbacks[func(event string, args []any)]

	disconnecting callbacks[func(Reason)]
	disconnect    callbacks[func(Reason)]
}

func (l *listeners) lists() *listenerLists {
	if l.made.Load() == nil {
		l.made.CompareAndSwap(nil, new(listenerLists))
	}
	return l.made.Load()
}

// Use adds middleware for the socket's events. It runs before the handlers, in
// the order of registration. After an error the event goes no further; the
// error is logged, and a client that waits for a reply gets {"error": …} as
// from [OnCall].
func (s *Socket) Use(m Handler) (off func()) { return s.listeners.lists().use.add(m) }

// OnAny adds a function that is called with every event of the client that
// middleware lets pass, before its handlers.
func (s *Socket) OnAny(h Handler) (off func()) { return s.listeners.lists().any.add(h) }

// OnAnyOutgoing adds a function that is called with every event sent to the
// client, broadcasts included, on the goroutine that sends it. The arguments
// are the sender's and must not be modified. Those that come from other servers
// or from [Event.Args] are a [json.RawMessage] each, or what it decodes into if
// there is binary in it.
func (s *Socket) OnAnyOutgoing(f func(event string, args []any)) (off func()) {
	return s.listeners.lists().out.add(f)
}

// outgoing tells of an event sent to the socket.
func (l *listeners) outgoing(s *Socket, o *outgoing) {
	if lists := l.made.Load(); lists != nil {
		for _, f := range lists.out.all() {
			_ = s.run("OnAnyOutgoing", func() error {
				args, err := plain(o.given)
				if err == nil {
					(*f)(o.header.Event, args)
				}
				return err
			})
		}
	}
}

// pass runs the middleware and the listeners to all events. It returns an error
// if the handlers must not run.
func (s *Socket) pass(ctx context.Context, e *Event) error {
	lists := s.listeners.made.Load()
	if lists == nil {
		return nil
	}
	for _, m := range lists.use.all() {
		var refusal error
		failed := s.namespace.server.guard.call("Use", s.namespace.name, s.id, func() error {
			refusal = (*m)(ctx, e)
			probe(refusal)
			return e.refuse(refusal)
		})
		if failed == errPanic {
			return failed
		}
		if refusal != nil {
			s.logRefused(e, refusal, failed)
			return refusal
		}
	}
	for _, h := range lists.any.all() {
		_ = s.run("OnAny", func() error { return (*h)(ctx, e) })
	}
	return nil
}

// logRefused logs an event that middleware has refused, and an error of that
// refusal itself.
func (s *Socket) logRefused(e *Event, why, failed error) {
	if failed == nil {
		failed = why
	}
	if !errors.Is(failed, errPanic) { // or else it has been logged
		s.namespace.server.logger.About(e.Name()).Warn("event refused by Socket.Use",
			"event", e.Name(), "namespace", s.namespace.name, "socket", s.id, "err", failed)
	}
}

// toAny reports whether the socket has listeners to all events.
func (l *listeners) toAny() bool {
	lists := l.made.Load()
	return lists != nil && len(lists.any.all()) > 0
}

// disconnecting and disconnected tell of a socket's end.
func (l *listeners) disconnecting(s *Socket, reason Reason) {
	if lists := l.made.Load(); lists != nil {
		s.tell("OnDisconnecting", &lists.disconnecting, reason)
	}
}

func (l *listeners) disconnected(s *Socket, reason Reason) {
	if lists := l.made.Load(); lists != nil {
		s.tell("OnDisconnect", &lists.disconnect, reason)
	}
}

func (s *Socket) tell(what string, whom *callbacks[func(Reason)], reason Reason) {
	callEach(whom.all(), func(f func(Reason)) {
		_ = s.run(what, func() error { f(reason); return nil })
	})
}
