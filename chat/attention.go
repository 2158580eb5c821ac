package chat

import (
	"context"
	"slices"
	"time"

	"github.com/goroomcast/socketio"
)

type activeArgs struct {
	Room string `json:"room"` // the room in front of the user, for pushes
	Idle bool   `json:"idle"`
}

// setActive says that the user is at the device, or is not.
func (d *device) setActive(_ context.Context, a activeArgs) (nothing, error) {
	var k check
	if a.Room != "" {
		k.room(a.Room)
	}
	if err := k.result(); err != nil {
		return nothing{}, err
	}
	p := &d.c.presences
	p.mu.Lock()
	defer p.mu.Unlock()
	d.active, d.idle, d.front = p.now(), a.Idle, a.Room
	if u := p.here[d.user.ID]; u != nil && u.oldest != nil {
		p.set(d.user.ID, u, u.best(d.active))
	}
	return nothing{}, nil
}

// inUse reports whether the user is at the device. presences.mu is locked.
func (d *device) inUse(now moment) bool { return !d.idle && now-d.active < moment(activeTime) }

const (
	attentionEvent = "chat:attention?"
	// attentionTime is how long the chat waits for other servers. Users of a
	// server that does not answer get a push.
	attentionTime = time.Second
)

// inattentive returns those of members that do not look at a room, on any
// server.
func (c *Chat) inattentive(ctx context.Context, room string, members []Member) []Member {
	users := make([]string, len(members))
	for i := range members {
		users[i] = members[i].User
	}
	look := make(map[string]bool)
	for _, user := range c.attentive(room, users) {
		look[user] = true
	}
	if len(users) > 0 && c.presences.hasPeers() {
		ctx, cancel := context.WithTimeout(ctx, attentionTime)
		defer cancel()
		for r, err := range c.ns.ServerSideCall(ctx, attentionEvent, room, users) {
			var there []string
			if err == nil && r.Decode(&there) == nil {
				for _, user := range there {
					look[user] = true
				}
			}
		}
	}
	return slices.DeleteFunc(members, func(m Member) bool { return look[m.User] })
}

// attentive returns those of users that look at a room on this server.
func (c *Chat) attentive(room string, users []string) (look []string) {
	for _, user := range users {
		for _, d := range c.devicesOf(user) {
			if d.following(room) != nil && c.presences.shows(d, room) {
				look = append(look, user)
				break
			}
		}
	}
	return look
}

// shows reports whether a device that follows a room is in use, and shows no
// other room.
func (p *presences) shows(d *device, room string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return d.inUse(p.now()) && (d.front == "" || d.front == room)
}

func (p *presences) hasPeers() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.peers) > 0
}

func (c *Chat) serveAttention() {
	c.ns.OnServerSide(attentionEvent, func(_ context.Context, e *socketio.Event) error {
		var room string
		var users []string
		if err := e.Decode(&room, &users); err != nil {
			return err
		}
		return e.Ack(c.attentive(room, users))
	})
}
