package socketio

import (
	"errors"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

func newSocket(c *conn, name string, h *Handshake) *Socket {
	s := &Socket{name: name, conn: c, handshake: h}
	s.mailbox.owner, s.mailbox.line = s, &c.line
	return s
}

// join adds the socket to a namespace. If taken is not nil, the client has come
// back to that seat.
func (s *Socket) join(n *Namespace, taken *seat) {
	s.namespace, s.seat = n, taken
	switch {
	case taken != nil:
		s.id, s.data = taken.saved.SocketID, taken.saved.Data
	case n.recovery != nil && !s.conn.legacy():
		s.seat = newSeat(engine.NewID(), s.conn)
		fallthrough
	default:
		s.id = s.conn.newID(n)
	}
	if s.seat != nil {
		s.seat.own = []string{s.id}
	}
	n.rooms.add(s.id, s)
	n.tellPresence()
}

// admit lets a socket in, or refuses it: families decide whether there is its
// namespace, recovery whether it comes back, and middleware whether it may.
func (s *Socket) admit() {
	defer s.refuse(errPanic) // if one of them has ended the goroutine
	if s.status.Load() != statusPending {
		return // another CONNECT has come, or the client has gone
	}
	n := s.conn.server.find(s)
	if n == nil {
		s.refuse(errInvalidNamespace)
		return
	}
	s.join(n, n.recovery.take(s))
	if s.Recovered() {
		n.rooms.join(s, s.seat.saved.Rooms...) // it has been in them before
		n.recovery.release(s.seat.saved)
		n.tellRoomChanges()
	}
	for _, m := range n.admission(s) {
		if s.status.Load() != statusPending {
			return
		}
		if err := n.server.guard.call("middleware", n.name, s.id, func() error { return (*m)(s.Context(), s) }); err != nil {
			s.refuse(err)
			return
		}
	}
	m, err := n.encode(parser.Header{Type: parser.Connect}, s.conn.connectReply(s)...)
	if err != nil {
		s.refuse(err)
		return
	}
	if !s.enter(m) {
		return // gone meanwhile; what its end left to do follows
	}
	if f := n.server.trace.Connected; f != nil {
		f(s)
	}
	var all []*func(*Socket)
	for _, from := range n.lineage {
		all = append(all, from.onConnect.all()...)
	}
	callEach(all, func(f func(*Socket)) {
		_ = s.run("OnConnect", func() error { f(s); return nil })
	})
}

// enter makes a socket connected, and reports false if it has ended.
func (s *Socket) enter(reply *engine.Message) bool {
	if s.seat != nil {
		return s.namespace.recovery.enter(s, reply)
	}
	entered := s.queueReply(reply)
	if entered {
		s.conn.settled()
	}
	s.conn.session.Release(false)
	return entered
}

// queueReply makes a pending socket connected, and reports false if it has
// ended. No broadcast overtakes the reply, and every later broadcast reaches
// the client.
func (s *Socket) queueReply(reply *engine.Message) (entered bool) {
	s.conn.session.Queue(reply, func() bool {
		entered = s.status.CompareAndSwap(statusPending, statusConnected)
		s.entered.Store(entered)
		return entered
	})
	return entered
}

// queueEnd ends a socket of a status and queues the packet that tells the
// client, in one step: later the client may have had the reply to its next
// CONNECT, and would take the packet for that socket's end. It reports false if
// the socket has another status. Release must be called after it.
func (s *Socket) queueEnd(from int32, m *engine.Message) (ended bool) {
	s.conn.session.Queue(m, func() bool {
		ended = s.status.CompareAndSwap(from, statusDisconnected)
		return ended && m != nil
	})
	return ended || s.status.CompareAndSwap(from, statusDisconnected) // the connection takes no packets
}

// Recovered reports whether the client has come back with its former id, rooms
// and data, by Options.Recovery. Middleware may call it.
func (s *Socket) Recovered() bool { return s.seat != nil && s.seat.saved != nil }

// takes reports whether a packet other than CONNECT is for the socket, which
// may be nil. It is an error if the client can't have sent it in good faith.
func (s *Socket) takes(t parser.Type) (bool, error) {
	if s == nil {
		return false, errEventBeforeConnect
	}
	switch status := s.status.Load(); {
	case status == statusConnected:
		return true, nil
	case status == statusPending && s.rejoins:
		return true, nil // events wait behind the admission
	case status == statusPending || !s.rejoins && !s.entered.Load(): // refused since it was looked up
		return false, errEventBeforeConnect
	case t != parser.Ack && s.why() == ReasonClientDisconnect:
		return false, errLeft
	}
	return false, nil // sent before the client knew, or a reply that took its time
}

// why returns the reason of the socket's end.
func (s *Socket) why() Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// takesEvents reports whether the socket is connected or its client may come
// back.
func (s *Socket) takesEvents() bool {
	return s.connected() || s.seat != nil && s.mayComeBack()
}

func (s *Socket) mayComeBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == "" && s.status.Load() == statusDisconnected {
		return true // the reason is about to be known, and until then it may be any
	}
	return recoverable[s.reason] && time.Since(s.until) <= s.namespace.recovery.MaxAge
}

// refuse answers a client that may not connect, unless something else has been
// decided about it.
func (s *Socket) refuse(why error) {
	if s.status.Load() != statusPending {
		return
	}
	var m *engine.Message
	if s.namespace == nil {
		m, _ = s.conn.refusal(s.name, errInvalidNamespace)
	} else {
		m, why = s.refusal(why)
	}
	if !s.rejoins { // or else the client may not know yet
		s.conn.forget(s) // it may ask again before Release has returned
	}
	if !s.queueEnd(statusPending, m) {
		return
	}
	defer s.ended(ReasonServerDisconnect, false)
	defer s.conn.session.Release(false)
	if s.namespace == nil {
		s.conn.tellRefused(s.name, errInvalidNamespace)
	} else if f := s.namespace.server.trace.Refused; f != nil {
		f(s.namespace, why)
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

// leaveNamespace disconnects the socket by the server's will.
func (s *Socket) leaveNamespace(reason Reason) {
	if !s.connected() {
		return
	}
	m, _ := s.namespace.encode(parser.Header{Type: parser.Disconnect})
	if !s.queueEnd(statusConnected, m) {
		return
	}
	s.mailbox.discard.Store(true)
	s.conn.session.Release(false) // upon which the client may connect again at once
	s.ended(reason, true)
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
	after := s.after
	s.after = chain[func()]{}
	if s.done != nil {
		close(s.done)
	}
	if s.expiry != nil {
		s.expiry.timer.Stop()
	}
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	for _, f := range after.all() {
		(*f)()
	}
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
		s.tellEnd("OnDisconnecting", true, reason)
	}
}

// vacate is leave after OnDisconnecting.
func (s *Socket) vacate(reason Reason, wasConnected bool) {
	n := s.namespace
	kept := n.recovery.keep(s, reason, wasConnected)
	if kept != nil {
		n.recovery.hold(kept)
	}
	defer n.recovery.leave(s.seat, kept)
	if wasConnected {
		defer s.tellLeft(reason)
	}
	defer func() {
		if kept == nil { // or else the session goes on using it
			n.server.release(n)
		}
	}()
	n.rooms.remove(s)
	n.tellRoomChanges()
}

// tellLeft calls OnDisconnect and the hook of Trace.
func (s *Socket) tellLeft(reason Reason) {
	if f := s.namespace.server.trace.Disconnected; f != nil {
		defer f(s, reason)
	}
	s.tellEnd("OnDisconnect", false, reason)
}

// An expiry is the end that ExpireAt has set for a socket.
type expiry struct {
	at    time.Time
	timer *time.Timer
}

// ExpireAt makes the server disconnect the socket at t with [ReasonExpired],
// for example when the client's token expires. The client does not reconnect by
// itself. If t is in the past, the server disconnects the socket at once. A
// further call replaces t; the zero Time cancels the expiry. Middleware may
// call ExpireAt: if t passes before the client is let in, the server
// disconnects it right after letting it in. It is safe for concurrent use.
func (s *Socket) ExpireAt(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.reason != "":
		return
	case s.expiry == nil && t.IsZero():
		return
	case s.expiry == nil:
		s.expiry = &expiry{timer: time.AfterFunc(time.Until(t), s.expire)}
	case t.IsZero():
		s.expiry.timer.Stop()
	default:
		s.expiry.timer.Reset(time.Until(t))
	}
	s.expiry.at = t
}

// expire disconnects the socket unless its time has been moved meanwhile.
func (s *Socket) expire() {
	s.mu.Lock()
	at := s.expiry.at
	s.mu.Unlock()
	switch status := s.status.Load(); {
	case at.IsZero() || time.Now().Before(at):
	case status == statusConnected:
		s.leaveNamespace(ReasonExpired)
	case status != statusDisconnected:
		s.mailbox.put(s.expire) // behind the admission, which runs there
	}
}
