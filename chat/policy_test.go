package chat_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestPolicyIsAskedOnce counts the questions to CanRead.
func TestPolicyIsAskedOnce(t *testing.T) {
	var asked atomic.Int64
	var forbidden atomic.Bool
	run(t, func(o *chat.Options) {
		o.Policy.CanRead = func(_ context.Context, u chat.User, _ chat.RoomInfo) error {
			if u.ID != "ann" {
				return nil
			}
			asked.Add(1)
			if forbidden.Load() {
				return chat.ErrForbidden
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		w.room("s", chat.Open, "ann")
		ann := w.connect("ann")
		asks := func(what string, want int64, room string) {
			w.Helper()
			before := asked.Load()
			for range 5 {
				ann.call("history", obj{"room": room, "limit": 10})
			}
			if n := asked.Load() - before; n != want {
				w.Errorf("%s: asked %d times, want %d", what, n, want)
			}
		}
		asks("first", 1, "r")
		asks("a moment later", 0, "r")
		asks("another room", 1, "s")
		w.check(w.chat.Room("r").SetRole(ctx, "ann", chat.Moderator))
		asks("another role", 1, "r")
		w.check(w.chat.Room("r").Set(ctx, chat.RoomInfo{Info: json.RawMessage(`{"secret":true}`)}))
		asks("other settings", 1, "r")
		w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
		asks("no member", 1, "r")
		testserver.Wait(29 * time.Second)
		asks("after 29 s", 0, "r")
		testserver.Wait(2 * time.Second)
		forbidden.Store(true)
		asks("after 31 s, refused each time", 5, "r")
		forbidden.Store(false)
		asks("allowed again at once", 1, "r")
	})
}

// TestPolicyAboutPreviews forbids a member to read a room, and threads in it: no
// list shows the newest message.
func TestPolicyAboutPreviews(t *testing.T) {
	run(t, func(o *chat.Options) {
		o.Policy.CanRead = func(_ context.Context, u chat.User, r chat.RoomInfo) error {
			if u.ID == "ann" && r.ID == "r" {
				return chat.Refuse("not today")
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		w.room("other", chat.Open, "ann", "bob")
		early, bob := w.connect("ann"), w.connect("bob")
		for _, room := range []string{"r", "r~1", "other"} {
			bob.must("post", post(room, room, "newest of "+room))
		}
		early.must("leave", obj{"room": "r"})
		early.must("join", obj{"room": "r"})
		early.must("post", post("r~1", "follow", "ann follows the thread"))
		bob.must("post", post("r~1", "last", "newest of r~1"))
		late := w.connect("ann")
		list := string(late.call("rooms", obj{}))
		if !strings.Contains(list, "newest of other") || !strings.Contains(list, `"id":"r~1"`) || strings.Contains(list, "newest of r") {
			t.Errorf("rooms %s", list)
		}
		for _, s := range []*stock{early, late} {
			if s.sees("newest of r") {
				t.Error("ann sees the newest message of a room that is forbidden")
			}
		}
		if !late.sees("newest of other") {
			t.Error("ann does not see the newest message of a room that is allowed")
		}
	})
}

// TestOldAnswerOfThePolicy has the program think about a follower for 3 s, and then
// forbid the room, which it has allowed again meanwhile. The user has opened the room
// since, and stays.
func TestOldAnswerOfThePolicy(t *testing.T) {
	var slow, asked atomic.Bool
	run(t, func(o *chat.Options) {
		o.Policy.CanRead = func(context.Context, chat.User, chat.RoomInfo) error {
			if slow.CompareAndSwap(true, false) {
				asked.Store(true)
				<-time.After(3 * time.Second)
				return chat.ErrForbidden
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		ann.open("r")
		slow.Store(true)
		for range 60 {
			if testserver.Wait(time.Second); asked.Load() {
				break
			}
		}
		ann.must("close", obj{"room": "r"})
		ann.open("r")
		testserver.Wait(5 * time.Second)
		ann.must("post", post("r", "1", "x"))
		ann.shows("r", "x")
		if gone := ann.named("rooms"); len(gone) > 0 {
			w.Errorf("ann was told %s", gone)
		}
	})
}
