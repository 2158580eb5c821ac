package chat_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestTwoDevices lets two devices of a user react to a message, and block a user, and
// take that back, at once. Both are told last what is true.
func TestTwoDevices(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann, phone := w.connect("ann"), w.connect("ann")
		ann.must("post", post("r", "1", "x"))
		last := func(name string) (e struct {
			On  bool
			Rev int64
		}) {
			if all := ann.named(name); len(all) > 0 {
				w.check(json.Unmarshal(all[len(all)-1], &e))
			}
			return e
		}
		var rev int64
		for range 30 {
			for i, s := range []*stock{ann, phone} {
				s.send("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": i == 0})
				s.send("block", obj{"user": "bob", "on": i == 0})
			}
			synctest.Wait()
			reacted, err := w.store.Reacted(ctx, "ann", "r", []int64{1})
			w.check(err)
			blocked, err := w.store.Blocks(ctx, "ann")
			w.check(err)
			mine, block := last("mine"), last("block")
			if mine.On != (len(reacted) > 0) || block.On != (len(blocked) > 0) {
				w.Fatalf("told %+v %+v, but true is %v %v", mine, block, reacted, blocked)
			}
			if mine.Rev < rev {
				w.Fatalf("rev %d after %d", mine.Rev, rev)
			}
			rev = mine.Rev
		}
		if rev == 0 {
			w.Error("no reaction was told with its rev")
		}
	})
}

// An interrupted store calls between, once, after it has read something.
type interrupted struct {
	store.Searcher
	between func()
	reads   atomic.Int64 // before that
}

func (s *interrupted) read() {
	if s.reads.Add(-1) == 0 {
		s.between()
	}
}

// after makes the store call between after so many reads.
func (s *interrupted) after(reads int64, between func()) {
	s.between = between
	s.reads.Store(reads)
}

func (s *interrupted) Search(ctx context.Context, q store.Search) (*store.Found, error) {
	defer s.read()
	return s.Searcher.Search(ctx, q)
}

func (s *interrupted) Changes(ctx context.Context, room string, from int64, limit store.Limit) (*store.Changes, error) {
	defer s.read()
	return s.Searcher.Changes(ctx, room, from, limit)
}

// TestRoomDeletedDuringSearch deletes a room between a search and the question whether
// the user may read what was found.
func TestRoomDeletedDuringSearch(t *testing.T) {
	var db *interrupted
	run(t, func(o *chat.Options) {
		db = &interrupted{Searcher: o.Store.(store.Searcher)}
		o.Store = db
		o.Policy.CanRead = func(context.Context, chat.User, chat.RoomInfo) error { return nil }
	}, func(w *world) {
		w.room("r", chat.Open, "ann")
		w.room("s", chat.Open, "ann")
		ann := w.connect("ann")
		ann.must("post", post("r", "1", "word"))
		ann.must("post", post("s", "1", "word"))
		db.after(1, func() { w.check(w.chat.Room("r").Delete(ctx)) })
		var page struct{ Messages []struct{ Room string } }
		text := ann.call("search", obj{"text": "word"})
		if json.Unmarshal(text, &page) != nil || len(page.Messages) != 1 || page.Messages[0].Room != "s" {
			w.Errorf("found %s", text)
		}
	})
}

// TestRoomDeletedDuringUpload deletes the room for which a file is uploaded.
func TestRoomDeletedDuringUpload(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		w.blobs.set(&w.blobs.put, func(string) error { return w.chat.Room("r").Delete(ctx) })
		id := w.upload("ann", png).ID
		ann.refusedWith("not_found", "post", withFile("r", "1", id))
		w.gets("ann", id, "200")
		testserver.Wait(25 * time.Minute)
		w.leaves("1 files, 1 rows") // as any file that is in no message yet
	})
}

// TestRetentionDuringCatchUp removes most messages of a room between two pages of a
// client that has missed many.
func TestRetentionDuringCatchUp(t *testing.T) {
	var db *interrupted
	run(t, func(o *chat.Options) {
		db = &interrupted{Searcher: o.Store.(store.Searcher)}
		o.Store = db
	}, func(w *world) {
		posted(w.T, w.store, "r", 1, 20)
		for reads := int64(1); reads <= 4; reads++ {
			ann := w.connect("ann")
			ann.open("r")
			ann.drop()
			synctest.Wait()
			first := int(heads(w, "r").Seq) + 1
			posted(w.T, w.store, "r", first, first+449)
			db.after(reads, func() {
				_, err := w.store.Commit(ctx, []store.Op{store.Prune{Room: "r", Keep: store.Keep{Count: 150}}})
				w.check(err)
				_, err = w.store.Sweep(ctx, "r", 200) // some of them
				w.check(err)
			})
			head := heads(w, "r")
			ann.wait("catch-up", func() bool { return ann.live && ann.views["r"].rev >= head.Rev && !ann.views["r"].opening })
			testserver.Wait(10 * time.Second)
			ann.shows("r", numbers(int(max(heads(w, "r").Floor, ann.views["r"].low)), first+449)...)
			ann.close()
		}
	})
}

func heads(w *world, room string) store.Head {
	w.Helper()
	all, err := w.store.Heads(ctx, []string{room})
	w.check(err)
	return all[0]
}
