package socketio

import (
	"context"
	"iter"
	"regexp"
	"slices"
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
	refs     int  // sockets, also those not admitted
	sessions int  // that recovery keeps
	pinned   bool // stays without either

	cluster    *cluster.Member                                         // nil without an adapter
	presence   atomic.Pointer[func(room string, private, exists bool)] // of the adapter
	recovery   *recovery                                               // nil without Options.Recovery, and of a parent
	serverSide handlers[Handler]

	middleware callbacks[Middleware]
}

// everybody makes the embedded Broadcast unexported.
type everybody = Broadcast

// Middleware decides whether a client may connect to a namespace. If it returns
// an error, the server refuses the client and sends the error's text to it. Any
// error is sent, unlike the error of a handler. Return an [*Error] to choose
// the message and to add data. The context is the socket's; it ends if the
// client leaves meanwhile.
type Middleware func(ctx context.Context, s *Socket) error

// newNamespace makes a namespace, the child of a parent if that is not nil.
func newNamespace(server *Server, name string, parent *Namespace) *Namespace {
	n := &Namespace{server: server, name: name, rooms: newRooms[*Socket]()}
	n.everybody.namespace = n
	n.lineage = []*Namespace{n}
	n.ids = new(atomic.Uint64)
	n.ids.Store(firstID())
	if parent != nil {
		n.lineage = []*Namespace{parent, n}
		n.ids = parent.ids
		n.rooms.events.watched.Store(parent.rooms.events.watched.Load())
	}
	if server.bus != nil && name != "" { // a parent has its children's
		n.cluster = cluster.New(name, server.bus, clusterHost{n})
	}
	n.recovery = newRecovery(n)
	return n
}

// close gives up what the namespace has beside its sockets.
func (n *Namespace) close() {
	n.cluster.Leave()
	n.recovery.close()
}

// Name returns the namespace's name. It returns "/" for the main namespace and
// "" for a parent; see [Server.OfFunc].
func (n *Namespace) Name() string { return n.name }

// Use adds middleware for the clients that connect from now on. Middleware runs
// in the order of registration. A client connects only if no middleware returns
// an error; see [Middleware].
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

// Socket returns the socket with this id, or nil if no such socket is connected
// to this server. To(id) selects a socket on any server.
func (n *Namespace) Socket(id string) *Socket {
	for s := range n.To(id).Sockets() {
		if s.id == id { // or else it is a member of a room with that name
			return s
		}
	}
	return nil
}

// Rooms yields the name of each room and the number of its members on this
// server, in no particular order. It does not yield the rooms that are named
// like sockets' ids. For a parent it yields the rooms of all children; rooms of
// the same name count as one room.
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

// OnRoomEvent adds a function that is called after each change of the
// namespace's rooms on this server. The calls come one at a time, in the order
// of the changes, on a goroutine that changes a room.
func (n *Namespace) OnRoomEvent(f func(e RoomEvent)) (off func()) {
	off = n.onRoomEvent.add(f)
	n.rooms.events.watched.Store(true)
	for _, child := range n.audience() {
		child.rooms.events.watched.Store(true)
	}
	return off
}

// tellRoomChanges follows each change of the rooms.
func (n *Namespace) tellRoomChanges() {
	n.tellPresence()
	n.rooms.tell(&n.rooms.events, func(c roomChange[*Socket]) {
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

// Group returns the name under which metrics count the namespace. This is its
// own name, except for a child of a parent: there it is the regular expression
// of OfPattern, or "other" for OfFunc, because clients can create any number of
// children.
func (n *Namespace) Group() string {
	parent := n.lineage[0]
	switch {
	case parent.family == nil:
		return n.name
	case parent.family.pattern == nil:
		return "other"
	}
	return parent.family.pattern.String()
}

// encode encodes a packet of the namespace.
func (n *Namespace) encode(h parser.Header, args ...any) (*engine.Message, error) {
	h.Namespace = n.name
	return n.server.coder.encode(engine.NewMessage, h, args)
}

// created tells of a new namespace.
func (n *Namespace) created() {
	if f := n.server.trace.NamespaceCreated; f != nil && n.name != "/" {
		f(n)
	}
}

// A family is what makes a Namespace the parent of others: it decides by name
// which namespaces exist, and they come into being when clients ask for them.
type family struct {
	match    func(ctx context.Context, name string, h *Handshake) bool
	pattern  *regexp.Regexp // nil unless the name alone decides
	children []*Namespace   // guarded by Server.mu
}

// OfFunc returns a parent: a namespace whose children are all namespaces for
// which match returns true. The server creates a child when the first client
// asks for its name. It removes the child when the last client has left and no
// session is kept for Options.Recovery. The parent's middleware and handlers
// serve the sockets of a child before the child's own.
//
// The parent selects the sockets of those children that exist on this server.
// Emit, FetchSockets, SocketsJoin, SocketsLeave and DisconnectSockets also
// reach the sockets of these children on other servers. They do not reach a
// child that exists only on another server; use Of with its name. Call reaches
// only sockets of this server. ServerSideEmit and ServerSideCall of a parent
// reach no server.
//
// Match may block; its context ends when the client leaves. If several parents
// match, the first one made gets the child. A namespace made by Of takes
// precedence over all parents.
func (s *Server) OfFunc(match func(ctx context.Context, name string, h *Handshake) bool) *Namespace {
	needs(match)
	return s.newFamily(&family{match: match})
}

// OfPattern is OfFunc for all namespaces whose name, including its slash,
// matches a regular expression. If Of creates a namespace with such a name, it
// also becomes a child.
func (s *Server) OfPattern(pattern *regexp.Regexp) *Namespace {
	needs(pattern)
	return s.newFamily(&family{
		match:   func(_ context.Context, name string, _ *Handshake) bool { return pattern.MatchString(name) },
		pattern: pattern,
	})
}

func (s *Server) newFamily(f *family) *Namespace {
	parent := newNamespace(s, "", nil)
	parent.family = f
	s.mu.Lock()
	defer s.mu.Unlock()
	s.families = append(s.families, parent)
	return parent
}

// acquire returns an existing namespace with one more user, or nil.
func (s *Server) acquire(name string) *Namespace {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n != nil {
		s.count(n, 1, 0)
	}
	return n
}

// release takes a user from a namespace.
func (s *Server) release(n *Namespace) { s.use(n, -1, 0) }

// maxDeserted is how many namespaces kept sessions alone may keep alive, about
// 2.5 kB each. The sessions of one that would be more are forgotten.
const maxDeserted = 10_000

// use changes the numbers of users and sessions of a namespace. A child without
// any is removed, unless it has been asked for by Of.
func (s *Server) use(n *Namespace, users, sessions int) {
	s.mu.Lock()
	deserted := s.count(n, users, sessions)
	tooMany := deserted && s.deserted > maxDeserted && !n.pinned
	empty := n.refs+n.sessions == 0 && !n.pinned
	if empty {
		delete(s.namespaces, n.name)
		f := n.lineage[0].family
		f.children = slices.DeleteFunc(slices.Clone(f.children), func(c *Namespace) bool { return c == n })
	}
	s.mu.Unlock()
	switch {
	case empty:
		n.close()
		if f := s.trace.NamespaceRemoved; f != nil {
			f(n)
		}
	case tooMany:
		s.logger.Warn("sessions forgotten: too many namespaces without clients", "limit", maxDeserted)
		n.recovery.forget()
	}
}

// count is use without its consequences, with s.mu locked. It reports whether
// the last user has left kept sessions behind.
func (s *Server) count(n *Namespace, users, sessions int) (deserted bool) {
	is := func() bool { return n.refs == 0 && n.sessions > 0 }
	was := is()
	n.refs += users
	n.sessions += sessions
	switch {
	case is() && !was:
		s.deserted++
		return true
	case was && !is():
		s.deserted--
	}
	return false
}

// mayHave reports whether there is a namespace of this name, or may be once a
// parent has been asked.
func (s *Server) mayHave(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name] != nil || len(s.families) > 0
}

// find returns the namespace for a socket, with one more user, or nil. It makes
// the namespace if a parent accepts the name.
func (s *Server) find(of *Socket) *Namespace {
	if n := s.acquire(of.name); n != nil {
		return n
	}
	if parent := s.findFamily(of.Context(), of.name, of.handshake); parent != nil {
		return s.acquireChild(parent, of.name)
	}
	return nil
}

// findFamily returns the first parent that takes a namespace of this name, or nil.
func (s *Server) findFamily(ctx context.Context, name string, h *Handshake) *Namespace {
	s.mu.RLock()
	families := s.families
	s.mu.RUnlock()
	for _, parent := range families {
		var is bool
		err := s.guard.call("OfFunc", name, "", func() error {
			is = parent.family.match(ctx, name, h)
			return ctx.Err()
		})
		if err != nil {
			return nil
		}
		if is {
			return parent
		}
	}
	return nil
}

// acquireChild returns the namespace of a name, made if need be, with one more user.
func (s *Server) acquireChild(parent *Namespace, name string) *Namespace {
	s.mu.Lock()
	n := s.namespaces[name]
	created := n == nil
	if created {
		n = s.addChild(parent, name)
	}
	s.count(n, 1, 0)
	s.mu.Unlock()
	if created {
		n.cluster.Join()
		n.created()
	}
	return n
}

// addChild makes a namespace. s.mu is locked.
func (s *Server) addChild(parent *Namespace, name string) *Namespace {
	n := newNamespace(s, name, parent)
	s.namespaces[name] = n
	parent.family.children = append(slices.Clip(parent.family.children), n)
	return n
}

// audience returns the namespaces that have the sockets of this one: itself,
// or its children.
func (n *Namespace) audience() []*Namespace {
	if n.family == nil {
		return n.lineage[len(n.lineage)-1:]
	}
	n.server.mu.RLock()
	defer n.server.mu.RUnlock()
	return n.family.children
}
