package storetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/goroomcast/socketio/chat/store"
)

// newsAfter returns the news after a number, read in pages of a limit, and the last
// number.
func (f *fixture) newsAfter(after int64, limit int) (all []store.News, last int64) {
	f.Helper()
	for {
		news, next, err := f.News(ctx, after, limit)
		f.check(err)
		if next == after {
			return all, after
		}
		all, after = append(all, news...), next
	}
}

// factsAfter returns the facts of News after a number, sorted as texts.
func (f *fixture) factsAfter(after int64) (facts []string) {
	f.Helper()
	all, _ := f.newsAfter(after, 1000)
	for _, n := range all {
		facts = append(facts, fmt.Sprint(n.User, " ", n.Room, n.Blocked))
	}
	slices.Sort(facts)
	return slices.Compact(facts)
}

func (f *fixture) newest() int64 {
	f.Helper()
	news, last, err := f.News(ctx, -1, 10)
	f.check(err)
	f.equal("news before", news, []store.News(nil))
	return last
}

var newsCases = []testCase{
	{"news name the members, blocks and deleted rooms that have changed", func(f *fixture) {
		f.equal("at first", f.newest(), int64(0))
		f.create("r", store.KindOpen)
		for _, c := range []struct {
			op   store.Op
			want []string
		}{
			{store.SetMember{Room: "r", User: "dan", Do: store.Add, Role: store.RoleMember}, []string{"dan r"}},
			{store.SetMember{Room: "r", User: "dan", Do: store.Add, Role: store.RoleMember}, nil},
			{store.SetMember{Room: "r", By: "dan", User: "dan", Do: store.SetNotify, Notify: store.NotifyNone}, []string{"dan r"}},
			{store.SetMember{Room: "r", By: "mo", User: "dan", Do: store.Kick}, []string{"dan r"}},
			{store.Post{Room: "r", By: "ann", Author: "ann", Text: "x"}, nil},
			{store.Block{By: "ann", User: "bob", On: true}, []string{"ann bob"}},
			{store.Block{By: "ann", User: "bob", On: true}, nil},
			{store.Block{By: "ann", User: "bob"}, []string{"ann bob"}},
			{store.SetRoom{Room: "r", Info: []byte("1")}, nil},
			{store.DeleteRoom{Room: "r"}, []string{" r"}},
		} {
			before := f.newest()
			done := f.commit(c.op)
			f.equal(fmt.Sprintf("news of %T %+v", c.op, c.op), f.factsAfter(before), c.want)
			if now := f.newest(); done.News != 0 && (done.News != now || now <= before) || done.News == 0 && now != before {
				f.Errorf("the transaction has number %d, the newest was %d and is %d", done.News, before, now)
			}
		}
	}},
	{"news are cut between transactions, however large a transaction is", func(f *fixture) {
		f.create("r", store.KindOpen)
		before := f.newest()
		var want []int64
		for i := range 7 {
			var ops []store.Op
			for j := range 3 {
				ops = append(ops, store.SetMember{Room: "r", User: fmt.Sprint("user ", i, j), Do: store.Add, Role: store.RoleMember})
			}
			n := f.commit(ops...).News
			want = append(want, n, n, n)
		}
		for _, limit := range []int{1, 2, 3, 4, 5, 6, 7, 21, 22, 100} {
			all, last := f.newsAfter(before, limit)
			var numbers []int64
			for _, n := range all {
				numbers = append(numbers, n.N)
			}
			f.equal(fmt.Sprint("numbers with limit ", limit), numbers, want)
			f.equal("last", last, f.newest())
		}
	}},
	{"a reader of news misses no transaction of two handles", func(f *fixture) {
		const each = 40
		f.do(store.Create{Room: "r0", Kind: store.KindOpen})
		f.do(store.Create{Room: "r1", Kind: store.KindOpen})
		after := f.newest()
		handles := []*fixture{f, f.another()}
		var wg sync.WaitGroup
		for h, s := range handles {
			wg.Go(func() {
				for i := range each {
					op := store.SetMember{Room: fmt.Sprint("r", h), User: fmt.Sprint(h, " ", i), Do: store.Add, Role: store.RoleMember}
					if done, err := s.Commit(ctx, []store.Op{op}); err != nil || done.Results[0].Err != nil {
						f.Errorf("add: %v, %+v", err, done)
						return
					}
				}
			})
		}
		over := make(chan struct{})
		go func() { wg.Wait(); close(over) }()
		seen := make(map[store.Fact]bool)
		for ended := false; !ended; {
			select {
			case <-over:
				ended = true
			default:
			}
			var all []store.News
			all, after = f.newsAfter(after, 50)
			for _, n := range all {
				seen[n.Fact] = true
			}
		}
		f.equal("facts that were seen", len(seen), 2*each)
	}},
	{"news of an erased user are forgotten, and the numbers go on", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.Block{By: "bob", User: "ann", On: true})
		f.do(store.SetMember{Room: "r", User: "ann", Do: store.SetRole, Role: store.RoleReader})
		last := f.newest()
		f.do(store.Erase{User: "ann"})
		for f.do(store.Erase{Room: "r", User: "ann"}).More {
		}
		f.do(store.Erase{User: "ann", Over: true})
		all, _ := f.newsAfter(0, 1000)
		for _, n := range all {
			if n.User == "ann" || n.Blocked == "ann" {
				f.Errorf("news %+v", n)
			}
		}
		if n := f.commit(store.Block{By: "bob", User: "cy", On: true}).News; n <= last {
			f.Errorf("number %d after %d", n, last)
		}
	}},
}
