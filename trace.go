package socketio

import (
	"context"
	"net/http"

	"github.com/goroomcast/socketio/internal/engine"
)

// A Trace contains functions that the server calls for metrics, spans and logs.
// Any of them may be nil. The server calls them concurrently, on the goroutine
// that does the work and without holding a lock. They must be quick, because
// that goroutine waits for them. The server recovers and logs a panic in them.
// For numbers at one moment see [Server.Stats].
type Trace struct {
	// ServerCreated is called by NewServer with the server that it returns.
	// NewServer does not recover a panic in it.
	ServerCreated func(s *Server)

	// Opened is called for each new connection. Closed is called once for each
	// of these connections when it ends; Conn.Transport then returns the last
	// transport.
	Opened func(c Conn)
	Closed func(c Conn, reason Reason)

	// Upgraded is called after an upgrade from polling to WebSocket. The error
	// is nil if the upgrade was successful. Otherwise the client goes on with
	// polling.
	Upgraded func(c Conn, err error)

	// Rejected is called before the server refuses a request, except a request
	// for another path.
	Rejected func(r *http.Request, why Refusal)

	// Received is called with each packet of a client, including heartbeats.
	// Bytes is the length of the packet's data, after decompression and
	// decoding.
	Received func(c Conn, bytes int)

	// Sent is called before each write to a WebSocket and before each answer to
	// a poll. Bytes is the length of the WebSocket frames, after compression,
	// or the length of the poll's payload, before compression.
	Sent func(c Conn, packets, bytes int)

	// Dropped is called when the server drops packets: volatile packets because
	// the client is not ready, or other packets because of
	// Options.Limits.DropOldest. Bytes is the length of their frames.
	Dropped func(c Conn, packets, bytes int)

	// NamespaceCreated is called when the server has created a namespace other
	// than "/". If a client's request creates the namespace, the call precedes
	// the admission of this client, but not of other clients that ask for the
	// namespace at the same time. Handlers for all clients belong on the
	// parent. NamespaceRemoved is called when the server has removed a
	// namespace of a parent, because it has no clients and keeps no sessions
	// for Options.Recovery.
	NamespaceCreated func(n *Namespace)
	NamespaceRemoved func(n *Namespace)

	// Connected is called for each socket that middleware lets in, before
	// OnConnect. Disconnected is called once for each of these sockets, after
	// OnDisconnect.
	Connected    func(s *Socket)
	Disconnected func(s *Socket, reason Reason)

	// Refused is called when the server refuses a client's CONNECT to a
	// namespace. If n is not nil, middleware of n returned err. If n is nil,
	// the namespace does not exist or the client exceeds a limit, and err says
	// which.
	Refused func(n *Namespace, err error)

	// OverRate is called when the server drops an event or disconnects its
	// client because of Options.Limits.EventRate. The client chooses the
	// event's name, so the name may be anything.
	OverRate func(s *Socket, event string)

	// Handle is called before the handlers of a client's event. It returns the
	// context for the handlers and a function; neither may be nil. The server
	// calls the function after the handlers, with the joined errors of the
	// handlers and of the middleware of [Socket.Use]. If the event has no
	// handler, the error is [ErrNoHandler], and the client may have invented
	// the event's name.
	Handle func(ctx context.Context, e *Event) (context.Context, func(err error))
}

// With returns a Trace that calls the functions of t, then those of other. The
// functions that Handle returns are called in the opposite order. Both t and
// other may be nil.
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

// Stats contains the load of a Server at one moment.
type Stats struct {
	Polling, WebSocket int // connections by transport
	Queued             int // bytes that wait to be sent to clients

	// Namespaces contains the load of the namespaces, by their Group.
	Namespaces map[string]NamespaceStats
}

// NamespaceStats contains the load of one namespace, or the sum of all
// namespaces of one Group.
type NamespaceStats struct {
	Sockets int // including those that wait for the middleware's decision
	Rooms   int // without the rooms that are named like sockets' ids
	Acks    int // replies that clients owe
	Inbox   int // bytes of events and replies that wait for handlers or are being handled
}

// Stats returns the server's load, for metrics. It visits each socket, so a
// call takes about ten milliseconds for 100,000 sockets. It does not stop the
// sockets meanwhile.
func (s *Server) Stats() Stats {
	connections := s.engine.Stats()
	all := Stats{
		Polling:    connections.Polling,
		WebSocket:  connections.WebSocket,
		Queued:     connections.Queued,
		Namespaces: make(map[string]NamespaceStats),
	}
	for _, n := range s.allNamespaces() {
		group := n.Group()
		sum := all.Namespaces[group]
		n.addStats(&sum)
		all.Namespaces[group] = sum
	}
	return all
}

func (n *Namespace) addStats(sum *NamespaceStats) {
	sum.Rooms += n.rooms.len()
	sockets := n.everybody.targets()
	defer putTargets(sockets)
	sum.Sockets += len(*sockets)
	for _, s := range *sockets {
		s.mu.Lock()
		sum.Acks += len(s.acks)
		s.mu.Unlock()
		s.mailbox.mu.Lock()
		sum.Inbox += s.mailbox.bytes
		s.mailbox.mu.Unlock()
	}
}
