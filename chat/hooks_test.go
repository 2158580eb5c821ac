package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestOnPost(t *testing.T) {
	var mu sync.Mutex
	var posts []string
	run(t, func(o *chat.Options) {
		o.OnPost = func(_ context.Context, p chat.Posted) {
			mu.Lock()
			defer mu.Unlock()
			posts = append(posts, fmt.Sprint(p.Room, " ", p.Message.Seq, " ", p.Message.Text))
			if len(posts) == 2 {
				panic("a mistake in the program")
			}
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		var want []string
		for i := range 20 {
			ann.must("post", post("r", fmt.Sprint(i), fmt.Sprint(i)))
			ann.must("post", post("r", fmt.Sprint(i), fmt.Sprint(i))) // repeated
			ann.must("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": i%2 == 0})
			want = append(want, fmt.Sprint("r ", i+1, " ", i))
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(posts, want) {
			w.Errorf("OnPost got %q", posts)
		}
	})
}

func TestHeads(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		w.room("s", chat.Closed, "ann", "bob")
		ann, phone, bob := w.connect("ann"), w.connect("ann"), w.connect("bob")
		ann.open("r")
		for i := range 5 {
			bob.must("post", post("r", fmt.Sprint(i), "x"))
			bob.must("post", post("s", fmt.Sprint(i), "x"))
		}
		testserver.Wait(2 * time.Second)
		if got := ann.named("heads"); len(got) != 1 || string(got[0]) != `[["s",5]]` {
			w.Errorf("ann has got %s", got)
		}
		var both [][2]any
		if got := phone.named("heads"); len(got) != 1 || json.Unmarshal(got[0], &both) != nil || len(both) != 2 {
			w.Errorf("the phone has got %s", got)
		}
		bob.must("react", obj{"room": "s", "seq": 5, "emoji": "x", "on": true})
		testserver.Wait(2 * time.Second)
		if got := phone.named("heads"); len(got) != 1 {
			w.Errorf("a reaction is told: %s", got)
		}
		w.check(w.chat.Room("s").Kick(ctx, "ann", ""))
		testserver.Wait(time.Second)
		bob.must("post", post("s", "secret", "x"))
		testserver.Wait(2 * time.Second)
		if got := phone.named("heads"); len(got) != 1 {
			w.Errorf("a removed user is told: %s", got)
		}
	})
}
