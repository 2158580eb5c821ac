package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestHintsSaveReads counts how often a server reads the store for the posts of
// another one: short ones come with the hint.
func TestHintsSaveReads(t *testing.T) {
	for size, want := range map[int]int{10: 0, 3000: 0, 6000: 30} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			runPartition(t, 1, func(w *world, f *farm, bus *faultyBus) {
				w.room("r", chat.Open, "ann", "bob")
				ann, bob := connect(w, "ann", f.processes[0].dial), connect(w, "bob", f.processes[1].dial)
				ann.open("r")
				bob.open("r")
				testserver.Wait(6 * time.Second) // the servers know each other
				reads := 0
				other := f.processes[1]
				other.mu.Lock()
				other.hook = func(point string) {
					if point == "in catch-up" {
						reads++
					}
				}
				other.mu.Unlock()
				var want30 []string
				for i := range 30 {
					text := fmt.Sprintf("%d %*s", i, size, "<&>\u2028\"é")
					ann.must("post", obj{"room": "r", "cid": fmt.Sprint(i), "text": text, "data": obj{"n": i}})
					want30 = append(want30, text)
					testserver.Wait(100 * time.Millisecond)
				}
				bob.shows("r", want30...)
				bob.compare(w, f.db, "r")
				other.mu.Lock()
				defer other.mu.Unlock()
				if reads != want {
					w.Errorf("%d reads, want %d", reads, want)
				}
			})
		})
	}
}

// TestHintsOfEveryKind sends each kind of change by a hint: the views of the two
// servers are the same.
func TestHintsOfEveryKind(t *testing.T) {
	runPartition(t, 1, func(w *world, f *farm, bus *faultyBus) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := connect(w, "ann", f.processes[0].dial), connect(w, "bob", f.processes[1].dial)
		ann.open("r")
		bob.open("r")
		testserver.Wait(6 * time.Second)
		other := f.processes[1]
		reads := 0
		other.mu.Lock()
		other.hook = func(point string) {
			if point == "in catch-up" {
				reads++
			}
		}
		other.mu.Unlock()
		first := ann.must("post", post("r", "1", "first"))
		ann.must("post", obj{"room": "r", "cid": "2", "text": "answer", "replyTo": 1, "mentions": []string{"bob"}})
		ann.must("edit", obj{"room": "r", "seq": 1, "ver": first.Rev, "text": "edited"})
		ann.must("react", obj{"room": "r", "seq": 2, "emoji": "👍", "on": true})
		ann.must("delete", obj{"room": "r", "seq": 2, "reason": "no"})
		room := w.chat.Room("r")
		w.check(room.Set(ctx, chat.RoomInfo{Info: []byte(`{"name":"<r>"}`)}))
		w.check(room.Add(ctx, "cy", chat.Moderator))
		w.check(room.Kick(ctx, "cy", ""))
		synctest.Wait()
		bob.compare(w, f.db, "r")
		ann.compare(w, f.db, "r")
		var last [2]string
		for i, s := range []*stock{ann, bob} {
			for _, frame := range s.named("changes") {
				last[i] += string(frame) + "\n"
			}
		}
		if last[0] != last[1] || last[0] == "" {
			w.Errorf("ann has got\n%sbob\n%s", last[0], last[1])
		}
		if reads > 0 {
			w.Errorf("%d reads", reads)
		}
	})
}

// A watched is a process whose store tells of commits, when the test says so.
type watched struct {
	*process
	changed chan []string
}

func (s watched) Watch(ctx context.Context, changed func(rooms []string)) error {
	for {
		select {
		case rooms := <-s.changed:
			changed(rooms)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestNewsDuringARead commits while another server reads the store: the reader
// reads once more, instead of leaving the change to the watch interval.
func TestNewsDuringARead(t *testing.T) {
	for _, way := range []string{"hint", "watch"} {
		t.Run(way, func(t *testing.T) {
			testserver.Run(t, nil, func(h *testserver.Harness) {
				told := make(chan []string, 9)
				f := &farm{h: h, db: store.Memory(), random: newRandom(1)}
				if way == "hint" {
					bus := new(adapter.Loopback)
					f.so = func() *socketio.Options { return &socketio.Options{Adapter: bus} }
				}
				here := f.add()
				if way == "watch" {
					f.change = func(o *chat.Options) { o.Store = watched{o.Store.(*process), told} }
				}
				there := f.add()
				w := &world{T: h.T, h: h, chat: here.chat, store: f.db}
				w.room("r", chat.Open, "ann", "bob")
				bob := connect(w, "bob", there.dial)
				bob.open("r")
				say := func(text string) {
					_, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: strings.Repeat(text, 5000)}) // no rows in the hint
					w.check(err)
					if way == "watch" {
						told <- []string{"r"}
					}
				}
				reads := 0
				there.mu.Lock()
				there.hook = func(point string) {
					if point == "after a page" {
						if reads++; reads == 1 {
							say("b")
							testserver.Wait(50 * time.Millisecond) // the news arrives
						}
					}
				}
				there.mu.Unlock()
				say("a")
				testserver.Wait(200 * time.Millisecond)
				if n := len(texts(bob, "r")); n != 2 || bob.gaps > 0 {
					w.Errorf("bob shows %d messages, and has found %d gaps", n, bob.gaps)
				}
			})
		})
	}
}
