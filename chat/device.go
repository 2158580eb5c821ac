package chat

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// A device is one socket of a user. There are many devices, so what only few need
// is elsewhere.
type device struct {
	c      *Chat
	socket *socketio.Socket
	user   User

	mu      sync.Mutex // a leaf
	follows []*live
	allowed map[string]allowance // by room
	ended   bool

	// Of presences.mu.
	left   bool
	idle   bool    // the user is not at the device
	active moment  // when the user was at the device
	front  string  // the room in front of the user, if the client says it
	next   *device // the user's next device
}

// A moment is a time since the beginning of presences. There are many moments, and
// a time.Time takes three times the memory.
type moment time.Duration

// device returns the device of a socket, or nil.
func (c *Chat) device(s *socketio.Socket) *device {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sockets[s]
}

// end forgets the device.
func (d *device) end() {
	d.mu.Lock()
	d.ended = true
	follows := d.follows
	d.follows = nil
	d.mu.Unlock()
	for _, l := range follows {
		l.release()
	}
	last := d.c.presences.leave(d)
	c := d.c
	c.mu.Lock()
	delete(c.sockets, d.socket)
	delete(c.entering, d.socket)
	c.mu.Unlock()
	if last {
		c.heads.forget(d.user.ID)
	}
}

// bounded returns a context that ends after a time, and with the socket. It has the
// values of ctx.
func (d *device) bounded(ctx context.Context, most time.Duration) (bounded context.Context, cancel func()) {
	bounded, end := context.WithTimeout(context.WithoutCancel(ctx), most)
	forget := afterEnd(d.socket, end)
	return bounded, func() {
		forget()
		end()
	}
}

// afterEnd has f called when a socket ends. Unlike context.AfterFunc it does not
// ask the socket's context for a channel, which would stay as long as the socket,
// and calls f on the goroutine that ends the socket.
func afterEnd(s *socketio.Socket, f func()) (forget func() bool) {
	return s.Context().(interface {
		AfterFunc(f func()) (stop func() bool)
	}).AfterFunc(f)
}

// without returns a list without a value.
func without[T comparable](list []T, v T) []T {
	if i := slices.Index(list, v); i >= 0 {
		return slices.Delete(slices.Clone(list), i, i+1)
	}
	return list
}

// follow makes the device follow a room, and reports whether it did not before.
// l.mu is locked.
func (d *device) follow(l *live) (added bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ended:
		return false, ErrUnavailable
	case slices.Contains(d.follows, l):
		return false, nil
	case len(d.follows) >= d.c.limits.Follows:
		return false, &Error{Code: store.TooLarge, Text: "too many rooms are open", Field: "room", Limit: d.c.limits.Follows}
	}
	if err := d.socket.Join(socketRoom(l.id)); err != nil {
		return false, &Error{Code: store.TooLarge, Text: "too many rooms are open", Field: "room", Limit: len(d.follows)}
	}
	d.follows = append(d.follows, l)
	return true, nil
}

// unfollow ends that, and reports whether the device has followed. l.mu is
// locked.
func (d *device) unfollow(l *live) (followed bool) {
	d.mu.Lock()
	followed = slices.Contains(d.follows, l)
	d.follows = without(d.follows, l)
	d.mu.Unlock()
	d.socket.Leave(socketRoom(l.id))
	if followed {
		l.releaseLocked()
	}
	return followed
}

// following returns a room that the device follows, or nil.
func (d *device) following(room string) *live {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.followed(room)
}

// followed is following with mu locked.
func (d *device) followed(room string) *live {
	for _, l := range d.follows {
		if l.id == room {
			return l
		}
	}
	return nil
}

// look returns what the user is in a room, or in the parent of a thread.
func (d *device) look(ctx context.Context, room string) (*store.Membership, error) {
	all, err := d.c.store.Look(ctx, d.user.ID, []string{store.Home(room)})
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// readable returns what the user is in a room, or in the parent of a thread. It
// returns an error unless the user may read the room.
func (d *device) readable(ctx context.Context, room string) (*store.Membership, error) {
	m, err := d.look(ctx, room)
	if err == nil {
		err = d.mayRead(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	if _, seq, is := store.Parent(room); is && seq < lowestOf(m) {
		return nil, ErrNotFound
	}
	return m, nil
}

// lowestOf returns the first seq that a user may see.
func lowestOf(m *store.Membership) int64 { return store.Lowest(&m.Room, &m.Member) }

// limit takes a token for a command of a device, or returns an error.
func (d *device) limit(command string, rate Rate) error {
	wait, taken := d.c.rates.take(rateKey{d.user.ID, command, ""}, rate, 0)
	if taken {
		return nil
	}
	return rateLimited(wait)
}
