package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// A fact is something that the devices of a user are told: what the user is in a
// room, or whether the user blocks another.
type fact struct{ user, room, blocked string }

func membershipOf(user, room string) fact { return fact{user: user, room: room} }

// showings are the facts that the chat is telling. A fact has no revision, so the
// order of the events decides what a client believes. One goroutine at a time
// tells a fact, and asks the store what is true: so the newest state is sent last.
type showings struct {
	mu       sync.Mutex
	under    map[fact]bool       // true if there was a change since it was begun
	readings map[string]*reading // by user
}

// A reading is under way while lists of facts of a user are read and sent. A list
// may be older than an event that was sent before it.
type reading struct {
	lists   int
	began   time.Time       // the first of them
	changed map[fact]bool   // meanwhile
	ended   map[string]bool // rooms that were deleted meanwhile, whoever was in them
}

func (s *showings) init() {
	s.under = make(map[fact]bool)
	s.readings = make(map[string]*reading)
}

// begin reports whether the caller must show a fact. Otherwise the goroutine
// that does so shows the fact once more.
func (s *showings) begin(f fact) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, runs := s.under[f]
	s.under[f] = runs
	return !runs
}

// again reports whether there was a change since the last time.
func (s *showings) again(f fact) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.under[f]
	if again {
		s.under[f] = false
	} else {
		delete(s.under, f)
	}
	return again
}

// changed notes that a fact may have changed.
func (s *showings) changed(f fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.readings[f.user]; r != nil {
		r.changed[f] = true
	}
}

// end notes that a room was deleted.
func (s *showings) end(room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.readings {
		r.ended[room] = true
	}
}

// read is called before a list of facts of a user is read.
func (s *showings) read(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readings[user] == nil {
		s.readings[user] = &reading{began: time.Now(), changed: make(map[fact]bool), ended: make(map[string]bool)}
	}
	s.readings[user].lists++
}

// reads reports whether lists of any user are under way.
func (s *showings) reads() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readings) > 0
}

// oldest returns when the oldest of the lists that are under way was begun.
func (s *showings) oldest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := time.Now()
	for _, r := range s.readings {
		if r.began.Before(oldest) {
			oldest = r.began
		}
	}
	return oldest
}

// missed returns the facts that a list may have as they were before. It is called
// after the list was sent; rooms are those in the list.
func (s *showings) missed(user string, rooms []store.Membership) (all []fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.readings[user]
	for i := range rooms {
		if id := rooms[i].Room.ID; r.ended[id] {
			r.changed[membershipOf(user, id)] = true
		}
	}
	return slices.Collect(maps.Keys(r.changed))
}

// done is the opposite of read.
func (s *showings) done(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.readings[user]
	if r.lists--; r.lists == 0 {
		delete(s.readings, user)
	}
}

// showMissed tells once more what has changed while a list was read and sent.
func (c *Chat) showMissed(user string, rooms []store.Membership) {
	for _, f := range c.showings.missed(user, rooms) {
		if f.room != "" {
			c.heads.changed(c, memberHint{Room: f.room, User: f.user}) // until the store has said what is true
		}
		c.showHere(f)
	}
}

// shown tells all servers that the transaction with a number has made users members
// of rooms, or has ended that. Each server tells its own devices, and asks the store
// what is true by then: so the newest state comes last, whichever servers have
// changed it.
func (c *Chat) shown(members []store.Member, news int64) {
	if len(members) == 0 {
		return
	}
	hints := make([]memberHint, len(members))
	for i, m := range members { // before the answer, and so before the first new message
		hints[i] = memberHint{m.Room, m.User, m.Role != "" && !m.Hidden, news}
		c.memberChanged(hints[i])
		c.showHere(membershipOf(m.User, m.Room))
	}
	c.spawn(func() {
		for _, hint := range hints {
			_ = c.ns.ServerSideEmit(memberEvent, hint)
		}
	})
}

// ended tells users on this server that a room was deleted: those that the chat
// knows as members. By now there may be a room of the same id again, which has
// other members, so the store is asked for each user, one after the other.
func (c *Chat) ended(room string) {
	c.showings.end(room)
	c.markers.forgetRoom(room)
	users := c.heads.end(room)
	if len(users) == 0 {
		return
	}
	c.spawn(func() {
		for _, user := range users {
			c.tell(membershipOf(user, room))
		}
	})
}

// showHere tells the devices of a user on this server what is true now.
func (c *Chat) showHere(f fact) {
	if len(c.devicesOf(f.user)) > 0 {
		c.spawn(func() { c.tell(f) })
	}
}

// showAgain is how long the chat waits when the store could not be asked.
const showAgain = time.Second

func (c *Chat) tell(f fact) {
	if !c.showings.begin(f) {
		return
	}
	for again, failed := true, false; again; {
		err := c.show(f)
		if err != nil && !failed {
			c.log.Warn("chat: a user is not told of a change yet", "user", f.user, "room", f.room, "blocked", f.blocked, "err", err)
		}
		if failed = err != nil; failed && len(c.devicesOf(f.user)) > 0 && pause(c.ctx, showAgain) {
			continue
		}
		again = c.showings.again(f)
	}
}

func (c *Chat) show(f fact) error {
	ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
	defer cancel()
	if f.blocked != "" {
		all, err := c.store.Blocks(ctx, f.user)
		if err == nil {
			_ = c.ns.Local().To(userRoom(f.user)).Emit("block", blockEvent{f.blocked, slices.Contains(all, f.blocked)})
		}
		return err
	}
	c.showings.read(f.user)
	defer c.showings.done(f.user)
	all, err := c.store.Look(ctx, f.user, []string{f.room})
	if err != nil {
		return err
	}
	now := &all[0]
	event := roomsEvent{}
	if now.Member.Role == "" || now.Member.Hidden {
		why := now.Member.Why
		switch {
		case now.Member.Hidden:
			why = "leave"
		case now.Room.ID == "" || why == "": // or the room was made anew, without the user
			why = "deleted"
		}
		event.Gone = []goneView{{f.room, why}}
	} else {
		c.overlay(now)
		c.concealFrom(f.user, all)
		event.Set = []roomState{stateOf(now)}
	}
	c.memberChanged(memberHint{Room: f.room, User: f.user, In: event.Set != nil})
	_ = c.ns.Local().To(userRoom(f.user)).Emit("rooms", event)
	c.heads.sent(&now.Room)
	return nil
}

const (
	memberEvent  = "chat:member"
	blockedEvent = "chat:block"
)

// A memberHint tells other servers that a user became a member, or was removed.
type memberHint struct {
	Room string `json:"r"`
	User string `json:"u"`
	In   bool   `json:"in"`
	News int64  `json:"n,omitempty"` // number of the transaction
}

// A blockHint tells other servers that a user blocks another, or does not any longer.
type blockHint struct {
	store.BlockKey
	News int64 `json:"n,omitempty"`
}

func (c *Chat) serveMembers() {
	c.ns.OnServerSide(memberEvent, func(_ context.Context, e *socketio.Event) error {
		var m memberHint
		if err := e.Decode(&m); err != nil {
			return err
		}
		c.memberChanged(m)
		c.showHere(membershipOf(m.User, m.Room))
		return nil
	})
	c.ns.OnServerSide(blockedEvent, func(_ context.Context, e *socketio.Event) error {
		var k blockHint
		if err := e.Decode(&k); err != nil {
			return err
		}
		c.blockChanged(k)
		return nil
	})
}

// memberChanged notes what this server has to know of a change of a membership.
func (c *Chat) memberChanged(m memberHint) {
	f := membershipOf(m.User, m.Room)
	c.news.hear(f, m.News)
	c.showings.changed(f)
	c.heads.changed(c, m)
	if !m.In {
		c.markers.forget(m.Room, m.User)
		c.lookAway(m.User)
	}
}

// blockChanged tells the devices of a user here whether the user blocks another.
func (c *Chat) blockChanged(k blockHint) {
	f := fact{user: k.User, blocked: k.Blocked}
	c.news.hear(f, k.News)
	c.showings.changed(f)
	c.showHere(f)
}
