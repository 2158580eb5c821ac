package storetest

import (
	"fmt"
	"math"

	"github.com/goroomcast/socketio/chat/store"
)

var memberCases = []testCase{
	{"the maker of a room is its owner", func(f *fixture) {
		f.do(store.Create{Room: "r", By: "olga", Kind: store.KindClosed})
		m := f.look("olga", "r")
		f.equal("role", m.Member.Role, store.RoleOwner)
		f.equal("counts", []int{m.Room.Members, m.Room.Owners}, []int{1, 1})
	}},
	{"anybody joins an open room, and takes the role given", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "")
		r := f.do(store.SetMember{Room: "r", By: "dan", User: "dan", Do: store.Join, Role: store.RoleReader})
		m := f.look("dan", "r")
		f.equal("member", m.Member, store.Member{Room: "r", User: "dan", Role: store.RoleReader, Rev: r.Rev, Since: 2, JoinRev: r.Rev})
		f.equal("newest since", m.Room.Since, int64(2))
		f.equal("marker", m.Marker.Read, int64(1))
		f.equal("again", f.do(store.SetMember{Room: "r", By: "dan", User: "dan", Do: store.Join, Role: store.RoleOwner}).Dup, true)
		f.equal("role", f.look("dan", "r").Member.Role, store.RoleReader)
	}},
	{"a closed room is joined only if the program lets the user in", func(f *fixture) {
		f.create("r", store.KindClosed)
		join := store.SetMember{Room: "r", By: "dan", User: "dan", Do: store.Join, Role: store.RoleMember}
		f.refused(store.NotFound, "r", join)
		join.Invited = true
		f.do(join)
	}},
	{"a removed member stays as a row, so that others learn of it", func(f *fixture) {
		f.create("r", store.KindOpen)
		before, joined := f.heads("r")[0].Rev, f.look("ann", "r").Member.JoinRev
		r := f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Kick})
		c := f.changes("r", before)
		f.equal("changes", c.Members, []store.Member{{Room: "r", User: "ann", Rev: r.Rev, Since: 1, JoinRev: joined, Why: "kick"}})
		members, err := f.Members(ctx, "r", "", 100)
		f.check(err)
		for _, m := range members {
			if m.User == "ann" {
				f.Error("ann is among the members")
			}
		}
		f.refused(store.NotMember, "r", store.Post{Room: "r", By: "ann", Author: "ann"})
	}},
	{"a member who comes back is a new one", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "bob", "", "")
		f.do(store.SetMember{Room: "r", By: "ann", User: "ann", Do: store.Leave})
		f.post("r", "bob", "", "")
		f.do(store.SetMember{Room: "r", By: "ann", User: "ann", Do: store.Join, Role: store.RoleMember})
		m := f.look("ann", "r")
		f.equal("since", m.Member.Since, int64(3))
		f.equal("read", m.Marker.Read, int64(2))
		f.equal("members", m.Room.Members, 6)
	}},
	{"the banned are kept out, even if they are no members", func(f *fixture) {
		for _, kind := range []store.Kind{store.KindOpen, store.KindClosed} {
			room := "r-" + string(kind)
			code := map[store.Kind]store.Code{store.KindOpen: store.Banned, store.KindClosed: store.NotFound}[kind]
			f.create(room, kind)
			for _, user := range []string{"ann", "stranger"} {
				f.do(store.SetMember{Room: room, By: "mo", User: user, Do: store.Ban})
				f.refused(code, room, store.Post{Room: room, By: user, Author: user})
				f.refused(code, room, store.SetMember{Room: room, By: user, User: user, Do: store.Join, Role: store.RoleMember})
				f.refused(store.Banned, room, store.SetMember{Room: room, By: "mo", User: user, Do: store.Add, Role: store.RoleMember})
				f.equal("again", f.do(store.SetMember{Room: room, By: "mo", User: user, Do: store.Ban}).Dup, true)
				f.do(store.SetMember{Room: room, By: "mo", User: user, Do: store.Unban})
				f.do(store.SetMember{Room: room, By: "mo", User: user, Do: store.Add, Role: store.RoleMember})
			}
		}
	}},
	{"a ban takes a rev even if the user is no member, because he may watch", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")[0].Rev
		f.do(store.SetMember{Room: "r", By: "mo", User: "viewer", Do: store.Ban})
		c := f.changes("r", before)
		f.equal("changes", c.Members, []store.Member{{Room: "r", User: "viewer", Rev: before + 1, Banned: true, Why: "ban"}})
	}},
	{"a ban deletes what the user has just posted, if asked to", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, author := range []string{"ann", "bob", "ann"} {
			f.post("r", author, "", "spam")
		}
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		r := f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Ban, Purge: 60_000})
		f.equal("deleted", r.Purged, 1)
		f.equal("bob's", f.message("r", 2).Deleted, (*store.Deletion)(nil))
		f.equal("ann's", f.message("r", 3).Deleted.By, "mo")
	}},
	{"moderators act only on lower roles", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, do := range []store.Do{store.Kick, store.Ban, store.Mute, store.Unban} {
			for _, by := range []string{"ann", "rita"} {
				f.refused(store.Forbidden, "r", store.SetMember{Room: "r", By: by, User: "cy", Do: do})
			}
			f.refused(store.NotMember, "r", store.SetMember{Room: "r", By: "stranger", User: "cy", Do: do})
			for _, user := range []string{"olga", "mo"} {
				f.refused(store.Forbidden, "r", store.SetMember{Room: "r", By: "mo", User: user, Do: do})
			}
		}
	}},
	{"the muted do not post until their time is over", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Mute, Until: math.MaxInt64 / 2})
		f.refused(store.Muted, "r", store.Post{Room: "r", By: "ann", Author: "ann"})
		f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Mute, Until: 1})
		f.post("r", "ann", "", "")
		f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Mute})
		f.post("r", "ann", "", "")
	}},
	{"roles are given by higher roles, and up to the giver's", func(f *fixture) {
		f.create("r", store.KindOpen)
		set := func(by, user string, role store.Role) store.SetMember {
			return store.SetMember{Room: "r", By: by, User: user, Do: store.SetRole, Role: role}
		}
		f.refused(store.Forbidden, "r", set("ann", "bob", store.RoleReader))
		f.refused(store.Forbidden, "r", set("mo", "bob", store.RoleModerator))
		f.refused(store.Forbidden, "r", set("mo", "mo", store.RoleOwner))
		f.refused(store.NotFound, "r", set("olga", "stranger", store.RoleMember))
		f.refused(store.BadRequest, "r", set("olga", "bob", "emperor"))
		f.do(set("mo", "bob", store.RoleReader))
		f.do(set("mo", "mo", store.RoleMember))
		f.do(set("olga", "ann", store.RoleOwner))
		f.refused(store.Forbidden, "r", set("ann", "olga", store.RoleMember))
		f.equal("owners", f.look("ann", "r").Room.Owners, 2)
	}},
	{"the last owner neither leaves nor is lowered", func(f *fixture) {
		f.create("r", store.KindOpen)
		leave := store.SetMember{Room: "r", By: "olga", User: "olga", Do: store.Leave}
		lower := store.SetMember{Room: "r", By: "olga", User: "olga", Do: store.SetRole, Role: store.RoleMember}
		f.refused(store.Conflict, "r", leave)
		f.refused(store.Conflict, "r", lower)
		f.do(store.SetMember{Room: "r", By: "olga", User: "mo", Do: store.SetRole, Role: store.RoleOwner})
		f.do(lower)
		f.do(leave)
		f.equal("counts", f.heads("r")[0].Rev > 0, true)
		f.equal("owners", f.look("mo", "r").Room.Owners, 1)
	}},
	{"two owners can not both leave in one transaction", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.SetMember{Room: "r", By: "olga", User: "mo", Do: store.SetRole, Role: store.RoleOwner})
		done := f.commit(store.SetMember{Room: "r", By: "olga", User: "olga", Do: store.Leave}, store.SetMember{Room: "r", By: "mo", User: "mo", Do: store.Leave})
		f.equal("second", store.CodeOf(done.Results[1].Err), store.Conflict)
	}},
	{"a full room takes nobody", func(f *fixture) {
		f.create("r", store.KindOpen)
		join := store.SetMember{Room: "r", By: "dan", User: "dan", Do: store.Join, Role: store.RoleMember, Max: 6}
		f.equal("limit", f.refused(store.TooLarge, "r", join).Limit, 6)
		join.Max = 7
		f.do(join)
	}},
	{"members of one transaction share a rev, unless something comes between", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")[0].Rev
		join := func(user string) store.Op {
			return store.SetMember{Room: "r", By: user, User: user, Do: store.Join, Role: store.RoleMember}
		}
		done := f.commit(join("d1"), join("d2"), store.Post{Room: "r", By: "d1", Author: "d1"}, join("d3"))
		f.equal("revs", []int64{done.Results[0].Rev, done.Results[1].Rev, done.Results[2].Rev, done.Results[3].Rev},
			[]int64{before + 1, before + 1, before + 2, before + 3})
		f.equal("members", len(f.changes("r", before).Members), 3)
	}},
	{"a post after the removal of its author in the same transaction is refused, one before it is not", func(f *fixture) {
		f.create("r", store.KindClosed)
		p, kick := store.Post{Room: "r", By: "ann", Author: "ann"}, store.SetMember{Room: "r", User: "ann", Do: store.Kick}
		done := f.commit(p, kick, p)
		f.equal("codes", []store.Code{store.CodeOf(done.Results[0].Err), store.CodeOf(done.Results[2].Err)}, []store.Code{"", store.NotFound})
		if done.Results[0].Rev >= done.Results[1].Rev {
			f.Errorf("the post has rev %d, the removal %d", done.Results[0].Rev, done.Results[1].Rev)
		}
	}},
	{"joins of a large room take no rev, removals do", func(f *fixture) {
		f.create("r", store.KindOpen)
		var ops []store.Op
		for i := range 1000 {
			ops = append(ops, store.SetMember{Room: "r", User: fmt.Sprintf("u%04d", i), Do: store.Add, Role: store.RoleMember})
		}
		f.commit(ops[:500]...)
		f.commit(ops[500:]...)
		before := f.heads("r")[0].Rev
		f.do(store.SetMember{Room: "r", By: "zoe", User: "zoe", Do: store.Join, Role: store.RoleMember})
		f.equal("rev", f.heads("r")[0].Rev, before)
		f.equal("role", f.look("zoe", "r").Member.Role, store.RoleMember)
		f.do(store.SetMember{Room: "r", By: "mo", User: "zoe", Do: store.Kick})
		f.equal("rev", f.heads("r")[0].Rev, before+1)
	}},
	{"what a member wants to be told of is kept, and takes no rev", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")
		f.do(store.SetMember{Room: "r", By: "ann", User: "ann", Do: store.SetNotify, Notify: store.NotifyMentions})
		f.equal("notify", f.look("ann", "r").Member.Notify, store.NotifyMentions)
		f.equal("heads", f.heads("r"), before)
	}},
	{"a user's rooms are listed in pages, without those he has left", func(f *fixture) {
		for _, room := range []string{"b", "a", "d", "c", "B"} {
			f.create(room, store.KindOpen)
		}
		f.do(store.SetMember{Room: "c", By: "ann", User: "ann", Do: store.Leave})
		f.post("d", "bob", "", "last words")
		var ids []string
		for after := ""; ; {
			page, err := f.Memberships(ctx, "ann", after, 2)
			f.check(err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				ids = append(ids, m.Room.ID)
				f.equal("role", m.Member.Role, store.RoleMember)
				if m.Room.ID == "d" && (m.Last == nil || m.Last.Text != "last words") {
					f.Errorf("last message of d: %+v", m.Last)
				}
			}
			after = ids[len(ids)-1]
		}
		f.equal("rooms", ids, []string{"B", "a", "b", "d"})
	}},
	{"members are listed in pages, in the order of bytes", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, user := range []string{"Zed", "äb", "a-b", "a b"} {
			f.do(store.SetMember{Room: "r", User: user, Do: store.Add, Role: store.RoleMember})
		}
		var ids []string
		for after := ""; ; after = ids[len(ids)-1] {
			page, err := f.Members(ctx, "r", after, 3)
			f.check(err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				ids = append(ids, m.User)
			}
		}
		f.equal("members", ids, []string{"Zed", "a b", "a-b", "ann", "bob", "cy", "mo", "olga", "rita", "äb"})
	}},
}
