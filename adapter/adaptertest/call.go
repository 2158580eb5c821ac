package adaptertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/goroomcast/socketio"
)

// A tally is what a call yields.
type tally struct {
	replies map[string]string // by socket
	errs    []error
}

func (w *world) call(ctx context.Context, from socketio.Broadcast, event string, args ...any) <-chan tally {
	result := make(chan tally, 1)
	go func() {
		t := tally{replies: make(map[string]string)}
		for r, err := range from.Call(ctx, event, args...) {
			var text string
			if err == nil {
				err = r.Decode(&text)
			}
			if err != nil {
				t.errs = append(t.errs, err)
			} else {
				t.replies[r.SocketID()] = text
			}
		}
		result <- t
	}()
	return result
}

// expectTally wants a call to have yielded these replies and this many errors.
func (w *world) expectTally(got <-chan tally, errs int, want map[string]string) tally {
	w.Helper()
	select {
	case t := <-got:
		if !maps.Equal(t.replies, want) || len(t.errs) != errs {
			w.Errorf("replies %v and errors %v, want %v and %d errors", t.replies, t.errs, want, errs)
		}
		return t
	case <-w.ctx.Done():
		w.Fatal("the call does not end")
		return tally{}
	}
}

// answerAll answers a call by each client, and returns the answers.
func answerAll(event string, by ...*client) map[string]string {
	want := make(map[string]string)
	for i, c := range by {
		want[c.ID()] = string(rune('a' + i))
		c.answer(event, `["`+want[c.ID()]+`"]`)
	}
	return want
}

// answerUntilEnd answers each event that asks clients, until all have got "end",
// and returns the answers. A call whose deadline has passed asks nobody.
func answerUntilEnd(by ...*client) map[string]string {
	var answering sync.WaitGroup
	replies := make([]string, len(by))
	for i, c := range by {
		answering.Go(func() {
			c.untilEnd(func(id string) {
				replies[i] = string(rune('a' + i))
				_ = c.Send("43" + c.prefix + id + `["` + replies[i] + `"]`)
			})
		})
	}
	answering.Wait()
	answers := make(map[string]string)
	for i, reply := range replies {
		if reply != "" {
			answers[by[i].ID()] = reply
		}
	}
	return answers
}

// untilEnd calls asked with the ids of the events "e", until "end" comes.
func (c *client) untilEnd(asked func(id string)) {
	for {
		packet, err := c.Next()
		if err != nil {
			c.w.Errorf("no end: %v", err)
		}
		if err != nil || packet == "42"+c.prefix+`["end"]` {
			return
		}
		asked(strings.TrimSuffix(strings.TrimPrefix(packet, "42"+c.prefix), `["e"]`))
	}
}

var calls = []check{
	{"gathers the replies of all servers", func(w *world) {
		all := append(w.clients(), w.clients()...)
		for _, n := range w.nodes {
			got := w.call(w.ctx, n.To(), "e", 1)
			w.expectTally(got, 0, answerAll(`["e",1]`, all...))
		}
		w.end(0, all...)
	}},
	{"without any socket ends at once", func(w *world) {
		w.expectTally(w.call(w.ctx, w.nodes[0].To(), "e"), 0, nil)
	}},
	{"without a socket of its own server", func(w *world) {
		c := w.client(1)
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, c))
	}},
	{"with only sockets of its own server", func(w *world) {
		c := w.client(0)
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, c))
	}},
	{"of a room", func(w *world) {
		in, out := w.clients("a"), w.clients()
		got := w.call(w.ctx, w.nodes[0].To("a"), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, in...))
		w.end(0, out...)
	}},
	{"except a room", func(w *world) {
		in, out := w.clients(), w.clients("a")
		got := w.call(w.ctx, w.nodes[0].Except("a"), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, in...))
		w.end(0, out...)
	}},
	{"of one socket of another server", func(w *world) {
		all := w.clients()
		got := w.call(w.ctx, w.nodes[0].To(all[2].ID()), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, all[2]))
		w.end(0, all...)
	}},
	{"local", func(w *world) {
		all := w.clients()
		got := w.call(w.ctx, w.nodes[0].Local(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, all[0]))
		w.end(0, all...)
	}},
	{"of one namespace", func(w *world) {
		in, out := w.inOther(), w.clients()
		got := w.call(w.ctx, w.nodes[0].Of("/other").To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, in...))
		w.end(0, out...)
	}},
	{"with binary both ways", func(w *world) {
		all := w.clients()
		done := make(chan []string, 1)
		go func() {
			var got []string
			for r, err := range w.nodes[0].Call(w.ctx, "e", []byte{7}) {
				var reply []byte
				if err == nil {
					err = r.Decode(&reply)
				}
				if err != nil {
					w.Error(err)
				}
				got = append(got, string(reply))
			}
			slices.Sort(got)
			done <- got
		}()
		for i, c := range all {
			packet, err := c.Next()
			w.check(err)
			const before, after = `451-`, `["e",{"_placeholder":true,"num":0}]`
			if len(packet) <= len(before)+len(after) || packet[:4] != before || packet[len(packet)-len(after):] != after {
				w.Fatalf("got %q", packet)
			}
			c.expect("bBw==")
			c.send(`461-`+packet[4:len(packet)-len(after)]+`[{"_placeholder":true,"num":0}]`, base64Packet([]byte{'x', byte('0' + i)}))
		}
		if got := <-done; !slices.Equal(got, []string{"x0", "x1", "x2"}) {
			w.Errorf("replies %q", got)
		}
	}},
	{"with replies that nest binary", func(w *world) {
		c := w.client(1)
		done := make(chan error, 1)
		go func() {
			for r, err := range w.nodes[0].Call(w.ctx, "e") {
				var reply struct {
					A []byte
					B int
				}
				if err == nil {
					err = r.Decode(&reply)
				}
				if err == nil && (string(reply.A) != "x" || reply.B != 2) {
					err = errors.New("wrong reply")
				}
				done <- err
			}
		}()
		c.send(`461-`+c.asked(`["e"]`)+`[{"A":{"_placeholder":true,"num":0},"B":2}]`, base64Packet([]byte("x")))
		w.check(<-done)
	}},
	{"with empty replies", func(w *world) {
		all := w.clients()
		done := make(chan int, 1)
		go func() {
			n := 0
			for r, err := range w.nodes[0].Call(w.ctx, "e") {
				if err == nil && r.Decode() == nil && r.Decode(new(int)) != nil {
					n++
				}
			}
			done <- n
		}()
		for _, c := range all {
			c.answer(`["e"]`, "[]")
		}
		if n := <-done; n != len(all) {
			w.Errorf("%d empty replies, want %d", n, len(all))
		}
	}},
	{"yields those that do not reply in time", func(w *world) {
		all := w.clients()
		w.expire(func(ctx context.Context, last bool) bool {
			called := w.call(ctx, w.nodes[0].To(), "e")
			replies := make(chan map[string]string, 1)
			go func() { replies <- answerUntilEnd(all[:2]...) }()
			t := <-called
			w.check(w.nodes[0].Emit("end"))
			want := <-replies
			all[2].untilEnd(func(string) {})
			for _, err := range t.errs {
				if !errors.Is(err, context.DeadlineExceeded) {
					w.Errorf("error %v", err)
				}
			}
			if len(t.replies) < 2 && !last {
				return false
			}
			if len(want) != 2 || !maps.Equal(t.replies, want) || len(t.errs) != 1 {
				w.Errorf("replies %v and errors %v, want %v and one error", t.replies, t.errs, want)
			}
			return true
		})
	}},
	{"ends when its context is cancelled", func(w *world) {
		all := w.clients()
		ctx, cancel := context.WithCancelCause(w.ctx)
		got := w.call(ctx, w.nodes[0].To(), "e")
		for _, c := range all {
			c.asked(`["e"]`)
		}
		cause := errors.New("enough")
		cancel(cause)
		for _, err := range w.expectTally(got, 3, nil).errs {
			if !errors.Is(err, cause) {
				w.Errorf("error %v", err)
			}
		}
	}},
	{"yields a client of another server that leaves", func(w *world) {
		all := w.clients()
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		all[1].asked(`["e"]`)
		all[1].Drop()
		for _, err := range w.expectTally(got, 1, answerAll(`["e"]`, all[0], all[2])).errs {
			if !errors.Is(err, socketio.ErrDisconnected) {
				w.Errorf("error %v", err)
			}
		}
	}},
	{"does not wait for a server that closes", func(w *world) {
		all := w.clients()
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		all[1].asked(`["e"]`)
		w.nodes[1].Close()
		w.expectTally(got, 1, answerAll(`["e"]`, all[0], all[2]))
	}},
	{"does not wait for a dead server that has not said how many will reply", func(w *world) {
		all := w.clients()
		w.nodes[1].link.kill()
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, all[0], all[2]))
	}},
	{"may be left early", func(w *world) {
		all := w.clients()
		left := make(chan struct{})
		go func() {
			defer close(left)
			for range w.nodes[0].Call(w.ctx, "e") {
				break
			}
		}()
		answerAll(`["e"]`, all...)
		<-left
		got := w.call(w.ctx, w.nodes[0].To(), "f")
		w.expectTally(got, 0, answerAll(`["f"]`, all...))
	}},
	{"many at a time", func(w *world) {
		all := w.clients()
		const each = 5
		var calling sync.WaitGroup
		for i := range each * servers {
			calling.Go(func() {
				name := string(rune('a' + i))
				n := 0
				for r, err := range w.nodes[i%servers].Call(w.ctx, name) {
					var reply string
					if err == nil {
						err = r.Decode(&reply)
					}
					if err != nil || reply != name {
						w.Errorf("call %s: reply %q, %v", name, reply, err)
					}
					n++
				}
				if n != len(all) {
					w.Errorf("call %s: %d replies", name, n)
				}
			})
		}
		for _, c := range all {
			for range each * servers {
				packet, err := c.Next()
				w.check(err)
				bracket := len(packet) - len(`["a"]`)
				c.send("43" + packet[2:bracket] + packet[bracket:])
			}
		}
		calling.Wait()
	}},
	{"reports that the adapter fails, beside the local replies", func(w *world) {
		all := w.clients()
		w.nodes[0].link.down.Store(true)
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 1, answerAll(`["e"]`, all[0]))
	}},
}
