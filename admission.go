package socketio

import (
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
	n.rooms.add(s.id, s)
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
		n.tellRoomEvents()
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
	if s.status.Load() != statusPending {
		return false
	}
	s.conn.settled()
	entered := s.queueReply(reply)
	s.conn.session.Release(false)
	return entered
}

// queueReply makes a pending socket connected, and reports false if it has
// ended. No broadcast overtakes the reply, and every later broadcast reaches
// the client.
func (s *Socket) queueReply(reply *engine.Message) (entered bool) {
	s.conn.session.Queue(reply, func() {
		entered = s.status.CompareAndSwap(statusPending, statusConnected)
		s.entered.Store(entered)
	})
	return entered
}

type connectReply struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"`
}

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
	case status == statusPending:
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
