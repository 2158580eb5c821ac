package storetest

import (
	"encoding/json"
	"math"

	"github.com/goroomcast/socketio/chat/store"
)

var editCases = []testCase{
	{"an edit takes the next rev, keeps seq, author and time, and is the new version", func(f *fixture) {
		f.create("r", store.KindOpen)
		first := f.post("r", "ann", "c", "hi")
		r := f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Ver: first.Rev, Text: "ho", Data: json.RawMessage(`1`)})
		f.equal("rev", r.Rev, first.Rev+1)
		m := f.message("r", 1)
		if m.EditedAt < m.At {
			f.Errorf("edited at %d, posted at %d", m.EditedAt, m.At)
		}
		m.EditedAt = 0
		f.equal("message", m, store.Message{Room: "r", Seq: 1, Rev: r.Rev, Ver: r.Rev, Author: "ann", CID: "c", At: first.At, Text: "ho", Data: json.RawMessage(`1`)})
	}},
	{"an edit of an older version is a conflict that shows the newer one", func(f *fixture) {
		f.create("r", store.KindOpen)
		first := f.post("r", "ann", "", "a")
		second := f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Ver: first.Rev, Text: "b"})
		err := f.refused(store.Conflict, "r", store.Edit{Room: "r", By: "ann", Seq: 1, Ver: first.Rev, Text: "c"})
		if err.Message == nil || err.Message.Text != "b" || err.Message.Ver != second.Rev {
			f.Errorf("conflict with %+v", err.Message)
		}
	}},
	{"a reaction is no new version", func(f *fixture) {
		f.create("r", store.KindOpen)
		first := f.post("r", "ann", "", "a")
		f.do(store.React{Room: "r", By: "bob", Seq: 1, Emoji: "x", On: true})
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Ver: first.Rev, Text: "b"})
	}},
	{"an edit to what the message says does nothing, whatever its version", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		head := f.heads("r")
		r := f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Ver: 999, Text: "a"})
		f.equal("dup", r.Dup, true)
		f.equal("head", f.heads("r"), head)
	}},
	{"version 0 is any version", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "b"})
		f.do(store.Edit{Room: "r", Seq: 1, Text: "c"})
		f.equal("text", f.message("r", 1).Text, "c")
	}},
	{"only the author edits", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		for _, user := range []string{"olga", "mo", "bob", "rita", "stranger"} {
			f.refused(store.Forbidden, "r", store.Edit{Room: "r", By: user, Seq: 1, Text: "b"})
		}
	}},
	{"a muted author can not edit", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Mute, Until: math.MaxInt64 / 2})
		err := f.refused(store.Muted, "r", store.Edit{Room: "r", By: "ann", Seq: 1, Text: "b"})
		f.equal("until", err.Until, int64(math.MaxInt64/2))
	}},
	{"a deleted message is a tombstone for ever", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "f")
		first := f.do(store.Post{Room: "r", By: "ann", Author: "ann", CID: "c", Text: "a", Data: json.RawMessage(`{}`), Files: []string{"f"}, Mentions: []string{"bob"}})
		f.do(store.React{Room: "r", By: "bob", Seq: 1, Emoji: "x", On: true})
		r := f.do(store.Delete{Room: "r", By: "mo", Seq: 1, Reason: "spam"})
		m := f.message("r", 1)
		if m.Deleted == nil || m.Deleted.At < m.At {
			f.Fatalf("deleted: %+v", m.Deleted)
		}
		m.Deleted.At = 0
		f.equal("message", m, store.Message{Room: "r", Seq: 1, Rev: r.Rev, Ver: r.Rev, Author: "ann", CID: "c", At: first.At,
			Deleted: &store.Deletion{By: "mo", Reason: "spam"}})
		f.equal("mentions of bob", f.look("bob", "r").Mentions, 0)
		f.refused(store.Gone, "r", store.Edit{Room: "r", By: "ann", Seq: 1, Text: "b"})
		f.refused(store.Gone, "r", store.React{Room: "r", By: "ann", Seq: 1, Emoji: "x", On: true})
		mine, err := f.Reacted(ctx, "bob", "r", []int64{1})
		f.check(err)
		f.equal("reactions of bob", len(mine), 0)
	}},
	{"to delete twice is to delete once", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		first := f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		again := f.do(store.Delete{Room: "r", By: "mo", Seq: 1})
		f.equal("dup", again.Dup, true)
		f.equal("rev", again.Rev, first.Rev)
		f.equal("by", f.message("r", 1).Deleted.By, "ann")
	}},
	{"moderators delete what lower roles wrote", func(f *fixture) {
		f.create("r", store.KindOpen)
		for i, author := range []string{"olga", "mo", "ann"} {
			f.post("r", author, "", "a")
			f.refused(store.Forbidden, "r", store.Delete{Room: "r", By: "bob", Seq: int64(i + 1)})
		}
		f.refused(store.Forbidden, "r", store.Delete{Room: "r", By: "mo", Seq: 1})
		f.do(store.SetMember{Room: "r", User: "mia", Do: store.Add, Role: store.RoleModerator})
		f.refused(store.Forbidden, "r", store.Delete{Room: "r", By: "mia", Seq: 2})
		f.do(store.Delete{Room: "r", By: "mia", Seq: 3})
		f.do(store.Delete{Room: "r", By: "olga", Seq: 2})
		f.do(store.Delete{Room: "r", By: "olga", Seq: 1})
	}},
	{"an edit moves the mentions", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.Post{Room: "r", By: "ann", Author: "ann", Text: "a", Mentions: []string{"bob", "mo"}})
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "b", Mentions: []string{"cy", "mo"}})
		f.equal("bob", f.look("bob", "r").Mentions, 0)
		f.equal("mo", f.look("mo", "r").Mentions, 1)
		f.equal("cy", f.look("cy", "r").Mentions, 1)
	}},
	{"a message that there is not is not found", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, seq := range []int64{-1, 0, 1, math.MaxInt64} {
			f.refused(store.NotFound, "r", store.Edit{Room: "r", By: "ann", Seq: seq, Text: "b"})
			f.refused(store.NotFound, "r", store.Delete{Room: "r", By: "ann", Seq: seq})
			f.refused(store.NotFound, "r", store.React{Room: "r", By: "ann", Seq: seq, Emoji: "x", On: true})
		}
	}},
}

var reactionCases = []testCase{
	{"a reaction is there or not, however often it is sent", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		on := store.React{Room: "r", By: "bob", Seq: 1, Emoji: "👍", On: true}
		first := f.do(on)
		f.equal("again", f.do(on), store.Result{Seq: 1, Rev: first.Rev, At: first.At, Author: "ann", Dup: true})
		f.equal("reactions", f.message("r", 1).Reactions, []store.Reaction{{Emoji: "👍", N: 1, By: []string{"bob"}}})
		off := on
		off.On = false
		f.equal("rev", f.do(off).Rev, first.Rev+1)
		f.equal("again", f.do(off).Dup, true)
		f.equal("reactions", len(f.message("r", 1).Reactions), 0)
	}},
	{"reactions to one message in one transaction take one rev", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		before := f.heads("r")[0].Rev
		var ops []store.Op
		for _, user := range []string{"ann", "bob", "cy", "mo"} {
			ops = append(ops, store.React{Room: "r", By: user, Seq: 1, Emoji: "x", On: true})
		}
		done := f.commit(ops...)
		f.equal("revs", f.heads("r")[0].Rev, before+1)
		f.equal("changes", len(done.Changes[0].Messages), 1)
		f.equal("reactions", f.message("r", 1).Reactions, []store.Reaction{{Emoji: "x", N: 4, By: []string{"ann", "bob", "cy", "mo"}}})
	}},
	{"a summary names twenty users and counts all", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		for i := range 25 {
			user := "u" + string(rune('a'+i))
			f.do(store.SetMember{Room: "r", User: user, Do: store.Add, Role: store.RoleMember})
			f.do(store.React{Room: "r", By: user, Seq: 1, Emoji: "x", On: true})
		}
		sum := f.message("r", 1).Reactions[0]
		f.equal("summary", []int{sum.N, len(sum.By)}, []int{25, store.MaxReactors})
		f.do(store.React{Room: "r", By: "uy", Seq: 1, Emoji: "x", On: false})
		f.do(store.React{Room: "r", By: "ua", Seq: 1, Emoji: "x", On: false})
		sum = f.message("r", 1).Reactions[0]
		f.equal("summary", []int{sum.N, len(sum.By)}, []int{23, store.MaxReactors - 1})
		mine, err := f.Reacted(ctx, "ux", "r", []int64{1, 2})
		f.check(err)
		f.equal("reactions of ux", mine, []store.ReactionKey{{Room: "r", Seq: 1, User: "ux", Emoji: "x"}})
	}},
	{"emoji are bytes", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		for _, e := range []string{"__proto__", "❤", "❤\ufe0f", "a", "A", "👩‍👩‍👧"} {
			f.do(store.React{Room: "r", By: "bob", Seq: 1, Emoji: e, On: true})
		}
		f.equal("different", len(f.message("r", 1).Reactions), 6)
	}},
	{"a message has a limit of different emoji", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		var ops []store.Op
		for i := range store.MaxEmoji {
			ops = append(ops, store.React{Room: "r", By: "bob", Seq: 1, Emoji: string(rune('a' + i)), On: true})
		}
		f.commit(ops...)
		f.refused(store.TooLarge, "r", store.React{Room: "r", By: "bob", Seq: 1, Emoji: "more", On: true})
		f.do(store.React{Room: "r", By: "ann", Seq: 1, Emoji: "a", On: true})
	}},
	{"readers and strangers do not react", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "a")
		f.refused(store.Forbidden, "r", store.React{Room: "r", By: "rita", Seq: 1, Emoji: "x", On: true})
		f.refused(store.NotMember, "r", store.React{Room: "r", By: "stranger", Seq: 1, Emoji: "x", On: true})
	}},
}
