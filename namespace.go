package socketio

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// A Namespace is a part of the server with sockets, rooms and handlers of its
// own; all namespaces of a client share one connection.
//
// A Namespace has the methods of a Broadcast to all its sockets, too:
// [Broadcast.Emit] and [Broadcast.Call]; [Broadcast.To], [Broadcast.In],
// [Broadcast.Except], [Broadcast.Local], [Broadcast.Volatile] and
// [Broadcast.Compress], which return a Broadcast; [Broadcast.Sockets],
// [Broadcast.Count] and [Broadcast.FetchSockets]; [Broadcast.SocketsJoin],
// [Broadcast.SocketsLeave] and [Broadcast.DisconnectSockets].
type Namespace struct {
	everybody

	server    *Server
	name      string
	rooms     *rooms[*Socket]
	handlers  handlers[Handler]
	onConnect callbacks[func(*Socket)]

	onRoomEvent callbacks[func(RoomEvent)]

	ids *atomic.Uint64 // of acknowledgements, shared by a family

	lineage []*Namespace // whose handlers serve its sockets: the parent, if any, then itself
	family  *family      // of a parent

	// Guarded by Server.mu.
	users    int  // sockets, also those not admitted
	sessions int  // that recovery keeps
	kept     bool // stays without either

	cluster    *cluster.Member // nil without an adapter
	recovery   *recovery       // nil without Options.Recovery, and of a parent
	serverSide handlers[Handler]

	middleware callbacks[Middleware]
}

// everybody makes the embedded Broadcast unexported.
type everybody = Broadcast

// Middleware decides whether a client may connect to a namespace. An error
// refuses the client, and the client sees the error's text: unlike the error of
// a handler, any error reaches the client, as in Node. Return an [*Error] to
// choose the message and to add data. The context is the socket's, which ends
// if the client does not wait.
type Middleware func(ctx context.Context, s *Socket) error

// newNamespace makes a namespace, the child of a parent if that is not nil.
func newNamespace(server *Server, name string, parent *Namespace) *Namespace {
	n := &Namespace{server: server, name: name, rooms: newRooms[*Socket]()}
	n.everybody.namespace = n
	n.lineage = []*Namespace{n}
	n.ids = new(atomic.Uint64)
	if parent != nil {
		n.lineage = []*Namespace{parent, n}
		n.ids = parent.ids
		n.rooms.watched.Store(parent.rooms.watched.Load())
	}
	if a := server.opts.Adapter; a != nil && name != "" { // a parent has its children's
		n.cluster = cluster.New(name, a, clusterHost{n})
	}
	n.recovery = newRecovery(n)
	return n
}

// close gives up what the namespace has beside its sockets.
func (n *Namespace) close() {
	n.cluster.Leave()
	n.recovery.close()
}

// Name returns the namespace's name, "/" for the main one and "" for the
// parent of others.
func (n *Namespace) Name() string { return n.name }

// Use adds middleware for the clients that connect from now on. Middleware runs
// in the order of registration, and each function must agree. The client sees
// the text of an error, see [Middleware].
func (n *Namespace) Use(m Middleware) (off func()) { return n.middleware.add(m) }

// admission returns the middleware that a socket has to pass, the parent's
// first.
func (n *Namespace) admission(s *Socket) (all []*Middleware) {
	if s.Recovered() && n.recovery.SkipMiddleware {
		return nil
	}
	for _, from := range n.lineage {
		all = append(all, from.middleware.all()...)
	}
	return all
}

// Socket returns the socket with an id, nil if no socket with that id is
// connected to this server. The room of the same name reaches a socket on any
// server: To(id).
func (n *Namespace) Socket(id string) *Socket {
	for s := range n.To(id).Sockets() {
		if s.id == id { // or else it is a member of a room with that name
			return s
		}
	}
	return nil
}

// Rooms yields the name of each room and the number of its members on this
// server, in no particular order. The rooms that are named like sockets' ids are
// not among them. The rooms of a parent are the rooms of its children, and rooms
// of the same name count as one.
func (n *Namespace) Rooms() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		members := make(map[string]int)
		for _, of := range n.audience() {
			of.rooms.count(members)
		}
		for room, count := range members {
			if !yield(room, count) {
				return
			}
		}
	}
}

// OnConnect adds a function that is called with each socket that connects,
// after the middleware and before the socket's first event.
func (n *Namespace) OnConnect(f func(s *Socket)) (off func()) { return n.onConnect.add(f) }

// On implements EventTarget for all sockets of the namespace.
func (n *Namespace) On(event string, h Handler) (off func()) { return n.handlers.add(event, h) }

// nextID returns an acknowledgement id for an event that may go to any number
// of sockets.
func (n *Namespace) nextID() uint64 { return n.ids.Add(1) - 1 }

// OnRoomEvent adds a function that is called after changes of the namespace's
// rooms on this server, one at a time and in the order of the changes, on the
// goroutine that made one of them.
func (n *Namespace) OnRoomEvent(f func(e RoomEvent)) (off func()) {
	off = n.onRoomEvent.add(f)
	n.rooms.watched.Store(true)
	for _, child := range n.audience() {
		child.rooms.watched.Store(true)
	}
	return off
}

// tellRoomEvents follows each change of the rooms.
func (n *Namespace) tellRoomEvents() {
	n.rooms.tell(func(c roomChange[*Socket]) {
		e := RoomEvent{c.kind, c.room, c.member.id}
		var all []*func(RoomEvent)
		for _, from := range n.lineage {
			all = append(all, from.onRoomEvent.all()...)
		}
		callEach(all, func(f func(RoomEvent)) {
			_ = c.member.run("OnRoomEvent", func() error { f(e); return nil })
		})
	})
}

// encode encodes a packet of the namespace.
func (n *Namespace) encode(h parser.Header, args ...any) (*engine.Message, error) {
	h.Namespace = n.name
	return n.server.coder.encode(engine.NewMessage, h, args)
}
