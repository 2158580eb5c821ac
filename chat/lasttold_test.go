package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// codeOf returns whether a client has opened a room, and why that was refused.
func codeOf(s *stock, room string) (opened bool, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.views[room]; v != nil {
		return true, v.code
	}
	return false, ""
}

// listOf returns the list of rooms that a client shows.
func listOf(s *stock) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := map[string]bool{}
	for _, e := range s.events {
		list(rooms, e.name, e.arg)
	}
	return rooms
}

// TestRoomMadeAnew deletes a room on one server and makes it anew on another, with
// a bus between them that delivers late and out of order. In the end each device
// of each user shows the room, follows it, or knows that it is gone, as is true.
func TestRoomMadeAnew(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			runPartition(t, seed, func(w *world, f *farm, bus *faultyBus) {
				testserver.Wait(6 * time.Second) // the servers know each other
				w.room("r", chat.Closed, "ann", "bob", "cy")
				var users []*stock
				for _, user := range []string{"ann", "bob"} {
					for _, p := range f.processes {
						users = append(users, connect(w, user, p.dial), connect(w, user, p.dial))
						users[len(users)-1].open("r") // the other device does not
					}
				}
				bus.set(faults{late: 2 * time.Second}, false)
				there, here := f.processes[seed%2].chat.Room("r"), f.processes[1-seed%2].chat.Room("r")
				for range 3 {
					w.check(there.Delete(ctx))
					w.check(here.Create(ctx, chat.RoomInfo{Kind: chat.Closed}))
					w.check(here.Add(ctx, "ann", chat.Writer)) // and not bob
					w.check(here.Add(ctx, "cy", chat.Writer))
				}
				testserver.Wait(10 * time.Second)
				bus.set(faults{}, false)
				for _, s := range users { // a page opens a room again that is in its list
					if _, code := codeOf(s, "r"); code != "" && listOf(s)["r"] {
						s.open("r")
					}
				}
				cy := connect(w, "cy", f.processes[0].dial)
				before := make(map[*stock]int)
				for _, s := range users {
					before[s] = len(s.named("heads"))
				}
				cy.must("post", post("r", "1", "secret"))
				testserver.Wait(3 * time.Second)
				for i, s := range users {
					in := s.user == "ann"
					if listOf(s)["r"] != in {
						w.Errorf("device %d of %s was told %s", i, s.user, s.named("rooms"))
					}
					opened, code := codeOf(s, "r")
					if heads := s.named("heads")[before[s]:]; len(heads) > 0 != (in && !opened) {
						w.Errorf("device %d of %s got heads %s", i, s.user, heads)
					}
					if opened && (code == "" != in || slices.Equal(texts(s, "r"), []string{"secret"}) != in) {
						w.Errorf("device %d of %s shows %q, code %q", i, s.user, texts(s, "r"), code)
					}
				}
			})
		})
	}
}

// TestRoomDeletedWithoutNews deletes a room while the bus is away: the followers
// on the other server learn of it by the watch.
func TestRoomDeletedWithoutNews(t *testing.T) {
	runPartition(t, 1, func(w *world, f *farm, bus *faultyBus) {
		w.room("r", chat.Open, "ann")
		ann, viewer := connect(w, "ann", f.processes[1].dial), connect(w, "bob", f.processes[1].dial)
		ann.open("r")
		viewer.open("r")
		bus.set(faults{}, true)
		w.check(f.processes[0].chat.Room("r").Delete(ctx))
		testserver.Wait(6 * time.Second)
		if listOf(ann)["r"] {
			w.Errorf("ann was told %s", ann.named("rooms"))
		}
		for _, s := range []*stock{ann, viewer} {
			if _, code := codeOf(s, "r"); code != "not_found" {
				w.Errorf("%s is told %q", s.user, code)
			}
		}
	})
}

// TestBlockOverTwoServers lets two devices of a user block another user, and take
// that back, on two servers whose bus delivers late and out of order.
func TestBlockOverTwoServers(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			runPartition(t, seed, func(w *world, f *farm, bus *faultyBus) {
				testserver.Wait(6 * time.Second)
				anns := []*stock{connect(w, "ann", f.processes[0].dial), connect(w, "ann", f.processes[1].dial)}
				bus.set(faults{late: 2 * time.Second}, false)
				for i := range 5 + int(seed)%2 {
					anns[i%2].must("block", obj{"user": "bob", "on": i%2 == 0})
					synctest.Wait() // the news is on its way
				}
				testserver.Wait(5 * time.Second)
				blocked, err := f.db.Blocks(ctx, "ann")
				w.check(err)
				for i, ann := range anns {
					all := ann.named("block")
					var last struct {
						User string
						On   bool
					}
					if len(all) == 0 || json.Unmarshal(all[len(all)-1], &last) != nil || last.User != "bob" || last.On != (len(blocked) > 0) {
						w.Errorf("the device on server %d was told %s, but ann blocks %q", i, all, blocked)
					}
				}
			})
		})
	}
}

// A listedStore calls between, once, after it has read a list of a user.
type listedStore struct {
	store.Store
	between atomic.Pointer[func()]
}

func (s *listedStore) listed() {
	if f := s.between.Swap(nil); f != nil {
		(*f)()
	}
}

func (s *listedStore) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	defer s.listed()
	return s.Store.Memberships(ctx, user, after, limit)
}

func (s *listedStore) Blocks(ctx context.Context, user string) ([]string, error) {
	defer s.listed()
	return s.Store.Blocks(ctx, user)
}

// TestOldListIsMended changes what a list says after it was read and before it is
// sent: an event after the list tells what is true.
func TestOldListIsMended(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		event  string
		want   string
	}{
		"rooms":  {func(w *world) { w.check(w.chat.Room("r").Kick(ctx, "ann", "")) }, "rooms", `{"gone":[{"id":"r","why":"kick"}]}`},
		"blocks": {func(w *world) { w.connect("ann").must("block", obj{"user": "bob", "on": true}) }, "block", `{"user":"bob","on":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			var db *listedStore
			run(t, func(o *chat.Options) {
				db = &listedStore{Store: o.Store}
				o.Store = db
			}, func(w *world) {
				w.room("r", chat.Closed, "ann")
				ann := w.connect("ann")
				between := func() {
					c.change(w)
					<-time.After(time.Second) // in which ann is told
				}
				db.between.Store(&between)
				ann.must(name, obj{})
				testserver.Wait(time.Second)
				ann.mu.Lock()
				defer ann.mu.Unlock()
				last := make(map[string]int)
				for i, e := range ann.events {
					last[e.name] = i
				}
				if at := last[c.event]; at < last["reply to "+name] || string(ann.events[at].arg) != c.want {
					w.Errorf("ann was told %s", ann.events)
				}
			})
		})
	}
}
