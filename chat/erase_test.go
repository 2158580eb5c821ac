package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A past is a chat in which ann has left traces of every kind, on two servers.
type past struct {
	*world
	farm         *farm
	ann, bob, cy *stock
	rooms        []string
}

const erasedWord = "secret"

func livePast(w *world, f *farm) *past {
	p := &past{world: w, farm: f}
	w.room("r", chat.Open, "ann", "bob", "cy")
	w.room("closed", chat.Closed, "ann", "bob", "cy")
	p.ann, p.bob, p.cy = connect(w, "ann", f.processes[0].dial), connect(w, "bob", f.processes[0].dial), connect(w, "cy", f.processes[1].dial)
	direct := p.ann.must("direct", obj{"user": "bob"}).Room
	p.rooms = []string{"r", "closed", "r~1", direct}
	p.bob.must("post", post("r", "1", "hello"))
	for i, room := range p.rooms {
		p.bob.open(room)
		for j := range 3 {
			p.ann.must("post", post(room, fmt.Sprint("ann-cid", i, j), erasedWord))
		}
		p.bob.must("post", obj{"room": room, "cid": "2", "text": "a reply that stays", "replyTo": 1, "mentions": []string{"ann", "bob"}})
	}
	p.cy.open("r")
	p.cy.open("closed")
	p.cy.open("r~1")
	p.ann.must("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
	p.cy.must("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
	p.bob.must("react", obj{"room": "r", "seq": 2, "emoji": "x", "on": true})
	p.ann.must("delete", obj{"room": "r", "seq": 3, "reason": erasedWord})
	p.ann.must("read", obj{"room": "r", "seq": 2})
	p.ann.must("block", obj{"user": "cy", "on": true})
	p.bob.must("block", obj{"user": "ann", "on": true})
	testserver.Wait(10 * time.Second) // markers are written, and each server knows all
	return p
}

// clean checks that nothing of ann is left but empty rows, in the store and in
// what clients show.
func (p *past) clean(clients ...*stock) {
	p.Helper()
	for _, room := range p.rooms {
		ch, err := p.store.Changes(ctx, room, 0, store.Limit{Rows: 1 << 20, Bytes: 1 << 30})
		p.check(err)
		for _, m := range ch.Messages {
			if text, _ := json.Marshal(m); strings.Contains(string(text), "ann") || strings.Contains(string(text), erasedWord) {
				p.Errorf("%s has %s", room, text)
			}
		}
		for _, m := range ch.Members {
			if m.User == "ann" && (m != store.Member{Room: room, User: "ann", Rev: m.Rev, Why: "erase"}) {
				p.Errorf("%s has %+v", room, m)
			}
		}
	}
	traces, err := p.store.Traces(ctx, "ann", "", 10)
	p.check(err)
	blocks, err := p.store.Blocks(ctx, "bob")
	p.check(err)
	begun, err := p.store.Erasures(ctx)
	p.check(err)
	if len(traces)+len(blocks)+len(begun) > 0 {
		p.Errorf("left: rooms %q, blocks %q, erasures %q", traces, blocks, begun)
	}
	for _, s := range clients {
		for room, v := range s.views {
			s.wait("the end in "+room, func() bool { return v.open && !v.opening })
			s.compare(p.world, p.store, room)
			for _, m := range v.list() {
				if text, _ := json.Marshal(m); strings.Contains(string(text), "ann") || strings.Contains(string(text), erasedWord) {
					p.Errorf("%s shows %s of %s", s.user, text, room)
				}
			}
			if v.members["ann"] != "" {
				p.Errorf("%s shows ann as a %s of %s", s.user, v.members["ann"], room)
			}
		}
		if s.gaps > 0 {
			p.Errorf("%s has found %d gaps", s.user, s.gaps)
		}
	}
}

// TestErase erases a user while one client looks on, one is connected to another
// server, and one is away for long.
func TestErase(t *testing.T) {
	runFarm(t, 2, func(w *world, f *farm) {
		p := livePast(w, f)
		away := connect(w, "cy", f.processes[1].dial)
		for _, room := range []string{"r", "closed", "r~1"} {
			away.open(room)
		}
		shown, resets := texts(away, "r"), away.resets
		away.update(func() { away.dial = nowhere })
		away.drop()
		synctest.Wait()
		w.check(w.chat.User("ann").Erase(ctx))
		testserver.Wait(10 * time.Second)
		p.clean(p.bob, p.cy)
		if p.ann.refused == "" {
			w.Error("ann's device is still connected")
		}
		if got := fmt.Sprint(texts(p.bob, "r")); got != "[hello    a reply that stays]" {
			w.Errorf("bob shows %s", got)
		}
		testserver.Wait(40 * time.Minute)
		if got := texts(away, "r"); fmt.Sprint(got) != fmt.Sprint(shown) {
			w.Fatalf("who is away shows %q", got)
		}
		away.update(func() { away.dial = f.processes[1].dial })
		head, err := f.db.Heads(ctx, []string{"r"})
		w.check(err)
		away.wait("return", func() bool { return away.live && away.views["r"].rev == head[0].Rev })
		testserver.Wait(time.Second)
		p.clean(away)
		if away.resets != resets {
			w.Errorf("%d resets, want the tombstones alone", away.resets-resets)
		}
		p.bob.refusedWith("forbidden", "post", post(p.rooms[3], "9", "is anybody there?"))
		p.bob.refusedWith("gone", "direct", obj{"user": "ann"})
		for _, r := range connect(w, "bob", f.processes[1].dial).ready.Rooms {
			r.Epoch = "" // its letters are drawn, and may be ann's
			if text, _ := json.Marshal(r); strings.Contains(string(text), "ann") {
				w.Errorf("ready has %s", text)
			}
		}
	})
}

// TestEraseGoesOn kills the server at each commit of an erasure: the other one,
// or the next, finishes it.
func TestEraseGoesOn(t *testing.T) {
	for _, next := range []string{"the other server", "the next start"} {
		for _, point := range []string{"before commit", "after commit"} {
			for n, more := 0, true; more; n++ {
				t.Run(fmt.Sprintf("%s, %s %d", next, point, n), func(t *testing.T) {
					runFarm(t, 2, func(w *world, f *farm) {
						p := livePast(w, f)
						more = p.eraseKilled(point, n)
						if next == "the next start" {
							p.farm.processes[1].kill()
							f.add()
							testserver.Wait(10 * time.Second)
						} else {
							testserver.Wait(70 * time.Second)
						}
						if begun := n > 0 || point == "after commit"; begun {
							p.clean()
						}
					})
				})
				if n > 20 {
					t.Fatal("an erasure does not end")
				}
			}
		}
	}
}

// eraseKilled erases ann on a server that is killed when a point is passed for the
// n-th time. It reports whether it was killed.
func (p *past) eraseKilled(point string, n int) (killed bool) {
	server := p.farm.processes[0]
	server.mu.Lock()
	passed := 0
	server.hook = func(at string) {
		if at == point {
			if passed++; passed > n {
				server.kill()
			}
		}
	}
	server.mu.Unlock()
	return server.chat.User("ann").Erase(ctx) != nil
}

// TestEraseWhileWriting lets posts and a membership of the user come after a room
// was erased.
func TestEraseWhileWriting(t *testing.T) {
	runFarm(t, 2, func(w *world, f *farm) {
		p := livePast(w, f)
		server, commits := f.processes[0], atomic.Int64{}
		server.mu.Lock()
		server.hook = func(at string) {
			n := commits.Add(1)
			if at != "before commit" || n > 8 {
				return
			}
			_, err := f.db.Commit(ctx, []store.Op{
				store.SetMember{Room: "closed", User: "ann", Do: store.Add, Role: store.RoleMember},
				store.Post{Room: "closed", Author: "ann", CID: fmt.Sprint("late", n), Text: erasedWord},
			})
			w.check(err)
		}
		server.mu.Unlock()
		w.check(w.chat.User("ann").Erase(ctx))
		testserver.Wait(10 * time.Second)
		p.clean(p.bob, p.cy)
		if err := w.chat.User("deleted").Erase(ctx); store.CodeOf(err) != store.BadRequest {
			w.Errorf("erasing nobody: %v", err)
		}
		if s := connect(w, "deleted", f.processes[0].dial); s.refused == "" {
			w.Error("a user has the name of erased ones")
		}
	})
}

// TestEraseMany erases more messages than a step takes, and than a client catches
// up with from the store.
func TestEraseMany(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		bob, away := w.connect("bob"), w.connect("bob")
		bob.open("r")
		away.open("r")
		for i := range 1100 {
			_, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: erasedWord})
			w.check(err)
			if i == 500 {
				away.update(func() { away.dial = nowhere })
				away.drop()
				synctest.Wait()
			}
		}
		synctest.Wait()
		w.check(w.chat.User("ann").Erase(ctx))
		away.update(func() { away.dial = w.h.Dial })
		testserver.Wait(10 * time.Second)
		p := &past{world: w, rooms: []string{"r"}}
		p.clean(bob, away)
		if n := len(texts(bob, "r")); n != 1100 || bob.resets != 1 {
			w.Errorf("%d messages, %d resets", n, bob.resets)
		}
	})
}

// TestErasedPresence forgets when an erased user went.
func TestErasedPresence(t *testing.T) {
	run(t, func(o *chat.Options) {
		o.Policy.CanSee = func(context.Context, chat.User, string) error { return nil }
	}, func(w *world) {
		ann, bob, other := w.connect("ann"), w.connect("bob"), w.connect("bob")
		bob.watch("ann")
		ann.close()
		testserver.Wait(time.Minute)
		watched := func() string { return string(other.call("watch", obj{"users": []string{"ann"}})) }
		if before := watched(); !strings.Contains(before, `"seen"`) {
			w.Fatalf("nobody knows when ann went, so the test shows nothing: %s", before)
		}
		w.check(w.chat.User("ann").Erase(ctx))
		if after := watched(); strings.Contains(after, `"seen"`) {
			w.Errorf("watch answers %s", after)
		}
	})
}

// A haunted store finds the user ghost again and again.
type haunted struct{ store.Store }

func (s haunted) Traces(ctx context.Context, user, after string, limit int) ([]string, error) {
	if user == "ghost" {
		return []string{"r"}, nil
	}
	return s.Store.Traces(ctx, user, after, limit)
}

// TestErasuresGoOnWithoutEachOther has two erasures that a crash has stopped. The
// first can not end.
func TestErasuresGoOnWithoutEachOther(t *testing.T) {
	run(t, func(o *chat.Options) { o.Store = haunted{o.Store} }, func(w *world) {
		w.room("r", chat.Open, "ghost", "zoe")
		_, err := w.store.Commit(ctx, []store.Op{store.Erase{User: "ghost"}, store.Erase{User: "zoe"}})
		w.check(err)
		testserver.Wait(2 * time.Minute)
		if left, err := w.store.Erasures(ctx); fmt.Sprint(left, err) != "[ghost] <nil>" {
			w.Errorf("erasures %q, %v", left, err)
		}
	})
}

// nowhere is the network of a client that is away.
func nowhere(context.Context) (net.Conn, error) { return nil, net.ErrClosed }
