package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestSlowReadsAreWhole changes a room behind a server's back, so much that the
// server reads several pages. A message that was on the first page and got a
// reaction is only on the last: there it must have its text.
func TestSlowReadsAreWhole(t *testing.T) {
	runFarm(t, 2, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		bob := connect(w, "bob", f.processes[1].dial)
		bob.open("r")
		var want []string
		for i := range 500 {
			_, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: fmt.Sprint("text ", i)})
			w.check(err)
			want = append(want, fmt.Sprint("text ", i))
		}
		_, err := f.db.Commit(ctx, []store.Op{store.React{Room: "r", By: "ann", Seq: 1, Emoji: "x", On: true}})
		w.check(err)
		testserver.Wait(10 * time.Second)
		bob.shows("r", want...)
	})
}

// TestReactionsAreSlim shows that a frame does not repeat a text that all
// followers have.
func TestReactionsAreSlim(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		ann.open("r")
		ann.must("post", post("r", "1", strings.Repeat("long ", 1000)))
		ann.must("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
		synctest.Wait()
		frames := ann.named("changes")
		if last := frames[len(frames)-1]; len(last) > 500 {
			t.Errorf("the frame of a reaction has %d bytes", len(last))
		}
		ann.shows("r", strings.Repeat("long ", 1000))
	})
}

// TestSlowStoreStopsNobody lets the store take five seconds for a client that
// catches up. Posts of others reach followers meanwhile.
func TestSlowStoreStopsNobody(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		bob := connect(w, "bob", f.dial)
		bob.open("r")
		ann := connect(w, "ann", f.dial)
		p := f.processes[0]
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "in catch-up" || point == "after a page" {
				testserver.Wait(time.Second)
			}
		}
		p.mu.Unlock()
		ann.update(func() { ann.views["r"] = newView(); ann.sendOpen("r") })
		ann.drain()
		for i := range 20 { // before and after the page is read
			start := time.Now()
			bob.must("post", post("r", fmt.Sprint(i), fmt.Sprint(i)))
			if took := time.Since(start); took > 0 {
				t.Errorf("a post took %v", took)
			}
			testserver.Wait(150 * time.Millisecond)
		}
		if got := len(texts(bob, "r")); got != 20 {
			t.Errorf("bob shows %d posts", got)
		}
		ann.wait("open", func() bool { return ann.views["r"].open })
		if got := len(texts(ann, "r")); got != 20 || ann.gaps > 0 {
			t.Errorf("ann shows %d posts, and has found %d gaps", got, ann.gaps)
		}
	})
}

// TestTrafficDoesNotStarveCatchUp opens a room while it changes all the time.
func TestTrafficDoesNotStarveCatchUp(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		bob := connect(w, "bob", f.dial)
		bob.open("r")
		ann := connect(w, "ann", f.dial)
		f.processes[0].disturb(20*time.Millisecond, 0)
		over := make(chan struct{})
		go func() {
			defer close(over)
			for i := range 300 {
				_, _ = w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: fmt.Sprint(i)})
			}
		}()
		start := time.Now()
		ann.open("r")
		if took := time.Since(start); took > time.Second {
			t.Errorf("open took %v", took)
		}
		<-over
		synctest.Wait()
		if ann.gaps > 0 || ann.views["r"].rev != bob.views["r"].rev {
			t.Errorf("ann is at %d with %d gaps, bob at %d", ann.views["r"].rev, ann.gaps, bob.views["r"].rev)
		}
	})
}

// TestStoreAwayAtConnect lets clients connect while the store is away: they are
// ready when it is back.
func TestStoreAwayAtConnect(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann")
		p := f.processes[0]
		p.disturb(0, 1)
		ann := newStock(w, "ann", f.dial)
		ann.start()
		testserver.Wait(30 * time.Second)
		if !ann.live || ann.ready != nil {
			t.Errorf("connected: %t, ready: %v", ann.live, ann.ready)
		}
		if r := ann.refusedWith("unavailable", "post", post("r", "1", "x")); r.Data.After <= 0 {
			t.Errorf("after %d", r.Data.After)
		}
		p.disturb(0, 0)
		testserver.Wait(15 * time.Second)
		if ann.ready == nil || len(ann.ready.Rooms) != 1 {
			t.Errorf("ready: %+v", ann.ready)
		}
		ann.must("post", post("r", "1", "x"))
	})
}

// TestAuthenticateIsAskedAgain lets Authenticate be unavailable at first.
func TestAuthenticateIsAskedAgain(t *testing.T) {
	for away, admitted := range map[time.Duration]bool{15 * time.Second: true, 40 * time.Second: false} {
		start := time.Time{}
		run(t, func(o *chat.Options) {
			o.Authenticate = func(ctx context.Context, s *socketio.Socket) (chat.User, error) {
				if start.IsZero() {
					start = time.Now()
				}
				if time.Since(start) < away {
					return chat.User{}, chat.ErrUnavailable
				}
				return authenticate(ctx, s)
			}
		}, func(w *world) {
			ann := connect(w, "ann", w.h.Dial)
			if (ann.refused == "") != admitted {
				t.Errorf("away for %v: refused %q", away, ann.refused)
			}
			if !admitted && !strings.Contains(ann.refused, `"code":"unauthenticated"`) {
				t.Errorf("refused with %s", ann.refused)
			}
		})
	}
}

// TestRestartReadsEachRoomOnce brings many clients back to a new process: rooms
// are read once, not for each client.
func TestRestartReadsEachRoomOnce(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "u0")
		var clients []*stock
		for i := range 30 {
			s := connect(w, fmt.Sprint("u", i), f.dial)
			s.open("r")
			clients = append(clients, s)
		}
		clients[0].must("post", post("r", "1", "hi"))
		old := f.processes[0]
		reads := 0
		old.kill()
		p := f.replace(old)
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "in catch-up" {
				reads++
			}
		}
		p.mu.Unlock()
		_, err := f.db.Commit(ctx, []store.Op{store.Post{Room: "r", Author: "u0", Text: "missed"}})
		w.check(err)
		for _, s := range clients {
			s.wait("return", func() bool { return len(s.views["r"].rows) == 2 })
			s.shows("r", "hi", "missed")
		}
		if reads > 4 {
			t.Errorf("%d reads of the room", reads)
		}
	})
}

// TestNewEpochMakesClientsBeginAnew restores a backup, so to speak.
func TestNewEpochMakesClientsBeginAnew(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := connect(w, "ann", f.dial), connect(w, "bob", f.dial)
		ann.open("r")
		bob.open("r")
		bob.must("post", post("r", "1", "one"))
		epoch := ann.views["r"].epoch
		bob.drop()
		w.check(f.db.NewEpoch(ctx))
		testserver.Wait(10 * time.Second)
		for _, s := range []*stock{ann, bob} {
			s.wait("another epoch", func() bool { return s.views["r"].epoch != epoch && s.views["r"].open })
			s.shows("r", "one")
		}
		bob.must("post", post("r", "2", "two"))
		ann.shows("r", "one", "two")
	})
}

// TestCursorsOfAnyKind sends cursors that no server has given.
func TestCursorsOfAnyKind(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		_, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "hi"})
		w.check(err)
		head, err := w.store.Heads(ctx, []string{"r"})
		w.check(err)
		for _, at := range []obj{{}, {"epoch": ""}, {"rev": 1}, {"epoch": "x", "rev": 1}, {"epoch": head[0].Epoch, "rev": head[0].Rev + 1}, {"epoch": head[0].Epoch, "rev": 1 << 50}} {
			ann := w.connect("ann")
			at["room"] = "r"
			reply := string(ann.call("open", at))
			if !strings.Contains(reply, `"reset":true`) || !strings.Contains(reply, `"text":"hi"`) {
				t.Errorf("%v: %s", at, reply)
			}
		}
		if _, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "on"}); err != nil {
			t.Error("a cursor of a client has changed the room:", err)
		}
		now, err := w.store.Heads(ctx, []string{"r"})
		w.check(err)
		if now[0].Epoch != head[0].Epoch {
			t.Error("a cursor of a client has changed the epoch")
		}
	})
}

// TestDroppedHints lets two servers know of each other's commits by the watch
// only, or by hints.
func TestDroppedHints(t *testing.T) {
	runFarm(t, 2, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := connect(w, "ann", f.processes[0].dial), connect(w, "bob", f.processes[1].dial)
		ann.open("r")
		bob.open("r")
		random := rand.New(rand.NewPCG(7, 7))
		for i := range 100 {
			s := []*stock{ann, bob}[random.IntN(2)]
			s.must("post", post("r", fmt.Sprint("c", i), fmt.Sprint(i)))
			testserver.Wait(time.Duration(random.IntN(300)) * time.Millisecond)
		}
		testserver.Wait(6 * time.Second)
		if a, b := texts(ann, "r"), texts(bob, "r"); len(a) != 100 || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("ann shows %v\nbob %v", a, b)
		}
		ann.shows("r", texts(bob, "r")...)
		bob.shows("r", texts(ann, "r")...)
	})
}

// TestRoomsAreForgotten looks for what a chat keeps when nobody follows.
func TestRoomsAreForgotten(t *testing.T) {
	run(t, nil, func(w *world) {
		for i := range 20 {
			w.room(fmt.Sprint("r", i), chat.Open, "ann")
		}
		ann := w.connect("ann")
		for i := range 20 {
			ann.open(fmt.Sprint("r", i))
		}
		if live, devices := w.chat.Kept(); live != 20 || devices != 1 {
			t.Errorf("%d rooms and %d devices are kept", live, devices)
		}
		for i := range 10 {
			ann.update(func() { ann.views[fmt.Sprint("r", i)].wanted = false })
			ann.must("close", obj{"room": fmt.Sprint("r", i)})
		}
		if live, _ := w.chat.Kept(); live != 10 {
			t.Errorf("%d rooms are kept", live)
		}
		ann.close()
		testserver.Wait(2 * time.Minute)
		if live, devices := w.chat.Kept(); live != 0 || devices != 0 {
			t.Errorf("%d rooms and %d devices are kept", live, devices)
		}
	})
}

// TestOneBadOperation commits what the database refuses together with other
// operations: those are committed all the same.
func TestOneBadOperation(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob", "cy")
		f.processes[0].disturb(100*time.Millisecond, 0)
		var calls []*call
		var clients []*stock
		for i, text := range []string{"one", "poison", "two"} {
			s := connect(w, []string{"ann", "bob", "cy"}[i], f.dial)
			clients = append(clients, s)
			calls = append(calls, s.send("post", post("r", "c", text)))
		}
		for i, c := range calls {
			clients[i].wait("reply", func() bool { return c.ended })
		}
		if got := string(calls[1].reply); !strings.Contains(got, `"internal"`) {
			t.Errorf("reply %s", got)
		}
		messages, err := w.chat.Room("r").History(ctx, 0, 10)
		w.check(err)
		if len(messages) != 2 {
			t.Errorf("%d messages", len(messages))
		}
	})
}

// TestPolicyChangesItsMind forbids a follower to read.
func TestPolicyChangesItsMind(t *testing.T) {
	var forbidden atomic.Bool
	run(t, func(o *chat.Options) {
		o.Policy.CanRead = func(_ context.Context, u chat.User, r chat.RoomInfo) error {
			if forbidden.Load() && u.ID == "ann" && r.ID == "r" {
				return chat.ErrForbidden
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.open("r")
		bob.open("r")
		testserver.Wait(time.Minute)
		bob.must("post", post("r", "1", "before"))
		ann.shows("r", "before")
		forbidden.Store(true)
		testserver.Wait(40 * time.Second)
		bob.must("post", post("r", "2", "secret"))
		synctest.Wait()
		if ann.sees("secret") {
			t.Error("ann has got a message that the policy forbids")
		}
		ann.refusedWith("forbidden", "open", obj{"room": "r"})
		bob.shows("r", "before", "secret")
	})
}

// TestOneDeadline lets everything that a post waits for take its time: the rate,
// BeforePost and the store. The answer comes before the client would repeat the
// post, and the repetition is one.
func TestOneDeadline(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		f := &farm{h: h, db: store.Memory(), random: newRandom(1), change: func(o *chat.Options) {
			o.Limits.Posts, o.Limits.RoomPosts = chat.Rate{PerSecond: 0.5, Burst: 1}, chat.Rate{}
			o.BeforePost = func(_ context.Context, d *chat.Draft) error {
				if d.Text == "slow" {
					testserver.Wait(2900 * time.Millisecond)
				}
				return nil
			}
		}}
		p := f.add()
		w := &world{T: h.T, h: h, chat: p.chat, store: f.db}
		w.room("r", chat.Open, "ann")
		ann, phone := connect(w, "ann", f.dial), connect(w, "ann", f.dial)
		phone.must("post", post("r", "first", "takes the token"))
		start := time.Now()
		late := ann.send("post", post("r", "late", "slow"))
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "before commit" {
				testserver.Wait(4500 * time.Millisecond)
			}
		}
		p.mu.Unlock()
		ann.wait("an answer", func() bool { return late.ended })
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("the answer took %v", took)
		}
		p.mu.Lock()
		p.hook = nil
		p.mu.Unlock()
		testserver.Wait(10 * time.Second)
		ann.must("post", post("r", "late", "slow"))
		messages, err := w.chat.Room("r").History(ctx, 0, 10)
		w.check(err)
		if len(messages) != 2 {
			t.Errorf("%d messages: %+v", len(messages), messages)
		}
	})
}

// TestImpatientClient has an ackTimeout that is shorter than the server takes.
func TestImpatientClient(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		bob := connect(w, "bob", f.dial)
		bob.open("r")
		f.processes[0].disturb(600*time.Millisecond, 0)
		ann := newStock(w, "ann", f.dial)
		ann.ackTimeout = 100 * time.Millisecond
		ann.start()
		ann.wait("connect", func() bool { return ann.ready != nil })
		var want []string
		for i := range 10 {
			ann.send("post", post("r", fmt.Sprint(i), fmt.Sprint(i)))
			want = append(want, fmt.Sprint(i))
		}
		testserver.Wait(3 * time.Second)
		f.processes[0].disturb(0, 0)
		testserver.Wait(time.Minute)
		if ann.nextID < 15 {
			t.Errorf("10 posts were sent %d times, so the test shows nothing", ann.nextID)
		}
		bob.shows("r", want...)
	})
}
