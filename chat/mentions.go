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
				c.shown([]store.Member{{Room: ch.Room.ID, User: user, Role: store.RoleMember}})
			}
		}
	}
}
