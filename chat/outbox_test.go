package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A postal is a process whose store has an outbox.
type postal struct {
	*process
	later time.Duration // how much later the store believes it is
}

func (p postal) Claim(ctx context.Context, owner string, settle []store.Claim, hold time.Duration, limit int) ([]store.Claim, []string, error) {
	if err := p.call("in claim"); err != nil {
		return nil, nil, err
	}
	return p.db.(store.Outbox).Claim(ctx, owner, settle, hold, limit)
}

func (p postal) Waiting(ctx context.Context, room string, after int64, limit int) ([]store.Message, int64, error) {
	if err := p.call("in waiting"); err != nil {
		return nil, 0, err
	}
	posts, now, err := p.db.(store.Outbox).Waiting(ctx, room, after, limit)
	return posts, now + p.later.Milliseconds(), err
}

// hooked notes the calls of OnPost of all processes, and when they came.
type hooked struct {
	mu    sync.Mutex
	calls []string
	times []time.Time
	fail  func(call string) error
}

func (k *hooked) list() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.calls)
}

func (k *hooked) onPost(m *chat.Posted) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	call := fmt.Sprintf("%s%d %s", m.Room, m.Message.Seq, m.Message.Text)
	k.calls, k.times = append(k.calls, call), append(k.times, time.Now())
	if k.fail != nil {
		return k.fail(call)
	}
	return nil
}

func runHooked(t *testing.T, servers int, later time.Duration, f func(w *world, farm *farm, k *hooked)) {
	t.Helper()
	testserver.Run(t, nil, func(h *testserver.Harness) {
		k := new(hooked)
		farm := &farm{h: h, db: store.Memory(), random: newRandom(3), change: func(o *chat.Options) {
			p := o.Store.(*process)
			o.Store, o.DurableHooks = postal{p, later}, true
			o.OnPost = func(ctx context.Context, m *chat.Posted) error {
				if !p.at("before hook") {
					return errors.New("the process is dead")
				}
				err := k.onPost(m)
				p.at("after hook")
				return err
			}
		}}
		for range servers {
			farm.add()
		}
		w := &world{T: h.T, h: h, chat: farm.processes[0].chat, store: farm.db}
		w.room("r", chat.Open, "ann")
		w.room("s", chat.Open, "ann")
		synctest.Wait() // until the servers have looked for posts: none is about to claim the first
		f(w, farm, k)
	})
}

func (w *world) posts(c *chat.Chat, room string, texts ...string) {
	w.Helper()
	for _, text := range texts {
		_, err := c.Room(room).Post(ctx, "ann", chat.Draft{Text: text, Key: text})
		w.check(err)
	}
}

func TestDurableHooks(t *testing.T) {
	runHooked(t, 2, 0, func(w *world, f *farm, k *hooked) {
		var all sync.WaitGroup
		for i, p := range f.processes {
			all.Go(func() {
				for n := range 50 {
					w.posts(p.chat, "r", fmt.Sprint(i, "-", n))
					testserver.Wait(20 * time.Millisecond)
				}
			})
		}
		all.Wait()
		testserver.Wait(11 * time.Second) // what a server found claimed it looks for again
		messages, err := w.chat.Room("r").History(ctx, 0, 200)
		w.check(err)
		var want []string
		for _, m := range messages {
			want = append(want, fmt.Sprintf("r%d %s", m.Seq, m.Text))
		}
		if got := k.list(); len(want) != 100 || !slices.Equal(got, want) {
			w.Errorf("OnPost got %q\nwant %q", got, want)
		}
	})
}

// TestDurableHooksComeSoon is for one server: the posts of a room that was just
// left are not left until the next look.
func TestDurableHooksComeSoon(t *testing.T) {
	runHooked(t, 1, 0, func(w *world, _ *farm, k *hooked) {
		for i := range 300 {
			w.posts(w.chat, "r", fmt.Sprint(i))
			testserver.Wait(time.Duration(i%60) * time.Millisecond)
		}
		testserver.Wait(200 * time.Millisecond)
		if got := k.list(); len(got) != 300 {
			w.Errorf("%d calls", len(got))
		}
	})
}

func TestDurableHooksAreTriedAgain(t *testing.T) {
	runHooked(t, 1, 0, func(w *world, _ *farm, k *hooked) {
		failures := 0
		k.fail = func(call string) error {
			if call != "r1 bad" || failures == 4 {
				return nil
			}
			if failures++; failures == 2 {
				panic("a mistake in the program")
			}
			return errors.New("the push service is away")
		}
		w.posts(w.chat, "r", "bad", "next")
		testserver.Wait(500 * time.Millisecond)
		w.posts(w.chat, "s", "other")
		testserver.Wait(100 * time.Millisecond)
		if got, want := k.list(), []string{"r1 bad", "s1 other"}; !slices.Equal(got, want) {
			w.Errorf("OnPost got %q, want %q", got, want)
		}
		testserver.Wait(16 * time.Second)
		if got, want := k.list(), []string{"r1 bad", "s1 other", "r1 bad", "r1 bad", "r1 bad", "r1 bad", "r2 next"}; !slices.Equal(got, want) {
			w.Fatalf("OnPost got %q, want %q", got, want)
		}
		times := slices.Delete(k.times, 1, 2)
		for i, pause := range []time.Duration{1, 2, 4, 8} {
			if took := times[i+1].Sub(times[i]).Round(time.Second); took != pause*time.Second {
				w.Errorf("pause %d was %v", i, took)
			}
		}
	})
}

// TestDurableHooksGiveUp lets a post fail for ever. The room goes on when the
// post is a day old; the store says that it is.
func TestDurableHooksGiveUp(t *testing.T) {
	runHooked(t, 1, 25*time.Hour, func(w *world, _ *farm, k *hooked) {
		k.fail = func(call string) error {
			if strings.HasSuffix(call, "bad") {
				return errors.New("no such phone")
			}
			return nil
		}
		w.posts(w.chat, "r", "bad", "next")
		testserver.Wait(20 * time.Minute)
		want := append(slices.Repeat([]string{"r1 bad"}, 10), "r2 next")
		if got := k.list(); !slices.Equal(got, want) {
			w.Errorf("OnPost got %q, want %q", got, want)
		}
	})
}

// TestDurableHooksAfterKill kills the server that has to call OnPost: another
// one does so.
func TestDurableHooksAfterKill(t *testing.T) {
	for point, want := range map[string][]string{
		"after commit": {"r1 x"},
		"in claim":     {"r1 x"},
		"in waiting":   {"r1 x"},
		"before hook":  {"r1 x"},
		"after hook":   {"r1 x", "r1 x"},
	} {
		t.Run(point, func(t *testing.T) {
			runHooked(t, 1, 0, func(w *world, f *farm, k *hooked) {
				p := f.processes[0]
				p.mu.Lock()
				p.killAt = point
				p.mu.Unlock()
				_, _ = p.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "x"})
				synctest.Wait()
				testserver.Wait(100 * time.Millisecond)
				f.replace(p)
				testserver.Wait(40 * time.Second) // until the claim of the killed server has ended
				if got := k.list(); !slices.Equal(got, want) {
					w.Errorf("OnPost got %q, want %q", got, want)
				}
			})
		})
	}
}

// TestDurableHooksAfterClose leaves posts to another server at once.
func TestDurableHooksAfterClose(t *testing.T) {
	runHooked(t, 2, 0, func(w *world, f *farm, k *hooked) {
		first, second := f.processes[0], f.processes[1]
		k.fail = func(string) error { return errors.New("away") }
		w.posts(first.chat, "r", "x")
		testserver.Wait(100 * time.Millisecond)
		first.h.Server.Close()
		w.check(first.chat.Close())
		k.mu.Lock()
		k.fail = nil
		k.mu.Unlock()
		w.posts(second.chat, "s", "y")
		testserver.Wait(7 * time.Second)
		if got := k.list(); !slices.Equal(got, []string{"r1 x", "s1 y", "r1 x"}) {
			w.Errorf("OnPost got %q", got)
		}
	})
}

// TestDurableHooksLeaveOut has posts whose room is deleted before OnPost is
// called.
func TestDurableHooksLeaveOut(t *testing.T) {
	runHooked(t, 1, 0, func(w *world, _ *farm, k *hooked) {
		away := true
		k.fail = func(string) error {
			if away {
				return errors.New("away")
			}
			return nil
		}
		w.posts(w.chat, "r", "x", "y")
		w.posts(w.chat, "s", "kept", "deleted")
		synctest.Wait()
		w.check(w.chat.Room("r").Delete(ctx))
		w.check(w.chat.Room("s").DeleteMessage(ctx, "", 2, ""))
		k.mu.Lock()
		away, k.calls = false, nil
		k.mu.Unlock()
		testserver.Wait(10 * time.Second)
		if got := k.list(); !slices.Equal(got, []string{"s1 kept", "s2 "}) {
			w.Errorf("OnPost got %q", got)
		}
	})
}

// TestDurableHooksUnderKills kills servers all the time. OnPost is called for
// every post, in the order of the room.
func TestDurableHooksUnderKills(t *testing.T) {
	runHooked(t, 2, 0, func(w *world, f *farm, k *hooked) {
		over := make(chan struct{})
		go func() {
			defer close(over)
			for n := range 200 {
				for posted := false; !posted; {
					f.mu.Lock()
					p := f.processes[f.random.IntN(len(f.processes))]
					f.mu.Unlock()
					_, err := p.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "x", Key: fmt.Sprint(n)})
					if posted = err == nil; !posted {
						testserver.Wait(100 * time.Millisecond)
					}
				}
				testserver.Wait(300 * time.Millisecond)
			}
		}()
		for round := 0; ; round++ {
			f.mu.Lock()
			p := f.processes[f.random.IntN(len(f.processes))]
			f.mu.Unlock()
			select {
			case <-over:
			case <-time.After(2 * time.Second):
				p.mu.Lock()
				p.killAt = []string{"before hook", "in claim", "in waiting", "after hook", "after commit"}[round%5]
				p.mu.Unlock()
				select {
				case <-p.killed:
				case <-time.After(3 * time.Second):
					p.kill()
				}
				f.replace(p)
				continue
			}
			break
		}
		testserver.Wait(2 * time.Minute)
		told := 0
		for _, call := range k.list() {
			seq := 0
			_, err := fmt.Sscanf(call, "r%d", &seq)
			w.check(err)
			if seq > told+1 {
				w.Errorf("%s after r%d", call, told)
			}
			told = max(told, seq)
		}
		if told != 200 || f.kills < 5 {
			w.Errorf("%d posts were told in order, with %d kills", told, f.kills)
		}
		w.Logf("%d calls for 200 posts, %d kills", len(k.list()), f.kills)
	})
}

func TestDurableHooksNeedAnOutbox(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		bare := struct{ store.Store }{store.Memory()}
		_, err := chat.New(h.Of("/chat"), &chat.Options{Store: bare, Authenticate: authenticate, DurableHooks: true,
			OnPost: func(context.Context, *chat.Posted) error { return nil }})
		if err == nil || !strings.Contains(err.Error(), "outbox") {
			t.Errorf("error %v", err)
		}
	})
}
