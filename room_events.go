package socketio

// A RoomEvent says what has become of a room. The rooms that sockets have by
// their ids are not told of.
type RoomEvent struct {
	Kind     RoomEventKind
	Room     string
	SocketID string // who joined or left, or by that created the room or left it empty
}

// A RoomEventKind is what a RoomEvent tells, in the words of the JavaScript
// server's adapter.
type RoomEventKind string

// What becomes of rooms.
const (
	RoomCreated RoomEventKind = "create-room"
	RoomDeleted RoomEventKind = "delete-room"
	RoomJoined  RoomEventKind = "join-room"
	RoomLeft    RoomEventKind = "leave-room"
)

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
