package chat_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestNewsWithoutHints changes memberships, blocks and rooms on two servers whose bus
// does all that a bus can do, or that have no bus. One watch interval later the
// devices of each user, on both servers, know what is true.
func TestNewsWithoutHints(t *testing.T) {
	kinds := map[string]*faults{"no bus": nil}
	for name, f := range kindsOfFaults {
		kinds[name] = &f
	}
	for name, kind := range kinds {
		for seed := range uint64(seeds(1)) {
			t.Run(fmt.Sprint(name, ", seed ", seed), func(t *testing.T) {
				runPartition(t, seed, func(w *world, f *farm, bus *faultyBus) {
					if kind == nil {
						f = &farm{h: w.h, db: store.Memory(), random: newRandom(seed), so: func() *socketio.Options { return nil }}
						w.store = f.db
						w.chat = f.add().chat
						f.add()
					} else {
						testserver.Wait(6 * time.Second) // the servers know each other
						bus.set(*kind, false)
					}
					changeAll(w, f, rand.New(rand.NewPCG(seed, 9)))
				})
			})
		}
	}
}

// changeAll makes random changes, and compares what devices were told with the store.
func changeAll(w *world, f *farm, random *rand.Rand) {
	users := []string{"ann", "bob", "cy"}
	rooms := []string{"r", "s", "t"}
	w.room("r", chat.Closed, users...)
	w.room("s", chat.Open, users[:1]...)
	var devices []*stock
	for _, user := range users {
		for _, p := range f.processes {
			devices = append(devices, connect(w, user, p.dial))
		}
	}
	for range 40 {
		p, user := f.processes[random.IntN(2)], users[random.IntN(3)]
		r, s := p.chat.Room(rooms[random.IntN(3)]), devices[random.IntN(len(devices))]
		switch random.IntN(8) {
		case 0, 1:
			_ = r.Add(ctx, user, []chat.Role{chat.Writer, chat.Moderator}[random.IntN(2)])
		case 2:
			_ = r.Kick(ctx, user, "")
		case 3:
			_ = r.Delete(ctx)
		case 4:
			_ = r.Create(ctx, chat.RoomInfo{Kind: chat.Closed})
		case 5:
			s.call("block", obj{"user": []string{"eva", "fay"}[random.IntN(2)], "on": random.IntN(2) == 0})
		case 6:
			s.call("direct", obj{"user": user})
		default:
			s.call("leave", obj{"room": chat.DirectRoom(s.user, user)})
		}
		testserver.Wait(time.Duration(random.IntN(400)) * time.Millisecond)
	}
	testserver.Wait(5*time.Second + 100*time.Millisecond)
	for _, s := range devices {
		all, err := w.store.Memberships(ctx, s.user, "", 100)
		w.check(err)
		want := make(map[string]string)
		for i := range all {
			want[all[i].Room.ID] = string(all[i].Member.Role) + " " + all[i].Room.Epoch
		}
		if got := s.rolesInList(); fmt.Sprint(got) != fmt.Sprint(want) {
			w.Errorf("a device of %s shows %v, want %v", s.user, got, want)
		}
		blocked, err := w.store.Blocks(ctx, s.user)
		w.check(err)
		if got := s.blocked(); !slices.Equal(got, blocked) {
			w.Errorf("a device of %s knows that it blocks %q, want %q", s.user, got, blocked)
		}
	}
}

// rolesInList returns the rooms that a client shows, with the user's role and the
// room's epoch.
func (s *stock) rolesInList() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	roles := make(map[string]string)
	for _, e := range s.events {
		var list struct {
			Rooms, Set []wireRoom
			Gone       []struct{ ID string }
		}
		if e.name == "ready" || e.name == "rooms" {
			_ = json.Unmarshal(e.arg, &list)
		}
		for _, r := range append(list.Rooms, list.Set...) {
			roles[r.ID] = r.Role + " " + r.Epoch
		}
		for _, r := range list.Gone {
			delete(roles, r.ID)
		}
	}
	return roles
}

// blocked returns the users that a client knows as blocked, sorted.
func (s *stock) blocked() (users []string) {
	for _, arg := range s.named("block") {
		var b struct {
			User string
			On   bool
		}
		_ = json.Unmarshal(arg, &b)
		users = slices.DeleteFunc(users, func(u string) bool { return u == b.User })
		if b.On {
			users = append(users, b.User)
		}
	}
	slices.Sort(users)
	return users
}

// TestNewsAreToldOnce makes changes that servers hear of by hints: the news of the
// store bring no further event.
func TestNewsAreToldOnce(t *testing.T) {
	runPartition(t, 1, func(w *world, f *farm, _ *faultyBus) {
		testserver.Wait(6 * time.Second)
		w.room("r", chat.Closed)
		w.room("s", chat.Closed, "ann")
		testserver.Wait(time.Second) // both servers know that
		anns := []*stock{connect(w, "ann", f.processes[0].dial), connect(w, "ann", f.processes[1].dial)}
		synctest.Wait() // a change while a list is sent may be told twice
		var all sync.WaitGroup
		for i, change := range []func(){
			func() { w.check(f.processes[0].chat.Room("r").Add(ctx, "ann", chat.Writer)) },
			func() { anns[1].must("block", obj{"user": "bob", "on": true}) },
			func() { w.check(f.processes[1].chat.Room("s").Delete(ctx)) },
		} {
			testserver.Wait(time.Duration(100*i) * time.Millisecond)
			all.Go(change)
		}
		all.Wait()
		testserver.Wait(20 * time.Second)
		for i, ann := range anns {
			if rooms, blocks := ann.named("rooms"), ann.named("block"); len(rooms) != 2 || len(blocks) != 1 {
				w.Errorf("the device on server %d was told %s and %s", i, rooms, blocks)
			}
		}
	})
}
