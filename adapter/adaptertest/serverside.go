package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/goroomcast/socketio"
)

// listen gathers what servers receive of an event, as text.
func (w *world) listen(event string) []chan string {
	var received []chan string
	for _, n := range w.nodes {
		got := make(chan string, 1000)
		received = append(received, got)
		n.OnServerSide(event, func(_ context.Context, e *socketio.Event) error {
			text := fmt.Sprint(e.Len())
			for i := range e.Len() {
				args := make([]any, i+1)
				into := make([]any, i+1)
				for j := range args {
					into[j] = &args[j]
				}
				if err := e.Decode(into...); err != nil {
					return err
				}
				text += fmt.Sprintf(" %v", args[i])
			}
			got <- text
			return nil
		})
	}
	return received
}

func (w *world) receive(from <-chan string, want ...string) {
	w.Helper()
	for _, want := range want {
		select {
		case got := <-from:
			if got != want {
				w.Fatalf("received %q, want %q", got, want)
			}
		case <-w.ctx.Done():
			w.Fatalf("did not receive %q", want)
		}
	}
}

// reply has servers reply to an event.
func (w *world) reply(event string, args func(i int) []any) {
	for i, n := range w.nodes {
		n.OnServerSide(event, func(_ context.Context, e *socketio.Event) error {
			if a := args(i); a != nil {
				return e.Ack(a...)
			}
			return nil
		})
	}
}

// gather returns the replies to an event of server 0, sorted, and the errors.
func (w *world) gather(ctx context.Context, event string, args ...any) (replies []string, errs []error) {
	for r, err := range w.nodes[0].ServerSideCall(ctx, event, args...) {
		var reply string
		if err == nil {
			err = r.Decode(&reply)
		}
		if err != nil {
			errs = append(errs, err)
		} else {
			replies = append(replies, reply)
		}
	}
	slices.Sort(replies)
	return replies, errs
}

func (w *world) expectReplies(want ...string) {
	w.Helper()
	if got, errs := w.gather(w.ctx, "e"); !slices.Equal(got, want) || len(errs) > 0 {
		w.Errorf("replies %q and errors %v, want %q", got, errs, want)
	}
}

func name(i int) []any { return []any{fmt.Sprint("server ", i)} }

var serverSides = []check{
	{"an event reaches the other servers", func(w *world) {
		received := w.listen("e")
		for i, n := range w.nodes {
			w.check(n.ServerSideEmit("e", i))
			w.settle(i)
			for j, got := range received {
				if i != j {
					w.receive(got, fmt.Sprint("1 ", i))
				} else if len(got) > 0 {
					w.Errorf("server %d has received its own event", i)
				}
			}
		}
	}},
	{"an event reaches no client", func(w *world) {
		all := w.clients()
		w.check(w.nodes[0].ServerSideEmit("e"))
		w.settle(0)
		w.end(0, all...)
	}},
	{"an event without arguments", func(w *world) {
		received := w.listen("e")
		w.check(w.nodes[0].ServerSideEmit("e"))
		w.receive(received[1], "0")
		w.receive(received[2], "0")
	}},
	{"an event with several arguments", func(w *world) {
		received := w.listen("e")
		w.check(w.nodes[0].ServerSideEmit("e", "a", 2, object{"c": []any{nil}}))
		w.receive(received[1], "3 a 2 map[c:[<nil>]]")
	}},
	{"an event with binary", func(w *world) {
		received := w.listen("e")
		w.check(w.nodes[0].ServerSideEmit("e", []byte{1, 2}, object{"c": []byte{}}))
		w.receive(received[1], "2 [1 2] map[c:[]]")
	}},
	{"events in order", func(w *world) {
		received := w.listen("e")
		for i := range 300 {
			w.check(w.nodes[0].ServerSideEmit("e", i))
		}
		for i := range 300 {
			w.receive(received[1], fmt.Sprint("1 ", i))
			w.receive(received[2], fmt.Sprint("1 ", i))
		}
	}},
	{"an event in one namespace only", func(w *world) {
		received := w.listen("e")
		w.check(w.nodes[0].Of("/other").ServerSideEmit("e"))
		w.check(w.nodes[0].ServerSideEmit("e", "main"))
		w.receive(received[1], "1 main")
	}},
	{"an event that nobody listens to", func(w *world) {
		w.check(w.nodes[0].ServerSideEmit("nothing"))
		w.settle(0)
	}},
	{"a call gathers the replies of the others", func(w *world) {
		w.reply("e", name)
		w.expectReplies("server 1", "server 2")
	}},
	{"a call has arguments", func(w *world) {
		for _, n := range w.nodes {
			n.OnServerSide("e", func(_ context.Context, e *socketio.Event) error {
				var a, b string
				if err := e.Decode(&a, &b); err != nil {
					return err
				}
				if !e.WantsAck() {
					return errors.New("no reply wanted")
				}
				return e.Ack(a + b)
			})
		}
		if got, errs := w.gather(w.ctx, "e", "x", "y"); !slices.Equal(got, []string{"xy", "xy"}) || errs != nil {
			w.Errorf("replies %q, errors %v", got, errs)
		}
	}},
	{"a call is replied to by the first value", func(w *world) {
		w.reply("e", func(i int) []any { return []any{"first", "second"} })
		w.expectReplies("first", "first")
	}},
	{"a call with empty replies", func(w *world) {
		w.reply("e", func(int) []any { return []any{} })
		n := 0
		for r, err := range w.nodes[0].ServerSideCall(w.ctx, "e") {
			w.check(err)
			w.check(r.Decode())
			n++
		}
		if n != servers-1 {
			w.Errorf("%d replies", n)
		}
	}},
	{"a call with binary replies", func(w *world) {
		w.reply("e", func(i int) []any { return []any{object{"data": []byte{byte(i)}}} })
		sum := 0
		for r, err := range w.nodes[0].ServerSideCall(w.ctx, "e") {
			w.check(err)
			var reply struct{ Data []byte }
			w.check(r.Decode(&reply))
			sum += int(reply.Data[0])
		}
		if sum != 1+2 {
			w.Errorf("replies of servers that make %d", sum)
		}
	}},
	{"a call yields a server that does not reply in time", func(w *world) {
		w.reply("e", func(i int) []any {
			if i == 1 {
				return nil
			}
			return name(i)
		})
		w.expire(func(ctx context.Context, last bool) bool {
			got, errs := w.gather(ctx, "e")
			if len(got) == 0 && !last {
				return false
			}
			if !slices.Equal(got, []string{"server 2"}) || len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) {
				w.Errorf("replies %q, errors %v", got, errs)
			}
			return true
		})
	}},
	{"a handler may ask the other servers", func(w *world) {
		c := w.client(2)
		w.nodes[1].OnServerSide("e", func(ctx context.Context, e *socketio.Event) error {
			sockets, err := w.nodes[1].FetchSockets(w.ctx)
			if err != nil {
				return err
			}
			return e.Ack(sockets[0].ID)
		})
		w.nodes[2].OnServerSide("e", func(_ context.Context, e *socketio.Event) error { return e.Ack("") })
		w.expectReplies("", c.ID())
	}},
	{"a handler that panics stops nothing", func(w *world) {
		w.nodes[1].OnServerSide("panic", func(context.Context, *socketio.Event) error { panic("on purpose") })
		received := w.listen("e")
		w.check(w.nodes[0].ServerSideEmit("panic"))
		w.check(w.nodes[0].ServerSideEmit("e"))
		w.receive(received[1], "0")
	}},
	{"a call does not wait for a server that closes", func(w *world) {
		w.reply("e", func(i int) []any {
			if i == 1 {
				go w.nodes[1].Close()
				return nil
			}
			return name(i)
		})
		w.expectReplies("server 2")
	}},
	{"a call does not wait for a server that dies", func(w *world) {
		w.reply("e", func(i int) []any {
			if i == 1 {
				w.nodes[1].link.kill()
				return nil
			}
			return name(i)
		})
		w.expectReplies("server 2")
	}},
	{"a call reports that the adapter fails", func(w *world) {
		w.nodes[0].link.down.Store(true)
		if got, errs := w.gather(w.ctx, "e"); len(got) > 0 || len(errs) != 1 {
			w.Errorf("replies %q, errors %v", got, errs)
		}
	}},
}
