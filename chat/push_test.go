package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// pushes notes who was told of which message.
type pushes struct {
	mu   sync.Mutex
	sent []string
	err  error // of Recipients, the last one
}

func (p *pushes) onPost(ctx context.Context, m *chat.Posted) error {
	for to, err := range m.Recipients(ctx) {
		p.mu.Lock()
		if err != nil {
			p.err = err
		} else {
			p.sent = append(p.sent, fmt.Sprintf("%s%d to %s", m.Room, m.Message.Seq, to.User))
		}
		p.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pushes) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// expect waits for the delay, and expects exactly these pushes.
func (p *pushes) expect(w *world, want ...string) {
	w.Helper()
	testserver.Wait(5500 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.sent, want) {
		w.Errorf("pushes %q, want %q", p.sent, want)
	}
	p.sent = nil
}

func runPushes(t *testing.T, f func(w *world, p *pushes)) {
	t.Helper()
	p := new(pushes)
	run(t, func(o *chat.Options) { o.OnPost = p.onPost }, func(w *world) { f(w, p) })
}

func TestRecipientsComeAfterTheDelay(t *testing.T) {
	runPushes(t, func(w *world, p *pushes) {
		w.room("r", chat.Closed, "ann", "bob", "cy")
		bob := w.connect("bob") // has a device, which does not follow the room
		w.connect("ann").must("post", post("r", "1", "hi"))
		testserver.Wait(4900 * time.Millisecond)
		if got := p.list(); len(got) > 0 {
			w.Errorf("told at once: %q", got)
		}
		bob.must("read", obj{"room": "r", "seq": 1})
		p.expect(w, "r1 to cy")
	})
}

func TestRecipientsWantToBeTold(t *testing.T) {
	runPushes(t, func(w *world, p *pushes) {
		w.room("r", chat.Closed, "ann", "bob", "cy", "dan")
		w.check(w.chat.Room("r").Add(ctx, "mo", chat.Moderator))
		bob, cy := w.connect("bob"), w.connect("cy")
		bob.must("notify", obj{"room": "r", "notify": "mentions"})
		cy.must("notify", obj{"room": "r", "notify": "none"})
		post := func(by string, mentions ...string) {
			w.connect(by).must("post", obj{"room": "r", "cid": fmt.Sprint(time.Now()), "text": "x", "mentions": mentions})
		}
		post("ann")
		p.expect(w, "r1 to dan", "r1 to mo")
		post("ann", "bob", "cy")
		p.expect(w, "r2 to bob", "r2 to dan", "r2 to mo")
		post("mo", "*")
		p.expect(w, "r3 to ann", "r3 to bob", "r3 to dan")
	})
}

func TestRecipientsDoNotLook(t *testing.T) {
	runPushes(t, func(w *world, p *pushes) {
		w.room("r", chat.Closed, "ann", "bob")
		w.room("other", chat.Closed, "bob")
		ann, bob, phone := w.connect("ann"), w.connect("bob"), w.connect("bob")
		told := func(cid string, told bool) {
			w.Helper()
			seq := ann.must("post", post("r", cid, "x")).Seq
			if told {
				p.expect(w, fmt.Sprintf("r%d to bob", seq))
			} else {
				p.expect(w)
			}
		}
		told("connected, and does not follow", true)
		bob.open("r")
		told("follows", false)
		bob.must("active", obj{"room": "other"})
		told("follows, and looks at another room", true)
		bob.must("active", obj{"room": "r"})
		told("looks", false)
		bob.must("active", obj{"room": "r", "idle": true})
		told("is not at the device", true)
		phone.open("r")
		told("is at another device", false)
		testserver.Wait(5 * time.Minute)
		told("has touched no device for five minutes", true)
		bob.must("active", obj{})
		told("is back", false)
		bob.must("close", obj{"room": "r"})
		phone.close()
		told("has gone", true)
	})
}

func TestNobodyIsToldOf(t *testing.T) {
	for name, undo := range map[string]func(w *world) error{
		"a deleted message": func(w *world) error { return w.chat.Room("r").DeleteMessage(ctx, "", 1, "spam") },
		"a deleted room":    func(w *world) error { return w.chat.Room("r").Delete(ctx) },
		"a removed user's loss": func(w *world) error { // who was a member when it was posted
			return errors.Join(w.chat.Room("r").Kick(ctx, "bob", ""), w.chat.Room("r").Kick(ctx, "cy", ""))
		},
		"an author that is blocked": func(w *world) error {
			for _, user := range []string{"bob", "cy"} {
				w.connect(user).must("block", obj{"user": "ann", "on": true})
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			runPushes(t, func(w *world, p *pushes) {
				w.room("r", chat.Closed, "ann", "bob", "cy")
				w.connect("ann").must("post", post("r", "1", "hi"))
				w.check(undo(w))
				p.expect(w)
				if p.err != nil {
					w.Error(p.err)
				}
			})
		})
	}
}

// TestRecipientsOfManyMembers has more members than a page.
func TestRecipientsOfManyMembers(t *testing.T) {
	runPushes(t, func(w *world, p *pushes) {
		w.room("r", chat.Closed, "ann")
		var ops []store.Op
		var want []string
		for i := range 450 {
			user := fmt.Sprintf("user%03d", i)
			ops = append(ops, store.SetMember{Room: "r", User: user, Do: store.Add, Role: store.RoleMember})
			want = append(want, "r1 to "+user)
		}
		_, err := w.store.Commit(ctx, ops)
		w.check(err)
		w.connect("ann").must("post", post("r", "1", "hi"))
		p.expect(w, want...)
	})
}

// TestRecipientsOnOtherServers looks at a room on another server, and reads there.
func TestRecipientsOnOtherServers(t *testing.T) {
	p, bus := new(pushes), new(adapter.Loopback)
	testserver.Run(t, nil, func(h *testserver.Harness) {
		f := &farm{h: h, db: store.Memory(), random: newRandom(1), so: func() *socketio.Options { return &socketio.Options{Adapter: bus} },
			change: func(o *chat.Options) { o.OnPost = p.onPost }}
		here, there := f.add(), f.add()
		w := &world{T: h.T, h: h, chat: here.chat, store: f.db}
		w.room("r", chat.Closed, "ann", "bob", "cy", "dan")
		ann := connect(w, "ann", here.dial)
		bob, cy := connect(w, "bob", there.dial), connect(w, "cy", there.dial)
		bob.open("r")
		ann.must("post", post("r", "1", "hi"))
		cy.must("read", obj{"room": "r", "seq": 1})
		p.expect(w, "r1 to dan")
		bob.must("active", obj{"idle": true})
		ann.must("post", post("r", "2", "hi"))
		p.expect(w, "r2 to bob", "r2 to cy", "r2 to dan")
		bob.must("active", obj{})
		there.kill()
		ann.must("post", post("r", "3", "hi"))
		start := time.Now()
		p.expect(w, "r3 to bob", "r3 to cy", "r3 to dan")
		if took := time.Since(start); took > 7*time.Second {
			w.Errorf("a server that is gone is waited for: %v", took)
		}
	})
}

// TestRecipientsAtTheEnd ends the server before the delay is over: everybody
// seems to be away, so nobody is told.
func TestRecipientsAtTheEnd(t *testing.T) {
	p := new(pushes)
	run(t, func(o *chat.Options) { o.OnPost = p.onPost }, func(w *world) {
		w.room("r", chat.Closed, "ann", "bob")
		w.connect("bob").open("r")
		w.connect("ann").must("post", post("r", "1", "hi"))
		w.h.Server.Close()
		start := time.Now()
		w.check(w.chat.Close())
		if len(p.sent) > 0 || !errors.Is(p.err, chat.ErrUnavailable) || time.Since(start) > time.Second {
			w.Errorf("pushes %q, error %v, after %v", p.sent, p.err, time.Since(start))
		}
	})
}
