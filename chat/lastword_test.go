package chat_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestRoomLostDuringReady takes rooms from a user while the list of the user's
// rooms is on its way to the device: the device learns it after ready, and is not
// told of later messages.
func TestRoomLostDuringReady(t *testing.T) {
	for name, lose := range map[string]func(r *chat.Room) error{
		"kick":   func(r *chat.Room) error { return r.Kick(ctx, "ann", "") },
		"delete": func(r *chat.Room) error { return r.Delete(ctx) },
		"and come back": func(r *chat.Room) error {
			if err := r.Kick(ctx, "ann", ""); err != nil {
				return err
			}
			return r.Add(ctx, "ann", chat.Writer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			runFarm(t, 1, func(w *world, f *farm) {
				w.room("r", chat.Closed, "ann", "bob")
				w.room("s", chat.Closed, "ann", "bob")
				bob := connect(w, "bob", f.dial)
				var once atomic.Bool
				p := f.processes[0]
				p.mu.Lock()
				p.hook = func(point string) {
					if point == "after ready" && once.CompareAndSwap(false, true) { // the rooms of ann were read
						w.check(lose(w.chat.Room("r")))
						<-time.After(time.Second)
					}
				}
				p.mu.Unlock()
				ann := connect(w, "ann", f.dial)
				testserver.Wait(3 * time.Second)
				listed := map[string]bool{}
				ann.mu.Lock()
				for _, e := range ann.events {
					list(listed, e.name, e.arg)
				}
				ann.mu.Unlock()
				in := name == "and come back"
				if listed["r"] != in || !listed["s"] {
					w.Errorf("ann's list has %v", listed)
				}
				if name == "delete" {
					w.room("r", chat.Closed, "bob")
				}
				bob.must("post", post("r", "1", "x"))
				testserver.Wait(3 * time.Second)
				if heads := ann.named("heads"); len(heads) > 0 != in {
					w.Errorf("ann was told %s", heads)
				}
			})
		})
	}
}

// list applies an event to a list of rooms, as a page does.
func list(rooms map[string]bool, name string, arg json.RawMessage) {
	type room struct{ ID string }
	var e struct{ Rooms, Set, Gone []room }
	if name != "ready" && name != "rooms" {
		return
	}
	if err := json.Unmarshal(arg, &e); err != nil {
		panic(err)
	}
	for _, r := range slices.Concat(e.Rooms, e.Set) {
		rooms[r.ID] = true
	}
	for _, r := range e.Gone {
		delete(rooms, r.ID)
	}
}

// TestLastWordOfTwoServers adds and removes a user on two servers, with a bus
// between them that delivers late and out of order: what the user's devices on
// both are told last is true.
func TestLastWordOfTwoServers(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			runPartition(t, seed, func(w *world, f *farm, bus *faultyBus) {
				testserver.Wait(6 * time.Second) // the servers know each other
				w.room("r", chat.Closed, "bob")
				anns := []*stock{connect(w, "ann", f.processes[0].dial), connect(w, "ann", f.processes[1].dial)}
				bus.set(faults{late: 2 * time.Second}, false)
				for range 2 {
					w.check(f.processes[0].chat.Room("r").Add(ctx, "ann", chat.Writer))
					synctest.Wait() // the news is on its way
					w.check(f.processes[1].chat.Room("r").Kick(ctx, "ann", ""))
				}
				testserver.Wait(5 * time.Second)
				for i, ann := range anns {
					all := ann.named("rooms")
					if len(all) == 0 || !strings.Contains(string(all[len(all)-1]), `"gone"`) {
						w.Errorf("on server %d, ann was told %s", i, all)
					}
				}
			})
		})
	}
}
