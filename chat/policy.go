package chat

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// policyInterval is how long an answer of Policy.CanRead holds that allows, and
// how long a follower may go on after CanRead forbids it.
const policyInterval = 30 * time.Second

// maxAllowances is how many a device keeps.
const maxAllowances = 1000

// An allowance is an answer of Policy.CanRead with the question.
type allowance struct {
	until   time.Time
	epoch   string
	infoRev int64 // of the room's settings
	rev     int64 // of the member
	role    store.Role
}

func allowanceOf(m *store.Membership) allowance {
	return allowance{epoch: m.Room.Epoch, infoRev: m.Room.InfoRev, rev: m.Member.Rev, role: m.Member.Role}
}

// mayRead returns an error unless the user may read a room. It asks the program,
// unless the same question was allowed a moment ago. A refusal is not kept: the
// program may change it, and clients that are refused ask seldom.
func (d *device) mayRead(ctx context.Context, m *store.Membership) error {
	if err := store.Readable(&m.Room, &m.Member); err != nil || d.c.opts.Policy.CanRead == nil {
		return err
	}
	now, question := time.Now(), allowanceOf(m)
	d.mu.Lock()
	kept := d.allowed[m.Room.ID]
	d.mu.Unlock()
	question.until = kept.until
	if kept == question && now.Before(kept.until) {
		return nil
	}
	if err := d.c.ask(ctx, func() error { return d.c.opts.Policy.CanRead(ctx, d.user, infoOf(&m.Room)) }); err != nil {
		return err
	}
	question.until = now.Add(policyInterval)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.allowed == nil || len(d.allowed) >= maxAllowances {
		d.allowed = make(map[string]allowance)
	}
	d.allowed[m.Room.ID] = question
	return nil
}

// forgetAllowed makes the program be asked the next time.
func (d *device) forgetAllowed(room string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.allowed, room)
}

// keepPolicy asks the program again until the chat is closed. It has a goroutine
// of its own: the program may be slow.
func (c *Chat) keepPolicy() {
	for pause(c.ctx, policyInterval) {
		c.askPolicy()
	}
}

// askPolicy ends following where Policy.CanRead forbids it now.
func (c *Chat) askPolicy() {
	for _, l := range c.followed() {
		for s := range c.ns.Local().In(socketRoom(l.id)).Sockets() {
			if d := c.device(s); d != nil && c.ctx.Err() == nil {
				d.askAgain(l)
			}
		}
	}
}

// askAgain ends following a room unless the user may still read it.
func (d *device) askAgain(l *live) {
	ctx, cancel := context.WithTimeout(d.c.ctx, storeTimeout)
	defer cancel()
	m, err := d.look(ctx, l.id)
	if err != nil {
		return // the next time
	}
	d.forgetAllowed(m.Room.ID)
	if err := d.mayRead(ctx, m); err == nil || errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		return
	}
	l.mu.Lock() // as the replies to open are sent: the device is told last what is true
	defer l.mu.Unlock()
	if !d.isAllowed(m.Room.ID) && d.unfollow(l) {
		_ = d.socket.Emit("rooms", roomsEvent{Gone: []goneView{{l.id, "policy"}}})
	}
}

// isAllowed reports whether the program has allowed to read a room since
// forgetAllowed.
func (d *device) isAllowed(room string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, is := d.allowed[room]
	return is
}

// followed returns the rooms that are followed here.
func (c *Chat) followed() []*live {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.live))
}
