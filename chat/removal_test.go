package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// runFarm runs f with processes on one database. They do not tell each other of
// their commits.
func runFarm(t *testing.T, servers int, f func(w *world, farm *farm)) {
	t.Helper()
	testserver.Run(t, nil, func(h *testserver.Harness) {
		farm := &farm{h: h, db: store.Memory(), random: rand.New(rand.NewPCG(1, 0))}
		farm.change = func(o *chat.Options) {
			o.OnReport = func(context.Context, chat.User, chat.Message, string) error { return nil }
		}
		for range servers {
			farm.add()
		}
		f(&world{T: h.T, h: h, chat: farm.processes[0].chat, store: farm.db}, farm)
	})
}

// sees reports whether a client has got a text in any event or reply.
func (s *stock) sees(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if strings.Contains(string(e.arg), text) {
			return true
		}
	}
	for _, v := range s.views {
		for _, m := range v.rows {
			if strings.Contains(m.Text, text) {
				return true
			}
		}
	}
	return false
}

// removals are the ways to lose ann.
var removals = map[string]func(w *world, room string) error{
	"kick": func(w *world, room string) error { return w.chat.Room(room).Kick(ctx, "ann", "") },
	"ban":  func(w *world, room string) error { return w.chat.Room(room).Ban(ctx, "ann", "") },
	"leave": func(w *world, room string) error {
		_, err := w.store.Commit(ctx, []store.Op{store.SetMember{Room: room, By: "ann", User: "ann", Do: store.Leave}})
		return err
	},
	"delete": func(w *world, room string) error { return w.chat.Room(room).Delete(ctx) },
}

func TestRemovedUserGetsNothingLater(t *testing.T) {
	for name, remove := range removals {
		t.Run(name, func(t *testing.T) {
			runFarm(t, 2, func(w *world, f *farm) {
				w.room("r", chat.Closed, "ann", "bob")
				here := connect(w, "ann", f.processes[0].dial)
				there := connect(w, "ann", f.processes[1].dial)
				bob := connect(w, "bob", f.processes[0].dial)
				for _, s := range []*stock{here, there, bob} {
					s.open("r")
				}
				bob.must("post", post("r", "1", "before"))
				w.check(remove(w, "r"))
				if name != "delete" {
					bob.must("post", post("r", "2", "secret"))
				}
				testserver.Wait(10 * time.Second) // the other server has looked at the store
				for _, s := range []*stock{here, there} {
					if s.sees("secret") {
						w.Error("a removed user has got a later message")
					}
					s.refusedWith("not_found", "open", obj{"room": "r"})
					s.refusedWith("not_found", "post", post("r", "3", "x"))
					s.refusedWith("not_found", "history", obj{"room": "r"})
				}
				if !here.sees("before") || len(here.named("rooms")) == 0 && name != "leave" {
					w.Errorf("events %v", here.events)
				}
			})
		})
	}
}

// TestRemovalAmongPosts commits a removal together with posts before and after
// it: the frame of all must not reach the removed user.
func TestRemovalAmongPosts(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Closed, "ann", "bob")
		ann, bob := connect(w, "ann", f.dial), connect(w, "bob", f.dial)
		ann.open("r")
		bob.open("r")
		f.processes[0].disturb(time.Second, 0)
		first := bob.send("post", post("r", "0", "first"))
		synctest.Wait() // the committer is at work, and what follows is one batch
		done := make(chan error, 3)
		for _, do := range []func() error{
			func() error { _, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "before"}); return err },
			func() error { return w.chat.Room("r").Kick(ctx, "ann", "") },
			func() error { _, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "secret"}); return err },
		} {
			go func() { done <- do() }()
			synctest.Wait()
		}
		for range 3 {
			w.check(<-done)
		}
		bob.wait("the posts", func() bool { return first.ended && bob.views["r"].rev >= 7 })
		if !bob.sees("secret") || ann.sees("secret") {
			w.Errorf("bob has got it: %t, ann: %t", bob.sees("secret"), ann.sees("secret"))
		}
	})
}

// TestRemovalDuringOpen removes a user while the server reads what the user asks
// for.
func TestRemovalDuringOpen(t *testing.T) {
	for n := 1; n <= 6; n++ {
		for _, cursor := range []bool{false, true} {
			t.Run(fmt.Sprintf("at read %d, cursor %t", n, cursor), func(t *testing.T) {
				runFarm(t, 1, func(w *world, f *farm) {
					w.room("r", chat.Closed, "ann", "bob")
					for i := range 300 {
						_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: fmt.Sprint("old ", i)})
						w.check(err)
					}
					ann := connect(w, "ann", f.dial)
					arg := obj{"room": "r"}
					if cursor {
						head, err := f.db.Heads(ctx, []string{"r"})
						w.check(err)
						arg["epoch"], arg["rev"] = head[0].Epoch, 250
					}
					p, reads := f.processes[0], 0
					p.mu.Lock()
					p.hook = func(point string) {
						if point != "in catch-up" && point != "in load" {
							return
						}
						if reads++; reads == n { // another server commits, and tells nobody
							_, err := f.db.Commit(ctx, []store.Op{store.SetMember{Room: "r", User: "ann", Do: store.Kick}, store.Post{Room: "r", Author: "bob", Text: "secret"}})
							w.check(err)
						}
					}
					p.mu.Unlock()
					reply := string(ann.call("open", arg))
					testserver.Wait(10 * time.Second)
					if strings.Contains(reply, "secret") || ann.sees("secret") {
						w.Errorf("a removed user has got a later message: %.200s", reply)
					}
				})
			})
		}
	}
}

func TestRemovedFromTheParentOfAThread(t *testing.T) {
	for name, remove := range removals {
		t.Run(name, func(t *testing.T) {
			runFarm(t, 2, func(w *world, f *farm) {
				w.room("r", chat.Open, "ann", "bob")
				bob := connect(w, "bob", f.processes[0].dial)
				bob.must("post", post("r", "1", "a message"))
				thread := store.Thread("r", 1)
				viewer := connect(w, "vic", f.processes[1].dial)
				ann := connect(w, "ann", f.processes[1].dial)
				for _, s := range []*stock{bob, viewer, ann} {
					s.open(thread)
				}
				bob.must("post", post(thread, "1", "in the thread"))
				testserver.Wait(10 * time.Second)
				ann.shows(thread, "in the thread")
				viewer.shows(thread, "in the thread")
				ann.update(func() { delete(ann.views, thread) }) // does not open it again, which a viewer of an open room may do
				w.check(remove(w, "r"))
				if name == "delete" {
					bob.refusedWith("not_found", "post", post(thread, "2", "secret"))
					return
				}
				w.check(w.chat.Room("r").Ban(ctx, "vic", ""))
				bob.must("post", post(thread, "2", "secret"))
				testserver.Wait(10 * time.Second)
				if ann.sees("secret") || viewer.sees("secret") {
					w.Errorf("ann has got it: %t, the banned viewer: %t", ann.sees("secret"), viewer.sees("secret"))
				}
			})
		})
	}
}

// TestRemovedWhileAway brings a user back by Options.Recovery after a removal.
func TestRemovedWhileAway(t *testing.T) {
	runOn(t, &socketio.Options{Recovery: &socketio.Recovery{}}, nil, func(w *world) {
		w.room("r", chat.Closed, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.open("r")
		bob.open("r")
		bob.must("post", post("r", "1", "before"))
		ann.shows("r", "before")
		ann.drop()
		synctest.Wait()
		w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
		bob.must("post", post("r", "2", "secret"))
		ann.wait("return", func() bool { return ann.live })
		testserver.Wait(5 * time.Second)
		if !ann.recovered {
			w.Error("the session was not recovered, so the test shows nothing")
		}
		if ann.sees("secret") {
			w.Error("a removed user has got a later message by recovery")
		}
	})
}

func TestBannedViewerOfAnOpenRoom(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "bob")
		viewer, bob := w.connect("vic"), w.connect("bob")
		viewer.open("r")
		bob.must("post", post("r", "1", "before"))
		viewer.shows("r", "before")
		w.check(w.chat.Room("r").Ban(ctx, "vic", ""))
		bob.must("post", post("r", "2", "secret"))
		synctest.Wait()
		if viewer.sees("secret") {
			w.Error("a banned viewer has got a later message")
		}
		viewer.refusedWith("banned", "open", obj{"room": "r"})
	})
}

// TestMemberWhoComesBack sees no message from the time between in a room that
// shows only what happens after joining, and begins anew there.
func TestMemberWhoComesBack(t *testing.T) {
	run(t, nil, func(w *world) {
		w.check(w.chat.Room("r").Create(ctx, chat.RoomInfo{Kind: chat.Closed, Visibility: chat.VisibleJoined}))
		for _, user := range []string{"ann", "bob"} {
			w.check(w.chat.Room("r").Add(ctx, user, chat.Writer))
		}
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.open("r")
		bob.open("r")
		first := bob.must("post", post("r", "1", "first"))
		ann.shows("r", "first")
		w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
		synctest.Wait() // ann opens the room again, in vain
		bob.must("post", post("r", "2", "secret"))
		w.check(w.chat.Room("r").Add(ctx, "ann", chat.Writer))
		bob.must("post", post("r", "3", "welcome back"))
		resets := ann.resets
		ann.open("r")
		ann.shows("r", "welcome back")
		if ann.resets != resets+1 {
			w.Errorf("%d resets", ann.resets)
		}
		bob.must("edit", obj{"room": "r", "seq": 2, "ver": first.Rev + 2, "text": "secret 2"})
		bob.must("edit", obj{"room": "r", "seq": first.Seq, "ver": first.Rev, "text": "first 2"})
		ann.shows("r", "welcome back")
		ann.drop()
		synctest.Wait()
		old, err := w.chat.Room("r").Message(ctx, 2)
		w.check(err)
		bob.must("edit", obj{"room": "r", "seq": 2, "ver": old.Ver, "text": "secret 3"})
		last := bob.must("post", post("r", "4", "while away"))
		ann.wait("return", func() bool { return ann.live && ann.views["r"].rev >= last.Rev })
		ann.shows("r", "welcome back", "while away")
		bob.shows("r", "first 2", "secret 3", "welcome back", "while away") // bob asks for what has changed
		if r := ann.must("history", obj{"room": "r", "seqs": []int{1, 2, 3}}); len(r.Messages) != 1 {
			w.Errorf("history %+v", r.Messages)
		}
		if ann.sees("secret") || ann.sees("first 2") {
			w.Error("a member has got what is older than the membership")
		}
		bob.refusedWith("not_found", "edit", obj{"room": "r", "seq": 9, "ver": 1, "text": "x"})
		ann.refusedWith("not_found", "react", obj{"room": "r", "seq": 2, "emoji": "x", "on": true})
		ann.refusedWith("bad_request", "post", obj{"room": "r", "cid": "c", "text": "x", "replyTo": 2})
	})
}

// TestRemovalInTheRing removes a user after the server has read what the user is
// in the room, and before the frame is sent.
func TestRemovalInTheRing(t *testing.T) {
	runFarm(t, 1, func(w *world, f *farm) {
		w.room("r", chat.Closed, "ann", "bob")
		bob := connect(w, "bob", f.dial)
		bob.open("r")
		bob.must("post", post("r", "1", "old"))
		ann := connect(w, "ann", f.dial)
		p, kicked := f.processes[0], false
		p.mu.Lock()
		p.hook = func(point string) {
			if point == "after a page" && !kicked { // the membership has been read, too
				kicked = true
				w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
				_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "secret"})
				w.check(err)
			}
		}
		p.mu.Unlock()
		reply := string(ann.call("open", obj{"room": "r"}))
		if !kicked || strings.Contains(reply, "secret") || !strings.Contains(reply, "not_found") {
			w.Errorf("kicked: %t, reply %s", kicked, reply)
		}
		bob.must("post", post("r", "2", "secret"))
		synctest.Wait()
		if ann.sees("secret") {
			w.Error("a removed user has got a later message")
		}
	})
}

// TestRemovalAfterReady removes a user between the query of ready and the frames
// of its cursors, and lets the ring forget that.
func TestRemovalAfterReady(t *testing.T) {
	for _, later := range []int{1, 400} {
		t.Run(fmt.Sprintf("%d changes later", later), func(t *testing.T) {
			runFarm(t, 1, func(w *world, f *farm) {
				w.room("r", chat.Closed, "ann", "bob")
				bob := connect(w, "bob", f.dial)
				bob.open("r")
				ann := connect(w, "ann", f.dial)
				ann.open("r")
				bob.must("post", post("r", "1", "before"))
				ann.shows("r", "before")
				p, kicked := f.processes[0], false
				p.mu.Lock()
				p.hook = func(point string) {
					if point != "after ready" || kicked {
						return
					}
					kicked = true
					w.check(w.chat.Room("r").Kick(ctx, "ann", ""))
					for range later {
						_, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Text: "secret"})
						w.check(err)
					}
				}
				p.mu.Unlock()
				ann.drop()
				testserver.Wait(20 * time.Second)
				bob.must("post", post("r", "2", "secret"))
				synctest.Wait()
				if !kicked || ann.sees("secret") {
					w.Errorf("kicked: %t, ann has got a later message: %t", kicked, ann.sees("secret"))
				}
			})
		})
	}
}
