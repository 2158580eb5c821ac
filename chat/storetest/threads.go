package storetest

import "github.com/goroomcast/socketio/chat/store"

var threadCases = []testCase{
	{"a refused first post makes no thread", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "")
		f.refused(store.BadRequest, "r~1", store.Post{Room: "r~1", By: "ann", Author: "ann", ReplyTo: 1})
		f.equal("role", f.look("ann", "r~1").Member.Role, store.Role(""))
	}},
	{"a thread begins with its first post, which makes its author follow", func(f *fixture) {
		f.create("r", store.KindClosed)
		f.post("r", "ann", "", "a")
		r := f.post("r~1", "bob", "c", "b")
		f.equal("seq", r.Seq, int64(1))
		m := f.look("bob", "r~1")
		f.equal("kind", m.Room.Kind, store.KindThread)
		f.equal("member", m.Member.Role, store.RoleMember)
		f.equal("dup", f.post("r~1", "bob", "c", "b").Dup, true)
	}},
	{"a thread needs its message", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.refused(store.NotFound, "r", store.Post{Room: "r~1", By: "bob", Author: "bob"})
		f.refused(store.NotFound, "r", store.SetMember{Room: "r~1", By: "bob", User: "bob", Do: store.Join})
		f.post("r", "ann", "", "a")
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.refused(store.Gone, "r", store.Post{Room: "r~1", By: "bob", Author: "bob"})
	}},
	{"the rules of a thread are those of its parent", func(f *fixture) {
		f.create("r", store.KindClosed)
		f.post("r", "ann", "", "a")
		f.post("r~1", "ann", "", "b")
		f.refused(store.NotFound, "r~1", store.Post{Room: "r~1", By: "stranger", Author: "stranger"})
		f.refused(store.Forbidden, "r~1", store.Post{Room: "r~1", By: "rita", Author: "rita"})
		f.do(store.SetMember{Room: "r", User: "bob", Do: store.Mute, Until: 1 << 60})
		f.refused(store.Muted, "r~1", store.Post{Room: "r~1", By: "bob", Author: "bob"})
		f.do(store.Delete{Room: "r~1", By: "mo", Seq: 1})
		f.refused(store.Forbidden, "r~1", store.SetMember{Room: "r~1", By: "mo", User: "ann", Do: store.Kick})
		f.refused(store.Forbidden, "r~1", store.SetRoom{Room: "r~1", By: "olga", Info: []byte(`{}`)})
	}},
	{"readers follow threads", func(f *fixture) {
		f.create("r", store.KindClosed)
		f.post("r", "ann", "", "a")
		f.do(store.SetMember{Room: "r~1", By: "rita", User: "rita", Do: store.Join})
		f.equal("again", f.do(store.SetMember{Room: "r~1", By: "rita", User: "rita", Do: store.Join}).Dup, true)
		f.do(store.SetMember{Room: "r~1", By: "rita", User: "rita", Do: store.Leave})
		f.equal("role", f.look("rita", "r~1").Member.Role, store.Role(""))
	}},
	{"a removal from the parent is one from its threads, each with a rev", func(f *fixture) {
		for _, do := range []store.Do{store.Kick, store.Ban, store.Leave} {
			room := []string{"leave", "kick", "ban"}[do%3]
			f.create(room, store.KindOpen)
			f.create("other-"+room, store.KindOpen)
			f.post(room, "ann", "", "a")
			f.post(room, "ann", "", "b")
			f.post("other-"+room, "ann", "", "b")
			for _, thread := range []string{store.Thread(room, 1), store.Thread(room, 2), store.Thread("other-"+room, 1)} {
				f.post(thread, "bob", "", "in")
				f.post(thread, "cy", "", "in")
			}
			f.do(store.SetMember{Room: room, User: "bob", Do: do})
			for _, seq := range []int64{1, 2} {
				thread := store.Thread(room, seq)
				c := f.changes(thread, 4)
				if len(c.Members) != 1 || c.Members[0].User != "bob" || c.Members[0].Role != "" {
					f.Errorf("%s: changes %+v", thread, c.Members)
				}
				f.equal("cy", f.look("cy", thread).Member.Role, store.RoleMember)
			}
			f.equal("other room", f.look("bob", store.Thread("other-"+room, 1)).Member.Role, store.RoleMember)
		}
	}},
	{"following and removal in one transaction leaves nothing", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		done := f.commit(store.Post{Room: "r~1", By: "bob", Author: "bob"}, store.SetMember{Room: "r", User: "bob", Do: store.Kick}, store.Post{Room: "r~1", By: "bob", Author: "bob"})
		f.equal("second post", store.CodeOf(done.Results[2].Err), store.NotMember)
		f.equal("role", f.look("bob", "r~1").Member.Role, store.Role(""))
	}},
	{"the message shows how long its thread is, and never a smaller number", func(f *fixture) {
		f.create("r", store.KindOpen)
		first := f.post("r", "ann", "", "a")
		r := f.do(store.Replies{Room: "r", Seq: 1, Replies: 3, LastReply: 77})
		f.equal("rev", r.Rev, first.Rev+1)
		f.equal("less", f.do(store.Replies{Room: "r", Seq: 1, Replies: 2, LastReply: 99}).Dup, true)
		m := f.message("r", 1)
		f.equal("shown", []int64{m.Replies, m.LastReply, m.Ver}, []int64{3, 77, first.Rev})
	}},
	{"there are no threads in threads", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		f.post("r~1", "ann", "", "a")
		f.refused(store.NotFound, "r", store.Post{Room: "r~1~1", By: "ann", Author: "ann"})
	}},
}
