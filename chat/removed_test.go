package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestBackAtOnce removes a user that is a member again before anything can be
// told: the user's views do not stand still.
func TestBackAtOnce(t *testing.T) {
	for _, servers := range []int{1, 2} {
		t.Run(fmt.Sprint(servers, " servers"), func(t *testing.T) {
			runPartition(t, 1, func(w *world, f *farm, _ *faultyBus) {
				testserver.Wait(6 * time.Second) // the servers know each other
				w.room("r", chat.Closed, "ann", "bob")
				ann, bob := connect(w, "ann", f.processes[servers-1].dial), connect(w, "bob", f.processes[0].dial)
				bob.must("post", post("r", "1", "before"))
				ann.must("post", post("r~1", "1", "reply"))
				ann.open("r")
				ann.open("r~1")
				w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
				w.check(w.chat.Room("r").Add(ctx, "ann", chat.Writer))
				testserver.Wait(time.Second)
				ann.reopen("r", "r~1")
				bob.must("post", post("r", "2", "after"))
				bob.must("post", post("r~1", "2", "answer"))
				ann.shows("r", "before", "after")
				ann.shows("r~1", "reply", "answer")
			})
		})
	}
}

// reopen opens the rooms that were refused, as a page does when the list of rooms
// says that the user is back: the user was not yet when the page opened them.
func (s *stock) reopen(rooms ...string) {
	for _, room := range rooms {
		s.mu.Lock()
		refused := s.views[room].code != ""
		s.mu.Unlock()
		if refused {
			s.open(room)
		}
	}
}

// TestRemovedFromThreads removes a user that has a thread open: the page learns
// it for the thread, too.
func TestRemovedFromThreads(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Closed, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		bob.must("post", post("r", "1", "x"))
		ann.must("post", post("r~1", "1", "reply"))
		ann.open("r")
		ann.open("r~1")
		w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
		synctest.Wait()
		ann.mu.Lock()
		defer ann.mu.Unlock()
		if r, thread := ann.views["r"].code, ann.views["r~1"].code; r != "not_found" || thread != "not_found" {
			w.Errorf("codes %q and %q", r, thread)
		}
	})
}

// TestLastWordAboutARoom removes a user while the user is being told of a
// mention: that the room is gone comes last.
func TestLastWordAboutARoom(t *testing.T) {
	var asked atomic.Int64
	slow := func(o *chat.Options) {
		o.Policy.CanRead = func(ctx context.Context, u chat.User, _ chat.RoomInfo) error {
			if u.ID == "ann" && asked.Add(1) == 1 {
				<-time.After(time.Second)
			}
			return nil
		}
	}
	run(t, slow, func(w *world) {
		w.room("r", chat.Closed, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		bob.must("post", obj{"room": "r", "cid": "1", "text": "ann!", "mentions": []string{"ann"}})
		w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
		testserver.Wait(5 * time.Second)
		all := ann.named("rooms")
		if want := `{"gone":[{"id":"r","why":"kick"}]}`; len(all) == 0 || string(all[len(all)-1]) != want {
			w.Errorf("ann was told %s", all)
		}
		bob.must("post", post("r", "2", "secret"))
		testserver.Wait(5 * time.Second)
		if heads := ann.named("heads"); slices.ContainsFunc(heads, func(h json.RawMessage) bool { return string(h) == `[["r",2]]` }) {
			w.Errorf("ann was told of a later message: %s", heads)
		}
	})
}

// TestLateCommitIsTold commits a removal after the one who asked for it has given
// up: the user is told all the same.
func TestLateCommitIsTold(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Closed, "ann", "bob")
		ann := connect(w, "ann", f.dial)
		p := f.processes[0]
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "before commit" {
				<-time.After(3 * time.Second)
			}
		}
		p.mu.Unlock()
		go w.chat.Room("r").Mute(ctx, "bob", 0)
		synctest.Wait()
		if err := w.chat.Room("r").Kick(ctx, "ann", ""); !errors.Is(err, chat.ErrUnavailable) {
			w.Fatalf("kick: %v", err)
		}
		testserver.Wait(5 * time.Second)
		if all := ann.named("rooms"); len(all) != 1 || string(all[0]) != `{"gone":[{"id":"r","why":"kick"}]}` {
			w.Errorf("ann was told %s", all)
		}
	})
}

// TestMarkersOfRemovedUsers reads after a removal: no marker moves, and no answer
// says how many messages there are. Nobody looks at the room when it happens.
func TestMarkersOfRemovedUsers(t *testing.T) {
	for _, hinted := range []bool{true, false} {
		t.Run(fmt.Sprint("hinted ", hinted), func(t *testing.T) {
			runPartition(t, 1, func(w *world, f *farm, bus *faultyBus) {
				testserver.Wait(6 * time.Second)
				w.room("r", chat.Closed, "ann", "bob")
				w.room("s", chat.Closed, "ann")
				there := f.processes[1]
				ann, bob := connect(w, "ann", there.dial), connect(w, "bob", there.dial)
				bob.must("post", post("r", "1", "x"))
				bob.must("post", post("r", "2", "y"))
				for _, name := range []string{"read", "unread"} {
					ann.must(name, obj{"room": "r", "seq": 1})
				}
				bus.set(faults{}, !hinted)
				w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
				testserver.Wait(time.Second)
				if !hinted { // a server asks the store within a minute
					for range 4 {
						ann.call("read", obj{"room": "r", "seq": 1})
						testserver.Wait(20 * time.Second)
					}
				}
				bob.open("r")
				told := len(bob.named("read"))
				ann.refusedWith("not_found", "read", obj{"room": "r", "seq": 2})
				testserver.Wait(time.Second)
				if news := bob.named("read")[told:]; len(news) > 0 {
					w.Errorf("bob was told %s", news)
				}
			})
		})
	}
}

// TestWatchingEnds removes one of two users from the room that they share: neither
// sees the presence of the other any longer.
func TestWatchingEnds(t *testing.T) {
	for _, removed := range []string{"ann", "bob"} {
		t.Run(removed, func(t *testing.T) {
			run(t, nil, func(w *world) {
				w.room("r", chat.Closed, "ann", "bob", "cy")
				w.room("s", chat.Closed, "ann", "cy")
				ann, bob, cy := w.connect("ann"), w.connect("bob"), w.connect("cy")
				if got := ann.watch("bob", "cy"); !slices.Equal(got, []string{"bob online", "cy online"}) {
					w.Fatalf("ann sees %q", got)
				}
				if got := bob.watch("ann"); !slices.Equal(got, []string{"ann online"}) {
					w.Fatalf("bob sees %q", got)
				}
				w.check(w.chat.Room("r").Kick(ctx, removed, ""))
				testserver.Wait(2 * time.Second)
				for _, s := range []*stock{ann, bob, cy} {
					s.must("active", obj{"idle": true})
				}
				testserver.Wait(2 * time.Second)
				ann.told("bob", "offline")
				ann.told("cy", "away")
				bob.told("ann", "offline")
			})
		})
	}
}

// TestWatchingDuringARemoval removes a user while the server finds out whom the
// user may watch.
func TestWatchingDuringARemoval(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Closed, "ann", "bob")
		ann, bob := connect(w, "ann", f.dial), connect(w, "bob", f.dial)
		var once atomic.Bool
		p := f.processes[0]
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "after ready" && once.CompareAndSwap(false, true) { // the rooms of ann were read
				w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
				<-time.After(time.Second)
			}
		}
		p.mu.Unlock()
		ann.watch("bob")
		testserver.Wait(2 * time.Second)
		bob.must("active", obj{"idle": true})
		testserver.Wait(2 * time.Second)
		if states := ann.states("bob"); slices.Contains(states, "away") {
			w.Errorf("ann was told of bob: %q", states)
		}
	})
}

// TestHeadsOfARoomMadeAnew deletes a room and makes it anew, with other members:
// those of the first one are not told of its messages, on any server.
func TestHeadsOfARoomMadeAnew(t *testing.T) {
	runPartition(t, 1, func(w *world, f *farm, _ *faultyBus) {
		testserver.Wait(6 * time.Second)
		w.room("r", chat.Closed, "ann", "bob")
		bob := connect(w, "bob", f.processes[0].dial)
		anns := []*stock{connect(w, "ann", f.processes[0].dial), connect(w, "ann", f.processes[1].dial)}
		w.check(w.chat.Room("r").Delete(ctx))
		w.room("r", chat.Closed, "bob")
		bob.must("post", post("r", "1", "x"))
		testserver.Wait(3 * time.Second)
		for i, ann := range anns {
			if heads := ann.named("heads"); len(heads) > 0 {
				w.Errorf("on server %d, ann was told %s", i, heads)
			}
		}
	})
}
