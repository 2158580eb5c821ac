package chat

import (
	"context"
	"maps"
	"slices"

	"github.com/goroomcast/socketio/chat/store"
)

const maxWatched = 200 // users that a device watches

// watchRate is how often a user may choose the users that a device watches. It
// is low because the chat reads the rooms of all these users.
var watchRate = Rate{PerSecond: 1, Burst: 10}

type watchArgs struct {
	Users []string `json:"users"`
}

func (a watchArgs) check() error {
	var k check
	if k.list("users", a.Users, maxWatched, maxUser); a.Users == nil {
		k.bad("users")
	}
	return k.result()
}

// watch replaces the users that the device watches, and replies with their
// presence. Users that the user must not see are left out.
func (d *device) watch(ctx context.Context, a watchArgs, reply func(result any) error) error {
	if err := a.check(); err != nil {
		return err
	}
	if err := d.limit("watch", watchRate); err != nil {
		return err
	}
	p := &d.c.presences
	before := p.removed()
	visible, err := d.visible(ctx, a.Users)
	if err != nil {
		return err
	}
	err = p.inTurn(ctx, func() error { return reply(p.watch(d, visible)) })
	if p.removed() != before { // the user may have been removed from a room since visible looked
		d.c.spawn(func() { d.lookAway(visible) })
	}
	return err
}

// inTurn calls f, which tells devices of presences, while nothing else does: what a
// device is told last is true.
func (p *presences) inTurn(ctx context.Context, f func() error) error {
	select {
	case p.telling <- struct{}{}:
		defer func() { <-p.telling }()
		return f()
	case <-ctx.Done():
		return ErrUnavailable
	}
}

// watch replaces the users that a device watches.
func (p *presences) watch(d *device, users []string) *presenceEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unwatchAll(d)
	event := &presenceEvent{Users: []presenceRow{}}
	if d.left {
		return event
	}
	watched := make(map[string]bool)
	p.watched[d] = watched
	for _, user := range users {
		if watched[user] {
			continue
		}
		watched[user] = true
		if p.watchers[user] == nil {
			p.watchers[user] = make(map[*device]bool)
			p.told[user] = p.of(user)
		}
		p.watchers[user][d] = true
		event.Users = append(event.Users, p.row(user, p.told[user]))
	}
	return event
}

// unwatchAll ends watching all users. mu is locked.
func (p *presences) unwatchAll(d *device) {
	for user := range p.watched[d] {
		p.unwatch(d, user)
	}
	delete(p.watched, d)
}

// unwatch ends watching a user. mu is locked.
func (p *presences) unwatch(d *device, user string) {
	if delete(p.watchers[user], d); len(p.watchers[user]) == 0 {
		delete(p.watchers, user)
		delete(p.told, user)
		delete(p.seen, user)
	}
}

// removed returns how many removals of users from rooms this server knows of.
func (p *presences) removed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.removals
}

// lookAway is called after a user was removed from a room. It ends watching
// where the user and others may no longer see each other.
func (c *Chat) lookAway(user string) {
	if watched := c.presences.concerned(user); len(watched) > 0 {
		c.spawn(func() {
			for d, users := range watched {
				d.lookAway(users)
			}
		})
	}
}

// concerned returns the watching that a removal of a user concerns: the watched
// users of each device.
func (p *presences) concerned(user string) map[*device][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removals++
	watched := make(map[*device][]string)
	for d := range p.watchers[user] {
		watched[d] = []string{user}
	}
	if u := p.here[user]; u != nil {
		for d := u.oldest; d != nil; d = d.next {
			if users := p.watched[d]; len(users) > 0 {
				watched[d] = slices.Collect(maps.Keys(users))
			}
		}
	}
	return watched
}

// lookAway ends watching users that the user may not see any longer. The device
// is told that these users are offline.
func (d *device) lookAway(users []string) {
	ctx, cancel := context.WithTimeout(d.c.ctx, storeTimeout)
	defer cancel()
	visible, err := d.visible(ctx, users)
	if err != nil {
		d.c.log.Warn("chat: a user may see the presence of others for too long", "user", d.user.ID, "err", err)
		return
	}
	p := &d.c.presences
	_ = p.inTurn(d.c.ctx, func() error {
		hidden := p.unwatchHidden(d, users, visible)
		if len(hidden) == 0 {
			return nil
		}
		return d.socket.Emit("presence", presenceEvent{Users: hidden})
	})
}

// unwatchHidden ends watching those of users that are not visible. It returns them
// as offline.
func (p *presences) unwatchHidden(d *device, users, visible []string) (hidden []presenceRow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, user := range users {
		if p.watched[d][user] && !slices.Contains(visible, user) {
			p.unwatch(d, user)
			delete(p.watched[d], user)
			hidden = append(hidden, presenceRow{ID: user, State: Offline})
		}
	}
	return hidden
}

// visible returns those of users that the user may see: by default itself, and
// the members of its rooms.
func (d *device) visible(ctx context.Context, users []string) (visible []string, err error) {
	var rooms []string
	if d.c.opts.Policy.CanSee == nil {
		if rooms, err = d.roomIDs(ctx); err != nil {
			return nil, err
		}
	}
	for _, user := range users {
		switch can := d.c.opts.Policy.CanSee; {
		case user == d.user.ID:
		case can != nil:
			if d.c.ask(ctx, func() error { return can(ctx, d.user, user) }) != nil {
				continue
			}
		default:
			shares, err := d.shares(ctx, user, rooms)
			if err != nil {
				return nil, err
			}
			if !shares {
				continue
			}
		}
		visible = append(visible, user)
	}
	return visible, nil
}

// roomIDs returns the ids of the user's rooms, sorted, without threads.
func (d *device) roomIDs(ctx context.Context) (ids []string, err error) {
	for after, more := "", true; more; {
		page, err := d.c.store.Memberships(ctx, d.user.ID, after, maxList)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if after = page[i].Room.ID; page[i].Room.Kind != store.KindThread {
				ids = append(ids, after)
			}
		}
		more = len(page) == maxList
	}
	slices.Sort(ids)
	return ids, nil
}

// fewRooms is how many rooms the chat looks up for each user that another wants to
// see. A user of more rooms would wait too long.
const fewRooms = 20

// shares reports whether a user is a member of one of the rooms of another.
func (d *device) shares(ctx context.Context, user string, rooms []string) (bool, error) {
	if len(rooms) <= fewRooms {
		return d.c.isIn(ctx, user, rooms)
	}
	direct := []string{store.Direct(d.user.ID, user)} // which the user may have hidden
	if is, err := d.c.isIn(ctx, user, direct); is || err != nil {
		return is, err
	}
	for after := ""; ; {
		page, err := d.c.store.Memberships(ctx, user, after, maxList)
		if err != nil {
			return false, err
		}
		for i := range page {
			after = page[i].Room.ID
			if _, shared := slices.BinarySearch(rooms, after); shared {
				return true, nil
			}
		}
		if len(page) < maxList {
			return false, nil
		}
	}
}

// isIn reports whether a user is a member of one of these rooms.
func (c *Chat) isIn(ctx context.Context, user string, rooms []string) (bool, error) {
	all, err := c.store.Look(ctx, user, rooms)
	for i := range all {
		if all[i].Member.Role != "" {
			return true, nil
		}
	}
	return false, err
}
