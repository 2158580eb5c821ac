package socketio

import (
	"context"
	"errors"
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

// leaveNamespace disconnects the socket by the server's will.
func (s *Socket) leaveNamespace(reason Reason) {
	if !s.status.CompareAndSwap(statusConnected, statusDisconnected) {
		return
	}
	s.mailbox.discard.Store(true)
	if m, err := s.namespace.encode(parser.Header{Type: parser.Disconnect}); err == nil {
		_ = s.conn.session.Send(m) // upon which the client may connect again at once
	}
	s.ended(reason, true)
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

// refuse answers a client that may not connect, unless something else has been
// decided about it.
func (s *Socket) refuse(why error) {
	if s.status.Load() != statusPending {
		return
	}
	var m *engine.Message
	if s.namespace != nil {
		m, why = s.refusal(why)
	}
	if !s.rejoins { // or else the client may not know yet
		s.conn.forget(s) // it may ask again before Send has returned
	}
	if !s.status.CompareAndSwap(statusPending, statusDisconnected) {
		return
	}
	defer s.ended(ReasonServerDisconnect, false)
	if s.namespace == nil {
		_ = s.conn.refuseNamespace(s.name, errInvalidNamespace)
		return
	}
	if f := s.namespace.server.trace.Refused; f != nil {
		f(s.namespace, why)
	}
	if m != nil {
		_ = s.conn.session.Send(m)
	}
}

// refusal encodes the answer to a client that may not connect, and returns why
// as others may be told: errPanic in place of an error that panics itself.
func (s *Socket) refusal(why error) (*engine.Message, error) {
	message, data, logged := errPanic.Error(), any(nil), false
	if err := s.run("the error of middleware", func() error {
		if logged = errors.Is(why, errPanic); logged {
			return nil
		}
		text := why.Error()
		if public := (*Error)(nil); errors.As(why, &public) {
			text, data = public.Message, public.Data
		}
		message = text
		return nil
	}); err != nil {
		why, logged = err, true
	}
	h := parser.Header{Type: parser.ConnectError}
	m, err := s.namespace.encode(h, s.conn.connectError(message, data))
	if err == nil {
		if !logged {
			s.namespace.server.logger.About(message).Warn("client refused by middleware",
				"namespace", s.namespace.name, "err", message, "address", s.handshake.Address)
		}
		return m, why
	}
	if errors.Is(err, errPanic) {
		message, why = errPanic.Error(), err
	} else {
		s.namespace.server.logger.Error("cannot encode the data of a connect error", "message", message, "err", err)
	}
	m, _ = s.namespace.encode(h, s.conn.connectError(message, nil)) // a text is no error
	return m, why
}

type connectError struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// end disconnects the socket, once, and returns its status before. It may be
// called from anywhere and does not block; the rest of the work waits for its
// turn in the mailbox.
func (s *Socket) end(reason Reason) (before int32) {
	before = s.status.Swap(statusDisconnected)
	if before != statusDisconnected {
		s.ended(reason, before == statusConnected)
	}
	return before
}

// ended is end once the status says so.
func (s *Socket) ended(reason Reason, wasConnected bool) {
	if !wasConnected {
		s.mailbox.discard.Store(true) // events that have waited for the admission
	}
	s.mu.Lock()
	s.reason, s.until = reason, time.Now()
	if s.cancel != nil {
		s.cancel(disconnectError{reason})
	}
	if s.expiry != nil {
		s.expiry.timer.Stop()
	}
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	s.conn.leaves(s)
	for _, a := range acks {
		a.to(result{socket: s, err: disconnectError{reason}})
	}
	s.mailbox.end(func() { s.leave(reason, wasConnected) })
}

// leave takes the socket out of its namespace and calls OnDisconnecting and
// OnDisconnect. It completes also if such a function ends its goroutine.
func (s *Socket) leave(reason Reason, wasConnected bool) {
	defer s.conn.server.workers.Done()
	defer s.conn.left(s)
	if s.namespace == nil {
		return
	}
	s.namespace.recovery.reviseEarly(s, reason)
	defer s.vacate(reason, wasConnected)
	if wasConnected {
		s.listeners.disconnecting(s, reason)
	}
}

// vacate is leave after OnDisconnecting.
func (s *Socket) vacate(reason Reason, wasConnected bool) {
	n := s.namespace
	kept := n.recovery.keep(s, reason, wasConnected)
	defer n.recovery.leave(s.seat, kept)
	if wasConnected {
		defer s.tellLeft(reason)
	}
	defer func() {
		if kept == nil { // or else the session goes on using it
			n.server.leave(n)
		}
	}()
	n.rooms.remove(s)
	n.tellRoomEvents()
}

// tellLeft calls OnDisconnect and the hook of Trace.
func (s *Socket) tellLeft(reason Reason) {
	if f := s.namespace.server.trace.Disconnected; f != nil {
		defer f(s, reason)
	}
	s.listeners.disconnected(s, reason)
}

// run calls the program's code for the socket.
func (s *Socket) run(what string, f func() error) error {
	return s.namespace.server.guard.run(what, s.namespace.name, s.id, f)
}

// An expiry is the end that ExpireAt has set for a socket.
type expiry struct {
	at    time.Time
	timer *time.Timer
}
