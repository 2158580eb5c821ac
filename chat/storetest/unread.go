package storetest

import "github.com/goroomcast/socketio/chat/store"

// unread returns the users that have not read a message of an author.
func (f *fixture) unread(room string, seq int64, author string) (users []string) {
	f.Helper()
	for after := ""; ; {
		page, err := f.Unread(ctx, store.MessageKey{Room: room, Seq: seq}, author, after, 2)
		f.check(err)
		for _, m := range page {
			after = m.User
			users = append(users, m.User)
		}
		if len(page) < 2 {
			return users
		}
	}
}

var unreadCases = []testCase{
	{"unread by all members but the author, page by page", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		f.post("r", "ann", "", "")
		f.equal("users", f.unread("r", 1, "ann"), []string{"bob", "cy", "mo", "olga", "rita"})
	}},
	{"who has read a message, and who came later, is left out", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "")
		f.post("r", "ann", "", "")
		f.mark(store.Marker{Room: "r", User: "bob", Read: 1})
		f.mark(store.Marker{Room: "r", User: "cy", Read: 2})
		f.do(store.SetMember{Room: "r", User: "late", Do: store.Add, Role: store.RoleMember})
		f.equal("of the first", f.unread("r", 1, "ann"), []string{"mo", "olga", "rita"})
		f.equal("of the second", f.unread("r", 2, "ann"), []string{"bob", "mo", "olga", "rita"})
		f.mark(store.Marker{Room: "r", User: "cy", Read: 0, Gen: 1})
		f.equal("set back", f.unread("r", 2, "ann"), []string{"bob", "cy", "mo", "olga", "rita"})
	}},
	{"who was removed, and who blocks the author, is left out", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "")
		f.do(store.SetMember{Room: "r", User: "bob", Do: store.Kick})
		f.do(store.SetMember{Room: "r", User: "cy", Do: store.Ban})
		f.do(store.Block{By: "mo", User: "ann", On: true})
		f.do(store.Block{By: "ann", User: "olga", On: true})
		f.equal("users", f.unread("r", 1, "ann"), []string{"olga", "rita"})
	}},
	{"the members that Unread returns are whole", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.SetMember{Room: "r", By: "bob", User: "bob", Do: store.SetNotify, Notify: store.NotifyMentions})
		f.post("r", "ann", "", "")
		page, err := f.Unread(ctx, store.MessageKey{Room: "r", Seq: 1}, "ann", "", 1)
		f.check(err)
		f.equal("bob", page, []store.Member{f.look("bob", "r").Member})
	}},
	{"a thread is unread by those who follow it", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "")
		thread := store.Thread("r", 1)
		f.post(thread, "ann", "", "")
		f.post(thread, "bob", "", "")
		f.post(thread, "ann", "", "")
		f.equal("users", f.unread(thread, 3, "ann"), []string{"bob"})
	}},
}
