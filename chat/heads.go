package chat

import (
	"context"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// heads tell users of new messages in rooms of theirs that a device does not
// follow, so that the badges of a list of rooms move. They are a courtesy: a lost
// one is made up for by the next, or by ready.
type heads struct {
	mu    sync.Mutex
	rooms map[string]map[string]bool // users here, by room of theirs
	of    map[string]map[string]bool // the same, by user
	fresh map[string]int64           // newest seqs that are not told yet
}

const (
	headsInterval = time.Second // a device gets one event in that time at most
	memberEvent   = "chat:member"
)

// A memberHint tells other servers that a user became a member, or was removed.
type memberHint struct {
	Room string `json:"r"`
	User string `json:"u"`
	In   bool   `json:"in"`
}

func (h *heads) init() {
	h.rooms = make(map[string]map[string]bool)
	h.of = make(map[string]map[string]bool)
	h.fresh = make(map[string]int64)
}

// learn notes the rooms of a user that has a device here.
func (h *heads) learn(user string, rooms []store.Membership) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range rooms {
		h.put(rooms[i].Room.ID, user)
	}
}

// put notes that a user is a member of a room. mu is locked.
func (h *heads) put(room, user string) {
	if h.rooms[room] == nil {
		h.rooms[room] = make(map[string]bool)
	}
	h.rooms[room][user] = true
	if h.of[user] == nil {
		h.of[user] = make(map[string]bool)
	}
	h.of[user][room] = true
}

// drop is the opposite of put.
func (h *heads) drop(room, user string) {
	if delete(h.rooms[room], user); len(h.rooms[room]) == 0 {
		delete(h.rooms, room)
	}
	if delete(h.of[user], room); len(h.of[user]) == 0 {
		delete(h.of, user)
	}
}

// forget forgets a user without devices.
func (h *heads) forget(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for room := range h.of[user] {
		h.drop(room, user)
	}
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

// hear notes the newest seq of a room.
func (h *heads) hear(room string, seq int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rooms[room]) > 0 && seq > h.fresh[room] {
		h.fresh[room] = seq
	}
}

func (c *Chat) serveHeads() {
	c.ns.OnServerSide(memberEvent, func(_ context.Context, e *socketio.Event) error {
		var m memberHint
		if err := e.Decode(&m); err != nil {
			return err
		}
		c.heads.changed(c, m)
		return nil
	})
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
	h.mu.Lock()
	for room, seq := range h.fresh {
		for user := range h.rooms[room] {
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
