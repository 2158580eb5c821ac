package storetest

import (
	"fmt"
	"sync"

	"github.com/goroomcast/socketio/chat/store"
)

var handleCases = []testCase{
	{"what one handle has committed another finds", func(f *fixture) {
		other := f.another()
		f.create("r", store.KindOpen)
		f.post("r", "ann", "c", "hi")
		other.equal("text", other.message("r", 1).Text, "hi")
		other.equal("dup", other.post("r", "ann", "c", "hi").Dup, true)
		other.equal("epoch", other.heads("r"), f.heads("r"))
	}},
	{"two handles give each seq and rev once, and a reader finds no gap", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.heads("r")[0].Rev
		other := f.another()
		const each = 60
		var wg sync.WaitGroup
		for h, s := range []store.Store{f.Store, other.Store} {
			wg.Go(func() {
				for i := range each {
					done, err := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: fmt.Sprint(h, i)}})
					if err != nil || done.Results[0].Err != nil {
						f.Errorf("post: %v, %+v", err, done)
						return
					}
				}
			})
		}
		cursor := before
		for cursor < before+2*each && !f.Failed() {
			c, err := f.Changes(ctx, "r", cursor, large)
			f.check(err)
			for _, m := range c.Messages {
				if cursor++; m.Rev != cursor {
					f.Fatalf("rev %d where %d is next", m.Rev, cursor)
				}
			}
			f.equal("to", c.To, cursor)
		}
		wg.Wait()
		f.equal("seq", f.heads("r")[0].Seq, int64(2*each))
	}},
	{"the same cid through two handles is one post", func(f *fixture) {
		f.create("r", store.KindOpen)
		other := f.another()
		var wg sync.WaitGroup
		for _, s := range []store.Store{f.Store, other.Store} {
			wg.Go(func() {
				for i := range 40 {
					if _, err := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: fmt.Sprint(i)}}); err != nil {
						f.Errorf("post: %v", err)
					}
				}
			})
		}
		wg.Wait()
		f.equal("seq", f.heads("r")[0].Seq, int64(40))
	}},
	{"the same room made through two handles is one room", func(f *fixture) {
		other := f.another()
		var wg sync.WaitGroup
		made := make([]int, 2)
		for h, s := range []store.Store{f.Store, other.Store} {
			wg.Go(func() {
				for i := range 20 {
					done, err := s.Commit(ctx, []store.Op{store.Create{Room: fmt.Sprint("r", i), By: "olga", Kind: store.KindOpen}})
					if err != nil {
						f.Errorf("create: %v", err)
					} else if !done.Results[0].Dup {
						made[h]++
					}
				}
			})
		}
		wg.Wait()
		f.equal("made", made[0]+made[1], 20)
	}},
	{"rooms in opposite order do not block each other for ever", func(f *fixture) {
		for _, room := range []string{"a", "b", "c"} {
			f.create(room, store.KindOpen)
			f.post(room, "ann", "", "")
		}
		other := f.another()
		orders := [][]string{{"a", "b~1", "c"}, {"c", "b", "a~1"}}
		var wg sync.WaitGroup
		for h, s := range []store.Store{f.Store, other.Store} {
			wg.Go(func() {
				for range 25 {
					var ops []store.Op
					for _, room := range orders[h] {
						ops = append(ops, store.Post{Room: room, By: "ann", Author: "ann"})
					}
					if _, err := s.Commit(ctx, ops); err != nil {
						f.Errorf("commit: %v", err)
					}
				}
			})
		}
		wg.Wait()
		f.equal("posts", f.heads("c")[0].Seq, int64(51))
	}},
	{"no post follows the removal of its author, whichever handle is first", func(f *fixture) {
		other := f.another()
		for i := range 10 {
			room := fmt.Sprint("r", i)
			f.create(room, store.KindOpen)
			f.post(room, "bob", "", "")
			var wg sync.WaitGroup
			var removed int64
			wg.Go(func() {
				for j := range 8 {
					target := []string{room, store.Thread(room, 1)}[j%2]
					if _, err := f.Commit(ctx, []store.Op{store.Post{Room: target, By: "ann", Author: "ann"}}); err != nil {
						f.Errorf("post: %v", err)
					}
				}
			})
			wg.Go(func() {
				done, err := other.Commit(ctx, []store.Op{store.SetMember{Room: room, By: "mo", User: "ann", Do: store.Kick}})
				if err != nil {
					f.Errorf("kick: %v", err)
					return
				}
				removed = done.Results[0].Rev
			})
			wg.Wait()
			for _, m := range f.changes(room, removed).Messages {
				f.Errorf("message %+v after the removal at %d", m, removed)
			}
			if threads := f.heads(store.Thread(room, 1)); len(threads) > 0 {
				c := f.changes(store.Thread(room, 1), 0)
				if last := c.Members[len(c.Members)-1]; last.User == "ann" && last.Role == "" && len(c.Messages) > 0 && c.Messages[len(c.Messages)-1].Rev > last.Rev {
					f.Errorf("message %+v in the thread after the removal at %d", c.Messages[len(c.Messages)-1], last.Rev)
				}
				f.equal("ann in the thread", f.look("ann", store.Thread(room, 1)).Member.Role, store.Role(""))
			}
		}
	}},
	{"markers of two handles merge", func(f *fixture) {
		f.create("r", store.KindOpen)
		other := f.another()
		for range 9 {
			f.post("r", "bob", "", "")
		}
		f.mark(store.Marker{Room: "r", User: "ann", Read: 7})
		other.mark(store.Marker{Room: "r", User: "ann", Read: 5})
		f.equal("read", other.look("ann", "r").Marker.Read, int64(7))
	}},
}
