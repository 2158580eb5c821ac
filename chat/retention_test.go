package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

const day = 24 * time.Hour

// days is testserver.Run for tests that last longer than it allows.
func days(t *testing.T, f func(h *testserver.Harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &testserver.Harness{T: t, Server: socketio.NewServer(nil)}
		h.Serve(h.Server)
		f(h)
	})
}

// posted commits posts of ann, whose texts are their numbers from first on.
func posted(t *testing.T, db store.Store, room string, first, last int) {
	t.Helper()
	var ops []store.Op
	if store.ValidRoom(room) {
		ops = append(ops, store.Create{Room: room, Kind: store.KindOpen}, store.SetMember{Room: room, User: "ann", Do: store.Add, Role: store.RoleMember})
	}
	for i := first; i <= last; i++ {
		ops = append(ops, store.Post{Room: room, Author: "ann", CID: fmt.Sprint(i), Text: fmt.Sprint(i)})
	}
	done, err := db.Commit(ctx, ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range done.Results {
		if r.Err != nil && store.CodeOf(r.Err) != store.Conflict {
			t.Fatal(r.Err)
		}
	}
}

// round waits for the first round of retention.
func round() {
	testserver.Wait(time.Minute)
	synctest.Wait()
}

// numbers returns the texts of posted.
func numbers(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// aged runs f with a chat whose room r has 20 messages that are two days old,
// and 3 new ones.
func aged(t *testing.T, change func(o *chat.Options), f func(w *world)) {
	t.Helper()
	days(t, func(h *testserver.Harness) {
		db := store.Memory()
		posted(h.T, db, "r", 1, 20)
		testserver.Wait(2 * day)
		posted(h.T, db, "r", 21, 23)
		f(serve(h, db, func(o *chat.Options) {
			o.Store = db
			change(o)
		}))
	})
}

// away is a network that a client can not reach.
func away(context.Context) (net.Conn, error) { return nil, errors.New("away") }

// TestRetention lets messages go while one client looks on, and another is away
// and comes back: both see what is left, without a gap or a reset.
func TestRetention(t *testing.T) {
	for name, c := range map[string]struct {
		keep chat.Retention
		left int
	}{
		"nothing goes":                          {chat.Retention{}, 1},
		"by count":                              {chat.Retention{Count: 5}, 19},
		"none younger than a day goes by count": {chat.Retention{Count: 1}, 21},
		"by age":                                {chat.Retention{Age: 36 * time.Hour}, 21},
		"none younger than a day goes by age":   {chat.Retention{Age: time.Second}, 21},
		"an age that none has":                  {chat.Retention{Age: 3 * day}, 1},
		"by bytes":                              {chat.Retention{Bytes: 2 * 10}, 14},
		"the first limit that is passed is enough": {chat.Retention{Age: 3 * day, Count: 100, Bytes: 2 * 4}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			aged(t, func(o *chat.Options) { o.Retention = c.keep }, func(w *world) {
				ann, bob := w.connect("ann"), w.connect("bob")
				ann.open("r")
				bob.open("r")
				ann.shows("r", numbers(1, 23)...)
				bob.update(func() { bob.dial = away })
				bob.drop()
				round()
				ann.shows("r", numbers(c.left, 23)...)
				ann.must("post", post("r", "24", "24"))
				bob.update(func() { bob.dial = w.h.Dial })
				bob.wait("coming back", func() bool { return bob.live && bob.views["r"].rows[24].Text != "" })
				for _, s := range []*stock{ann, bob, w.connect("cy")} {
					v := s.open("r")
					s.shows("r", numbers(c.left, 24)...)
					if v.floor != int64(c.left) {
						w.Errorf("%s: floor %d", s.user, v.floor)
					}
				}
				if ann.resets != 1 || bob.resets != 1 {
					w.Errorf("%d and %d resets", ann.resets, bob.resets)
				}
				page := ann.must("history", obj{"room": "r", "before": 15})
				if want := max(15-c.left, 0); len(page.Messages) != min(want, 14) || page.More {
					w.Errorf("%d messages before 15, more %t", len(page.Messages), page.More)
				}
				if e := extent(w, "r"); e.Oldest != int64(c.left) {
					w.Errorf("the store has messages from %d on", e.Oldest)
				}
			})
		})
	}
}

// extent returns where the messages of a room begin.
func extent(w *world, room string) store.Extent {
	w.Helper()
	all, err := w.store.Extents(ctx, "", 100)
	w.check(err)
	i := slices.IndexFunc(all, func(e store.Extent) bool { return e.Room.ID == room })
	if i < 0 {
		return store.Extent{}
	}
	return all[i]
}

// TestRetentionOfARoom has a room that keeps less than the others, and its
// thread.
func TestRetentionOfARoom(t *testing.T) {
	days(t, func(h *testserver.Harness) {
		db := store.Memory()
		for _, room := range []string{"r", "s", "s~9"} {
			posted(h.T, db, room, 1, 9)
		}
		testserver.Wait(2 * day)
		w := serve(h, db, func(o *chat.Options) {
			o.Retention.Count = 7
			o.RetentionOf = func(r chat.RoomInfo) chat.Retention {
				if r.ID == "s" {
					return chat.Retention{Count: 2}
				}
				return o.Retention
			}
		})
		round()
		for room, want := range map[string]int64{"r": 3, "s": 8, "s~9": 8} {
			if e := extent(w, room); e.Oldest != want || e.Room.Floor != want {
				w.Errorf("%s begins at %d, floor %d, want %d", room, e.Oldest, e.Room.Floor, want)
			}
		}
	})
}

// TestRetentionGoesOn leaves a room between two steps, as a crash would, and has
// another server go on. More messages become old later.
func TestRetentionGoesOn(t *testing.T) {
	days(t, func(h *testserver.Harness) {
		db := store.Memory()
		posted(h.T, db, "r", 1, 1200)
		posted(h.T, db, "gone", 1, 250)
		_, err := db.Commit(ctx, []store.Op{store.Prune{Room: "r", Keep: store.Keep{Count: 700}}, store.DeleteRoom{Room: "gone"}})
		if err != nil {
			h.T.Fatal(err)
		}
		if _, err := db.Sweep(ctx, "r", 7); err != nil {
			h.T.Fatal(err)
		}
		testserver.Wait(29*time.Hour + 30*time.Minute)
		w := serve(h, db, func(o *chat.Options) { o.Retention.Age = 30 * time.Hour })
		round()
		if e := extent(w, "r"); e.Oldest != 501 || e.Room.Floor != 501 {
			w.Errorf("after a minute: %+v", e)
		}
		if e := extent(w, "gone"); e.Oldest != 0 {
			w.Errorf("a deleted room: %+v", e)
		}
		testserver.Wait(time.Hour)
		synctest.Wait()
		if e := extent(w, "r"); e.Oldest != 0 || e.Room.Floor != 1201 {
			w.Errorf("after another hour: %+v", e)
		}
	})
}

// TestRetentionOnAnotherServer has the messages go on a server that tells the
// others nothing.
func TestRetentionOnAnotherServer(t *testing.T) {
	days(t, func(h *testserver.Harness) {
		f := &farm{h: h, db: store.Memory(), random: newRandom(1)}
		posted(h.T, f.db, "r", 1, 9)
		testserver.Wait(2 * day)
		f.add() // keeps all
		ann := connect(h.T, "ann", f.processes[0].dial)
		ann.open("r")
		ann.shows("r", numbers(1, 9)...)
		f.change = func(o *chat.Options) { o.Retention.Count = 4 }
		f.add()
		round()
		testserver.Wait(5 * time.Second) // the watch interval
		ann.shows("r", numbers(6, 9)...)
	})
}

// A hasty store deletes the first room as soon as retention has seen it.
type hasty struct{ store.Store }

func (s hasty) Extents(ctx context.Context, after string, limit int) ([]store.Extent, error) {
	all, err := s.Store.Extents(ctx, after, limit)
	if err == nil && len(all) > 0 {
		_, err = s.Commit(ctx, []store.Op{store.DeleteRoom{Room: all[0].Room.ID}})
	}
	return all, err
}

// TestRetentionBehindADeletedRoom deletes a room while retention is on its way to
// it. The others lose their messages all the same.
func TestRetentionBehindADeletedRoom(t *testing.T) {
	days(t, func(h *testserver.Harness) {
		db := store.Memory()
		posted(h.T, db, "a", 1, 9)
		posted(h.T, db, "r", 1, 9)
		testserver.Wait(2 * day)
		w := serve(h, hasty{db}, func(o *chat.Options) { o.Retention.Count = 5 })
		round()
		w.store = db
		if e := extent(w, "r"); e.Oldest != 5 {
			w.Errorf("the oldest message is %d", e.Oldest)
		}
	})
}

// TestThreadGoesWithItsMessage lets the message of a thread go while a client
// looks at the thread.
func TestThreadGoesWithItsMessage(t *testing.T) {
	aged(t, func(o *chat.Options) { o.Retention.Count = 5 }, func(w *world) {
		posted(w.T, w.store, "r~3", 1, 2)
		posted(w.T, w.store, "r~22", 1, 2)
		ann := w.connect("ann")
		ann.open("r~3")
		ann.open("r~22")
		round()
		if gone := ann.named("rooms"); len(gone) != 1 || string(gone[0]) != `{"gone":[{"id":"r~3","why":"deleted"}]}` {
			w.Errorf("told of %s", gone)
		}
		ann.refusedWith("not_found", "open", obj{"room": "r~3"})
		ann.refusedWith("not_found", "history", obj{"room": "r~3"})
		ann.refusedWith("not_found", "post", post("r~3", "c", "late"))
		ann.must("post", post("r~22", "c", "more"))
		if e := extent(w, "r~3"); e.Room.ID != "" {
			w.Errorf("left: %+v", e)
		}
	})
}

// TestThreadsOfADeletedRoom makes a room anew: its new members must not read the
// threads of the old one.
func TestThreadsOfADeletedRoom(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Closed, "ann")
		ann := w.connect("ann")
		ann.must("post", post("r", "1", "root"))
		ann.must("post", post("r~1", "1", "secret"))
		w.check(w.chat.Room("r").Delete(ctx))
		w.room("r", chat.Closed, "bob")
		bob := w.connect("bob")
		for _, name := range []string{"open", "history", "members", "join"} {
			bob.refusedWith("not_found", name, obj{"room": "r~1"})
		}
		round()
		if e := extent(w, "r~1"); e.Room.ID != "" {
			w.Errorf("left: %+v", e)
		}
	})
}
