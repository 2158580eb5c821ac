package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// finds sends a search and returns what was found, as room and text, and where
// the next page begins.
func (s *stock) finds(arg obj) (found []string, after string) {
	s.t.Helper()
	var page struct {
		Messages []struct{ Room, Text string }
		After    string
		Error    string
	}
	text := s.call("search", arg)
	if err := json.Unmarshal(text, &page); err != nil || page.Error != "" {
		s.t.Fatalf("%s: search %v: %s", s.user, arg, text)
	}
	for _, m := range page.Messages {
		found = append(found, m.Room+": "+m.Text)
	}
	return found, page.After
}

func (s *stock) findsOnly(arg obj, want ...string) {
	s.t.Helper()
	if got, _ := s.finds(arg); !slices.Equal(got, want) {
		s.t.Errorf("%s: search %v: got %q, want %q", s.user, arg, got, want)
	}
}

// TestSearch searches what two users have written in their rooms.
func TestSearch(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("general", chat.Open, "ann", "bob")
		w.room("private", chat.Closed, "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		say := func(s *stock, room, text string) reply {
			testserver.Wait(time.Millisecond) // the newest come first
			return s.must("post", post(room, text, text))
		}
		first := say(ann, "general", "good morning")
		say(bob, "general~1", "morning, ann")
		say(bob, "private", "good riddance")
		say(ann, "general", "what a good day")
		bob.findsOnly(obj{"text": "good"}, "general: what a good day", "private: good riddance", "general: good morning")
		ann.findsOnly(obj{"text": "good"}, "general: what a good day", "general: good morning")
		ann.findsOnly(obj{"text": "morn"}, "general~1: morning, ann", "general: good morning")
		ann.findsOnly(obj{"text": "morn", "room": "general~1"}, "general~1: morning, ann")
		ann.findsOnly(obj{"text": `"morn"`})
		ann.findsOnly(obj{"text": "*"})
		ann.refusedWith("not_found", "search", obj{"text": "good", "room": "private"})
		ann.must("edit", obj{"room": "general", "seq": 1, "ver": first.Rev, "text": "hello"})
		ann.findsOnly(obj{"text": "good morning"})
		bob.findsOnly(obj{"text": "hello"}, "general: hello")
		ann.must("delete", obj{"room": "general", "seq": 1})
		bob.findsOnly(obj{"text": "hello"})
		w.check(w.chat.Room("private").Kick(ctx, "bob", ""))
		bob.findsOnly(obj{"text": "good"}, "general: what a good day")
		var all []string
		for i := range 45 {
			say(ann, "general", fmt.Sprint("page ", i))
			all = append([]string{fmt.Sprint("general: page ", i)}, all...)
		}
		var got []string
		for after, pages := "", 0; pages == 0 || after != ""; pages++ {
			var page []string
			page, after = bob.finds(obj{"text": "page", "after": after})
			if got = append(got, page...); len(page) > 20 {
				w.Errorf("a page of %d", len(page))
			}
		}
		if !slices.Equal(got, all) {
			w.Errorf("got %q, want %q", got, all)
		}
		bob.refusedWith("bad_request", "search", obj{"text": "page", "after": "1 2"})
		bob.refusedWith("too_large", "search", obj{"text": strings.Repeat("x", 257)})
	})
}

// TestSearchAsksThePolicy forbids rooms by Policy.CanRead: a search has full pages
// without them.
func TestSearchAsksThePolicy(t *testing.T) {
	forbid := func(o *chat.Options) {
		o.Policy.CanRead = func(_ context.Context, _ chat.User, r chat.RoomInfo) error {
			if strings.HasPrefix(r.ID, "no") {
				return chat.Refuse("not today")
			}
			return nil
		}
	}
	run(t, forbid, func(w *world) {
		var want []string
		for i := range 12 {
			room := fmt.Sprint([]string{"no", "yes", "nono"}[i%3], i)
			posted(w.T, w.store, room, 7, 7)
			posted(w.T, w.store, room+"~1", 7, 7)
			testserver.Wait(time.Millisecond)
			if i%3 == 1 {
				want = append([]string{room + ": 7", room + "~1: 7"}, want...)
			}
		}
		ann := w.connect("ann")
		page, after := ann.finds(obj{"text": "7", "limit": 4})
		rest, after := ann.finds(obj{"text": "7", "limit": 4, "after": after})
		if got := append(page, rest...); !slices.Equal(got, want) || len(page) != 4 {
			w.Errorf("%d and %d: got %q, want %q", len(page), len(rest), got, want)
		}
		ann.findsOnly(obj{"text": "7", "after": after})
		ann.refusedWith("refused", "search", obj{"text": "7", "room": "no0"})
	})
}

// TestSearchBehindForbiddenRooms looks for the one message that a user may read,
// behind those of many rooms that the user may not, one message a page.
func TestSearchBehindForbiddenRooms(t *testing.T) {
	allow := func(o *chat.Options) {
		o.Policy.CanRead = func(_ context.Context, _ chat.User, r chat.RoomInfo) error {
			if r.ID != "yes" {
				return chat.ErrForbidden
			}
			return nil
		}
	}
	run(t, allow, func(w *world) {
		posted(w.T, w.store, "yes", 7, 7)
		testserver.Wait(time.Millisecond)
		for i := range 50 {
			posted(w.T, w.store, fmt.Sprint("no", i), 7, 7)
		}
		w.connect("ann").findsOnly(obj{"text": "7", "limit": 1}, "yes: 7")
	})
}

// TestSearchIsLimited searches more often than a user may.
func TestSearchIsLimited(t *testing.T) {
	run(t, func(o *chat.Options) { o.Limits.Searches = chat.Rate{} }, func(w *world) {
		ann := w.connect("ann")
		for range 5 {
			ann.must("search", obj{"text": "x"})
		}
		if r := ann.refusedWith("rate_limited", "search", obj{"text": "x"}); r.Data.After <= 0 || r.Data.After > 1001 {
			w.Errorf("after %d", r.Data.After)
		}
		testserver.Wait(time.Second)
		ann.must("search", obj{"text": "x"})
	})
}

// TestSearchWithoutASearcher has a store that does not search.
func TestSearchWithoutASearcher(t *testing.T) {
	run(t, func(o *chat.Options) { o.Store = struct{ store.Store }{o.Store} }, func(w *world) {
		w.connect("ann").refusedWith("not_found", "search", obj{"text": "x"})
	})
}
