package socketio

import (
	"errors"
	"iter"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
)

// A Broadcast is a selection of a namespace's sockets, with options for sending
// to them. It is a value: To, Except and the other modifiers return a modified
// copy. A Broadcast can be kept and is safe for concurrent use.
type Broadcast struct {
	namespace *Namespace
	self      *Socket // the one addressed, by the room of its id, until another room is named
	rooms     []string
	except    []string
	volatile  bool
	plain     bool // not compressed
	local     bool // not on other servers
}

// To adds rooms to the selection, which then contains the sockets in at least
// one of its rooms, each once. A selection without rooms contains the whole
// namespace, and To with an empty list adds no room: check a list that may be
// empty before To(list...). The id of a socket is the name of a room with only
// this socket. With Options.Adapter, names of rooms must be UTF-8. After
// [Socket.Volatile] and [Socket.Compress], To selects other sockets in the
// rooms instead of the socket itself.
func (b Broadcast) To(rooms ...string) Broadcast {
	if b.self != nil {
		b = b.Except(b.self.id)
		b.self, b.rooms = nil, nil
	}
	b.rooms = append(slices.Clip(b.rooms), rooms...)
	return b
}

// In is another name for To, because it reads better before Sockets.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except removes the sockets in any of the rooms from the selection.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.except = append(slices.Clip(b.except), rooms...)
	return b
}

// Local limits the selection to the sockets of this server. If
// [Options.Adapter] is an [adapter.SessionStore], Emit does not keep a local event
// for clients that are away.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Volatile makes Emit skip the sockets that are not ready: sockets with queued
// packets, and polling clients between two polls.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Compress decides whether the server may compress the event. It compresses an
// event only on connections with compression, and only from a certain length;
// see Options.PerMessageDeflate and Options.HTTPCompressionThreshold.
// Compressing data that is compressed already, such as pictures, is a waste of
// time. Defaults to true.
func (b Broadcast) Compress(compress bool) Broadcast {
	b.plain = !compress
	return b
}

// Sockets returns the selected sockets that are connected to this server. A
// socket that has disconnected still counts until it has left its rooms, just
// before OnDisconnect.
func (b Broadcast) Sockets() iter.Seq[*Socket] {
	return func(yield func(*Socket) bool) {
		targets := b.targets()
		defer putTargets(targets)
		for _, s := range *targets {
			if s.entered.Load() && !yield(s) {
				return
			}
		}
	}
}

// Count returns the number of sockets that Sockets yields.
func (b Broadcast) Count() (n int) {
	for range b.Sockets() {
		n++
	}
	return n
}

// targets returns the selected sockets, connected or not, in a slice to be
// given back by putTargets.
func (b Broadcast) targets() *[]*Socket {
	t := targetsPool.Get().(*[]*Socket)
	if b.self != nil && len(b.except) == 0 && b.self.connected() {
		*t = append(*t, b.self) // what match finds, sooner
		return t
	}
	for _, n := range b.namespace.audience() {
		*t = n.rooms.match(*t, b.rooms, b.except)
	}
	return t
}

func putTargets(t *[]*Socket) {
	clear(*t)
	*t = (*t)[:0]
	targetsPool.Put(t)
}

var targetsPool = sync.Pool{New: func() any { return new([]*Socket) }}

// SocketsJoin adds the selected sockets of all servers to rooms. It skips a
// socket that would be in more rooms than Options.Limits.Rooms, as Socket.Join
// does.
func (b Broadcast) SocketsJoin(rooms ...string) {
	b.command(&adapter.Message{Type: adapter.SocketsJoin, Rooms: slices.Clone(rooms)})
}

// SocketsLeave removes the selected sockets of all servers from rooms.
func (b Broadcast) SocketsLeave(rooms ...string) {
	b.command(&adapter.Message{Type: adapter.SocketsLeave, Rooms: slices.Clone(rooms)})
}

// DisconnectSockets disconnects the selected sockets of all servers, each as
// Socket.Disconnect does.
func (b Broadcast) DisconnectSockets(close bool) {
	b.command(&adapter.Message{Type: adapter.DisconnectSockets, Close: close})
}

// command has all servers do something to the selected sockets.
func (b Broadcast) command(m *adapter.Message) {
	m.Opts = b.opts()
	err := b.checkRooms(m.Rooms...)
	if err != nil && b.reachesOthers() {
		b.namespace.server.logger.Error("a command for sockets cannot be sent to the other servers", "err", err)
	}
	for _, b.namespace = range b.namespace.audience() {
		if err == nil && b.reachesOthers() {
			each := *m
			_ = b.namespace.cluster.Publish(&each)
		}
		here := b
		b.namespace.cluster.After(func() { here.apply(m) })
	}
}

// apply does what a command says to the sockets here.
func (b Broadcast) apply(m *adapter.Message) {
	for s := range b.Sockets() {
		switch m.Type {
		case adapter.SocketsJoin:
			_ = s.Join(m.Rooms...) // which logs its error
		case adapter.SocketsLeave:
			s.Leave(m.Rooms...)
		case adapter.DisconnectSockets:
			if s.connected() {
				s.disconnect(m.Close)
			}
		}
	}
}

var errRoomName = errors.New("socketio: the name of a room is not UTF-8, so other servers cannot know the room")

// checkRooms returns an error if other servers would get another name for a room
// of the selection, or for a further one.
func (b Broadcast) checkRooms(further ...string) error {
	for _, names := range [][]string{b.rooms, b.except, further} {
		for _, name := range names {
			if !utf8.ValidString(name) {
				return errRoomName
			}
		}
	}
	return nil
}

// reachesOthers reports whether other servers may have sockets of the
// selection.
func (b Broadcast) reachesOthers() bool {
	return !b.local && b.self == nil && b.namespace.server.opts.Adapter != nil
}

// clusters returns what reaches the other servers, one for each namespace that
// the selection is of.
func (b Broadcast) clusters() []*cluster.Member {
	if !b.reachesOthers() {
		return nil
	}
	var all []*cluster.Member
	for _, n := range b.namespace.audience() {
		all = append(all, n.cluster)
	}
	return all
}

func (b Broadcast) opts() adapter.Selection {
	return adapter.Selection{Rooms: b.rooms, Except: b.except, Volatile: b.volatile, Plain: b.plain}
}
