package chat

import (
	"sync"
	"time"
)

// A Presence says whether a user is there. A user is Online if a device was
// active within the last five minutes, Away if the user has only other devices,
// and Offline without a device.
type Presence string

// The presences.
const (
	Online  Presence = "online"
	Away    Presence = "away"
	Offline Presence = "offline"
)

const (
	activeTime    = 5 * time.Minute // how long a device counts as active
	presenceBatch = time.Second     // watchers get one event in that time at most
	onlineEvery   = 5 * time.Second // followers of a large room get the number of users as often
)

// presences are the users that are there. Each server decides about the users
// of its own sockets and tells the others; see peers.go.
type presences struct {
	began time.Time

	mu       sync.Mutex
	here     map[string]*present
	peers    map[string]*peer
	watchers map[string]map[*device]bool // by watched user
	watched  map[*device]map[string]bool // users, by their watchers
	told     map[string]Presence         // what watchers know
	changed  map[string]bool             // users whose presence may differ from that
	news     map[string]Presence         // of users here, that other servers do not know
	seen     map[string]int64            // when a watched user went, ms
	removals int64                       // of users from rooms

	telling chan struct{} // held while devices are told; comes before mu

	left   sync.Once  // this server has said goodbye
	saying sync.Mutex // comes before mu
	n      int64      // number of the last message to other servers; saying
}

// A present is a user with devices here, or one whose last device has just
// ended.
type present struct {
	oldest *device // nil during the grace time
	state  Presence
	gone   moment // when the last device ended
}

// put adds a device, and returns how many there are.
func (u *present) put(d *device) (n int) {
	at := &u.oldest
	for ; *at != nil; at = &(*at).next {
		n++
	}
	*at = d
	return n + 1
}

// drop removes a device, and reports false if it is not there.
func (u *present) drop(d *device) bool {
	for at := &u.oldest; *at != nil; at = &(*at).next {
		if *at == d {
			*at = d.next
			return true
		}
	}
	return false
}

func (p *presences) now() moment { return moment(time.Since(p.began)) }

func (p *presences) init() {
	p.began = time.Now()
	p.here = make(map[string]*present)
	p.peers = make(map[string]*peer)
	p.watchers = make(map[string]map[*device]bool)
	p.watched = make(map[*device]map[string]bool)
	p.told = make(map[string]Presence)
	p.changed = make(map[string]bool)
	p.news = make(map[string]Presence)
	p.seen = make(map[string]int64)
	p.telling = make(chan struct{}, 1)
}

// devicesOf returns the devices of a user on this server.
func (c *Chat) devicesOf(user string) (devices []*device) {
	c.presences.mu.Lock()
	defer c.presences.mu.Unlock()
	if u := c.presences.here[user]; u != nil {
		for d := u.oldest; d != nil; d = d.next {
			devices = append(devices, d)
		}
	}
	return devices
}

// arrive adds a device. Others are told of it without delay. If the user then
// has too many devices, arrive returns the oldest one.
func (p *presences) arrive(d *device) (oldest *device) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.left {
		return nil
	}
	u := p.here[d.user.ID]
	if u == nil {
		u = &present{state: Offline}
		p.here[d.user.ID] = u
	}
	n := u.put(d)
	now := p.now()
	d.active = now
	p.set(d.user.ID, u, u.best(now))
	if n > d.c.limits.Devices {
		return u.oldest
	}
	return nil
}

// leave removes a device, and reports whether it was the last one of its user.
// The user stays for the grace time.
func (p *presences) leave(d *device) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.left = true
	p.unwatchAll(d)
	u := p.here[d.user.ID]
	if u == nil || !u.drop(d) {
		return u == nil || u.oldest == nil
	}
	now := p.now()
	if u.oldest == nil {
		u.gone = now
		return true
	}
	p.set(d.user.ID, u, u.best(now))
	return false
}

// best returns the best state of the devices.
func (u *present) best(now moment) Presence {
	state := Offline
	for d := u.oldest; d != nil; d = d.next {
		if d.inUse(now) {
			return Online
		}
		state = Away
	}
	return state
}

// set notes the state of a user here. mu is locked.
func (p *presences) set(user string, u *present, state Presence) {
	if u.state != state {
		u.state = state
		p.news[user] = state
		p.changed[user] = true
	}
}

// of returns the presence of a user on all servers. mu is locked.
func (p *presences) of(user string) Presence {
	state := Offline
	if u := p.here[user]; u != nil {
		state = u.state
	}
	for _, other := range p.peers {
		if s, is := other.users[user]; is && (state == Offline || s == Online) {
			state = s
		}
	}
	return state
}

// sweep ends the grace of users here, and the activity of their devices.
func (p *presences) sweep(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for user, u := range p.here {
		switch {
		case u.oldest != nil:
			p.set(user, u, u.best(now))
		case now-u.gone >= moment(grace):
			if p.watchers[user] != nil {
				p.seen[user] = p.began.Add(time.Duration(u.gone)).UnixMilli()
			}
			p.set(user, u, Offline)
			delete(p.here, user)
		}
	}
}

// forget ends the grace of a user without devices, and forgets when the user
// went.
func (p *presences) forget(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, user)
	if u := p.here[user]; u != nil && u.oldest == nil {
		p.set(user, u, Offline)
		delete(p.here, user)
	}
}

// A presenceRow is the presence of a user.
type presenceRow struct {
	ID    string   `json:"id"`
	State Presence `json:"state"`
	Seen  int64    `json:"seen,omitempty"` // when an offline user went, ms, if that is known
}

type presenceEvent struct {
	Users  []presenceRow `json:"users,omitempty"`
	Room   string        `json:"room,omitempty"`
	Online int           `json:"online,omitempty"`
}

func (p *presences) row(user string, state Presence) presenceRow {
	r := presenceRow{ID: user, State: state}
	if state == Offline {
		r.Seen = p.seen[user]
	}
	return r
}

// keepPresence tells watchers and other servers of changes until the chat is
// closed.
func (c *Chat) keepPresence() {
	beat, online := time.Now(), time.Now()
	for pause(c.ctx, presenceBatch) {
		c.presences.sweep(c.opts.Grace)
		c.presences.dropPeers(c.opts.Grace)
		if now := time.Now(); now.Sub(beat) >= beatInterval {
			beat = now
			c.beat()
		} else {
			c.tellPeers()
		}
		_ = c.presences.inTurn(c.ctx, c.tellWatchers)
		if now := time.Now(); now.Sub(online) >= onlineEvery {
			online = now
			c.tellOnline()
		}
	}
}

// tellWatchers sends each watcher the presences that have changed for it, as one
// event.
func (c *Chat) tellWatchers() error {
	p := &c.presences
	events := make(map[*device]*presenceEvent)
	p.mu.Lock()
	for user := range p.changed {
		state := p.of(user)
		if p.watchers[user] == nil || p.told[user] == state {
			continue
		}
		p.told[user] = state
		for d := range p.watchers[user] {
			if events[d] == nil {
				events[d] = new(presenceEvent)
			}
			events[d].Users = append(events[d].Users, p.row(user, state))
		}
	}
	p.changed = make(map[string]bool)
	p.mu.Unlock()
	for d, e := range events {
		_ = d.socket.Emit("presence", e)
	}
	return nil
}
