package chat_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// states returns the presences of a user that a client was told, in order.
func (s *stock) states(user string) (all []string) {
	for _, text := range s.named("presence") {
		var e struct{ Users []struct{ ID, State string } }
		if err := json.Unmarshal(text, &e); err != nil {
			s.t.Fatal(err)
		}
		for _, u := range e.Users {
			if u.ID == user {
				all = append(all, u.State)
			}
		}
	}
	return all
}

// watch watches users and returns their presences.
func (s *stock) watch(users ...string) (all []string) {
	s.t.Helper()
	var e struct{ Users []struct{ ID, State string } }
	text := s.call("watch", obj{"users": users})
	if err := json.Unmarshal(text, &e); err != nil {
		s.t.Fatal(err)
	}
	for _, u := range e.Users {
		all = append(all, u.ID+" "+u.State)
	}
	return all
}

func (s *stock) told(user string, want ...string) {
	s.t.Helper()
	if got := s.states(user); !slices.Equal(got, want) {
		s.t.Errorf("%s was told of %s: %q, want %q", s.user, user, got, want)
	}
}

func TestPresence(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob", "cy")
		w.room("other", chat.Open, "zoe")
		ann := w.connect("ann")
		if got := ann.watch("bob", "cy", "zoe", "nobody", "ann"); !slices.Equal(got, []string{"bob offline", "cy offline", "ann online"}) {
			w.Errorf("watched %q", got)
		}
		bob := w.connect("bob")
		testserver.Wait(2 * time.Second)
		ann.told("bob", "online")
		phone := w.connect("bob")
		phone.must("active", obj{"idle": true})
		testserver.Wait(2 * time.Second)
		ann.told("bob", "online")
		bob.must("active", obj{"idle": true})
		testserver.Wait(2 * time.Second)
		ann.told("bob", "online", "away")
		phone.must("active", obj{})
		testserver.Wait(2 * time.Second)
		ann.told("bob", "online", "away", "online")
		testserver.Wait(5*time.Minute + 2*time.Second) // nobody touches it
		ann.told("bob", "online", "away", "online", "away")
		bob.close()
		phone.close()
		testserver.Wait(15 * time.Second)
		ann.told("bob", "online", "away", "online", "away")
		testserver.Wait(60 * time.Second) // the polling socket's end, and grace
		ann.told("bob", "online", "away", "online", "away", "offline")
		if got := w.chat.User("bob").Presence(); got != chat.Offline {
			w.Errorf("bob is %s", got)
		}
		if got := ann.watch("bob"); !slices.Equal(got, []string{"bob offline"}) {
			w.Errorf("watched %q", got)
		}
	})
}

// TestLastWordAboutAPresence removes a user while the users that watch it are being
// told that it has come: that they no longer see it comes last.
func TestLastWordAboutAPresence(t *testing.T) {
	var held atomic.Bool
	run(t, nil, func(w *world) {
		w.room("r", chat.Closed, "bob", "w0", "w1", "w2")
		release := make(chan struct{})
		w.h.Of("/chat").OnConnect(func(s *socketio.Socket) {
			s.OnAnyOutgoing(func(event string, _ []any) {
				if event == "presence" && held.CompareAndSwap(false, true) {
					<-release // the others are told later
				}
			})
		})
		var watchers []*stock
		for i := range 3 {
			s := w.connect(fmt.Sprint("w", i))
			s.watch("bob")
			watchers = append(watchers, s)
		}
		w.connect("bob")
		testserver.Wait(1500 * time.Millisecond)
		if !held.Load() {
			w.Error("nobody is being told, so the test shows nothing")
		}
		w.check(w.chat.Room("r").Kick(ctx, "bob", ""))
		synctest.Wait()
		close(release)
		testserver.Wait(2 * time.Second)
		for _, s := range watchers {
			s.told("bob", "online", "offline")
		}
	})
}

// TestFlappingWithinGrace lets many users lose their connections and come back:
// nobody is told.
func TestFlappingWithinGrace(t *testing.T) {
	run(t, nil, func(w *world) {
		var users []string
		for i := range 50 {
			users = append(users, fmt.Sprint("u", i))
		}
		w.room("r", chat.Open, append(users, "ann")...)
		ann := w.connect("ann")
		var clients []*stock
		for _, user := range users {
			clients = append(clients, w.connect(user))
		}
		ann.watch(users...)
		before := len(ann.named("presence"))
		for range 5 {
			for _, s := range clients {
				s.drop()
			}
			testserver.Wait(4 * time.Second)
		}
		if n := len(ann.named("presence")) - before; n != 0 {
			w.Errorf("%d events", n)
		}
	})
}

// TestPresenceOnServers shows users of one server on another: after a restart,
// after a crash, and after lost messages.
func TestPresenceOnServers(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		bus := new(adapter.Loopback)
		f := &farm{h: h, db: store.Memory(), random: newRandom(1), so: func() *socketio.Options { return &socketio.Options{Adapter: bus} }}
		here, there := f.add(), f.add()
		w := &world{T: h.T, h: h, chat: here.chat, store: f.db}
		w.room("r", chat.Open, "ann", "bob", "cy")
		cy := connect(w, "cy", there.dial)
		ann := connect(w, "ann", here.dial)
		testserver.Wait(6 * time.Second)
		if got := ann.watch("bob", "cy"); !slices.Equal(got, []string{"bob offline", "cy online"}) {
			w.Errorf("watched %q", got)
		}
		bob := newStock(w, "bob", f.dial) // a rolling restart: bob goes to whichever server is there
		bob.dial = there.dial
		bob.start()
		testserver.Wait(4 * time.Second)
		ann.told("bob", "online")
		bob.mu.Lock()
		bob.dial = here.dial
		bob.mu.Unlock()
		w.check(there.h.Server.Shutdown(ctx))
		there.chat.Close()
		testserver.Wait(10 * time.Second)
		ann.told("bob", "online")
		ann.told("cy")
		testserver.Wait(15 * time.Second)
		ann.told("cy", "offline") // the server has said goodbye
		testserver.Wait(40 * time.Second)
		ann.told("bob", "online")
		_ = cy

		third := f.add() // it asks who is there
		dan := connect(w, "bob", third.dial)
		testserver.Wait(6 * time.Second)
		if got := dan.watch("ann"); !slices.Equal(got, []string{"ann online"}) {
			w.Errorf("a new server knows %q", got)
		}
		bob.close()
		testserver.Wait(60 * time.Second)
		ann.told("bob", "online")
		dan.close()
		testserver.Wait(60 * time.Second)
		ann.told("bob", "online", "offline")
	})
}

// TestLargeRoom lets posts come fast in a room with many followers, one of them
// slow. There is no typing, receipts stay with the reader, and the number of
// users is told.
func TestLargeRoom(t *testing.T) {
	run(t, func(o *chat.Options) { o.LargeRoom = 50 }, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.open("r")
		bob.open("r")
		var crowd []*stock
		for i := range 80 {
			s := w.connect(fmt.Sprint("u", i))
			s.open("r")
			crowd = append(crowd, s)
		}
		ann.must("typing", obj{"room": "r"})
		bob.must("post", post("r", "first", "first"))
		ann.must("read", obj{"room": "r", "seq": 1})
		testserver.Wait(6 * time.Second)
		if n := len(bob.named("typing")) + len(bob.named("read")); n != 1 { // bob's own marker
			w.Errorf("bob has got %d events", n)
		}
		if got := bob.named("presence"); len(got) == 0 || string(got[len(got)-1]) != `{"room":"r","online":82}` {
			w.Errorf("presence %s", got)
		}
		before := len(bob.named("changes"))
		const posts = 150
		for i := range posts {
			bob.send("post", post("r", fmt.Sprint(i), fmt.Sprint(i)))
			testserver.Wait(10 * time.Millisecond)
		}
		testserver.Wait(time.Second)
		frames := len(bob.named("changes")) - before
		if frames > 60 || frames < 20 {
			w.Errorf("%d posts in 1.5 s were sent as %d ranges", posts, frames)
		}
		for _, s := range append(crowd, ann, bob) {
			synctest.Wait()
			if n := len(texts(s, "r")); n != posts+1 || s.gaps > 0 {
				w.Errorf("%s shows %d messages, with %d gaps", s.user, n, s.gaps)
			}
		}
	})
}
