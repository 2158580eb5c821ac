package socketio

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// rooms is a namespace's room registry: it knows the rooms of each member. A
// room exists while it has members. Every member is in a room named like its
// id, which costs nothing. Joining, leaving and being found take the same time
// however many rooms there are.
type rooms[M comparable] struct {
	mu      sync.RWMutex
	all     room[M]
	named   map[string]*room[M]
	byID    map[string]M
	members map[M]*membership[M]

	events   changes[M] // for OnRoomEvent
	presence changes[M] // of rooms and members, for the adapter
	held     map[presentRoom]int
}

// A room has its members in one dense list, because broadcasts walk it.
type room[M comparable] struct {
	name    string
	members []M
}

// A membership knows a member's place in the list of each of its rooms.
type membership[M comparable] struct {
	id     string
	all    int
	joined *places[M] // nil until the member joins a room
}

func newRooms[M comparable]() *rooms[M] {
	return &rooms[M]{
		named:   make(map[string]*room[M]),
		byID:    make(map[string]M),
		members: make(map[M]*membership[M]),
	}
}

// add makes m known. Only known members can join rooms.
func (r *rooms[M]) add(id string, m M) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, already := r.byID[id]; !already {
		r.notePresence(roomChange[M]{RoomCreated, id, m, true})
	}
	r.byID[id] = m
	r.members[m] = &membership[M]{id: id, all: len(r.all.members)}
	r.all.members = append(r.all.members, m)
}

// known reports whether there is a member of that id.
func (r *rooms[M]) known(id string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, is := r.byID[id]
	return is
}

// remove makes m leave everything.
func (r *rooms[M]) remove(m M) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own, known := r.members[m]
	if !known {
		return
	}
	for room, i := range own.joined.all() {
		r.removeAt(m, room, i)
	}
	if moved, ok := r.all.swapRemove(own.all); ok {
		r.members[moved].all = own.all
	}
	delete(r.members, m)
	if r.byID[own.id] == m { // and not one that has the id anew
		delete(r.byID, own.id)
		r.notePresence(roomChange[M]{RoomDeleted, own.id, m, true})
	}
}

func (r *rooms[M]) join(m M, names ...string) { r.joinUpTo(math.MaxInt, m, names...) }

// joinUpTo is like join, but if m would be in more rooms than limit, m joins no
// room and joinUpTo reports false.
func (r *rooms[M]) joinUpTo(limit int, m M, names ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	own, known := r.members[m]
	if !known {
		return true
	}
	if own.joined.len()+len(names) > limit && r.exceeds(limit, own, names) {
		return false
	}
	for _, name := range names {
		if name == own.id {
			continue
		}
		in := r.named[name]
		if in == nil {
			in = &room[M]{name: name}
			r.named[name] = in
			r.note(RoomCreated, name, m)
		}
		if _, already := own.joined.in(in); already {
			continue
		}
		if own.joined == nil {
			own.joined = new(places[M])
		}
		own.joined.put(in, len(in.members))
		in.members = append(in.members, m)
		r.note(RoomJoined, name, m)
	}
	return true
}

// exceeds reports whether a member comes over the limit by rooms that it has not
// joined yet.
func (r *rooms[M]) exceeds(limit int, own *membership[M], names []string) bool {
	further := make(map[string]bool)
	for _, name := range names {
		if _, already := own.joined.in(r.named[name]); !already && name != own.id {
			further[name] = true
		}
	}
	return len(further) > 0 && own.joined.len()+len(further) > limit
}

func (r *rooms[M]) leave(m M, names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own, known := r.members[m]
	if !known {
		return
	}
	for _, name := range names {
		in := r.named[name]
		if i, is := own.joined.in(in); is {
			own.joined.drop(in)
			r.removeAt(m, in, i)
		}
	}
}

// removeAt removes m, the i-th member, from a room's list.
func (r *rooms[M]) removeAt(m M, from *room[M], i int) {
	r.note(RoomLeft, from.name, m)
	if moved, ok := from.swapRemove(i); ok {
		r.members[moved].joined.put(from, i)
	}
	if len(from.members) == 0 {
		delete(r.named, from.name)
		r.note(RoomDeleted, from.name, m)
	}
}

// swapRemove fills the i-th place with the last member, and returns that one
// if it moved.
func (rm *room[M]) swapRemove(i int) (moved M, ok bool) {
	var none M
	last := len(rm.members) - 1
	moved = rm.members[last]
	rm.members[i], rm.members[last] = moved, none
	rm.members = rm.members[:last]
	if len(rm.members) < cap(rm.members)/4 {
		rm.members = slices.Clone(rm.members)
	}
	return moved, i != last
}

// names returns the names of all rooms, those of single members included.
func (r *rooms[M]) names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := slices.Collect(maps.Keys(r.byID))
	for name := range r.named {
		if _, is := r.byID[name]; !is {
			names = append(names, name)
		}
	}
	return names
}

// len returns the number of rooms.
func (r *rooms[M]) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.named)
}

// count adds the number of members of each room.
func (r *rooms[M]) count(members map[string]int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name, room := range r.named {
		members[name] += len(room.members)
	}
}

// of returns the names of m's rooms, its id first, or nil if m is not known.
func (r *rooms[M]) of(m M) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	own, known := r.members[m]
	if !known {
		return nil
	}
	names := make([]string, 1, 1+own.joined.len())
	names[0] = own.id
	for room := range own.joined.all() {
		names = append(names, room.name)
	}
	slices.Sort(names[1:])
	return names
}

// match appends the members of any of the rooms in, or all members if in is
// empty, without the members of the rooms except. Each member appears once.
func (r *rooms[M]) match(dst []M, in, except []string) []M {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var skip, from group[M]
	r.resolve(&skip, except)
	if len(in) == 0 {
		if skip.empty() {
			return append(dst, r.all.members...)
		}
		for _, m := range r.all.members {
			if !r.has(&skip, m) {
				dst = append(dst, m)
			}
		}
		return dst
	}
	r.resolve(&from, in)
	if skip.empty() && len(from.rooms) == 1 && len(from.single) == 0 {
		return append(dst, from.rooms[0].members...)
	}
	var before group[M] // what has been walked
	for i, room := range from.rooms {
		before.rooms = from.rooms[:i]
		for _, m := range room.members {
			if !r.has(&skip, m) && !r.has(&before, m) {
				dst = append(dst, m)
			}
		}
	}
	before.rooms = from.rooms
	for i, m := range from.single {
		before.single = from.single[:i]
		if !r.has(&skip, m) && !r.has(&before, m) {
			dst = append(dst, m)
		}
	}
	return dst
}

// A group is what room names stand for: rooms, and single members by id.
type group[M comparable] struct {
	rooms  []*room[M]
	single []M
}

func (g *group[M]) empty() bool { return len(g.rooms) == 0 && len(g.single) == 0 }

func (r *rooms[M]) resolve(g *group[M], names []string) {
	for _, name := range names {
		if room, ok := r.named[name]; ok {
			g.rooms = append(g.rooms, room)
		}
		if m, ok := r.byID[name]; ok {
			g.single = append(g.single, m)
		}
	}
}

func (r *rooms[M]) has(g *group[M], m M) bool {
	if len(g.rooms) > 0 {
		joined := r.members[m].joined
		for _, room := range g.rooms {
			if _, in := joined.in(room); in {
				return true
			}
		}
	}
	return slices.Contains(g.single, m)
}

// A RoomEvent describes one change of a room. The rooms that are named like a
// socket's id cause no RoomEvents.
type RoomEvent struct {
	Kind     RoomEventKind
	Room     string
	SocketID string // the socket that joined or left, also for RoomCreated and RoomDeleted
}

// A RoomEventKind is the kind of a RoomEvent. Its text is the name of the event
// of the JavaScript server's adapter.
type RoomEventKind string

// The kinds of RoomEvents.
const (
	RoomCreated RoomEventKind = "create-room"
	RoomDeleted RoomEventKind = "delete-room"
	RoomJoined  RoomEventKind = "join-room"
	RoomLeft    RoomEventKind = "leave-room"
)

// A roomChange is a change before it is told.
type roomChange[M comparable] struct {
	kind   RoomEventKind
	room   string
	member M
	own    bool // the room is a member's id
}

// changes are those of rooms that wait to be told. rooms.mu guards them.
type changes[M comparable] struct {
	watched atomic.Bool // changes are noted
	waiting []roomChange[M]
	telling bool // somebody is at it
}

func (c *changes[M]) note(change roomChange[M]) {
	if c.watched.Load() {
		c.waiting = append(c.waiting, change)
	}
}

// note notes a change of a room that is not a member's id. r.mu is locked.
func (r *rooms[M]) note(kind RoomEventKind, room string, m M) {
	change := roomChange[M]{kind, room, m, false}
	r.events.note(change)
	if kind == RoomCreated || kind == RoomDeleted {
		r.notePresence(change)
	}
}

// tell calls f with each new change, in order. Another call of tell that is at
// work passes these changes, too.
func (r *rooms[M]) tell(c *changes[M], f func(roomChange[M])) {
	if !c.watched.Load() {
		return
	}
	r.mu.Lock()
	telling := c.telling
	c.telling = true
	r.mu.Unlock()
	if telling {
		return
	}
	over := false
	defer func() {
		if !over { // f has ended the goroutine
			r.mu.Lock()
			c.telling = false
			r.mu.Unlock()
			r.tell(c, f)
		}
	}()
	for change, more := r.nextChange(c); more; change, more = r.nextChange(c) {
		f(change)
	}
	over = true
}

// nextChange returns the next change. Without any, the telling is over.
func (r *rooms[M]) nextChange(c *changes[M]) (next roomChange[M], more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.telling = len(c.waiting) > 0; !c.telling {
		c.waiting = nil
		return next, false
	}
	next, c.waiting = c.waiting[0], c.waiting[1:]
	return next, true
}
