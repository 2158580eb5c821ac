package chat_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

func (s *listedStore) Look(ctx context.Context, user string, rooms []string) ([]store.Membership, error) {
	defer s.listed()
	return s.Store.Look(ctx, user, rooms)
}

// badge returns the newest seq of a room in the client's list of rooms, as a page
// shows it.
func badge(s *stock, room string) (seq int64) {
	type listed struct {
		ID  string
		Seq int64
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		var list struct{ Rooms, Set []listed }
		var heads [][2]any
		switch e.name {
		case "ready", "rooms", "reply to rooms":
			_ = json.Unmarshal(e.arg, &list)
		case "heads":
			_ = json.Unmarshal(e.arg, &heads)
		}
		for _, r := range append(list.Rooms, list.Set...) {
			if r.ID == room {
				seq = r.Seq
			}
		}
		for _, head := range heads {
			if head[0] == room {
				seq = int64(head[1].(float64))
			}
		}
	}
	return seq
}

// TestBadgeAndSlowStore posts while a slow store reads what a list shows, and so
// long before the end of that that the head was told meanwhile: the badge is that of
// the newest message in the end.
func TestBadgeAndSlowStore(t *testing.T) {
	for name, list := range map[string]func(w *world, ann *stock){
		"ready": nil,
		"rooms": func(_ *world, ann *stock) { ann.must("rooms", obj{}) },
		"set":   func(w *world, _ *stock) { w.check(w.chat.Room("r").SetRole(ctx, "ann", chat.Moderator)) },
	} {
		for _, before := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second} {
			t.Run(name+", "+before.String()+" before", func(t *testing.T) {
				var db *listedStore
				run(t, func(o *chat.Options) {
					db = &listedStore{Store: o.Store}
					o.Store = db
				}, func(w *world) {
					w.room("r", chat.Open, "ann", "bob")
					ann := newStock(w, "ann", w.h.Dial)
					if name != "ready" {
						ann = w.connect("ann")
						testserver.Wait(time.Second)
					}
					between := func() {
						posted(w.T, db.Store, "r", 1, 3)
						_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "x"})
						w.check(err)
						<-time.After(before)
					}
					db.between.Store(&between)
					if name == "ready" {
						ann.start()
						synctest.Wait()
					} else {
						list(w, ann)
					}
					testserver.Wait(before + 3*time.Second)
					if got := badge(ann, "r"); got != 4 {
						w.Errorf("the badge is that of message %d: %s", got, ann.events)
					}
				})
			})
		}
	}
}
