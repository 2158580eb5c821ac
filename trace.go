package socketio

import (
	"context"
	"net/http"

	"github.com/goroomcast/socketio/internal/engine"
)

// A Trace contains functions that the server calls at events of its own, for
// metrics, spans and logs. Any of them may be nil. They run on the goroutine at
// work, which holds no lock, and concurrently, so they must be quick. The
// server logs a panic in them. [Server.Stats] counts states.
type Trace struct {
	// ServerCreated is called by NewServer with the server that it returns. A
	// panic in it leaves NewServer.
	ServerCreated func(s *Server)

	// Opened is called for each new connection, and Closed once for each of
	// these when it ends. Conn.Transport still tells how the client was
	// connected.
	Opened func(c Conn)
	Closed func(c Conn, reason Reason)

	// Upgraded is called when a client has changed from polling to WebSocket.
	// If the change fails, it is called with the error; the client stays with
	// polling.
	Upgraded func(c Conn, err error)

	// Rejected is called before the server answers a request by an error, but
	// not for requests for other paths.
	Rejected func(r *http.Request, why Refusal)

	// Received is called with each packet of a client, heartbeats included;
	// bytes are those of its data, after decompression and decoding.
	Received func(c Conn, bytes int)

	// Sent is called before each write to a WebSocket and each answer to a
	// poll; bytes are those of the frames, compressed or not, or of the payload
	// before it is compressed.
	Sent func(c Conn, packets, bytes int)

	// Dropped is called when the server drops volatile packets because the
	// client is not ready for them, or others because of Options.Limits.DropOldest;
	// bytes are those of their frames.
	Dropped func(c Conn, packets, bytes int)

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

	// Refused is called when a client is denied a namespace. If n is nil, the
	// namespace does not exist, or the client is in Options.Limits.Namespaces
	// already; otherwise middleware of n returned err.
	Refused func(n *Namespace, err error)

	// OverRate is called when an event is dropped, or its client disconnected,
	// because of Options.Limits.EventRate. The event's name is the client's word.
	OverRate func(s *Socket, event string)

	// Handle is called before the handlers of a client's event. The handlers
	// get the returned context. The returned function is called after them,
	// with the joined errors of the handlers and of the middleware of
	// [Socket.Use], or with [ErrNoHandler] if no handler exists; in that case
	// the client may have invented the event's name. Neither result may be nil.
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
		Opened:           both(t.Opened, other.Opened),
		Closed:           both2(t.Closed, other.Closed),
		Upgraded:         both2(t.Upgraded, other.Upgraded),
		Rejected:         both2(t.Rejected, other.Rejected),
		Received:         both2(t.Received, other.Received),
		Sent:             both3(t.Sent, other.Sent),
		Dropped:          both3(t.Dropped, other.Dropped),
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

func both3[A, B, C any](f, g func(A, B, C)) func(A, B, C) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A, b B, c C) { f(a, b, c); g(a, b, c) }
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

// guarded returns a Trace whose functions do not panic, except ServerCreated,
// which the program itself calls by NewServer.
func (t *Trace) guarded(g guard) Trace {
	return Trace{
		ServerCreated:    t.ServerCreated,
		NamespaceCreated: guarded1(g, "Trace.NamespaceCreated", t.NamespaceCreated),
		NamespaceRemoved: guarded1(g, "Trace.NamespaceRemoved", t.NamespaceRemoved),
		Connected:        guarded1(g, "Trace.Connected", t.Connected),
		Disconnected:     guarded2(g, "Trace.Disconnected", t.Disconnected),
		Refused:          guarded2(g, "Trace.Refused", t.Refused),
		OverRate:         guarded2(g, "Trace.OverRate", t.OverRate),
		Handle:           t.Handle, // handle does it
	}
}

// engine returns what the engine is told to call.
func (t *Trace) engine() *engine.Trace {
	var e engine.Trace
	if f := t.Opened; f != nil {
		e.Opened = func(s *engine.Session) { f(Conn{s}) }
	}
	if f := t.Closed; f != nil {
		e.Closed = func(s *engine.Session, reason engine.Reason) { f(Conn{s}, Reason(reason)) }
	}
	if f := t.Upgraded; f != nil {
		e.Upgraded = func(s *engine.Session, err error) { f(Conn{s}, err) }
	}
	if f := t.Rejected; f != nil {
		e.Rejected = func(r *http.Request, why engine.Refusal) {
			f(r, Refusal{
				Cause:   Cause(why.Cause),
				Status:  why.Status,
				Code:    why.Code,
				Message: why.Message,
				Context: why.Context,
			})
		}
	}
	if f := t.Received; f != nil {
		e.Received = func(s *engine.Session, bytes int) { f(Conn{s}, bytes) }
	}
	if f := t.Sent; f != nil {
		e.Sent = func(s *engine.Session, packets, bytes int) { f(Conn{s}, packets, bytes) }
	}
	if f := t.Dropped; f != nil {
		e.Dropped = func(s *engine.Session, packets, bytes int) { f(Conn{s}, packets, bytes) }
	}
	return &e
}
