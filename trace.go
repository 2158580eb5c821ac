package socketio

import (
	"context"

	"github.com/goroomcast/socketio/internal/engine"
)

// A Trace has functions that are called as things happen, for metrics, spans
// and logs. Any of them may be nil. They run on the goroutine at work, while it
// holds no lock, and concurrently; so they must be quick. A panic there is logged.
// What is a state and no event is in [Server.Stats].
type Trace struct {
	// ServerCreated is called by NewServer with the server that it returns.
	ServerCreated func(s *Server)

	// Engine is told of the connections: those that open, upgrade and end,
	// refused requests, packets and bytes.
	Engine engine.Trace

	// NamespaceCreated is called when a namespace other than "/" comes into
	// being, for one that clients have asked for before the first of them is
	// let in, and NamespaceRemoved when its last client has left. Clients that
	// ask at the same time may be let in meanwhile: their handlers belong to
	// the parent.
	NamespaceCreated func(n *Namespace)
	NamespaceRemoved func(n *Namespace)

	// Connected is called for each socket that middleware lets in, before
	// OnConnect, and Disconnected for each of these after OnDisconnect.
	Connected    func(s *Socket)
	Disconnected func(s *Socket, reason Reason)

	// Refused is called when middleware does not let a client into a
	// namespace, or, with nil, when there is none of the name that the client
	// asks for, or the client has Options.MaxNamespaces.
	Refused func(n *Namespace, err error)

	// OverRate is called when an event is dropped, or its client disconnected,
	// because of Options.EventRate. The event's name is the client's word.
	OverRate func(s *Socket, event string)

	// Handle is called before the handlers of a client's event, which get the
	// context that it returns. The function that it returns is called when
	// they are done, with what they and the middleware of [Socket.Use] have
	// returned, joined, or [ErrNoHandler] if there is no handler: then the
	// event's name is the client's word. Neither result may be nil.
	Handle func(ctx context.Context, e *Event) (context.Context, func(err error))
}

// With returns a Trace that calls the functions of both, first its own. What
// Handle of the other one returns is called first. Either may be nil.
func (t *Trace) With(other *Trace) *Trace {
	switch {
	case t == nil:
		return other
	case other == nil:
		return t
	}
	return &Trace{
		ServerCreated:    both(t.ServerCreated, other.ServerCreated),
		Engine:           t.Engine.With(other.Engine),
		NamespaceCreated: both(t.NamespaceCreated, other.NamespaceCreated),
		NamespaceRemoved: both(t.NamespaceRemoved, other.NamespaceRemoved),
		Connected:        both(t.Connected, other.Connected),
		Disconnected:     both2(t.Disconnected, other.Disconnected),
		Refused:          both2(t.Refused, other.Refused),
		OverRate:         both2(t.OverRate, other.OverRate),
		Handle:           bothHandle(t.Handle, other.Handle),
	}
}

func both[A any](f, g func(A)) func(A) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A) { f(a); g(a) }
}

func both2[A, B any](f, g func(A, B)) func(A, B) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A, b B) { f(a, b); g(a, b) }
}

type handleHook = func(context.Context, *Event) (context.Context, func(error))

func bothHandle(f, g handleHook) handleHook {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(ctx context.Context, e *Event) (context.Context, func(error)) {
		ctx, outer := f(ctx, e)
		ctx, inner := g(ctx, e)
		return ctx, func(err error) { inner(err); outer(err) }
	}
}

// created tells of a new namespace.
func (n *Namespace) created() {
	if f := n.server.trace.NamespaceCreated; f != nil && n.name != "/" {
		f(n)
	}
}
