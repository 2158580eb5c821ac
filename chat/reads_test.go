package chat_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A counted store counts the calls that read.
type counted struct {
	store.Store
	mu    sync.Mutex
	reads map[string]int
}

func (s *counted) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads[name]++
}

// begin starts counting anew.
func (s *counted) begin() {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = make(map[string]int)
}

// expect wants exactly these calls since begin.
func (s *counted) expect(w *world, what string, want map[string]int) {
	w.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.Equal(s.reads, want) {
		w.Errorf("%s: reads %v, want %v", what, s.reads, want)
	}
}

func (s *counted) Changes(ctx context.Context, room string, after int64, l store.Limit) (*store.Changes, error) {
	s.count("Changes")
	return s.Store.Changes(ctx, room, after, l)
}

func (s *counted) Behind(ctx context.Context, room string, after int64, limit int) (int, error) {
	s.count("Behind")
	return s.Store.Behind(ctx, room, after, limit)
}

func (s *counted) History(ctx context.Context, room string, q store.Query) (*store.Page, error) {
	s.count("History")
	return s.Store.History(ctx, room, q)
}

func (s *counted) Heads(ctx context.Context, rooms []string) ([]store.Head, error) {
	s.count("Heads")
	return s.Store.Heads(ctx, rooms)
}

func (s *counted) Look(ctx context.Context, user string, rooms []string) ([]store.Membership, error) {
	s.count("Look")
	return s.Store.Look(ctx, user, rooms)
}

func (s *counted) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	s.count("Memberships")
	return s.Store.Memberships(ctx, user, after, limit)
}

func (s *counted) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	s.count("Members")
	return s.Store.Members(ctx, room, after, limit)
}

func (s *counted) Reacted(ctx context.Context, user, room string, seqs []int64) ([]store.ReactionKey, error) {
	s.count("Reacted")
	return s.Store.Reacted(ctx, user, room, seqs)
}

// runCounted runs f with a server whose store counts, and which does not look
// for commits of others meanwhile.
func runCounted(t *testing.T, f func(w *world, farm *farm, reads *counted)) {
	t.Helper()
	testserver.Run(t, nil, func(h *testserver.Harness) {
		reads := &counted{Store: store.Memory(), reads: make(map[string]int)}
		farm := &farm{h: h, db: reads, random: rand.New(rand.NewPCG(1, 0)), change: func(o *chat.Options) { o.WatchInterval = time.Hour }}
		farm.add()
		f(&world{T: h.T, h: h, chat: farm.processes[0].chat, store: reads}, farm, reads)
	})
}

// TestReadsOfThoseWhoComeBack counts what many clients read that come back at
// once: each its rooms, and nothing of a room that others still follow; after a
// restart each room once.
func TestReadsOfThoseWhoComeBack(t *testing.T) {
	const (
		clients = 20
		rooms   = 10
		each    = 5
		missed  = 20
	)
	runCounted(t, func(w *world, farm *farm, reads *counted) {
		var users, all []string
		for i := range clients {
			users = append(users, fmt.Sprint("u", i))
		}
		for i := range rooms {
			all = append(all, fmt.Sprint("r", i))
			w.room(all[i], chat.Open, append(users, "ann")...)
		}
		ann := connect(w, "ann", farm.dial)
		for _, id := range all {
			ann.open(id)
		}
		var crowd []*stock
		for i, user := range users {
			s := connect(w, user, farm.dial)
			for j := range each {
				s.open(all[(i+j)%rooms])
			}
			crowd = append(crowd, s)
		}
		back := func() {
			w.Helper()
			testserver.Wait(3 * time.Second)
			for _, s := range append(slices.Clone(crowd), ann) {
				for id := range s.views {
					s.mu.Lock()
					rows, gaps, resets := len(s.views[id].rows), s.gaps, s.resets
					s.mu.Unlock()
					if rows != missed || gaps > 0 || resets != len(s.views) {
						w.Fatalf("%s shows %d messages of %s, with %d gaps and %d resets", s.user, rows, id, gaps, resets)
					}
				}
			}
		}
		for _, s := range crowd {
			s.drop()
		}
		synctest.Wait()
		for n := range missed {
			for _, id := range all {
				ann.must("post", post(id, fmt.Sprint(n), fmt.Sprint("message ", n)))
			}
		}
		reads.begin() // before they come back, a second after
		back()
		reads.expect(w, "others have followed the rooms", map[string]int{"Memberships": clients})

		reads.begin()
		farm.processes[0].kill()
		farm.replace(farm.processes[0])
		back()
		reads.expect(w, "after a restart", map[string]int{"Memberships": clients + 1, "Changes": rooms})
	})
}

// TestReadsAfterManyChanges lets clients come back that have missed more changes
// than a ring has, of few messages: each reads once.
func TestReadsAfterManyChanges(t *testing.T) {
	const changes = 100 // of each of four messages
	runCounted(t, func(w *world, farm *farm, reads *counted) {
		w.room("r", chat.Open, "ann", "bob", "cy")
		ann := connect(w, "ann", farm.dial)
		ann.open("r")
		for n := range 4 {
			ann.must("post", post("r", fmt.Sprint(n), fmt.Sprint("message ", n)))
		}
		bob, cy := connect(w, "bob", farm.dial), connect(w, "cy", farm.dial)
		bob.open("r")
		cy.open("r")
		away := func(_ context.Context) (net.Conn, error) { return nil, net.ErrClosed }
		for _, s := range []*stock{bob, cy} {
			s.update(func() { s.dial = away })
			s.drop()
		}
		for n := range changes { // each is a change of its own
			last := fmt.Sprint(n)
			for seq := range int64(4) {
				w.check(w.chat.Room("r").Edit(ctx, "", seq+1, chat.Draft{Text: last}))
				testserver.Wait(100 * time.Millisecond) // or else they are sent as one
			}
		}
		reads.begin()
		for _, s := range []*stock{bob, cy} {
			s.update(func() { s.dial = farm.dial })
		}
		testserver.Wait(3 * time.Second)
		reads.expect(w, "two clients", map[string]int{"Memberships": 2, "Changes": 2})
		for _, s := range []*stock{bob, cy} {
			s.mu.Lock()
			if text := s.views["r"].rows[1].Text; text != fmt.Sprint(changes-1) || s.gaps > 0 || s.resets != 1 {
				w.Errorf("%s shows %q, with %d gaps and %d resets", s.user, text, s.gaps, s.resets)
			}
			s.mu.Unlock()
		}
	})
}

// TestReadsOfReady counts what the unread counts of 200 rooms take.
func TestReadsOfReady(t *testing.T) {
	const rooms = 200
	runCounted(t, func(w *world, farm *farm, reads *counted) {
		for i := range rooms {
			id := fmt.Sprintf("r%03d", i)
			w.room(id, chat.Open, "ann", "bob")
			for n := range i % 3 {
				_, err := w.chat.Room(id).Post(ctx, "bob", chat.Draft{Text: fmt.Sprint(n), Mentions: []string{"ann"}})
				w.check(err)
			}
		}
		reads.begin()
		ann := connect(w, "ann", farm.dial)
		reads.expect(w, "ready", map[string]int{"Memberships": 1})
		if len(ann.ready.Rooms) != rooms || ann.ready.More {
			w.Fatalf("ready has %d rooms", len(ann.ready.Rooms))
		}
		for i, r := range ann.ready.Rooms {
			if want := int64(i % 3); r.Unread != want || int64(r.Mentions) != want {
				w.Errorf("%s: %d unread, %d mentions, want %d", r.ID, r.Unread, r.Mentions, want)
			}
		}
	})
}
