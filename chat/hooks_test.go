package chat_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestOnPost(t *testing.T) {
	var mu sync.Mutex
	var posts []string
	run(t, func(o *chat.Options) {
		o.OnPost = func(_ context.Context, p *chat.Posted) error {
			mu.Lock()
			defer mu.Unlock()
			posts = append(posts, fmt.Sprint(p.Room, " ", p.Message.Seq, " ", p.Message.Text))
			switch len(posts) {
			case 2:
				panic("a mistake in the program")
			case 3:
				return errors.New("the push service is away")
			}
			return nil
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

// TestOnPostOfRooms lets OnPost take long for one room: the others do not wait,
// and Close waits for what was posted.
func TestOnPostOfRooms(t *testing.T) {
	var mu sync.Mutex
	var posts []string
	list := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(posts)
	}
	run(t, func(o *chat.Options) {
		o.OnPost = func(ctx context.Context, p *chat.Posted) error {
			if p.Room == "slow" {
				select {
				case <-time.After(4 * time.Second):
				case <-ctx.Done():
				}
			}
			mu.Lock()
			defer mu.Unlock()
			posts = append(posts, fmt.Sprint(p.Room, p.Message.Seq))
			return ctx.Err()
		}
	}, func(w *world) {
		w.room("slow", chat.Open, "ann")
		w.room("fast", chat.Open, "ann")
		ann := w.connect("ann")
		for _, room := range []string{"slow", "slow", "fast", "fast"} {
			ann.must("post", obj{"room": room, "cid": rand.Text(), "text": "x"})
		}
		synctest.Wait()
		if got := list(); !slices.Equal(got, []string{"fast1", "fast2"}) {
			w.Errorf("OnPost got %q", got)
		}
		w.h.Server.Close()
		start := time.Now()
		w.check(w.chat.Close())
		if got := list(); !slices.Equal(got, []string{"fast1", "fast2", "slow1", "slow2"}) || time.Since(start) > 5*time.Second {
			w.Errorf("after %v OnPost has got %q", time.Since(start), got)
		}
	})
}

// TestOnPostTooSlow posts more than can wait.
func TestOnPostTooSlow(t *testing.T) {
	var calls atomic.Int64
	log := &lines{}
	run(t, func(o *chat.Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
		o.OnPost = func(ctx context.Context, _ *chat.Posted) error {
			calls.Add(1)
			<-ctx.Done()
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann")
		var all sync.WaitGroup
		for range 10_100 {
			all.Go(func() {
				_, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "x"})
				w.check(err)
			})
		}
		all.Wait()
		testserver.Wait(10 * time.Minute)
		if n := calls.Load(); n < 9 || n > 11 { // one a minute
			w.Errorf("%d calls", n)
		}
		if n := strings.Count(log.String(), "OnPost is too slow"); n != 1 {
			w.Errorf("%d lines in the log", n)
		}
	})
}

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
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

// slowLook is a store whose rows are late.
type slowLook struct{ store.Store }

func (s slowLook) Look(ctx context.Context, user string, rooms []string) ([]store.Membership, error) {
	all, err := s.Store.Look(ctx, user, rooms)
	if user == "ann" {
		<-time.After(1500 * time.Millisecond)
	}
	return all, err
}

func TestHeadsOfANewRoom(t *testing.T) {
	run(t, func(o *chat.Options) { o.Store = slowLook{o.Store} }, func(w *world) {
		ann, bob := w.connect("ann"), w.connect("bob")
		room := chat.DirectRoom("ann", "bob")
		bob.must("direct", obj{"user": "ann"})
		bob.must("post", post(room, "1", "sent before ann's list shows the room"))
		testserver.Wait(4 * time.Second) // the row of ann's list is older than the first head
		if got := badge(ann, room); got != 1 {
			w.Errorf("the badge is that of message %d: %s", got, ann.events)
		}
	})
}

// TestHeadsDuringReady posts while the list of a user's rooms is on its way to the
// device: the device is told of the message, after the list.
func TestHeadsDuringReady(t *testing.T) {
	for _, before := range []time.Duration{200 * time.Millisecond, 1200 * time.Millisecond, 4300 * time.Millisecond} {
		t.Run(fmt.Sprint(before, " before"), func(t *testing.T) {
			runFarm(t, 1, func(w *world, f *farm) {
				w.room("r", chat.Open, "ann", "bob")
				w.room("s", chat.Open, "ann", "bob")
				bob := connect(w, "bob", f.dial)
				p, posted := f.processes[0], false
				p.mu.Lock()
				p.hook = func(point string) {
					if point == "after ready" && !posted { // the rooms of ann were read
						posted = true
						bob.must("post", post("r", "1", "x"))
						testserver.Wait(before)
					}
				}
				p.mu.Unlock()
				ann := connect(w, "ann", f.dial)
				if got := ann.named("heads"); len(got) > 0 {
					w.Errorf("before the list: %s", got)
				}
				testserver.Wait(3 * time.Second)
				if got := ann.named("heads"); len(got) != 1 || string(got[0]) != `[["r",1]]` {
					w.Errorf("ann has got %s", got)
				}
			})
		})
	}
}
