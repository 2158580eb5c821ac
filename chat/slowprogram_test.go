package chat_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestFunctionsThatDoNotReturn lets each function of the program wait for ever for
// the commands of ann. Each command is answered within 8 s, and nothing else waits
// for it: others go on, and a server finds the changes that it was not told of.
func TestFunctionsThatDoNotReturn(t *testing.T) {
	var stuck atomic.Bool
	var never chan struct{}
	wait := func(u chat.User) {
		if stuck.Load() && u.ID == "ann" {
			<-never
		}
	}
	testserver.Run(t, nil, func(h *testserver.Harness) {
		never = make(chan struct{})
		db := store.Memory()
		p := start(h, db, newRandom(1), nil, func(o *chat.Options) {
			o.OnReport = func(_ context.Context, u chat.User, _ chat.Message, _ string) error { wait(u); return nil }
			o.Users = func(context.Context, []string) ([]chat.User, error) { wait(chat.User{ID: "ann"}); return nil, nil }
			o.BeforePost = func(_ context.Context, d *chat.Draft) error { wait(chat.User{ID: d.Author}); return nil }
			o.Policy = chat.Policy{
				CanJoin: func(_ context.Context, u chat.User, _ chat.RoomInfo) (chat.Role, error) {
					wait(u)
					return chat.Writer, nil
				},
				CanRead:     func(_ context.Context, u chat.User, _ chat.RoomInfo) error { wait(u); return nil },
				CanCreate:   func(_ context.Context, u chat.User, _ chat.RoomInfo) error { wait(u); return nil },
				CanModerate: func(_ context.Context, u chat.User, _ chat.RoomInfo, _, _ string) error { wait(u); return nil },
				CanSee:      func(_ context.Context, u chat.User, _ string) error { wait(u); return nil },
			}
		})
		w := &world{T: h.T, h: h, chat: p.chat, store: db}
		h.T.Cleanup(func() { close(never) })
		w.room("r", chat.Open, "bob")
		w.check(w.chat.Room("r").Add(ctx, "ann", chat.Owner))
		w.room("s", chat.Open)
		ann, bob := connect(w, "ann", p.dial), connect(w, "bob", p.dial)
		bob.must("post", post("r", "1", "hello"))
		ann.open("r")
		bob.open("r")
		stuck.Store(true)
		testserver.Wait(40 * time.Second) // the followers are asked about again
		for event, arg := range map[string]obj{
			"post": post("r", "2", "x"), "history": {"room": "r"}, "join": {"room": "s"}, "create": {"cid": "1", "kind": "open"},
			"direct": {"user": "bob"}, "kick": {"room": "r", "user": "cy"}, "set": {"room": "r", "slowMode": 1}, "report": {"room": "r", "seq": 1},
			"users": {"users": []string{"bob"}}, "search": {"text": "hello"},
		} {
			began := time.Now()
			ann.call(event, arg)
			if took := time.Since(began); took > 8500*time.Millisecond {
				w.Errorf("%s was answered after %v", event, took)
			}
		}
		_, err := db.Commit(ctx, []store.Op{store.Post{Room: "r", Author: "bob", Text: "untold"}}) // by another server
		w.check(err)
		testserver.Wait(6 * time.Second)
		bob.shows("r", "hello", "untold")
	})
}

// TestPanicsOfTrace lets each function of Trace panic: the server goes on.
func TestPanicsOfTrace(t *testing.T) {
	var panics atomic.Int64
	fail := func() { panics.Add(1); panic("a mistake in the program") }
	run(t, func(o *chat.Options) {
		o.Trace = chat.Trace{
			Committed: func(int, time.Duration) { fail() },
			Delivered: func(string, int64) { fail() },
			CaughtUp:  func(string, int64, int64, string) { fail() },
			Refused:   func(string, chat.Code) { fail() },
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.open("r")
		bob.must("post", post("r", "1", "hello"))
		ann.shows("r", "hello")
		ann.refusedWith("not_found", "open", obj{"room": "nowhere"})
		ann.drop()
		testserver.Wait(5 * time.Second)
		bob.must("post", post("r", "2", "again"))
		ann.shows("r", "hello", "again")
		if panics.Load() < 5 {
			w.Errorf("%d panics", panics.Load())
		}
	})
}

// TestAbandonedOperations lets the database hang while users go on sending: when it
// answers again, it is not given what nobody waits for any longer.
func TestAbandonedOperations(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann")
		p := f.processes[0]
		var hangs atomic.Bool
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "before commit" && hangs.Load() {
				<-time.After(20 * time.Second)
			}
		}
		p.mu.Unlock()
		hangs.Store(true)
		say := func() {
			if _, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "too late"}); !errors.Is(err, chat.ErrUnavailable) {
				w.Errorf("post: %v", err)
			}
		}
		go say() // hangs
		synctest.Wait()
		for range 3 {
			for range 100 {
				go say()
			}
			testserver.Wait(5500 * time.Millisecond)
		}
		hangs.Store(false)
		testserver.Wait(20 * time.Second)
		m, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "now"})
		w.check(err)
		if m.Seq != 1 {
			w.Errorf("%d posts were committed that nobody waited for", m.Seq-1)
		}
	})
}
