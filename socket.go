package socketio

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// A Socket is one client in one namespace.
type Socket struct {
	name      string // of the namespace
	conn      *conn
	handshake *Handshake
	rejoins   bool // the client may take itself for connected already, as in its socket before

	// Set by join. Before that the socket is known to its connection alone.
	id        string
	namespace *Namespace
	seat      *seat // nil without Options.Recovery

	handlers  atomic.Pointer[handlers[Handler]] // made when first needed
	listeners listeners
	status    atomic.Int32
	entered   atomic.Bool // has been connected
	mailbox   mailbox[Event]

	mu     sync.Mutex
	reason Reason        // once disconnected
	until  time.Time     // likewise
	done   chan struct{} // closed at the end; made when first asked for
	after  chain[func()] // called at the end
	ends   chain[ending] // likewise, on the socket's turn
	data   *data         // nil unless SetData has been called
	acks   map[uint64]ack
	expiry *expiry // nil unless ExpireAt has been called
}

const (
	statusPending = iota // neither families nor middleware have decided yet
	statusConnected
	statusDisconnected
)

// ID returns the socket's id, 20 characters. Other clients may know the id,
// because it reveals nothing about the session. The client gets a new id when
// it reconnects, unless it is [Socket.Recovered]. The id of an
// [Options.AllowEIO3] client is an exception: it contains the session's id and
// must stay secret.
func (s *Socket) ID() string { return s.id }

// Namespace returns the socket's namespace.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Handshake returns what the client said when it connected.
func (s *Socket) Handshake() *Handshake { return s.handshake }

// Conn returns the client's connection, which its sockets in other namespaces
// share.
func (s *Socket) Conn() Conn { return Conn{s.conn.session} }

// Transport returns the current transport of the connection, "polling" or
// "websocket". [Conn.OnUpgrade] tells of a change.
func (s *Socket) Transport() string { return s.Conn().Transport() }

// Context returns a context that ends when the socket disconnects. It contains
// the values of the context of the connection's first request. When it has
// ended, its cause is an [ErrDisconnected] that names the reason.
func (s *Socket) Context() context.Context { return (*socketContext)(s) }

// Data returns the value that SetData has set, or nil if SetData has not been
// called. A client that comes back to this server keeps the same value. A
// client that comes back from another server gets the value's JSON, a
// json.RawMessage with base64 for binary; the generic function [Data] decodes
// it.
func (s *Socket) Data() any {
	if d := s.sharedData(); d != nil {
		return d.value
	}
	return nil
}

// SetData keeps a value with the socket, such as the user that middleware has
// identified. Data returns the value itself. FetchSockets, and another server
// to which the client comes back, get the JSON that SetData has encoded during
// the call; binary in it stays binary, as in events. So SetData must be called
// again after the value has changed. No other goroutine may change the value
// during the call. A value that cannot be encoded as JSON is available from
// Data only.
func (s *Socket) SetData(v any) {
	d := newData(s.namespace.server.guard, v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = d
}

func (s *Socket) sharedData() *data {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// Rooms returns the rooms that the socket is in: first its own id, then the
// other rooms, sorted by name. It returns nil when the socket has left its
// rooms, before OnDisconnect.
func (s *Socket) Rooms() []string { return s.namespace.rooms.of(s) }

// Join adds the socket to rooms. A room exists as soon as a socket joins it. If
// the socket would be in more rooms than Options.Limits.Rooms, Join adds it to
// no room and returns [ErrTooManyRooms].
func (s *Socket) Join(rooms ...string) error {
	n := s.namespace
	if !n.rooms.joinUpTo(n.server.opts.Limits.Rooms, s, rooms...) {
		n.server.logger.Warn("a socket may not join further rooms: Options.Limits.Rooms",
			"namespace", n.name, "socket", s.id, "limit", n.server.opts.Limits.Rooms)
		return ErrTooManyRooms
	}
	n.tellRoomChanges()
	return nil
}

// Leave removes the socket from rooms.
func (s *Socket) Leave(rooms ...string) {
	s.namespace.rooms.leave(s, rooms...)
	s.namespace.tellRoomChanges()
}

// Emit sends an event to the client. It does not wait for the client: a nil
// error means that the event is queued, not that it has arrived. With
// Options.Recovery the server also keeps the event for a client that has lost
// its connection.
func (s *Socket) Emit(event string, args ...any) error {
	switch {
	case !s.takesEvents():
		return ErrDisconnected
	case s.seat != nil:
		return s.itself().Emit(event, args...)
	}
	out, err := s.namespace.prepareOne(event, parser.Header{}, args)
	if err != nil {
		return err
	}
	defer out.free()
	return s.deliver(out.messageFor(s), sendNow)
}

// Broadcast selects all sockets of the namespace except this one.
func (s *Socket) Broadcast() Broadcast { return s.namespace.Except(s.id) }

// To selects the sockets in any of the rooms, except this one.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is another name for To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except selects all sockets of the namespace except this one and those in any
// of the rooms.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Volatile selects the socket itself, for events that the server may drop if
// the client is not ready; see [Broadcast.Volatile].
func (s *Socket) Volatile() Broadcast { return s.itself().Volatile() }

// Compress selects the socket itself and decides whether its connection may
// compress the event; see [Broadcast.Compress].
func (s *Socket) Compress(compress bool) Broadcast { return s.itself().Compress(compress) }

// itself selects the socket.
func (s *Socket) itself() Broadcast {
	if s.seat != nil {
		return Broadcast{namespace: s.namespace, self: s, rooms: s.seat.own} // the log keeps it
	}
	return Broadcast{namespace: s.namespace, self: s, rooms: []string{s.id}}
}

// On implements EventTarget for this socket.
func (s *Socket) On(event string, h Handler) (off func()) {
	hs := s.handlers.Load()
	if hs == nil {
		s.handlers.CompareAndSwap(nil, new(handlers[Handler]))
		hs = s.handlers.Load()
	}
	return hs.add(event, h)
}

// OnDisconnecting adds a function that is called when the socket has
// disconnected but is still in its rooms. [Broadcast.Sockets] and FetchSockets
// still return the socket, but it gets no events.
func (s *Socket) OnDisconnecting(f func(r Reason)) (off func()) {
	return s.addEnd(f, true)
}

// OnDisconnect adds a function that is called when the socket has disconnected
// and has left its rooms.
func (s *Socket) OnDisconnect(f func(r Reason)) (off func()) {
	return s.addEnd(f, false)
}

// Disconnect disconnects the socket. If close is true, it disconnects the
// client's sockets in all namespaces and closes the connection. The client does
// not reconnect by itself. Events that were emitted before are still sent.
// Received events whose handlers have not begun are dropped.
func (s *Socket) Disconnect(close bool) {
	c := s.namespace.cluster
	if c.Ahead() && s.connected() {
		s.mailbox.discard.Store(true)
	}
	c.After(func() { s.disconnect(close) })
}

// disconnect is Disconnect without waiting for events that were emitted before.
func (s *Socket) disconnect(close bool) {
	if close {
		s.conn.disconnect()
	} else {
		s.leaveNamespace(ReasonServerDisconnect)
	}
}

func (s *Socket) connected() bool { return s.status.Load() == statusConnected }

// A delivery is how a message is sent.
type delivery int

const (
	sendNow      delivery = iota
	sendLater             // the writing is left to other goroutines
	sendVolatile          // only if the client is ready
)

// deliver queues a message for the client. Nil is no message.
func (s *Socket) deliver(m *engine.Message, how delivery) (err error) {
	session := s.conn.session
	switch {
	case m == nil:
	case how == sendVolatile:
		session.SendVolatile(m)
	case how == sendLater:
		err = session.SendLater(m)
	default:
		err = session.Send(m)
	}
	if err != nil { // the session has ended, perhaps by this message, and the socket ends next
		return ErrDisconnected
	}
	return nil
}

// A socketContext is a socket as its context. A context of package context would
// take several times the memory once something depends on it, and each socket has
// one.
type socketContext Socket

// first is the context of the connection's first request. It never ends.
func (c *socketContext) first() context.Context { return c.conn.ctx }

// Deadline implements context.Context.
func (c *socketContext) Deadline() (time.Time, bool) { return c.first().Deadline() }

// Done implements context.Context.
func (c *socketContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.reason != "" {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *socketContext) Err() error {
	if (*Socket)(c).why() != "" {
		return context.Canceled
	}
	return nil
}

// Value implements context.Context. Package context finds the cause by it.
func (c *socketContext) Value(key any) any {
	reason := (*Socket)(c).why()
	if reason == "" {
		return c.first().Value(key)
	}
	ended, cancel := context.WithCancelCause(c.first())
	cancel(disconnectError{reason})
	return ended.Value(key)
}

// AfterFunc is what package context calls for the contexts that depend on this
// one: f is called when it ends, and does not block.
func (c *socketContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != "" {
		go f()
		return func() bool { return false }
	}
	entry := c.after.add(f)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.after.drop(entry)
	}
}
