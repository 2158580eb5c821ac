package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// countedLooks is a store that counts the memberships it is asked for.
type countedLooks struct {
	store.Store
	looks atomic.Int64
}

func (s *countedLooks) Look(ctx context.Context, user string, rooms []string) ([]store.Membership, error) {
	s.looks.Add(int64(len(rooms)))
	return s.Store.Look(ctx, user, rooms)
}

func (s *countedLooks) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	page, err := s.Store.Memberships(ctx, user, after, limit)
	s.looks.Add(int64(len(page)))
	return page, err
}

// TestManyRooms is for a user of 1,000 rooms with unread messages: the rooms are listed
// page by page, news in all of them are told together, a hundred are opened at once, and
// come back after a break.
func TestManyRooms(t *testing.T) {
	const rooms = 1000
	db := &countedLooks{Store: store.Memory()}
	run(t, func(o *chat.Options) { o.Store, o.Limits.Reads = db, chat.Rate{} }, func(w *world) {
		var ops []store.Op
		for i := range rooms {
			id := fmt.Sprintf("r%04d", i)
			ops = append(ops, store.Create{Room: id, Kind: store.KindOpen},
				store.SetMember{Room: id, User: "ann", Do: store.Add, Role: store.RoleMember},
				store.SetMember{Room: id, User: "bob", Do: store.Add, Role: store.RoleMember},
				store.Post{Room: id, Author: "bob", Text: "x"})
		}
		_, err := w.store.Commit(ctx, ops)
		w.check(err)
		ann := w.connect("ann")
		seen := make(map[string]int64)
		take := func(list []wireRoom) {
			for _, r := range list {
				if _, twice := seen[r.ID]; twice {
					w.Errorf("%s is listed twice", r.ID)
				}
				seen[r.ID] = r.Unread
			}
		}
		take(ann.ready.Rooms)
		for more, after := ann.ready.More, ann.ready.Rooms[len(ann.ready.Rooms)-1].ID; more; {
			var page struct {
				Rooms []wireRoom
				More  bool
			}
			w.check(json.Unmarshal(ann.call("rooms", obj{"after": after}), &page))
			take(page.Rooms)
			more, after = page.More, page.Rooms[len(page.Rooms)-1].ID
		}
		for i := range rooms {
			if id := fmt.Sprintf("r%04d", i); seen[id] != 1 {
				w.Fatalf("%s: unread %d", id, seen[id])
			}
		}
		var all sync.WaitGroup
		for i := range rooms { // news in each room at once
			all.Go(func() {
				_, err := w.chat.Room(fmt.Sprintf("r%04d", i)).Post(ctx, "bob", chat.Draft{Text: "y"})
				w.check(err)
			})
		}
		all.Wait()
		testserver.Wait(3 * time.Second)
		told := make(map[string]float64)
		for _, e := range ann.named("heads") {
			var list [][2]any
			w.check(json.Unmarshal(e, &list))
			for _, h := range list {
				told[h[0].(string)] = h[1].(float64)
			}
		}
		if len(told) != rooms || told["r0999"] != 2 {
			w.Errorf("told of %d rooms", len(told))
		}
		began := time.Now()
		ann.update(func() {
			for i := range 100 {
				id := fmt.Sprintf("r%04d", i)
				ann.views[id] = newView()
				ann.views[id].wanted = true
				ann.sendOpen(id)
			}
		})
		ann.drain()
		ann.wait("opens", func() bool {
			for i := range 100 {
				if v := ann.views[fmt.Sprintf("r%04d", i)]; !v.open || len(v.rows) != 2 {
					return false
				}
			}
			return true
		})
		if took := time.Since(began); took > 0 {
			w.Errorf("took %v", took)
		}
		ann.must("direct", obj{"user": "cy"})
		w.connect("cy").must("leave", obj{"room": chat.DirectRoom("ann", "cy")})
		everybody := []string{"bob", "cy"}
		for i := range 198 {
			everybody = append(everybody, fmt.Sprint("stranger", i))
		}
		synctest.Wait() // until the chat has checked whom ann may watch, as cy left
		db.looks.Store(0)
		var watched struct{ Users []struct{ ID string } }
		w.check(json.Unmarshal(ann.call("watch", obj{"users": everybody}), &watched))
		if fmt.Sprint(watched.Users) != "[{bob} {cy}]" {
			w.Errorf("ann watches %v", watched.Users)
		}
		if n := db.looks.Load(); n > 2000 {
			w.Errorf("the store was asked about %d rooms", n)
		}
		ann.drop() // 100 cursors
		testserver.Wait(5 * time.Second)
		_, err = w.chat.Room("r0050").Post(ctx, "bob", chat.Draft{Text: "z"})
		w.check(err)
		ann.shows("r0050", "x", "y", "z")
	})
}
