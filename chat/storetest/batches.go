package storetest

import (
	"context"
	"fmt"

	"github.com/goroomcast/socketio/chat/store"
)

var batchCases = []testCase{
	{"an empty transaction does nothing", func(f *fixture) {
		done := f.commit()
		f.equal("changes", len(done.Changes), 0)
	}},
	{"a refused operation leaves the others alone, and no hole", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")[0].Rev
		done := f.commit(store.Post{Room: "r", By: "ann", Author: "ann", Text: "1"}, store.Post{Room: "r", By: "stranger", Author: "stranger"},
			store.Edit{Room: "r", By: "bob", Seq: 1, Text: "no"}, store.Post{Room: "r", By: "bob", Author: "bob", Text: "2"})
		var codes []store.Code
		for _, r := range done.Results {
			codes = append(codes, store.CodeOf(r.Err))
		}
		f.equal("codes", codes, []store.Code{"", store.NotMember, store.Forbidden, ""})
		f.equal("seq", done.Results[3].Seq, int64(2))
		f.equal("rev", f.heads("r")[0].Rev, before+2)
	}},
	{"what a transaction has changed is what readers find", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		from := map[string]int64{"r": f.heads("r")[0].Rev, "s": f.heads("s")[0].Rev}
		done := f.commit(
			store.Post{Room: "s", By: "ann", Author: "ann", Text: "1"},
			store.Post{Room: "r", By: "ann", Author: "ann", Text: "2"},
			store.React{Room: "r", By: "ann", Seq: 1, Emoji: "x", On: true},
			store.SetMember{Room: "r", By: "mo", User: "cy", Do: store.Kick},
			store.Post{Room: "r", By: "ann", Author: "ann", Text: "3", Mentions: []string{"bob"}},
			store.Edit{Room: "s", By: "ann", Seq: 1, Text: "1b"},
			store.SetRoom{Room: "s", By: "mo", Info: []byte(`{"a":1}`)},
		)
		f.equal("rooms", len(done.Changes), 2)
		for _, c := range done.Changes {
			f.equal("changes of "+c.Room.ID, *f.changes(c.Room.ID, from[c.Room.ID]), c)
		}
	}},
	{"an operation sees what those before it have done", func(f *fixture) {
		done := f.commit(store.Create{Room: "r", By: "olga", Kind: store.KindClosed},
			store.SetMember{Room: "r", By: "olga", User: "ann", Do: store.Add, Role: store.RoleMember},
			store.Post{Room: "r", By: "ann", Author: "ann", Text: "a"},
			store.Edit{Room: "r", By: "ann", Seq: 1, Text: "b"},
			store.React{Room: "r", By: "olga", Seq: 1, Emoji: "x", On: true},
			store.React{Room: "r", By: "olga", Seq: 1, Emoji: "x", On: false},
			store.Delete{Room: "r", By: "ann", Seq: 1})
		for i, r := range done.Results[:2] {
			f.equal(fmt.Sprint("result ", i), r.Err, nil)
		}
		// Keys of messages that do not exist yet can not be loaded, so an edit
		// of a new message works because the batch has it.
		f.equal("edit", done.Results[3].Err, nil)
		f.equal("delete", done.Results[6].Err, nil)
		f.equal("tombstone", f.message("r", 1).Deleted != nil, true)
	}},
	{"a large transaction is as good as a small one", func(f *fixture) {
		f.create("r", store.KindOpen)
		var ops []store.Op
		for i := range 512 {
			ops = append(ops, store.Post{Room: "r", By: "ann", Author: "ann", CID: fmt.Sprint(i), Text: fmt.Sprint(i)})
		}
		f.commit(ops...)
		done := f.commit(ops...)
		for i, r := range done.Results {
			if !r.Dup || r.Seq != int64(i+1) {
				f.Fatalf("repetition %d: %+v", i, r)
			}
		}
		f.equal("seq", f.heads("r")[0].Seq, int64(512))
	}},
	{"an ended context commits nothing, and the store goes on", func(f *fixture) {
		f.create("r", store.KindOpen)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		before := f.heads("r")
		_, err := f.Commit(ended, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann"}})
		f.equal("commit", store.CodeOf(err), store.Unavailable)
		_, err = f.History(ended, "r", store.Query{Limit: large})
		f.equal("history", store.CodeOf(err), store.Unavailable)
		_, err = f.Changes(ended, "r", 0, large)
		f.equal("changes", store.CodeOf(err), store.Unavailable)
		f.equal("heads", f.heads("r"), before)
		f.equal("seq", f.post("r", "ann", "", "").Seq, int64(1))
	}},
	{"a closed store is unavailable", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.check(f.Close())
		_, err := f.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann"}})
		f.equal("commit", store.CodeOf(err), store.Unavailable)
		_, err = f.Heads(ctx, []string{"r"})
		f.equal("heads", store.CodeOf(err), store.Unavailable)
	}},
}
