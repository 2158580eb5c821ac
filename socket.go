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
	ctx    context.Context // made when first needed
	cancel context.CancelCauseFunc
	reason Reason    // once disconnected
	until  time.Time // likewise
	data   *data     // nil unless SetData has been called
	acks   map[uint64]ack
	expiry *expiry // nil unless ExpireAt has been called
}

const (
	statusPending = iota // neither families nor middleware have decided yet
	statusConnected
	statusDisconnected
)

// ID returns the socket's id: 20 characters that say nothing about the
// session, so that other clients may know them. It changes when the client
// reconnects, unless it is [Socket.Recovered]. The ids of [Options.AllowEIO3] clients are made of the session's
// and must stay secret.
func (s *Socket) ID() string { return s.id }

// Namespace returns the socket's namespace.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Handshake returns what the client said when it connected.
func (s *Socket) Handshake() *Handshake { return s.handshake }

// Conn returns the client's connection, which its sockets in other namespaces
// share.
func (s *Socket) Conn() Conn { return Conn{s.conn.session} }

// Transport returns how the client is connected now: "polling" or "websocket".
// See [Conn.OnUpgrade] for learning of the change.
func (s *Socket) Transport() string { return s.Conn().Transport() }

// Context returns a context that has the values of the context of the
// connection's first request, and ends when the socket disconnects. Its cause
// is then an [ErrDisconnected] that names the reason.
func (s *Socket) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(s.conn.ctx)
		if s.reason != "" {
			s.cancel(disconnectError{s.reason})
		}
	}
	return s.ctx
}

// Data returns the value that SetData has set, nil at first. It is the
// program's own value, also if the client has come back to this server. If the
// client has come back from another server, it is the value's JSON, a
// json.RawMessage; the typed [Data] decodes that.
func (s *Socket) Data() any {
	if d := s.sharedData(); d != nil {
		return d.value
	}
	return nil
}

// SetData keeps a value with the socket, such as the user that middleware has
// identified. It encodes the value as JSON before it returns; FetchSockets, and
// another server that the client comes back to, get that JSON. After a change
// that they should see, SetData must be called again, and not while another
// goroutine changes the value. Only Data returns a value that cannot be
// encoded.
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

// Rooms returns the rooms that the socket is in: its own id, then the others
// by name. After the disconnect it is empty.
func (s *Socket) Rooms() []string { return s.namespace.rooms.of(s) }

// Join adds the socket to rooms. Rooms need no creation. If the socket would
// then be in more rooms than Options.Limits.Rooms, Join adds it to no room and
// returns [ErrTooManyRooms].
func (s *Socket) Join(rooms ...string) error {
	n := s.namespace
	if !n.rooms.joinUpTo(n.server.opts.Limits.Rooms, s, rooms...) {
		n.server.logger.Warn("a socket may not join further rooms: Options.Limits.Rooms",
			"namespace", n.name, "socket", s.id, "limit", n.server.opts.Limits.Rooms)
		return ErrTooManyRooms
	}
	n.tellRoomEvents()
	return nil
}

// Leave removes the socket from rooms.
func (s *Socket) Leave(rooms ...string) {
	s.namespace.rooms.leave(s, rooms...)
	s.namespace.tellRoomEvents()
}

// Emit sends an event to the client. It does not wait for the client; a nil
// error means that the event is on its way, not that it has arrived. With
// Options.Recovery it is kept for a client that has lost its connection.
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

// Broadcast selects all other sockets of the namespace.
func (s *Socket) Broadcast() Broadcast { return s.namespace.Except(s.id) }

// To selects the other sockets in any of the rooms.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except selects all other sockets that are not in any of the rooms.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Volatile selects the socket itself, for events that may be dropped when it
// is not ready for them.
func (s *Socket) Volatile() Broadcast { return s.itself().Volatile() }

// Compress selects the socket itself, for events that its connection should not
// compress; see [Broadcast.Compress].
func (s *Socket) Compress(compress bool) Broadcast { return s.itself().Compress(compress) }

// itself selects the socket.
func (s *Socket) itself() Broadcast {
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

// OnDisconnecting adds a function to be called when the socket has
// disconnected, while it is still in its rooms: [Broadcast.Sockets] and
// FetchSockets have it until OnDisconnect, and it gets no event.
func (s *Socket) OnDisconnecting(f func(r Reason)) (off func()) {
	return s.listeners.lists().disconnecting.add(f)
}

// OnDisconnect adds a function to be called when the socket has disconnected
// and left its rooms.
func (s *Socket) OnDisconnect(f func(r Reason)) (off func()) {
	return s.listeners.lists().disconnect.add(f)
}

// Disconnect disconnects the socket; its client does not reconnect by itself.
// With close true it disconnects the client's sockets in all namespaces and
// closes the connection. Events emitted before are still sent; events
// received and not yet handled are dropped.
func (s *Socket) Disconnect(close bool) {
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
func (s *Socket) deliver(m *engine.Message, how delivery) error {
	session := s.conn.session
	switch {
	case m == nil:
		return nil
	case how == sendVolatile:
		session.SendVolatile(m)
		return nil
	case how == sendLater:
		return session.SendLater(m)
	}
	return session.Send(m)
}
