package chat

import (
	"context"
	"sync"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// showings are the users that the chat is telling what they are in rooms. One
// goroutine at a time tells a user of a room, so that the newest state is sent
// last.
type showings struct {
	mu    sync.Mutex
	under map[store.MemberKey]bool // true if there was a change since it was begun
}

// begin reports whether the caller must show a member. Otherwise the goroutine
// that does so shows the member once more.
func (s *showings) begin(k store.MemberKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, runs := s.under[k]
	s.under[k] = runs
	return !runs
}

// again reports whether there was a change since the last time.
func (s *showings) again(k store.MemberKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.under[k]
	if again {
		s.under[k] = false
	} else {
		delete(s.under, k)
	}
	return again
}

// shown tells all servers that users have become, or are no longer, members of
// rooms. Each server tells its own devices, and asks the store what is true by
// then: so the newest state comes last, whichever servers have changed it.
func (c *Chat) shown(members []store.Member) {
	if len(members) == 0 {
		return
	}
	hints := make([]memberHint, len(members))
	for i, m := range members { // before the answer, and so before the first new message
		hints[i] = memberHint{m.Room, m.User, m.Role != "" && !m.Hidden}
		c.memberChanged(hints[i])
		c.showHere(store.MemberKey{Room: m.Room, User: m.User})
	}
	c.spawn(func() {
		for _, hint := range hints {
			_ = c.ns.ServerSideEmit(memberEvent, hint)
		}
	})
}

// showHere tells the devices of a user on this server what the user is in a room
// now.
func (c *Chat) showHere(k store.MemberKey) {
	if len(c.devicesOf(k.User)) > 0 && c.showings.begin(k) {
		c.spawn(func() {
			for again := true; again; again = c.showings.again(k) {
				c.show(k)
			}
		})
	}
}

func (c *Chat) show(k store.MemberKey) {
	ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
	defer cancel()
	all, err := c.store.Look(ctx, k.User, []string{k.Room})
	if err != nil {
		c.log.Warn("chat: a user is not told of a change", "user", k.User, "room", k.Room, "err", err)
		return
	}
	now := &all[0]
	event := roomsEvent{}
	if now.Member.Role == "" || now.Member.Hidden {
		why := now.Member.Why
		switch {
		case now.Room.ID == "":
			why = "deleted"
		case now.Member.Hidden:
			why = "leave"
		}
		event.Gone = []goneView{{k.Room, why}}
	} else {
		c.overlay(now)
		c.concealFrom(k.User, all)
		event.Set = []roomState{stateOf(now)}
	}
	c.memberChanged(memberHint{k.Room, k.User, event.Set != nil})
	_ = c.ns.Local().To(userRoom(k.User)).Emit("rooms", event)
}

const memberEvent = "chat:member"

// A memberHint tells other servers that a user became a member, or was removed.
type memberHint struct {
	Room string `json:"r"`
	User string `json:"u"`
	In   bool   `json:"in"`
}

func (c *Chat) serveMembers() {
	c.ns.OnServerSide(memberEvent, func(_ context.Context, e *socketio.Event) error {
		var m memberHint
		if err := e.Decode(&m); err != nil {
			return err
		}
		c.memberChanged(m)
		c.showHere(store.MemberKey{Room: m.Room, User: m.User})
		return nil
	})
}

// memberChanged notes what this server has to know of a change of a membership.
func (c *Chat) memberChanged(m memberHint) {
	c.heads.changed(c, m)
	if !m.In {
		c.markers.forget(m.Room, m.User)
		c.lookAway(m.User)
	}
}
