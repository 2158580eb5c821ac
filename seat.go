package socketio

import (
	"maps"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/eventlog"
	"github.com/goroomcast/socketio/parser"
)

// A seat is a socket's part in recovery. A client that comes back finds that
// of its former socket, and waits until that one has left it.
type seat struct {
	pid  string   // by which the client shows who it was; a secret
	own  []string // the room of the socket
	conn *conn
	left chan struct{} // closed when the socket has left and its session is kept
	eventlog.Place

	saved  *savedSession  // of a client that has come back
	missed []*loggedEvent // events that a store has for it
	next   uint64         // in the log: the first event after those that it has
	last   string         // in a store's log: the last of missed, or that it had before; guarded by recovery.mu

	early earlySession // of the mailbox
}

// supersedeTime bounds the wait for the handlers of a socket whose client is
// back already.
const supersedeTime = 5 * time.Second

func newSeat(pid string, c *conn) *seat {
	return &seat{pid: pid, conn: c, left: make(chan struct{})}
}

// A claim is what a client that comes back has in its auth.
type claim struct {
	PID    string `json:"pid"`
	Offset string `json:"offset"` // of the last event that it has, "" if it has none
}

// claim returns the session that a client claims. Its PID is empty without a
// claim.
func (c *conn) claim(auth parser.Args) (said claim) {
	if c.server.opts.Recovery == nil || c.legacy() || auth == nil || c.server.guard.decode(auth, []any{&said}) != nil {
		return claim{}
	}
	return said
}

// take returns the seat for the socket of a client that comes back, or nil.
func (r *recovery) take(s *Socket) *seat {
	c, said := s.conn, s.conn.claim(s.handshake.auth)
	if said.PID == "" {
		return nil
	}
	ctx := s.Context()
	patience := time.NewTimer(supersedeTime)
	defer patience.Stop()
	for {
		taken, old := r.tryTake(c, said)
		switch {
		case taken != nil && r.store != nil:
			return r.restore(ctx, taken, said.Offset)
		case taken != nil:
			r.unuse(1)
			return taken
		case old == nil:
			return nil
		case old.conn != c: // or else the client has just left the namespace
			old.conn.supersede()
		}
		select {
		case <-old.left:
		case <-patience.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// tryTake takes the session off a client that comes back. While the socket
// that it is of has not left, it returns that one's seat instead.
func (r *recovery) tryTake(c *conn, said claim) (taken, old *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.seats[said.PID]; old != nil {
		return nil, old
	}
	taken = newSeat(said.PID, c)
	if r.store == nil {
		s := r.sessions.Get(said.PID)
		if s == nil {
			return nil, nil
		}
		next, known := r.log.After(said.Offset, s.Start, s.Ended.Add(-r.deaf))
		if !known || eventlog.Size(eventlog.NewRoomSet(s.Rooms), r.log.From(next)) > r.maxMissed {
			return nil, nil
		}
		r.sessions.Remove(s)
		taken.saved, taken.Place, taken.next = s, s.Place, next
	} else {
		taken.next = r.log.End()
	}
	r.seats[said.PID] = taken
	return taken, nil
}

// supersede ends a connection whose client is back on another one.
func (c *conn) supersede() {
	c.Closed(engine.ReasonTransportClose)
	c.session.Close()
}

// enter lets a socket in: it gets the answer to its CONNECT, then what it has
// missed, then every event. It reports false if the socket has ended.
func (r *recovery) enter(s *Socket, reply *engine.Message) bool {
	session := s.conn.session
	r.mu.Lock()
	if s.Recovered() && s.seat.next < r.log.First() { // its middleware has taken too long
		r.mu.Unlock()
		session.Close()
		return false
	}
	entered := s.queueReply(reply)
	switch {
	case !entered:
	case s.Recovered():
		r.replay(s)
		s.seat.Since = time.Now()
	default:
		s.seat.Place = r.log.Begin(time.Now())
		r.seats[s.seat.pid] = s.seat
	}
	r.mu.Unlock()
	if entered {
		s.conn.settled()
	}
	session.Release(false)
	return entered
}

// replay queues what a socket has missed in the rooms that middleware has left
// it in. r.mu is locked.
func (r *recovery) replay(s *Socket) {
	in, had := eventlog.NewRoomSet(s.Rooms()), eventlog.NewRoomSet(s.seat.saved.Rooms)
	maps.DeleteFunc(in, func(room string, _ struct{}) bool { _, before := had[room]; return !before })
	for _, e := range s.seat.missed {
		if e.Concerns(in, had) {
			s.conn.session.Queue(e.Message, nil)
		}
	}
	for e := range r.log.From(s.seat.next) {
		if !r.hasHad(s.seat, e) && e.Concerns(in, had) {
			s.conn.session.Queue(e.Message, nil)
		}
	}
	s.seat.missed = nil
}

// recoverable are the reasons after which a client may come back.
var recoverable = map[Reason]bool{
	ReasonTransportClose: true,
	ReasonTransportError: true,
	ReasonPingTimeout:    true,
	ReasonForcedClose:    true,
	ReasonServerShutdown: true,
	ReasonSlowClient:     true,
}

// keep returns what to persist of a socket that leaves, nil for nothing. It
// is called while the socket is in its rooms.
func (r *recovery) keep(s *Socket, reason Reason, wasConnected bool) *savedSession {
	switch {
	case s.seat == nil:
		return nil
	case !wasConnected:
		return s.seat.saved // it may try again
	case !recoverable[reason]:
		return nil
	}
	s.mu.Lock()
	data, ended := s.data, s.until
	s.mu.Unlock()
	if ended.IsZero() {
		ended = time.Now() // soon
	}
	return &savedSession{PID: s.seat.pid, SocketID: s.id, Rooms: s.Rooms(), Data: data, Ended: ended, Place: s.seat.Place}
}

// leave gives up a seat, after its session, if any, has been persisted.
func (r *recovery) leave(s *seat, kept *savedSession) {
	if s == nil {
		return
	}
	if kept != nil {
		r.persist(kept, s)
	}
	r.mu.Lock()
	if r.seats[s.pid] == s {
		delete(r.seats, s.pid)
	}
	r.mu.Unlock()
	close(s.left)
}

// persist keeps a session in place of the socket that leaves its seat. The
// namespace stays while it keeps sessions.
func (r *recovery) persist(s *savedSession, of *seat) {
	if r.store != nil {
		r.updateStore(s, &of.early)
		r.namespace.server.release(r.namespace)
		return
	}
	kept := 0
	r.mu.Lock()
	if !r.closed {
		kept = 1 - r.sessions.Put(s)
		r.arm()
	} else {
		r.release(s)
	}
	r.mu.Unlock()
	r.namespace.server.use(r.namespace, -1, kept)
	r.namespace.tellPresence()
}
