package chat

import "github.com/goroomcast/socketio/chat/store"

// tellMentioned tells the users that new messages mention: they may not follow
// the room. It is called with the changes that this server has committed.
func (c *Chat) tellMentioned(ch *store.Changes) {
	told := make(map[string]bool)
	for i := range ch.Messages {
		m := &ch.Messages[i]
		if m.Ver != m.Rev || m.EditedAt != 0 || m.Deleted != nil || m.Ver <= ch.From {
			continue // not new
		}
		for _, user := range m.Mentions {
			if user != "*" && user != m.Author && !told[user] {
				told[user] = true
				c.shown([]store.Member{{Room: ch.Room.ID, User: user, Role: store.RoleMember}}, 0)
			}
		}
	}
}

// A mineEvent tells a user's devices of an own reaction, because the summary of
// a message names few users. Events of two servers may arrive in another order
// than that of their revs.
type mineEvent struct {
	Room  string `json:"room"`
	Seq   int64  `json:"seq"`
	Emoji string `json:"emoji"`
	On    bool   `json:"on"`
	Rev   int64  `json:"rev"`
}

type blockEvent struct {
	User string `json:"user"`
	On   bool   `json:"on"`
}

// tellOwn tells the devices of users what the users have changed for themselves.
func (c *Chat) tellOwn(d *delivery) {
	for i, p := range d.batch {
		r := &d.done.Results[i]
		if r.Err != nil || r.Dup {
			continue
		}
		switch op := p.op.(type) {
		case store.React:
			_ = c.ns.To(userRoom(op.By)).Emit("mine", mineEvent{op.Room, op.Seq, op.Emoji, op.On, r.Rev})
		case store.Block:
			hint := blockHint{store.BlockKey{User: op.By, Blocked: op.User}, d.done.News}
			c.blockChanged(hint)
			_ = c.ns.ServerSideEmit(blockedEvent, hint)
		}
	}
}
