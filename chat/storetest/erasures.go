package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

// erase runs the steps of an erasure of a user in a room.
func (f *fixture) erase(room, user string) {
	f.Helper()
	for range 100 {
		if !f.do(store.Erase{Room: room, User: user}).More {
			return
		}
	}
	f.Fatal("an erasure does not end")
}

// traces returns the rooms that contain anything of a user.
func (f *fixture) traces(user string) []string {
	f.Helper()
	rooms, err := f.Traces(ctx, user, "", 100)
	f.check(err)
	return rooms
}

var erasureCases = []testCase{
	{"erased messages are tombstones of nobody, each with a rev", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "secret")
		f.do(store.Post{Room: "r", By: "ann", Author: "ann", CID: "c", Text: "secret", Data: []byte(`"secret"`), Files: []string{"secret"}, Mentions: []string{"bob"}})
		f.post("r", "bob", "c", "stays")
		f.post("r", "ann", "", "secret without a cid")
		f.do(store.React{Room: "r", By: "bob", Seq: 1, Emoji: "x", On: true})
		f.do(store.Edit{Room: "r", By: "ann", Seq: 3, Text: "another secret"})
		before := f.heads("r")[0].Rev
		f.equal("traces", f.traces("ann"), []string{"r"})
		f.erase("r", "ann")
		f.equal("traces", len(f.traces("ann")), 0)
		c := f.changes("r", before)
		f.equal("changed", seqs(c.Messages), []int64{1, 3})
		for _, m := range c.Messages {
			f.equal("tombstone", m, store.Message{Room: "r", Seq: m.Seq, Rev: m.Rev, Ver: m.Rev, Author: store.Deleted, At: m.At, Deleted: &store.Deletion{At: m.Deleted.At}})
		}
		f.equal("the other's", f.message("r", 2).Text, "stays")
		f.equal("mentions of bob", f.look("bob", "r").Mentions, 0)
	}},
	{"a message that was deleted before loses its author, too", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "c", "x")
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1, Reason: "a secret reason"})
		f.erase("r", "ann")
		f.equal("message", strings.Contains(fmt.Sprintf("%+v", f.message("r", 1)), "ann"), false)
		f.equal("reason", f.message("r", 1).Deleted.Reason, "")
	}},
	{"an erased membership ends with a rev, and leaves an empty row", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.SetMember{Room: "r", User: "ann", Do: store.Mute, Until: 1 << 50})
		f.do(store.SetMember{Room: "r", By: "ann", User: "ann", Do: store.SetNotify, Notify: store.NotifyNone})
		f.post("r", "bob", "", "x")
		f.mark(store.Marker{Room: "r", User: "ann", Read: 1})
		before := f.heads("r")[0].Rev
		f.erase("r", "ann")
		c := f.changes("r", before)
		f.equal("members", c.Members, []store.Member{{Room: "r", User: "ann", Rev: c.To, Why: "erase"}})
		f.equal("how many", c.Room.Members, 5)
		f.equal("marker", f.look("ann", "r").Marker, store.Marker{Room: "r", User: "ann"})
		f.refused(store.NotMember, "r", store.Post{Room: "r", By: "ann", Author: "ann", Text: "late"})
		f.equal("late marker", f.mark(store.Marker{Room: "r", User: "ann", Read: 1}).User, "ann")
		f.equal("traces", len(f.traces("ann")), 0)
	}},
	{"an erased ban is over", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.SetMember{Room: "r", User: "zoe", Do: store.Ban})
		f.equal("traces", f.traces("zoe"), []string{"r"})
		f.erase("r", "zoe")
		f.equal("banned", f.look("zoe", "r").Member.Banned, false)
		f.equal("traces", len(f.traces("zoe")), 0)
	}},
	{"reactions of an erased user no longer count", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "bob", "", "x")
		for user, emoji := range map[string]string{"ann": "y", "cy": "y", "mo": "z"} {
			f.do(store.React{Room: "r", By: user, Seq: 1, Emoji: emoji, On: true})
		}
		f.do(store.React{Room: "r", By: "ann", Seq: 1, Emoji: "z", On: true})
		f.do(store.React{Room: "r", By: "ann", Seq: 1, Emoji: "only ann's", On: true})
		ver, before := f.message("r", 1).Ver, f.heads("r")[0].Rev
		f.erase("r", "ann")
		f.equal("changed", seqs(f.changes("r", before).Messages), []int64{1})
		m := f.message("r", 1)
		f.equal("ver", m.Ver, ver)
		slices.SortFunc(m.Reactions, func(a, b store.Reaction) int { return strings.Compare(a.Emoji, b.Emoji) })
		f.equal("reactions", m.Reactions, []store.Reaction{{Emoji: "y", N: 1, By: []string{"cy"}}, {Emoji: "z", N: 1, By: []string{"mo"}}})
		all, err := f.Reacted(ctx, "ann", "r", []int64{1})
		f.check(err)
		f.equal("rows", len(all), 0)
	}},
	{"others' messages stay, without the mention of an erased user", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "x")
		f.do(store.Post{Room: "r", By: "bob", Author: "bob", CID: "c", Text: "hi ann", ReplyTo: 1, Mentions: []string{"ann", "cy"}})
		before := f.message("r", 2)
		f.erase("r", "ann")
		after := f.message("r", 2)
		f.equal("mentions", after.Mentions, []string{"cy"})
		f.equal("rev", after.Rev > before.Rev, true)
		after.Rev, after.Mentions = before.Rev, before.Mentions
		f.equal("the rest", after, before)
	}},
	{"a moderator that is erased is not named by tombstones", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "bob", "c", "x")
		f.do(store.Delete{Room: "r", By: "mo", Seq: 1, Reason: "spam"})
		f.erase("r", "mo")
		m := f.message("r", 1)
		f.equal("author", m.Author, "bob")
		f.equal("deleted", *m.Deleted, store.Deletion{By: store.Deleted, At: m.Deleted.At})
	}},
	{"an erasure ends what the user follows, and erases threads by themselves", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "bob", "", "x")
		thread := store.Thread("r", 1)
		f.post(thread, "ann", "c", "secret")
		f.equal("traces", f.traces("ann"), []string{"r", thread})
		f.erase("r", "ann")
		f.equal("role", f.look("ann", thread).Member.Role, store.Role(""))
		f.equal("traces", f.traces("ann"), []string{thread})
		f.erase(thread, "ann")
		f.equal("author", f.message(thread, 1).Author, store.Deleted)
		f.equal("traces", len(f.traces("ann")), 0)
	}},
	{"the direct room of an erased user ends", func(f *fixture) {
		room := f.direct()
		f.post(room, "ann", "", "secret")
		f.post(room, "bob", "", "stays")
		r := f.do(store.Erase{Room: room, User: "ann"})
		f.equal("members", len(r.Members), 2)
		f.erase(room, "ann")
		f.equal("pair", f.look("bob", room).Room.Pair, [2]string{store.Deleted, "bob"})
		f.equal("texts", f.history(room, store.Query{}).Messages[1].Text, "stays")
		f.refused(store.Forbidden, room, store.Post{Room: room, By: "bob", Author: "bob", Text: "hello?"})
		f.refused(store.Gone, room, store.Create{Room: room, By: "ann", Kind: store.KindDirect, Pair: [2]string{"ann", "bob"}})
	}},
	{"messages below the floor are erased without a rev", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "c", "secret")
		f.do(store.DeleteRoom{Room: "r", By: "olga"})
		before := f.heads("r")
		f.equal("traces", f.traces("ann"), []string{"r"})
		f.erase("r", "ann")
		f.equal("traces", len(f.traces("ann")), 0)
		f.equal("heads", f.heads("r"), before)
	}},
	{"a long erasure goes on where it was", func(f *fixture) {
		f.create("r", store.KindOpen)
		ops := make([]store.Op, 450)
		for i := range ops {
			ops[i] = store.Post{Room: "r", By: "ann", Author: "ann", CID: fmt.Sprint(i), Text: "secret"}
		}
		f.commit(ops...)
		first := f.do(store.Erase{Room: "r", User: "ann"})
		left, err := f.Touched(ctx, "ann", "r", 0, 1000)
		f.check(err)
		if !first.More || len(left) == 0 || len(left) >= 450 {
			f.Errorf("after one step %d messages are left", len(left))
		}
		other := f.another()
		other.erase("r", "ann")
		f.equal("traces", len(f.traces("ann")), 0)
		for _, m := range f.changes("r", 0).Messages {
			f.equal("author", m.Author, store.Deleted)
		}
	}},
	{"an erasure that has begun is known until it is over", func(f *fixture) {
		begun := func(want ...string) {
			f.Helper()
			users, err := f.another().Erasures(ctx)
			f.check(err)
			slices.Sort(users)
			f.equal("erasures", fmt.Sprint(users), fmt.Sprint(want))
		}
		begun()
		f.do(store.Erase{User: "ann"})
		f.do(store.Erase{User: "ann"})
		f.do(store.Erase{User: "bob"})
		begun("ann", "bob")
		f.do(store.Erase{User: "ann", Over: true})
		begun("bob")
		for _, user := range []string{"", "*", store.Deleted} {
			f.refused(store.BadRequest, "r", store.Erase{User: user})
		}
	}},
	{"an erasure removes the blocks on both sides", func(f *fixture) {
		for _, k := range [][2]string{{"ann", "bob"}, {"ann", "cy"}, {"bob", "ann"}, {"bob", "cy"}} {
			f.do(store.Block{By: k[0], User: k[1], On: true})
		}
		blocks := func(user string, want ...string) {
			f.Helper()
			list, err := f.Blocks(ctx, user)
			f.check(err)
			f.equal("blocks of "+user, list, want)
		}
		blocks("ann", "bob", "cy")
		f.do(store.Erase{User: "ann", Over: true})
		blocks("ann")
		blocks("bob", "cy")
	}},
	{"what a user has touched is found in the order of seqs", func(f *fixture) {
		f.create("r", store.KindOpen)
		for i := range 12 {
			f.post("r", "bob", fmt.Sprint(i), "x")
		}
		f.post("r", "ann", "z", "13")
		f.post("r", "ann", "a", "14")
		f.post("r", "ann", "", "15")
		f.do(store.React{Room: "r", By: "ann", Seq: 11, Emoji: "x", On: true})
		f.do(store.React{Room: "r", By: "ann", Seq: 11, Emoji: "y", On: true})
		f.do(store.React{Room: "r", By: "ann", Seq: 14, Emoji: "y", On: true})
		f.do(store.Post{Room: "r", By: "bob", Author: "bob", Mentions: []string{"ann", "cy"}})
		touched := func(user string, after int64, limit int, want ...int64) {
			f.Helper()
			list, err := f.Touched(ctx, user, "r", after, limit)
			f.check(err)
			f.equal("touched by "+user, list, want)
		}
		touched("ann", 0, 100, 11, 13, 14, 15, 16)
		touched("ann", 11, 2, 13, 14)
		touched("ann", 16, 2)
		touched("nobody", 0, 2)
		f.equal("traces", f.traces("cy"), []string{"r"})
		f.equal("traces of nobody", len(f.traces("nobody")), 0)
	}},
	{"versions are kept if an operation asks for that", func(f *fixture) {
		f.create("r", store.KindOpen)
		first := f.do(store.Post{Room: "r", By: "ann", Author: "ann", Text: "first", Data: []byte("[1.0]")})
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "second", Keep: true})
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "second", Keep: true})
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "third"})
		third := f.message("r", 1)
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1, Keep: true})
		versions := f.versions("r", 1)
		f.equal("texts", fmt.Sprintln(len(versions), versions[0].Text, versions[1].Text), "2 first third\n")
		f.equal("first", versions[0], store.Version{Room: "r", Seq: 1, Ver: first.Rev, At: first.At, Text: "first", Data: []byte("[1.0]")})
		f.equal("third", versions[1], store.Version{Room: "r", Seq: 1, Ver: third.Ver, At: third.EditedAt, Text: "third"})
		f.equal("of another", len(f.versions("r", 2)), 0)
	}},
	{"versions go with an erasure, and a ban keeps those of what it purges", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, user := range []string{"ann", "bob"} {
			f.post("r", user, "c", "first")
		}
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "second", Keep: true})
		f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Ban, Purge: 1 << 40, Keep: true})
		f.do(store.Edit{Room: "r", By: "bob", Seq: 2, Text: "second", Keep: true})
		f.equal("of ann", len(f.versions("r", 1)), 2)
		f.erase("r", "ann")
		f.equal("of ann", len(f.versions("r", 1)), 0)
		f.equal("of bob", len(f.versions("r", 2)), 1)
	}},
	{"versions go with their message", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "c", "first")
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "second", Keep: true})
		f.do(store.DeleteRoom{Room: "r", By: "olga"})
		_, err := f.Sweep(ctx, "r", 10)
		f.check(err)
		f.equal("versions", len(f.versions("r", 1)), 0)
	}},
}

// versions returns the earlier versions of a message.
func (f *fixture) versions(room string, seq int64) []store.Version {
	f.Helper()
	all, err := f.Versions(ctx, store.MessageKey{Room: room, Seq: seq})
	f.check(err)
	return all
}
