package socketio

import "iter"

// A room is present for the adapter while it has members here, or while it is
// held for clients that may come back.

// A presentRoom is a room as adapters know it: own says that its name is a
// member's id.
type presentRoom struct {
	name string
	own  bool
}

// presentRooms yields the rooms of a member, its id first.
func presentRooms(names []string) iter.Seq[presentRoom] {
	return func(yield func(presentRoom) bool) {
		for i, name := range names {
			if !yield(presentRoom{name, i == 0}) {
				return
			}
		}
	}
}

// hold makes rooms present for the adapter although no member may be in them,
// until release. The names begin with a member's id.
func (r *rooms[M]) hold(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = make(map[presentRoom]int)
	}
	for room := range presentRooms(names) {
		if !r.present(room) {
			r.noteHeld(RoomCreated, room)
		}
		r.held[room]++
	}
}

// release ends a hold.
func (r *rooms[M]) release(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for room := range presentRooms(names) {
		if r.held[room]--; r.held[room] > 0 {
			continue
		}
		delete(r.held, room)
		if !r.present(room) {
			r.noteHeld(RoomDeleted, room)
		}
	}
}

// noteHeld notes a change of a room that no member makes. r.mu is locked.
func (r *rooms[M]) noteHeld(kind RoomEventKind, room presentRoom) {
	r.presence.note(roomChange[M]{kind: kind, room: room.name, own: room.own})
}

// present reports whether a room has members or is held. r.mu is locked.
func (r *rooms[M]) present(room presentRoom) (is bool) {
	if room.own {
		_, is = r.byID[room.name]
	} else {
		_, is = r.named[room.name]
	}
	return is || r.held[room] > 0
}

// notePresence notes that a room gets its first member, or loses its
// last, unless it is held. r.mu is locked.
func (r *rooms[M]) notePresence(c roomChange[M]) {
	if r.held[presentRoom{c.room, c.own}] == 0 {
		r.presence.note(c)
	}
}

// watchPresence notes all present rooms as created, and their later changes.
func (r *rooms[M]) watchPresence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.presence.waiting = nil
	r.presence.watched.Store(true)
	for id := range r.byID {
		r.notePresence(roomChange[M]{kind: RoomCreated, room: id, own: true})
	}
	for name := range r.named {
		r.notePresence(roomChange[M]{kind: RoomCreated, room: name})
	}
	for room := range r.held {
		r.noteHeld(RoomCreated, room)
	}
}
