package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A world is a chat on a server in memory.
type world struct {
	*testing.T
	h     *testserver.Harness
	chat  *chat.Chat
	store store.Store
}

var ctx = context.Background()

// authenticate takes the user from the auth option.
func authenticate(_ context.Context, s *socketio.Socket) (chat.User, error) {
	var a struct{ User string }
	if err := s.Handshake().DecodeAuth(&a); err != nil || a.User == "" {
		return chat.User{}, errors.New("no user")
	}
	if a.User == "eve" {
		return chat.User{}, chat.Refuse("the name is taken")
	}
	return chat.User{ID: a.User, Name: a.User + "'s name"}, nil
}

// generous are limits that tests do not reach.
var generous = chat.Limits{
	Posts: chat.Rate{PerSecond: 1e4, Burst: 1e5}, RoomPosts: chat.Rate{PerSecond: 1e4, Burst: 1e5}, Edits: chat.Rate{PerSecond: 1e4, Burst: 1e5},
	Reads: chat.Rate{PerSecond: 1e4, Burst: 1e5}, Changes: chat.Rate{PerSecond: 1e4, Burst: 1e5}, Directs: chat.Rate{PerSecond: 1e4, Burst: 1e5},
	Searches: chat.Rate{PerSecond: 1e4, Burst: 1e5}, Reports: chat.Rate{PerSecond: 1e4, Burst: 1e5},
}

// run runs f with a chat in a bubble.
func run(t *testing.T, change func(o *chat.Options), f func(w *world)) {
	t.Helper()
	runOn(t, nil, change, f)
}

func runOn(t *testing.T, so *socketio.Options, change func(o *chat.Options), f func(w *world)) {
	t.Helper()
	testserver.Run(t, so, func(h *testserver.Harness) {
		w := serve(h, store.Memory(), change)
		f(w)
	})
}

// serve makes the chat of a server.
func serve(h *testserver.Harness, s store.Store, change func(o *chat.Options)) *world {
	o := &chat.Options{Store: s, Authenticate: authenticate, Limits: generous}
	if change != nil {
		change(o)
	}
	c, err := chat.New(h.Of("/chat"), o)
	if err != nil {
		h.T.Fatal(err)
	}
	w := &world{T: h.T, h: h, chat: c, store: o.Store}
	h.T.Cleanup(func() {
		h.Server.Close()
		c.Close()
	})
	return w
}

func (w *world) connect(user string) *stock {
	w.Helper()
	s := connect(w, user, w.h.Dial)
	if s.refused != "" {
		w.Fatalf("%s is refused: %s", user, s.refused)
	}
	return s
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// room makes a room with members.
func (w *world) room(id string, kind chat.Kind, members ...string) {
	w.Helper()
	w.check(w.chat.Room(id).Create(ctx, chat.RoomInfo{Kind: kind}))
	for _, user := range members {
		w.check(w.chat.Room(id).Add(ctx, user, chat.Writer))
	}
}

// texts returns the texts of a view in the order of seqs.
func texts(s *stock, room string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.views[room].list() {
		all = append(all, m.Text)
	}
	return all
}

func (s *stock) shows(room string, want ...string) {
	s.t.Helper()
	synctest.Wait()
	if got := texts(s, room); !slices.Equal(got, want) {
		s.t.Errorf("%s shows %q, want %q", s.user, got, want)
	}
	if s.gaps > 0 {
		s.t.Errorf("%s has found %d gaps", s.user, s.gaps)
	}
}

func post(room, cid, text string) obj { return obj{"room": room, "cid": cid, "text": text} }

func TestPostsReachFollowers(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("general", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.open("general")
		bob.open("general")
		r := ann.must("post", post("general", "c1", "hello"))
		if r.Seq != 1 || r.At == 0 {
			w.Errorf("reply %+v", r)
		}
		ann.shows("general", "hello")
		bob.shows("general", "hello")
		second := bob.must("post", post("general", "c1", "helo"))
		bob.must("edit", obj{"room": "general", "seq": second.Seq, "ver": second.Rev, "text": "hi"})
		ann.shows("general", "hello", "hi")
		ann.must("delete", obj{"room": "general", "seq": 1})
		bob.shows("general", "", "hi")
		bob.must("react", obj{"room": "general", "seq": 2, "emoji": "👍", "on": true})
		ann.shows("general", "", "hi") // the reaction's frame has no text
		if got := fmt.Sprint(ann.views["general"].rows[2].Reactions); got != "[{👍 1 [bob]}]" {
			w.Errorf("reactions %s", got)
		}
	})
}

func TestReadyListsRooms(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("a", chat.Open, "ann")
		w.room("b", chat.Closed, "ann", "bob")
		w.room("c", chat.Open, "bob")
		_, err := w.chat.Room("b").Post(ctx, "bob", chat.Draft{Text: "hi"})
		w.check(err)
		ann := w.connect("ann")
		var ids []string
		for _, r := range ann.ready.Rooms {
			ids = append(ids, fmt.Sprint(r.ID, r.Role, r.Unread, r.Seq))
		}
		if want := []string{"amember0 0", "bmember1 1"}; !slices.Equal(ids, want) {
			w.Errorf("rooms %q, want %q", ids, want)
		}
	})
}

func TestCatchUp(t *testing.T) {
	for _, away := range []int{0, 1, 30, 300, 999, 1500} {
		t.Run(fmt.Sprintf("%d changes missed", away), func(t *testing.T) {
			run(t, nil, func(w *world) {
				w.room("general", chat.Open, "ann", "bob")
				ann := w.connect("ann")
				ann.open("general")
				bob := w.connect("bob")
				first := bob.must("post", post("general", "first", "first"))
				ann.shows("general", "first")
				ann.drop()
				synctest.Wait()
				var want []string
				for i := range away {
					bob.must("post", post("general", fmt.Sprint("c", i), fmt.Sprint(i)))
					want = append(want, fmt.Sprint(i))
				}
				if away > 0 {
					bob.must("edit", obj{"room": "general", "seq": first.Seq, "ver": first.Rev, "text": "edited"})
					want = append([]string{"edited"}, want...)
				} else {
					want = []string{"first"}
				}
				resets := ann.resets
				ann.wait("reconnect", func() bool { return ann.live && ann.views["general"].rev >= first.Rev+int64(away) })
				if away >= 1000 {
					want = want[len(want)-50:]
					resets++
				}
				ann.shows("general", want...)
				if ann.resets != resets {
					w.Errorf("%d resets, want %d", ann.resets, resets)
				}
				bob.must("post", post("general", "last", "last"))
				ann.shows("general", append(want, "last")...)
			})
		})
	}
}
