package chat

import (
	"context"
	"maps"
	"time"

	"github.com/goroomcast/socketio"
)

// A peer is another server, as it describes its own users. Only it changes what
// it has said; so nothing has to be merged.
type peer struct {
	n     int64     // of its last message
	heard time.Time // when it was heard of
	until time.Time // when its users go, because it has said goodbye
	users map[string]Presence
	rooms map[string]int // users in its large rooms
}

const (
	peerEvent    = "chat:presence"
	askEvent     = "chat:presence?"
	beatInterval = 5 * time.Second  // between two messages of a server at most
	silence      = 15 * time.Second // after that a server counts as gone
)

// A peerMessage is what a server says about its users. Messages are numbered, so
// that the others notice if they have missed one, and ask for all.
type peerMessage struct {
	Server string              `json:"id"`
	N      int64               `json:"n"`
	Users  map[string]Presence `json:"u,omitempty"`
	Rooms  map[string]int      `json:"r,omitempty"`
	Whole  bool                `json:"w,omitempty"` // Users are all, not only those that have changed
	Beat   bool                `json:"b,omitempty"` // Rooms are all
	Bye    bool                `json:"x,omitempty"`
}

func (c *Chat) servePeers() {
	c.ns.OnServerSide(peerEvent, func(_ context.Context, e *socketio.Event) error {
		var m peerMessage
		if err := e.Decode(&m); err != nil {
			return err
		}
		if missed := c.presences.hear(&m, c.opts.Grace); missed {
			_ = c.ns.ServerSideEmit(askEvent, m.Server)
		}
		return nil
	})
	c.ns.OnServerSide(askEvent, func(_ context.Context, e *socketio.Event) error {
		var server string
		if err := e.Decode(&server); err != nil {
			return err
		}
		if server == c.id || server == "" {
			c.sayAll()
		}
		return nil
	})
	c.spawn(func() { _ = c.ns.ServerSideEmit(askEvent, "") })
}

// hear takes a message of another server. It reports true if an earlier one is
// missing.
func (p *presences) hear(m *peerMessage, grace time.Duration) (missed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	other := p.peers[m.Server]
	if other == nil {
		other = &peer{users: make(map[string]Presence)}
		p.peers[m.Server] = other
		missed = !m.Whole && m.N > 1
	}
	other.heard = time.Now()
	switch {
	case m.Bye:
		other.until = time.Now().Add(grace)
		return false
	case m.Whole:
		for user := range other.users {
			p.changed[user] = true
		}
		clear(other.users)
	case m.N <= other.n:
		return false // an old one
	case m.N > other.n+1:
		missed = true
	}
	other.n = m.N
	if m.Beat {
		other.rooms = m.Rooms
	}
	for user, state := range m.Users {
		p.changed[user] = true
		if state == Offline {
			delete(other.users, user)
		} else {
			other.users[user] = state
		}
	}
	return missed
}

// dropPeers drops the users of servers that have been silent for too long, or
// have said goodbye.
func (p *presences) dropPeers(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for id, other := range p.peers {
		left := !other.until.IsZero() && now.After(other.until)
		if left || now.Sub(other.heard)-silence > grace {
			for user := range other.users {
				p.changed[user] = true
				if p.watchers[user] != nil && p.seen[user] == 0 {
					p.seen[user] = other.heard.UnixMilli()
				}
			}
			delete(p.peers, id)
		}
	}
}

// say sends a message that fill makes under mu, unless it reports false. The
// messages leave in the order of their numbers.
func (c *Chat) say(fill func(p *presences, m *peerMessage) (send bool)) {
	p := &c.presences
	p.saying.Lock()
	defer p.saying.Unlock()
	m := &peerMessage{Server: c.id}
	p.mu.Lock()
	send := fill(p, m)
	p.mu.Unlock()
	if send {
		p.n++
		m.N = p.n
		_ = c.ns.ServerSideEmit(peerEvent, m)
	}
}

// tellPeers tells other servers of changes, if there are any.
func (c *Chat) tellPeers() {
	c.say(func(p *presences, m *peerMessage) bool {
		m.Users, p.news = p.news, make(map[string]Presence)
		return len(m.Users) > 0
	})
}

// beat says that this server is there.
func (c *Chat) beat() {
	rooms := c.largeRooms()
	c.say(func(p *presences, m *peerMessage) bool {
		m.Users, p.news = p.news, make(map[string]Presence)
		m.Rooms, m.Beat = rooms, true
		return true
	})
}

// sayAll describes all users.
func (c *Chat) sayAll() {
	c.say(func(p *presences, m *peerMessage) bool {
		m.Users, m.Whole = make(map[string]Presence), true
		for user, u := range p.here {
			if u.state != Offline {
				m.Users[user] = u.state
			}
		}
		clear(p.news)
		return true
	})
}

// bye says that this server ends, once. Its users reconnect to others, and stay
// until then. It is called when the first socket is told of the shutdown, because
// afterwards the other servers cannot be reached.
func (c *Chat) bye() {
	c.retire()
	c.presences.left.Do(func() {
		c.say(func(_ *presences, m *peerMessage) bool {
			m.Bye = true
			return true
		})
	})
}

// largeRooms returns the number of users in each large room.
func (c *Chat) largeRooms() map[string]int {
	c.mu.Lock()
	large := maps.Clone(c.live)
	c.mu.Unlock()
	rooms := make(map[string]int)
	for id := range large {
		if !c.large(id) {
			continue
		}
		users := make(map[string]bool)
		for s := range c.ns.Local().In(socketRoom(id)).Sockets() {
			if d := c.device(s); d != nil {
				users[d.user.ID] = true
			}
		}
		rooms[id] = len(users)
	}
	return rooms
}

// tellOnline tells the followers of large rooms how many users there are, if that
// has changed. A user on two servers counts twice.
func (c *Chat) tellOnline() {
	for room, n := range c.largeRooms() {
		p := &c.presences
		p.mu.Lock()
		for _, other := range p.peers {
			n += other.rooms[room]
		}
		p.mu.Unlock()
		if l := c.existing(room); l != nil && l.online.Swap(int64(n)) != int64(n) {
			_ = c.ns.Local().To(socketRoom(room)).Emit("presence", presenceEvent{Room: room, Online: n})
		}
	}
}
