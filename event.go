package socketio

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// An Event is one event that a client has sent.
type Event struct {
	socket *Socket
	packet *parser.Packet
	acked  atomic.Bool
	done   bool         // a typed handler has handled it; an empty reply says so
	told   bool         // the log has been told of surplus arguments
	shared bool         // more than one handler, hook or listener gets it
	remote *remoteEvent // of another server; nil if socket is not
}

// A remoteEvent is the namespace of an event of another server, and the way of
// its answer.
type remoteEvent struct {
	namespace *Namespace
	answer    func(args []any) error
}

func (e *Event) server() *Server {
	if e.remote != nil {
		return e.remote.namespace.server
	}
	return e.socket.namespace.server
}

// Name returns the event's name.
func (e *Event) Name() string { return e.packet.Event }

// Socket returns the socket that received the event. For an event of
// Namespace.OnServerSide it returns nil.
func (e *Event) Socket() *Socket { return e.socket }

// Len returns the number of arguments.
func (e *Event) Len() int { return lenOf(e.packet.Args) }

// lenOf returns the number of arguments.
func lenOf(args parser.Args) int {
	if args == nil {
		return 0
	}
	return args.Len()
}

// Decode decodes the arguments, from the first on, into the pointers given.
// Fewer arguments than pointers are an error; more are ignored. A null makes a
// pointer, map, slice or interface nil and a json.RawMessage "null", and leaves
// any other target as it is, as in encoding/json.
func (e *Event) Decode(into ...any) error { return e.server().guard.decode(e.packet.Args, into) }

// Args returns the arguments as values that Emit, Ack and Call send on
// unchanged: they keep binary data, the order of members in objects and all
// digits of numbers. The values are opaque; Decode returns their contents.
//
//	err := s.Broadcast().Emit(e.Name(), e.Args()...)
func (e *Event) Args() []any { return e.server().guard.sentOn(e.packet.Args) }

// WantsAck reports whether the client waits for a reply.
func (e *Event) WantsAck() bool { return e.packet.HasID }

// Ack replies to the client. It may be called from any goroutine and after the
// handler has returned. It does nothing if the client wants no reply. It
// returns [ErrAcked] if the event has a reply already, [ErrDisconnected] if the
// socket is no longer connected, or an error if the arguments cannot be
// encoded; then Ack may be called again.
func (e *Event) Ack(args ...any) error {
	if !e.packet.HasID {
		return nil
	}
	if !e.acked.CompareAndSwap(false, true) {
		return ErrAcked
	}
	if e.remote != nil {
		err := e.remote.answer(args)
		if err != nil {
			e.acked.Store(false)
		}
		return err
	}
	s := e.socket
	if !s.connected() {
		return ErrDisconnected
	}
	h := parser.Header{Type: parser.Ack, Namespace: s.namespace.name, ID: e.packet.ID, HasID: true}
	m, err := s.namespace.server.coder.encode(engine.NewTransientMessage, h, args)
	if err != nil {
		e.acked.Store(false)
		return err
	}
	if c := s.namespace.cluster; c.Ahead() {
		c.After(func() { _ = s.deliver(m, sendNow) })
		return nil
	}
	defer m.Recycle()
	return s.deliver(m, sendNow)
}

// reply is Ack by the typed handlers. The first handler's reply counts. It is
// no error of theirs if the client has left meanwhile.
func (e *Event) reply(args ...any) error {
	if err := e.Ack(args...); !errors.Is(err, ErrAcked) && !errors.Is(err, ErrDisconnected) {
		return err
	}
	return nil
}

// A Handler handles an event. The context is the socket's. The server logs a
// returned error, and recovers and logs a panic with its stack. In both cases
// the connection stays open. If the client waits for a reply and no handler has
// replied, it gets {"error": …} as from [OnCall].
type Handler func(ctx context.Context, e *Event) error

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
		e.shared = true
		ctx, done = s.begin(ctx, hook, e)
	}
	err = s.runHandlers(ctx, e)
}

// begin calls Trace.Handle. What fails there does not keep the event from its
// handlers.
func (s *Socket) begin(ctx context.Context, hook handleHook, e *Event) (within context.Context, done func(error)) {
	within, done = ctx, func(error) {}
	_ = s.run("Trace.Handle", func() error { within, done = hook(ctx, e); return nil })
	return within, done
}

// runHandlers returns what Trace.Handle is told. What failed has been logged.
func (s *Socket) runHandlers(ctx context.Context, e *Event) error {
	if err := s.pass(ctx, e); err != nil {
		if len(s.handlersOf(e.Name(), nil)) == 0 {
			err = errors.Join(ErrNoHandler, err)
		}
		return err
	}
	var few [2][]*Handler
	lists := s.handlersOf(e.Name(), few[:0])
	if len(lists) == 0 {
		s.logUnhandled(e)
		return ErrNoHandler
	}
	e.shared = e.shared || len(lists) > 1 || len(lists[0]) > 1
	var failed error
	for _, list := range lists {
		for _, h := range list {
			if err := s.run(e.Name(), func() error { return (*h)(ctx, e) }); err != nil {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}

// pass runs the middleware and the listeners to all events. It returns an error
// if the handlers must not run.
func (s *Socket) pass(ctx context.Context, e *Event) error {
	lists := s.listeners.made.Load()
	if lists == nil {
		return nil
	}
	for _, m := range lists.use.all() {
		e.shared = true
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
		e.shared = true
		_ = s.run("OnAny", func() error { return (*h)(ctx, e) })
	}
	return nil
}

// handlersOf appends the lists of an event's handlers, those that contain any:
// of the namespace, of its family, and of the socket.
func (s *Socket) handlersOf(event string, lists [][]*Handler) [][]*Handler {
	for _, n := range s.namespace.lineage {
		if list := n.handlers.get(event); len(list) > 0 {
			lists = append(lists, list)
		}
	}
	if own := s.handlers.Load(); own != nil {
		if list := own.get(event); len(list) > 0 {
			lists = append(lists, list)
		}
	}
	return lists
}

// run calls the program's code for the socket.
func (s *Socket) run(what string, f func() error) error {
	return s.namespace.server.guard.run(what, s.namespace.name, s.id, f)
}

// run calls the program's code for the event.
func (e *Event) run(what string, f func() error) error {
	if e.remote != nil {
		return e.server().guard.run(what, e.remote.namespace.name, "", f)
	}
	return e.socket.run(what, f)
}

// logUnhandled logs an event without a handler. That is a mistake unless the
// socket listens to all events.
func (s *Socket) logUnhandled(e *Event) {
	const text = "no handler for an event"
	args := []any{"event", e.Name(), "namespace", s.namespace.name, "socket", s.id}
	if s.listeners.toAny() {
		s.namespace.server.logger.Debug(text, args...)
	} else {
		s.namespace.server.logger.About(e.Name()).Warn(text, args...)
	}
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

// refuse replies with the part of an error that the client may see. It returns
// the error that remains for the log.
func (e *Event) refuse(err error) error {
	if err == nil {
		return nil
	}
	reply, all := publish(err)
	failed := e.reply(reply)
	if failed != nil { // the data cannot be encoded
		_ = e.reply(internalError)
	}
	if all {
		return failed
	}
	return err
}

// conclude replies to an event if no handler has: with nothing after success,
// or with an error.
func (e *Event) conclude(failed error) {
	if !e.packet.HasID || e.acked.Load() || failed == ErrNoHandler || failed == nil && !e.done {
		return
	}
	err := e.run("reply to "+e.Name(), func() error {
		if failed == nil {
			return e.reply()
		}
		reply, _ := publish(failed)
		return e.reply(reply)
	})
	if err != nil {
		_ = e.reply(internalError)
	}
}

// A socket has a place for its own middleware and listeners only once it is
// needed.
type listeners struct{ made atomic.Pointer[listenerLists] }

type listenerLists struct {
	use callbacks[Handler]
	any callbacks[Handler]
	out callbacks[func(event string, args []any)]
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

// OnAny adds a function that is called with every event of the client that the
// middleware of [Socket.Use] passes, before the event's handlers.
func (s *Socket) OnAny(h Handler) (off func()) { return s.listeners.lists().any.add(h) }

// OnAnyOutgoing adds a function that is called with every event sent to the
// client, including broadcasts, on the goroutine that sends the event. The
// arguments are those of the sender and must not be modified. An argument that
// comes from another server or from [Event.Args] is a [json.RawMessage]; if it
// contains binary data, it is the value decoded into an any.
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

// toAny reports whether the socket has listeners to all events.
func (l *listeners) toAny() bool {
	lists := l.made.Load()
	return lists != nil && len(lists.any.all()) > 0
}

// An ending is a function of OnDisconnecting or of OnDisconnect.
type ending struct {
	f       func(Reason)
	inRooms bool // of OnDisconnecting
}

func (s *Socket) addEnd(f func(Reason), inRooms bool) (off func()) {
	needs(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := s.ends.add(ending{f, inRooms})
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ends.drop(entry)
	}
}

// tellEnd calls the functions of OnDisconnecting or of OnDisconnect.
func (s *Socket) tellEnd(what string, inRooms bool, reason Reason) {
	s.mu.Lock()
	all := s.ends.all()
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(e *ending) bool { return e.inRooms != inRooms })
	callEach(all, func(e ending) {
		_ = s.run(what, func() error { e.f(reason); return nil })
	})
}
