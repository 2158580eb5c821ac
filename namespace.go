package socketio

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/goroomcast/socketio/engine"
	"github.com/goroomcast/socketio/parser"
)

// A Namespace is a part of the server with sockets, rooms and handlers of its
// own; all namespaces of a client share one connection. It is a Broadcast to
// all its sockets.
type Namespace struct {
	Broadcast

	server    *Server
	name      string
	rooms     *rooms[*Socket]
	handlers  handlers
	onConnect callbacks[func(*Socket)]

	onRoomEvent callbacks[func(RoomEvent)]

	ids *atomic.Uint64 // of acknowledgements, shared by a family

	lineage []*Namespace // whose handlers serve its sockets: the parent, if any, then itself
	family  *family      // of a parent
	users   int          // sockets, also those not admitted; guarded by Server.mu
	kept    bool         // stays without users; guarded by Server.mu

	cluster    *cluster  // nil without an adapter
	recovery   *recovery // nil without Options.Recovery, and of a parent
	serverSide handlers

	mu         sync.Mutex
	middleware []Middleware
}

// Middleware is asked whether a client may connect to a namespace. An error
// refuses it: a [*ConnectError] with message and data, any other with its
// text. The context is the socket's, which ends if the client does not wait.
type Middleware func(ctx context.Context, s *Socket) error

// newNamespace makes a namespace, the child of a parent if that is not nil.
func newNamespace(server *Server, name string, parent *Namespace) *Namespace {
	n := &Namespace{server: server, name: name, rooms: newRooms[*Socket]()}
	n.Broadcast.namespace = n
	n.lineage = []*Namespace{n}
	n.ids = new(atomic.Uint64)
	if parent != nil {
		n.lineage = []*Namespace{parent, n}
		n.ids = parent.ids
		n.rooms.watched.Store(parent.rooms.watched.Load())
	}
	n.recovery = newRecovery(n)
	if a := server.opts.Adapter; a != nil && name != "" { // a parent has its children's
		n.cluster = newCluster(n, a)
	}
	return n
}

// close gives up what the namespace has beside its sockets.
func (n *Namespace) close() {
	n.leaveCluster()
	n.recovery.close()
}

// Name returns the namespace's name, "/" for the main one and "" for the
// parent of others.
func (n *Namespace) Name() string { return n.name }

// Use adds middleware for the clients that connect from now on. It runs in
// the order in which it was added, and each must agree.
func (n *Namespace) Use(m Middleware) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.middleware = append(slices.Clip(n.middleware), m)
}

// admission returns the middleware that a socket has to pass, the parent's
// first.
func (n *Namespace) admission(s *Socket) (all []Middleware) {
	if s.Recovered() && n.recovery.SkipMiddleware {
		return nil
	}
	for _, from := range n.lineage {
		from.mu.Lock()
		all = append(all, from.middleware...)
		from.mu.Unlock()
	}
	return all
}

// OnConnect adds a function that is called with each socket that connects,
// after the middleware and before the socket's first event.
func (n *Namespace) OnConnect(f func(s *Socket)) (off func()) { return n.onConnect.add(f) }

// On implements EventTarget for all sockets of the namespace.
func (n *Namespace) On(event string, h Handler) (off func()) { return n.handlers.add(event, h) }

// nextID returns an acknowledgement id for an event that may go to any number
// of sockets.
func (n *Namespace) nextID() uint64 { return n.ids.Add(1) - 1 }

// admit lets a socket in, or refuses it.
func (n *Namespace) admit(s *Socket) {
	if s.Recovered() {
		s.Join(s.seat.session.rooms...)
	}
	for _, m := range n.admission(s) {
		if err := n.server.guard("middleware", n.name, s.id, func() error { return m(s.Context(), s) }); err != nil {
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
	for _, from := range n.lineage {
		for _, f := range from.onConnect.all() {
			_ = s.run("OnConnect", func() error { (*f)(s); return nil })
		}
	}
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
// ended. No broadcast gets before the reply, and none misses a client that has
// it.
func (s *Socket) queueReply(reply *engine.Message) (entered bool) {
	s.conn.session.Queue(reply, func() { entered = s.status.CompareAndSwap(statusPending, statusConnected) })
	return entered
}

type connectReply struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"`
}
