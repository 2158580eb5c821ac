package chat

import (
	"context"
	"time"
)

// typingLife is how long a client shows that a user types, in ms. There is no
// event for the end, because it could be lost.
const typingLife = 6000

// typingRate is how often a client may say that its user types. More is dropped.
var typingRate = Rate{PerSecond: 0.5, Burst: 1}

// A typingEvent says that a user types.
type typingEvent struct {
	Room string `json:"room"`
	User string `json:"user"`
	For  int    `json:"for"` // ms
}

// typing tells the followers of a room, unless the room is large. Only followers
// that may write count, as of what this server knows.
func (d *device) typing(ctx context.Context, a roomArgs) (nothing, error) {
	if err := a.check(); err != nil {
		return nothing{}, err
	}
	if d.following(a.Room) == nil || d.c.large(a.Room) {
		return nothing{}, nil
	}
	if _, taken := d.c.rates.take(rateKey{d.user.ID, "typing", a.Room}, typingRate, 0); !taken {
		return nothing{}, nil
	}
	m, err := d.look(ctx, a.Room)
	if err != nil {
		return nothing{}, err
	}
	if m.Member.Role.Rank() < Writer.Rank() || m.Room.Archived || m.Member.MutedUntil > time.Now().UnixMilli() {
		return nothing{}, nil
	}
	_ = d.socket.To(socketRoom(a.Room)).Volatile().Emit("typing", typingEvent{a.Room, d.user.ID, typingLife})
	return nothing{}, nil
}
