package storetest

import (
	"encoding/json"

	"github.com/goroomcast/socketio/chat/store"
)

var roomCases = []testCase{
	{"a room that exists is not made again", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.look("ann", "r").Room
		f.equal("dup", f.do(store.Create{Room: "r", By: "dan", Kind: store.KindOpen, Settings: store.Settings{Info: json.RawMessage(`1`)}}).Dup, true)
		f.equal("room", f.look("ann", "r").Room, before)
		f.refused(store.Conflict, "r", store.Create{Room: "r", By: "dan", Kind: store.KindClosed})
	}},
	{"settings come back as they were set", func(f *fixture) {
		s := store.Settings{Info: json.RawMessage(`{"name":"Ünï"}`), SlowMode: 1234, Visibility: store.VisibleJoined, Archived: true}
		f.createWith("r", store.KindClosed, s)
		f.equal("settings", f.look("ann", "r").Room.Settings, s)
	}},
	{"settings change one by one, each with a rev", func(f *fixture) {
		f.create("r", store.KindOpen)
		slow, archived, joined := int64(5), true, store.VisibleJoined
		before := f.heads("r")[0].Rev
		f.do(store.SetRoom{Room: "r", By: "mo", Info: json.RawMessage(`{"a":1}`)})
		f.equal("again", f.do(store.SetRoom{Room: "r", By: "mo", Info: json.RawMessage(`{"a":1}`)}).Dup, true)
		f.do(store.SetRoom{Room: "r", By: "mo", SlowMode: &slow})
		f.refused(store.Forbidden, "r", store.SetRoom{Room: "r", By: "mo", Archived: &archived})
		f.refused(store.Forbidden, "r", store.SetRoom{Room: "r", By: "mo", Visibility: &joined})
		f.refused(store.Forbidden, "r", store.SetRoom{Room: "r", By: "ann", SlowMode: &slow})
		f.do(store.SetRoom{Room: "r", By: "olga", Archived: &archived, Visibility: &joined})
		f.equal("settings", f.look("ann", "r").Room.Settings, store.Settings{Info: json.RawMessage(`{"a":1}`), SlowMode: 5, Visibility: joined, Archived: true})
		f.equal("rev", f.heads("r")[0].Rev, before+3)
		c := f.changes("r", before)
		f.equal("told", c.Settings, true)
		f.equal("not told", f.changes("r", before+3).Settings, false)
	}},
	{"nothing is posted in an archived room", func(f *fixture) {
		f.createWith("r", store.KindOpen, store.Settings{Archived: true})
		f.refused(store.Forbidden, "r", store.Post{Room: "r", By: "olga", Author: "olga"})
	}},
	{"pins are messages, each once, up to a limit", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 3 {
			f.post("r", "ann", "", "")
		}
		pin := func(seq int64) store.SetRoom { return store.SetRoom{Room: "r", By: "mo", Pin: seq, MaxPins: 2} }
		f.do(pin(2))
		f.equal("again", f.do(pin(2)).Dup, true)
		f.do(pin(1))
		f.equal("limit", f.refused(store.TooLarge, "r", pin(3)).Limit, 2)
		f.refused(store.NotFound, "r", pin(9))
		f.do(store.SetRoom{Room: "r", By: "mo", Unpin: 2})
		f.equal("pins", f.look("ann", "r").Room.Pins, []int64{1})
		before := f.heads("r")[0].Rev
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.equal("pins", len(f.look("ann", "r").Room.Pins), 0)
		f.equal("told", f.changes("r", before).Settings, true)
	}},
	{"a deleted room is gone for all, and its id starts anew", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.Post{Room: "r", By: "ann", Author: "ann", CID: "c", Text: "old", Mentions: []string{"bob"}})
		f.do(store.React{Room: "r", By: "ann", Seq: 1, Emoji: "x", On: true})
		f.refused(store.Forbidden, "r", store.DeleteRoom{Room: "r", By: "mo"})
		old := f.heads("r")[0]
		f.do(store.DeleteRoom{Room: "r", By: "olga"})
		f.equal("heads", len(f.heads("r")), 0)
		f.equal("look", f.look("ann", "r").Room.ID, "")
		f.refused(store.NotFound, "r", store.Post{Room: "r", By: "ann", Author: "ann"})
		f.refused(store.Gone, "r", store.Create{Room: "r", By: "olga", Kind: store.KindOpen})
		_, err := f.Changes(ctx, "r", 0, large)
		f.equal("changes", store.CodeOf(err), store.NotFound)
		_, err = f.History(ctx, "r", store.Query{Limit: large})
		f.equal("history", store.CodeOf(err), store.NotFound)
		rooms, err := f.Memberships(ctx, "ann", "", 10)
		f.check(err)
		f.equal("rooms", len(rooms), 0)

		f.do(store.Create{Room: "r", Kind: store.KindClosed})
		f.do(store.SetMember{Room: "r", User: "bob", Do: store.Add, Role: store.RoleOwner})
		now := f.look("bob", "r")
		if now.Room.Epoch == old.Epoch || now.Room.Rev <= old.Rev {
			f.Errorf("made anew at %+v, was at %+v", now.Room.Head(), old)
		}
		f.equal("ann", f.look("ann", "r").Member.Role, store.Role(""))
		f.equal("mentions of bob", now.Mentions, 0)
		f.equal("messages", len(f.history("r", store.Query{}).Messages), 0)
		f.equal("old message", len(f.history("r", store.Query{Seqs: []int64{1}}).Messages), 0)
		f.equal("changes", len(f.changes("r", 0).Messages), 0)
		f.post("r", "bob", "", "new")
		f.equal("messages", seqs(f.history("r", store.Query{}).Messages), []int64{2})
	}},
	{"a direct room has two members and no other", func(f *fixture) {
		room := f.direct()
		for _, user := range []string{"ann", "bob"} {
			f.equal("role", f.look(user, room).Member.Role, store.RoleMember)
			f.equal("again", f.do(store.Create{Room: room, By: user, Kind: store.KindDirect, Pair: [2]string{"ann", "bob"}}).Dup, true)
			f.post(room, user, "", "")
		}
		f.refused(store.NotFound, room, store.Post{Room: room, By: "cy", Author: "cy"})
		f.refused(store.NotFound, room, store.SetMember{Room: room, By: "cy", User: "cy", Do: store.Join, Role: store.RoleMember})
		f.refused(store.Forbidden, room, store.SetMember{Room: room, By: "ann", User: "cy", Do: store.Add, Role: store.RoleMember})
		f.refused(store.Forbidden, room, store.SetMember{Room: room, By: "ann", User: "bob", Do: store.Kick})
		f.refused(store.Forbidden, room, store.SetMember{Room: room, By: "ann", User: "bob", Do: store.Leave})
		f.refused(store.Forbidden, room, store.DeleteRoom{Room: room, By: "ann"})
		f.refused(store.Forbidden, room, store.SetRoom{Room: room, By: "ann", Info: json.RawMessage(`{}`)})
		f.equal("pair", f.look("ann", room).Room.Pair, [2]string{"ann", "bob"})
	}},
	{"a direct room that was left is hidden until the next message", func(f *fixture) {
		room := f.direct()
		f.do(store.SetMember{Room: room, By: "ann", User: "ann", Do: store.Leave})
		rooms, err := f.Memberships(ctx, "ann", "", 10)
		f.check(err)
		f.equal("rooms", len(rooms), 0)
		r := f.post(room, "bob", "", "")
		f.equal("shown to", []string{r.Members[0].User}, []string{"ann"})
		rooms, err = f.Memberships(ctx, "ann", "", 10)
		f.check(err)
		f.equal("rooms", len(rooms), 1)
	}},
	{"who is blocked posts no direct message, and makes no direct room", func(f *fixture) {
		room := f.direct()
		f.do(store.Block{By: "bob", User: "ann", On: true})
		f.do(store.Block{By: "bob", User: "cy", On: true})
		f.equal("again", f.do(store.Block{By: "bob", User: "ann", On: true}).Dup, true)
		f.refused(store.Blocked, room, store.Post{Room: room, By: "ann", Author: "ann"})
		f.post(room, "bob", "", "")
		f.refused(store.Blocked, "x", store.Create{Room: store.Direct("bob", "cy"), By: "cy", Kind: store.KindDirect, Pair: [2]string{"bob", "cy"}})
		f.do(store.Block{By: "bob", User: "ann"})
		f.post(room, "ann", "", "")
		f.create("r", store.KindOpen)
		f.do(store.Block{By: "bob", User: "ann", On: true})
		f.post("r", "ann", "", "elsewhere a block changes nothing")
	}},
	{"a new epoch is another one for every room", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		before := f.heads("r", "s")
		f.check(f.NewEpoch(ctx))
		for i, h := range f.heads("r", "s") {
			if h.Epoch == before[i].Epoch || h.Epoch == "" {
				f.Errorf("%s: epoch %q after %q", h.Room, h.Epoch, before[i].Epoch)
			}
			h.Epoch = before[i].Epoch
			f.equal("head", h, before[i])
		}
	}},
	{"look answers in the order asked, also for rooms that there are not", func(f *fixture) {
		f.create("b", store.KindOpen)
		f.create("a", store.KindClosed)
		all, err := f.Look(ctx, "stranger", []string{"b", "missing", "a", "b"})
		f.check(err)
		var ids []string
		for _, m := range all {
			ids = append(ids, m.Room.ID)
			f.equal("role", m.Member.Role, store.Role(""))
		}
		f.equal("rooms", ids, []string{"b", "", "a", "b"})
	}},
}
