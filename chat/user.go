package chat

import (
	"context"
	"iter"

	"github.com/goroomcast/socketio/chat/store"
)

// A UserHandle is a handle of a user.
type UserHandle struct {
	c  *Chat
	id string
}

// User returns the handle of a user.
func (c *Chat) User(id string) *UserHandle { return &UserHandle{c, id} }

// Emit sends an event to all devices of the user, on all servers.
func (u *UserHandle) Emit(event string, args ...any) error {
	return u.c.ns.To(userRoom(u.id)).Emit(event, args...)
}

// Disconnect disconnects all devices of the user, on all servers.
func (u *UserHandle) Disconnect() { u.c.ns.In(userRoom(u.id)).DisconnectSockets(false) }

// Rooms yields the rooms that the user is a member of.
func (u *UserHandle) Rooms(ctx context.Context) iter.Seq2[RoomInfo, error] {
	return func(yield func(RoomInfo, error) bool) {
		for after := ""; ; {
			page, err := u.c.store.Memberships(ctx, u.id, after, maxList)
			if err != nil {
				yield(RoomInfo{}, err)
				return
			}
			for i := range page {
				if after = page[i].Room.ID; !yield(infoOf(&page[i].Room), nil) {
					return
				}
			}
			if len(page) < maxList {
				return
			}
		}
	}
}

// Direct makes the direct room of the user and another, if it does not exist, and
// returns it.
func (u *UserHandle) Direct(ctx context.Context, other string) (*Room, error) {
	r := u.c.Room(store.Direct(u.id, other))
	_, err := r.do(ctx, store.Create{Room: r.id, Kind: Direct, Pair: [2]string{min(u.id, other), max(u.id, other)}})
	return r, err
}

// Presence returns whether the user is there, on any server, as far as this one
// knows.
func (u *UserHandle) Presence() Presence {
	p := &u.c.presences
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(u.id)
}
