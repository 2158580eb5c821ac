package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestPanicOfCanRead lets Policy.CanRead panic where no command waits for it. The
// server goes on, and the user reads nothing.
func TestPanicOfCanRead(t *testing.T) {
	var fails atomic.Bool
	run(t, func(o *chat.Options) {
		o.Policy.CanRead = func(context.Context, chat.User, chat.RoomInfo) error {
			if fails.Load() {
				panic("a mistake in the program")
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann := w.connect("ann")
		ann.open("r")
		fails.Store(true)
		testserver.Wait(40 * time.Second) // the followers are asked about again
		_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "secret"})
		w.check(err)
		ann.drop() // and comes back with a cursor
		testserver.Wait(10 * time.Second)
		ann.refusedWith("internal", "open", obj{"room": "r"})
		if ann.sees("secret") {
			w.Error("ann reads a post")
		}
	})
}

// TestPanicOfRetentionOf lets RetentionOf panic for one room. That room keeps all,
// and the others do not.
func TestPanicOfRetentionOf(t *testing.T) {
	days(t, func(h *testserver.Harness) {
		db := store.Memory()
		for _, room := range []string{"a", "r"} {
			posted(h.T, db, room, 1, 9)
		}
		testserver.Wait(2 * day)
		w := serve(h, db, func(o *chat.Options) {
			o.RetentionOf = func(r chat.RoomInfo) chat.Retention {
				if r.ID == "a" {
					panic("a mistake in the program")
				}
				return chat.Retention{Count: 5}
			}
		})
		round()
		for room, want := range map[string]int64{"a": 1, "r": 5} {
			if e := extent(w, room); e.Room.Floor != want {
				w.Errorf("the floor of %s is %d, want %d", room, e.Room.Floor, want)
			}
		}
	})
}
