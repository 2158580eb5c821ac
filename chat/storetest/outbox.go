package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// outbox is the store as an Outbox. Other stores skip the case.
func (f *fixture) outbox() store.Outbox {
	f.Helper()
	o, is := f.Store.(store.Outbox)
	if !is {
		f.Skip("the store has no outbox")
	}
	return o
}

// claim settles and claims, and returns the rooms with their tries.
func (f *fixture) claim(owner string, limit int, settle ...store.Claim) (claims []string) {
	f.Helper()
	all, lost, err := f.outbox().Claim(ctx, owner, settle, time.Hour, limit)
	f.check(err)
	if len(lost) > 0 {
		f.Fatalf("claims of %q are lost", lost)
	}
	for _, c := range all {
		claims = append(claims, fmt.Sprint(c.Room, " ", c.Tries))
	}
	return claims
}

// waiting returns the texts of the posts of a room in the outbox. A message that
// can not be read has its seq instead.
func (f *fixture) waiting(room string, after int64) (texts []string) {
	f.Helper()
	posts, now, err := f.outbox().Waiting(ctx, room, after, 100)
	f.check(err)
	if d := time.Since(time.UnixMilli(now)).Abs(); d > time.Hour {
		f.Errorf("the store's time is %v off", d)
	}
	for _, m := range posts {
		f.equal("room", m.Room, room)
		if m.Rev == 0 {
			m.Text = fmt.Sprint("gone ", m.Seq)
		}
		texts = append(texts, m.Text)
	}
	return texts
}

func (f *fixture) postOut(room, cid, text string) store.Result {
	f.Helper()
	return f.do(store.Post{Room: room, By: "ann", Author: "ann", CID: cid, Text: text, Outbox: true})
}

var outboxCases = []testCase{
	{"posts wait in the outbox if they are asked to, each once", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		f.postOut("r", "1", "one")
		f.post("r", "ann", "2", "two")
		f.postOut("r", "3", "three")
		f.postOut("r", "3", "repeated")
		f.refused(store.Forbidden, "r", store.Post{Room: "r", By: "rita", Author: "rita", Outbox: true})
		f.equal("posts", f.waiting("r", 0), []string{"one", "three"})
		f.equal("after the first", f.waiting("r", 1), []string{"three"})
		f.equal("of another room", len(f.waiting("s", 0)), 0)
		posts, _, err := f.outbox().Waiting(ctx, "r", 0, 1)
		f.check(err)
		f.equal("whole", posts, []store.Message{f.message("r", 1)})
	}},
	{"a room in the outbox is claimed once", func(f *fixture) {
		f.outbox()
		for _, room := range []string{"a", "b", "c"} {
			f.create(room, store.KindOpen)
			f.postOut(room, "1", "x")
			f.postOut(room, "2", "x")
		}
		f.create("d", store.KindOpen)
		f.post("d", "ann", "1", "x")
		f.equal("of one", f.claim("one", 2), []string{"a 0", "b 0"})
		f.equal("of two", f.claim("two", 9), []string{"c 0"})
		f.equal("again", len(f.claim("one", 9)), 0)
	}},
	{"what is settled leaves the outbox, and the claim lasts", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		for i := range 4 {
			f.postOut("r", fmt.Sprint(i), fmt.Sprint(i))
		}
		f.claim("one", 1)
		f.equal("new claims", len(f.claim("one", 9, store.Claim{Room: "r", Done: 2})), 0)
		f.equal("posts", f.waiting("r", 0), []string{"2", "3"})
		f.equal("of two", len(f.claim("two", 9)), 0)
	}},
	{"a claim that is over and has nothing left leaves no trace", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		f.postOut("r", "1", "x")
		f.claim("one", 1)
		f.equal("claims", len(f.claim("one", 1, store.Claim{Room: "r", Done: 1, Over: true})), 0)
		f.postOut("r", "2", "x")
		f.equal("of two", f.claim("two", 1), []string{"r 0"})
	}},
	{"a room with posts left is claimed by the call that ends its claim", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		f.postOut("r", "1", "x")
		f.postOut("r", "2", "y")
		f.claim("one", 1)
		f.equal("claims", f.claim("one", 1, store.Claim{Room: "r", Done: 1, Over: true}), []string{"r 0"})
		f.equal("posts", f.waiting("r", 0), []string{"y"})
	}},
	{"a room pauses, and its tries are counted", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		f.postOut("r", "1", "x")
		f.claim("one", 1)
		f.equal("while it pauses", len(f.claim("one", 9, store.Claim{Room: "r", Tries: 3, Over: true, Pause: time.Hour})), 0)
		f.postOut("s", "1", "x")
		f.equal("others", f.claim("one", 9), []string{"s 0"})
		claims := f.claim("one", 9, store.Claim{Room: "s", Tries: 4, Over: true, Pause: 100 * time.Millisecond})
		f.eventually("the room after its pause", func() bool {
			claims = append(claims, f.claim("two", 9)...)
			return slices.Equal(claims, []string{"s 4"})
		})
	}},
	{"a claim that was not prolonged goes to another, and settles nothing", func(f *fixture) {
		o := f.outbox()
		f.create("r", store.KindOpen)
		f.postOut("r", "1", "x")
		_, _, err := o.Claim(ctx, "one", nil, 300*time.Millisecond, 1)
		f.check(err)
		f.eventually("the other's claim", func() bool { return len(f.claim("two", 1)) == 1 })
		for _, over := range []bool{false, true} {
			claims, lost, err := o.Claim(ctx, "one", []store.Claim{{Room: "r", Done: 1, Over: over}, {Room: "never", Done: 1}}, time.Hour, 9)
			f.check(err)
			f.equal("lost", lost, []string{"r", "never"})
			f.equal("claims", len(claims), 0)
		}
		f.equal("posts", f.waiting("r", 0), []string{"x"})
		f.equal("of two", len(f.claim("two", 9, store.Claim{Room: "r", Done: 1, Over: true})), 0)
		f.equal("settled", len(f.waiting("r", 0)), 0)
	}},
	{"a message in the outbox is as it is now", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		f.postOut("r", "1", "x")
		f.postOut("r", "2", "y")
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "edited"})
		f.do(store.Delete{Room: "r", By: "ann", Seq: 2})
		f.equal("posts", f.waiting("r", 0), []string{"edited", ""})
	}},
	{"posts of a room that was deleted are gone, those of the new one are not", func(f *fixture) {
		f.outbox()
		f.create("r", store.KindOpen)
		f.postOut("r", "1", "x")
		f.do(store.DeleteRoom{Room: "r"})
		f.equal("posts", f.waiting("r", 0), []string{"gone 1"})
		f.do(store.Create{Room: "r", Kind: store.KindOpen})
		f.do(store.Post{Room: "r", Author: "ann", CID: "2", Text: "y", Outbox: true})
		f.equal("posts", f.waiting("r", 0), []string{"gone 1", "y"})
		f.equal("claims", f.claim("one", 9), []string{"r 0"})
	}},
	{"two handles claim each room once, and lose no post", func(f *fixture) {
		f.outbox()
		other := f.another()
		const rooms, posts = 6, 8
		for i := range rooms {
			f.create(fmt.Sprint("r", i), store.KindOpen)
		}
		var mu sync.Mutex
		got := make(map[string][]int64)
		var wg sync.WaitGroup
		for h, o := range []store.Outbox{f.outbox(), other.outbox()} {
			wg.Go(func() {
				for n := range posts {
					for i := range rooms {
						op := store.Post{Room: fmt.Sprint("r", i), Author: "ann", CID: fmt.Sprint(h, n), Outbox: true}
						if _, err := o.Commit(ctx, []store.Op{op}); err != nil {
							f.Errorf("post: %v", err)
						}
					}
					takeAll(f, o, fmt.Sprint("owner", h), &mu, got)
				}
			})
		}
		wg.Wait()
		takeAll(f, f.outbox(), "owner0", &mu, got)
		for i := range rooms {
			room := fmt.Sprint("r", i)
			if seqs := got[room]; len(seqs) != 2*posts || !slices.IsSorted(seqs) {
				f.Errorf("%s: seqs %v", room, seqs)
			}
		}
	}},
}

// takeAll takes all posts of the rooms that it can claim.
func takeAll(f *fixture, o store.Outbox, owner string, mu *sync.Mutex, got map[string][]int64) {
	claims, _, err := o.Claim(ctx, owner, nil, time.Hour, 2)
	for err == nil && len(claims) > 0 {
		var settle []store.Claim
		for _, c := range claims {
			posts, _, err := o.Waiting(ctx, c.Room, 0, 3)
			if err != nil {
				f.Errorf("waiting: %v", err)
				return
			}
			for _, m := range posts {
				mu.Lock()
				got[c.Room] = append(got[c.Room], m.Seq)
				mu.Unlock()
				c.Done = m.Seq
			}
			c.Over = true
			settle = append(settle, c)
		}
		var lost []string
		if claims, lost, err = o.Claim(ctx, owner, settle, time.Hour, 2); len(lost) > 0 {
			f.Errorf("claims of %q are lost", lost)
		}
	}
	if err != nil {
		f.Errorf("claim: %v", err)
	}
}

// eventually waits until something is true. It gives up late, because a store may
// be slow.
func (f *fixture) eventually(what string, is func() bool) {
	f.Helper()
	for until := time.Now().Add(3 * time.Minute); !is(); {
		if time.Now().After(until) {
			f.Fatalf("in vain: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
