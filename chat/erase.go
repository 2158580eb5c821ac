package chat

import (
	"context"
	"errors"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

const (
	erasePage     = 100 // rooms
	erasePasses   = 10
	eraseInterval = time.Minute // between two looks for erasures that have stopped
	erasedEvent   = "chat:erased"
)

// Erase removes the user from the chat. Messages of the user become tombstones
// whose author is "deleted", and the user's memberships, markers, reactions,
// mentions and blocks end. Clients learn of it as of any other change, also
// clients that come back later. Direct rooms of the user stay for the other
// user, but are archived.
//
// The user's id stays, in an empty row for each room that the user was in. From
// this row, clients that come back learn that the user is no member.
//
// Authenticate must refuse the user before Erase is called. Erase disconnects
// the user's devices, and returns when nothing is left. If it returns an error
// after it has begun, or the server ends, the erasure goes on within a minute,
// on any server.
func (u *UserHandle) Erase(ctx context.Context) error {
	if _, err := u.c.do(ctx, u.id, store.Erase{User: u.id}); err != nil {
		return err
	}
	return u.c.erase(ctx, u.id)
}

// erase finishes an erasure that has begun. Two servers may do so at once.
func (c *Chat) erase(ctx context.Context, user string) error {
	c.User(user).Disconnect()
	for range erasePasses { // until a pass finds nothing: a command may have been under way
		found, err := c.eraseRooms(ctx, user)
		if err != nil {
			return err
		}
		if found {
			continue
		}
		c.forget(user)
		_ = c.ns.ServerSideEmit(erasedEvent, user)
		_, err = c.do(ctx, user, store.Erase{User: user, Over: true})
		return err
	}
	return &Error{Code: store.Conflict, Text: "the user goes on writing"}
}

// eraseRooms erases a user in all rooms, and reports whether there was anything.
func (c *Chat) eraseRooms(ctx context.Context, user string) (found bool, err error) {
	for after := ""; ; {
		rooms, err := c.store.Traces(ctx, user, after, erasePage)
		if err != nil {
			return false, err
		}
		for _, room := range rooms {
			if err := c.eraseRoom(ctx, user, room); err != nil {
				return false, err
			}
			found, after = true, room
		}
		if len(rooms) < erasePage {
			return found, nil
		}
	}
}

func (c *Chat) eraseRoom(ctx context.Context, user, room string) error {
	for {
		r, err := c.do(ctx, room, store.Erase{Room: room, User: user})
		if err != nil || !r.More {
			return err
		}
	}
}

// keepErasures finishes the erasures that have stopped because a server has
// ended, until the chat is closed. One that fails does not keep the others back.
func (c *Chat) keepErasures() {
	for {
		users, err := c.store.Erasures(c.serving)
		for _, user := range users {
			if c.serving.Err() == nil {
				err = errors.Join(err, c.erase(c.serving, user))
			}
		}
		if err != nil && c.serving.Err() == nil {
			c.log.Warn("chat: erasures are not finished yet", "users", len(users), "err", err)
		}
		if !pause(c.serving, eraseInterval) {
			return
		}
	}
}

func (c *Chat) serveErasures() {
	c.ns.OnServerSide(erasedEvent, func(_ context.Context, e *socketio.Event) error {
		var user string
		if err := e.Decode(&user); err != nil {
			return err
		}
		c.forget(user)
		return nil
	})
	c.spawn(c.keepErasures)
}

// forget forgets what this server knows of a user.
func (c *Chat) forget(user string) {
	c.markers.forgetAll(user)
	c.heads.forget(user)
	c.presences.forget(user)
}
