package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

// expect holds a reply about a marker.
func (s *stock) expect(name string, arg obj, read, gen, unread int64) {
	s.t.Helper()
	if r := s.must(name, arg); r.Read != read || r.Gen != gen || r.Unread != unread {
		s.t.Errorf("%s: %s %v: read %d, gen %d, unread %d; want %d, %d, %d", s.user, name, arg, r.Read, r.Gen, r.Unread, read, gen, unread)
	}
}

// unreadOf returns the unread count that ready shows of a room.
func (s *stock) unreadOf(room string) int64 {
	for _, r := range s.ready.Rooms {
		if r.ID == room {
			return r.Unread
		}
	}
	return -1
}

func TestReadMarkers(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, phone, bob := w.connect("ann"), w.connect("ann"), w.connect("bob")
		bob.open("r")
		for i := range 5 {
			bob.must("post", post("r", fmt.Sprint(i), "x"))
		}
		ann.expect("read", obj{"room": "r", "seq": 3}, 3, 0, 2)
		ann.expect("read", obj{"room": "r", "seq": 2}, 3, 0, 2)
		phone.expect("read", obj{"room": "r", "seq": 99}, 5, 0, 0)
		testserver.Wait(time.Second)
		if reads := ann.named("read"); len(reads) != 1 || !strings.Contains(string(reads[0]), `"read":5`) {
			w.Errorf("ann's other device has got %s", reads)
		}
		if reads := fmt.Sprintf("%s", bob.named("read")); !strings.Contains(reads, `{"room":"r","user":"ann","read":5,"gen":0}`) {
			w.Errorf("bob has got %s", reads)
		}
		if got := w.connect("ann").unreadOf("r"); got != 0 {
			w.Errorf("%d unread", got)
		}
		bob.must("post", post("r", "more", "x"))
		if got := w.connect("ann").unreadOf("r"); got != 1 {
			w.Errorf("%d unread", got)
		}
		w.connect("stranger").refusedWith("not_member", "read", obj{"room": "r", "seq": 1})
	})
}

// TestUnreadAgain sets a marker back on one device, while the other has the room
// in front of it.
func TestUnreadAgain(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, phone := w.connect("ann"), w.connect("ann")
		for range 5 {
			_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "x"})
			w.check(err)
		}
		ann.expect("read", obj{"room": "r", "seq": 5, "gen": 0}, 5, 0, 0)
		phone.expect("unread", obj{"room": "r", "seq": 3}, 2, 1, 3)
		ann.expect("read", obj{"room": "r", "seq": 5, "gen": 0}, 2, 1, 3) // by itself, with the old gen
		ann.expect("read", obj{"room": "r", "seq": 4, "gen": 1}, 4, 1, 1)
		ann.expect("unread", obj{"room": "r", "seq": 5}, 4, 1, 1) // it is unread already
		ann.expect("unread", obj{"room": "r", "seq": 1}, 0, 2, 5)
		testserver.Wait(2 * time.Second)
		if got := w.connect("ann").unreadOf("r"); got != 5 {
			w.Errorf("%d unread", got)
		}
	})
}

// TestOwnPostsAreRead moves the marker over an own post only if everything before
// was read.
func TestOwnPostsAreRead(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.must("post", post("r", "1", "x"))
		synctest.Wait()
		ann.expect("read", obj{"room": "r", "seq": 1}, 1, 0, 0)
		ann.must("post", post("r", "2", "x"))
		ann.expect("read", obj{"room": "r", "seq": 1}, 2, 0, 0)
		bob.must("post", post("r", "3", "x"))
		ann.must("post", post("r", "4", "x"))
		ann.expect("read", obj{"room": "r", "seq": 1}, 2, 0, 2)
		ann.expect("read", obj{"room": "r", "seq": 3}, 4, 0, 0)
		if got := w.connect("bob").unreadOf("r"); got != 4 { // reading is up to bob
			w.Errorf("bob has %d unread", got)
		}
	})
}

// TestMarkersOnTwoServers reads on one server what the other shows.
func TestMarkersOnTwoServers(t *testing.T) {
	runFarm(t, 2, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann")
		for range 5 {
			_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "x"})
			w.check(err)
		}
		here, there := connect(w, "ann", f.processes[0].dial), connect(w, "ann", f.processes[1].dial)
		here.expect("read", obj{"room": "r", "seq": 4}, 4, 0, 1)
		testserver.Wait(time.Second)
		there.expect("read", obj{"room": "r", "seq": 2}, 4, 0, 1)
		there.expect("unread", obj{"room": "r", "seq": 2}, 1, 1, 4)
		here.expect("read", obj{"room": "r", "seq": 5, "gen": 0}, 5, 0, 0) // does not know yet
		testserver.Wait(time.Second)
		if got := connect(w, "ann", f.processes[0].dial).unreadOf("r"); got != 4 {
			w.Errorf("%d unread, want those that the user has set back", got)
		}
	})
}

func TestMarkersAreWrittenTogether(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Open, "ann", "bob")
		for range 300 {
			_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "x"})
			w.check(err)
		}
		ann := connect(w, "ann", f.dial)
		ann.must("read", obj{"room": "r", "seq": 1})
		f.processes[0].marks = 0
		for i := range 90 {
			ann.must("read", obj{"room": "r", "seq": i + 1})
		}
		testserver.Wait(2 * time.Second)
		if n := f.processes[0].marks; n > 2 {
			w.Errorf("90 reads at once were written in %d calls", n)
		}
		if got := connect(w, "ann", f.dial).unreadOf("r"); got != 210 {
			w.Errorf("%d unread", got)
		}
	})
}

func TestDelivered(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann, bob := w.connect("ann"), w.connect("bob")
		room := ann.must("direct", obj{"user": "bob"}).Room
		ann.open(room)
		ann.must("post", post(room, "1", "hi"))
		bob.must("delivered", obj{"room": room, "seq": 1})
		bob.must("delivered", obj{"room": room, "seq": 99})
		testserver.Wait(time.Second)
		if reads := fmt.Sprintf("%s", ann.named("read")); !strings.Contains(reads, `"user":"bob","read":0,"delivered":1,`) {
			w.Errorf("ann has got %s", reads)
		}
		ann.refusedWith("forbidden", "delivered", obj{"room": "r", "seq": 1})
		w.connect("cy").refusedWith("not_found", "delivered", obj{"room": room, "seq": 1})
	})
}

func TestMentionsAreCounted(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob", "cy")
		ann, bob := w.connect("ann"), w.connect("bob")
		bob.must("post", obj{"room": "r", "cid": "1", "text": "@ann", "mentions": []string{"ann", "stranger"}})
		synctest.Wait()
		sets := ann.named("rooms")
		if len(sets) == 0 {
			w.Fatal("ann is not told of the mention")
		}
		var event struct{ Set []wireRoom }
		w.check(json.Unmarshal(sets[len(sets)-1], &event))
		if len(event.Set) != 1 || event.Set[0].Mentions != 1 || event.Set[0].Unread != 1 {
			w.Errorf("told %+v", event.Set)
		}
		if n := len(w.connect("cy").named("rooms")); n != 0 {
			w.Errorf("cy is told of %d rooms", n)
		}
		ann.must("read", obj{"room": "r", "seq": 1})
		testserver.Wait(time.Second)
		if r := w.connect("ann").ready.Rooms[0]; r.Mentions != 0 {
			w.Errorf("%d mentions after reading", r.Mentions)
		}
	})
}

func TestTypingEndsByItself(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob, reader := w.connect("ann"), w.connect("bob"), w.connect("rita")
		for _, s := range []*stock{ann, bob, reader} {
			s.open("r")
		}
		testserver.Wait(time.Second) // typing is volatile: it is not told to a socket that is busy
		for range 10 {               // more than one in two seconds is dropped
			ann.must("typing", obj{"room": "r"})
		}
		reader.must("typing", obj{"room": "r"}) // may not write, so it is not told
		synctest.Wait()
		if got := bob.named("typing"); len(got) != 1 || string(got[0]) != `{"room":"r","user":"ann","for":6000}` {
			w.Errorf("bob has got %s", got)
		}
		if got := ann.named("typing"); len(got) != 0 {
			w.Errorf("ann has got %s", got)
		}
		testserver.Wait(2 * time.Second)
		ann.must("typing", obj{"room": "r"})
		synctest.Wait()
		if got := bob.named("typing"); len(got) != 2 {
			w.Errorf("bob has got %d events after a while", len(got))
		}
		stranger := w.connect("cy")
		stranger.must("typing", obj{"room": "r"}) // does not follow
		synctest.Wait()
		if got := bob.named("typing"); len(got) != 2 {
			w.Errorf("bob has got %d events", len(got))
		}
	})
}
