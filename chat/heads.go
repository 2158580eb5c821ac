package chat

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// heads tell users of new messages in rooms of theirs that a device does not
// follow, so that the badges of a list of rooms move. A lost one does no harm:
// the next one, or ready, replaces it.
type heads struct {
	mu    sync.Mutex
	rooms map[string]*badge
	of    map[string][]*badge // by user
	fresh map[string]int64    // newest seqs that are not told yet
	told  map[string]toldHead // newest seqs that a list that is being read may lack
}

// A toldHead is a seq that was told, and when.
type toldHead struct {
	seq int64
	at  time.Time
}

// A badge is a room that users here are members of.
type badge struct {
	room  string
	users map[string]struct{}
}

const headsInterval = time.Second // a device gets one event in that time at most

func (h *heads) init() {
	h.rooms = make(map[string]*badge)
	h.of = make(map[string][]*badge)
	h.fresh = make(map[string]int64)
	h.told = make(map[string]toldHead)
}

// learn notes the rooms of a user that has a device here. The user may have lost
// some since they were read: the caller looks at those again. Messages that came
// since then are told.
func (h *heads) learn(user string, rooms []store.Membership) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range rooms {
		h.put(rooms[i].Room.ID, user)
		h.recall(&rooms[i].Room)
	}
}

// recall makes a head be told once more if a room that was sent is older. mu is
// locked.
func (h *heads) recall(r *store.Room) {
	if seq := max(h.fresh[r.ID], h.told[r.ID].seq); seq > r.Seq {
		h.fresh[r.ID] = seq
	}
}

// sent notes that a room was sent to the devices of a user.
func (h *heads) sent(r *store.Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recall(r)
}

// put notes that a user is a member of a room. mu is locked.
func (h *heads) put(room, user string) {
	b := h.rooms[room]
	if b == nil {
		b = &badge{room, make(map[string]struct{})}
		h.rooms[room] = b
	}
	if _, known := b.users[user]; !known {
		b.users[user] = struct{}{}
		h.of[user] = append(h.of[user], b)
	}
}

// drop is the opposite of put. mu is locked.
func (h *heads) drop(room, user string) {
	b := h.rooms[room]
	if b == nil {
		return
	}
	h.leave(b, user)
	if h.of[user] = without(h.of[user], b); len(h.of[user]) == 0 {
		delete(h.of, user)
	}
}

// leave takes a user out of a room. mu is locked.
func (h *heads) leave(b *badge, user string) {
	if delete(b.users, user); len(b.users) == 0 {
		delete(h.rooms, b.room)
	}
}

// forget forgets a user without devices.
func (h *heads) forget(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.of[user] {
		h.leave(b, user)
	}
	delete(h.of, user)
}

// end forgets a room that was deleted, and returns the users that were members:
// one of the same id has other members.
func (h *heads) end(room string) (users []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.rooms[room]; b != nil {
		users = slices.Collect(maps.Keys(b.users))
		for _, user := range users {
			h.drop(room, user)
		}
	}
	delete(h.fresh, room)
	delete(h.told, room)
	return users
}

// changed notes a change of a membership, if the user has a device here.
func (h *heads) changed(c *Chat, m memberHint) {
	here := len(c.devicesOf(m.User)) > 0
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !m.In:
		h.drop(m.Room, m.User)
	case here:
		h.put(m.Room, m.User)
	}
}

// hear notes the newest seq of a room that users here are members of, or may turn
// out to be, because their rooms are being read.
func (h *heads) hear(room string, seq int64, learning bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.rooms[room] != nil || learning; known && seq > h.fresh[room] {
		h.fresh[room] = seq
	}
}

// keepHeads tells users of new messages until the chat is closed.
func (c *Chat) keepHeads() {
	for pause(c.ctx, headsInterval) {
		c.tellHeads()
	}
}

// tellHeads sends each device that does not follow a room the newest seq of it.
func (c *Chat) tellHeads() {
	h := &c.heads
	byUser := make(map[string][][2]any)
	since := c.showings.oldest()
	h.mu.Lock()
	maps.DeleteFunc(h.told, func(_ string, told toldHead) bool { return told.at.Before(since) })
	now := time.Now()
	for room, seq := range h.fresh {
		h.told[room] = toldHead{seq, now}
		b := h.rooms[room]
		if b == nil {
			continue // no user is left
		}
		for user := range b.users {
			byUser[user] = append(byUser[user], [2]any{room, seq})
		}
	}
	clear(h.fresh)
	h.mu.Unlock()
	for user, news := range byUser {
		for _, d := range c.devicesOf(user) {
			if own := d.unfollowed(news); len(own) > 0 {
				_ = d.socket.Emit("heads", own)
			}
		}
	}
}

// unfollowed returns those heads of rooms that the device does not follow.
func (d *device) unfollowed(news [][2]any) (own [][2]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, head := range news {
		if d.followed(head[0].(string)) == nil {
			own = append(own, head)
		}
	}
	return own
}
