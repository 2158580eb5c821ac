package chat_test

import (
	"context"
	"encoding/json"
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
