package chat_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// countedCommits is a store that counts the operations it is given.
type countedCommits struct {
	store.Store
	posts atomic.Int64
}

func (s *countedCommits) Commit(ctx context.Context, ops []store.Op) (*store.Committed, error) {
	for _, op := range ops {
		if _, is := op.(store.Post); is {
			s.posts.Add(1)
		}
	}
	return s.Store.Commit(ctx, ops)
}

// TestFloodOfPosts lets a user send far more posts than the rates allow, from many
// devices at once. The program and the store are asked about few of them, and another
// user notices nothing.
func TestFloodOfPosts(t *testing.T) {
	db := &countedCommits{Store: store.Memory()}
	var asked atomic.Int64
	run(t, func(o *chat.Options) {
		o.Store, o.Limits = db, chat.Limits{}
		o.BeforePost = func(_ context.Context, d *chat.Draft) error {
			if d.Author == "ann" {
				asked.Add(1)
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		bob := w.connect("bob")
		bob.open("r")
		const devices, each = 16, 30
		var replies []*call
		for d := range devices {
			ann := w.connect("ann")
			ann.update(func() {
				for i := range each {
					c := &call{event: "post", alone: true, arg: post("r", fmt.Sprint(d, " ", i), "buy my pills")}
					ann.line, replies = append(ann.line, c), append(replies, c)
				}
			})
			ann.drain()
		}
		began := time.Now()
		bob.must("post", post("r", "bob's", "hello"))
		if took := time.Since(began); took > 0 {
			w.Errorf("bob's post has taken %v", took)
		}
		testserver.Wait(2 * time.Minute)
		for _, c := range replies {
			if !c.ended {
				w.Errorf("a post has no answer: %+v", c)
				break
			}
		}
		messages, err := w.chat.Room("r").History(ctx, 0, 10_000)
		w.check(err)
		own := int64(len(messages) - 1)
		if own < 60 || own > 240 { // two a second, and four may wait
			w.Errorf("%d posts were accepted", own)
		}
		if n := asked.Load(); n != own {
			w.Errorf("BeforePost was called for %d of %d posts", n, own)
		}
		if lookups := db.posts.Load() - own - 1; lookups > 250 {
			w.Errorf("the store was asked about %d refused posts", lookups)
		}
	})
}
