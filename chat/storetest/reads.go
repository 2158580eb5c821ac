package storetest

import (
	"slices"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

var readCases = []testCase{
	{"changes are the rows as they are now, in the order of revs", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")[0].Rev
		f.post("r", "ann", "", "1")
		f.post("r", "ann", "", "2")
		f.post("r", "ann", "", "3")
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "1b"})
		f.do(store.Delete{Room: "r", By: "ann", Seq: 2})
		c := f.changes("r", before)
		f.equal("order", seqs(c.Messages), []int64{3, 1, 2})
		f.equal("range", []int64{c.From, c.To, c.Room.Rev}, []int64{before, before + 5, before + 5})
		f.equal("more", c.More, false)
		f.equal("nothing new", len(f.changes("r", before+5).Messages), 0)
		f.equal("beyond the head", len(f.changes("r", before+500).Messages), 0)
	}},
	{"pages of changes adjoin, whatever their limit", func(f *fixture) {
		f.create("r", store.KindOpen)
		for i := range 30 {
			f.post("r", "ann", "", strings.Repeat("x", i*10))
			f.commit(store.SetMember{Room: "r", User: "x" + string(rune('a'+i)), Do: store.Add, Role: store.RoleMember},
				store.SetMember{Room: "r", User: "y" + string(rune('a'+i)), Do: store.Add, Role: store.RoleMember})
			if i%3 == 0 {
				f.do(store.React{Room: "r", By: "bob", Seq: int64(i/2 + 1), Emoji: "e", On: true})
			}
		}
		want := f.changes("r", 0)
		for _, l := range []store.Limit{{Rows: 1, Bytes: 1 << 20}, {Rows: 2, Bytes: 1 << 20}, {Rows: 7, Bytes: 1 << 20}, {Rows: 1000, Bytes: 1}, {Rows: 1000, Bytes: 900}} {
			var messages []store.Message
			var members []store.Member
			cursor, settings := int64(0), 0
			for {
				c, err := f.Changes(ctx, "r", cursor, l)
				f.check(err)
				f.equal("from", c.From, cursor)
				messages, members = append(messages, c.Messages...), append(members, c.Members...)
				if c.Settings {
					settings++
				}
				cursor = c.To
				if !c.More {
					break
				}
				if len(c.Messages)+len(c.Members) == 0 {
					f.Fatal("an empty page with more behind it")
				}
			}
			f.equal("to", cursor, want.To)
			f.equal("messages", messages, want.Messages)
			f.equal("members", members, want.Members)
			f.equal("settings", settings, 1)
		}
	}},
	{"behind counts rows, up to a limit", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")[0].Rev
		f.post("r", "ann", "", "")
		f.post("r", "ann", "", "")
		for i := range 20 {
			f.do(store.React{Room: "r", By: "bob", Seq: 1, Emoji: "e", On: i%2 == 0})
		}
		f.do(store.SetMember{Room: "r", By: "mo", User: "cy", Do: store.Kick})
		for limit, want := range map[int]int{100: 3, 3: 3, 2: 2} {
			n, err := f.Behind(ctx, "r", before, limit)
			f.check(err)
			f.equal("rows", n, want)
		}
	}},
	{"history pages by seq", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 10 {
			f.post("r", "ann", "", "")
		}
		l := store.Limit{Rows: 3, Bytes: 1 << 20}
		for _, c := range []struct {
			q    store.Query
			want []int64
			more bool
		}{
			{store.Query{}, []int64{8, 9, 10}, true},
			{store.Query{Before: 8}, []int64{5, 6, 7}, true},
			{store.Query{Before: 3}, []int64{1, 2}, false},
			{store.Query{Before: 4}, []int64{1, 2, 3}, false},
			{store.Query{Before: 1}, nil, false},
			{store.Query{Before: 1 << 50}, []int64{8, 9, 10}, true},
			{store.Query{After: 2}, []int64{3, 4, 5}, true},
			{store.Query{After: -1}, []int64{1, 2, 3}, true},
			{store.Query{After: 7}, []int64{8, 9, 10}, false},
			{store.Query{After: 10}, nil, false},
			{store.Query{After: 1 << 50}, nil, false},
			{store.Query{Around: 5}, []int64{4, 5, 6}, true},
			{store.Query{Around: 1}, []int64{1, 2}, false},
			{store.Query{Around: 10}, []int64{8, 9, 10}, true},
			{store.Query{Seqs: []int64{9, 2, 9, 77, 5}}, []int64{2, 5, 9}, false},
			{store.Query{Seqs: []int64{1, 2, 3, 4}}, []int64{1, 2, 3}, true},
			{store.Query{Since: 9}, []int64{9, 10}, false},
			{store.Query{Before: 6, Since: 4}, []int64{4, 5}, false},
			{store.Query{After: 1, Since: 4}, []int64{4, 5, 6}, true},
			{store.Query{Around: 1, Since: 4}, []int64{4, 5}, false},
			{store.Query{Seqs: []int64{3, 4}, Since: 4}, []int64{4}, false},
		} {
			c.q.Limit = l
			p := f.history("r", c.q)
			if !slices.Equal(seqs(p.Messages), c.want) || p.More != c.more {
				f.Errorf("%+v: %v, more %t, want %v, more %t", c.q, seqs(p.Messages), p.More, c.want, c.more)
			}
		}
	}},
	{"a page of history ends by its bytes, but has one message at least", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 5 {
			f.post("r", "ann", "", strings.Repeat("x", 1000))
		}
		for bytes, want := range map[int]int{1: 1, 1500: 2, 1 << 20: 5} {
			p := f.history("r", store.Query{Limit: store.Limit{Rows: 10, Bytes: bytes}})
			f.equal("messages", len(p.Messages), want)
			f.equal("newest", p.Messages[len(p.Messages)-1].Seq, int64(5))
		}
	}},
	{"a room that does not exist is not found by any reader", func(f *fixture) {
		_, err := f.Changes(ctx, "r", 0, large)
		f.equal("changes", store.CodeOf(err), store.NotFound)
		_, err = f.Behind(ctx, "r", 0, 1)
		f.equal("behind", store.CodeOf(err), store.NotFound)
		_, err = f.History(ctx, "r", store.Query{Limit: large})
		f.equal("history", store.CodeOf(err), store.NotFound)
		_, err = f.Members(ctx, "r", "", 1)
		f.equal("members", store.CodeOf(err), store.NotFound)
		_, err = f.Unread(ctx, store.MessageKey{Room: "r", Seq: 1}, "ann", "", 1)
		f.equal("unread", store.CodeOf(err), store.NotFound)
		f.equal("heads", len(f.heads("r")), 0)
	}},
	{"heads are of the rooms asked for", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		f.post("s", "ann", "", "")
		heads := f.heads("s", "missing", "r")
		f.equal("heads", len(heads), 2)
		for _, h := range heads {
			f.equal("head of "+h.Room, h, func() store.Head { r := f.look("ann", h.Room).Room; return r.Head() }())
		}
		f.equal("none", len(f.heads()), 0)
	}},
}
