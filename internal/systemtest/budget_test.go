package systemtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// blocking makes the handlers of "block" wait in a namespace until the function
// that it returns is called.
func blocking(n *socketio.Namespace) (release func()) {
	gate := make(chan struct{})
	n.On("block", func(context.Context, *socketio.Event) error { <-gate; return nil })
	return func() { close(gate) }
}

// kilobytes is a string of JSON.
func kilobytes(n int) string { return `"` + strings.Repeat("x", 1000*n) + `"` }

// What waits of one client is bounded in all its namespaces together.
func TestBudgetOfAConnection(t *testing.T) {
	budget := func(name string, f func(h *testserver.Harness, mode rawclient.Mode)) {
		t.Run(name, func(t *testing.T) {
			testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{Inbox: 200_000}, ConnectTimeout: 20 * time.Second}, f)
		})
	}
	budget("events of one namespace wait for those of another, and none is lost", func(h *testserver.Harness, mode rawclient.Mode) {
		release := blocking(h.Of("/a"))
		var got []int
		socketio.On(h.Of("/b"), "n", func(_ context.Context, _ *socketio.Socket, n int) error {
			got = append(got, n)
			return nil
		})
		c := h.Connect(mode)
		c.Enter("/a")
		c.Enter("/b")
		c.Send(`42/a,["block",`+kilobytes(90)+`]`, `42/b,["n",0]`)
		synctest.Wait()
		go func() {
			for n := 1; n < 100; n++ {
				c.Send(fmt.Sprintf(`42/b,["n",%d,%s]`, n, kilobytes(20)))
			}
		}()
		synctest.Wait()
		if !slices.Equal(got, []int{0}) {
			h.T.Errorf("handled %v while another namespace's events fill the budget", got)
		}
		release()
		synctest.Wait()
		if len(got) != 100 || !slices.IsSorted(got) {
			h.T.Errorf("handled %v", got)
		}
	})
	budget("handlers at work count after DISCONNECT", func(h *testserver.Harness, mode rawclient.Mode) {
		release := blocking(h.Of("/a"))
		handled := 0
		h.On("n", func(context.Context, *socketio.Event) error { handled++; return nil })
		c := h.Connect(mode)
		c.Enter("/a")
		c.Send(`42/a,["block",`+kilobytes(90)+`]`, "41/a,")
		synctest.Wait()
		go c.Send(`42["n",` + kilobytes(20) + `]`)
		synctest.Wait()
		if handled != 0 {
			h.T.Error("handled while the handler of the namespace that was left is at work")
		}
		release()
		synctest.Wait()
		if handled != 1 {
			h.T.Errorf("%d handled", handled)
		}
	})
	budget("attachments that do not fit wait, and their time with them", func(h *testserver.Harness, mode rawclient.Mode) {
		release := blocking(h.Of("/a"))
		sizes := []int(nil)
		socketio.On(h.Server, "blob", func(_ context.Context, _ *socketio.Socket, b []byte) error {
			sizes = append(sizes, len(b))
			return nil
		})
		c := h.Connect(mode)
		c.Enter("/a")
		c.Send(`42/a,["block",` + kilobytes(90) + `]`)
		synctest.Wait()
		s := h.MustSocket(c.ID)
		go func() {
			c.Send(`452-["blob",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`)
			c.Send("b" + strings.Repeat("AAAA", 10_000))
			c.Send("b" + strings.Repeat("AAAA", 5_000))
		}()
		testserver.Wait(time.Minute) // longer than Options.ConnectTimeout
		h.Check(context.Cause(s.Context()))
		if len(sizes) > 0 {
			h.T.Error("handled")
		}
		release()
		synctest.Wait()
		if !slices.Equal(sizes, []int{15_000}) {
			h.T.Errorf("handled %v", sizes)
		}
		testserver.Wait(time.Minute)
		h.Check(context.Cause(s.Context()))
	})
	budget("a call gets its reply while events fill the budget", func(h *testserver.Harness, mode rawclient.Mode) {
		defer blocking(h.Of("/a"))()
		answers := make(chan string, 1)
		b := h.Of("/b")
		b.On("ask", func(ctx context.Context, e *socketio.Event) error {
			answer, err := socketio.Call[string](ctx, e.Socket(), "question")
			answers <- fmt.Sprint(len(answer), err)
			return nil
		})
		c := h.Connect(mode)
		c.Enter("/a")
		c.Enter("/b")
		c.Send(`42/b,["ask"]`)
		id := c.Match(`^42/b,(\d+)\["question"\]$`)[1]
		c.Send(`42/a,["block",` + kilobytes(98) + `]`) // and the next one would wait
		c.Send(`43/b,` + id + `[` + kilobytes(400) + `]`)
		if got := <-answers; got != "400000 <nil>" {
			h.T.Errorf("the call returns %s", got)
		}
	})
	budget("a call by the handler of a large event gets a larger reply", func(h *testserver.Harness, mode rawclient.Mode) {
		answers := make(chan string, 1)
		h.On("upload", func(ctx context.Context, e *socketio.Event) error {
			answer, err := socketio.Call[[]byte](ctx, e.Socket(), "question")
			answers <- fmt.Sprint(len(answer), err)
			return nil
		})
		c := h.Connect(mode)
		c.Send(`42["upload",` + kilobytes(500) + `]`) // more than the budget, but nothing else waits
		id := c.Match(`^42(\d+)\["question"\]$`)[1]
		c.Send(`461-`+id+`[{"_placeholder":true,"num":0}]`, "b"+strings.Repeat("AAAA", 200_000))
		if got := <-answers; got != "600000 <nil>" {
			h.T.Errorf("the call returns %s", got)
		}
	})
	budget("replies behind a handler wait, and each is delivered once and in order", func(h *testserver.Harness, mode rawclient.Mode) {
		release := blocking(h.Of("/"))
		c := h.Connect(mode)
		c.Send(`42["block"]`)
		synctest.Wait()
		s := h.MustSocket(c.ID)
		var got []int
		var replies []string
		for n := range 20 {
			h.Check(s.CallFunc(func(r *socketio.Reply, err error) {
				h.Check(errors.Join(err, r.Decode(new(string))))
				got = append(got, n)
			}, "question"))
			id := c.Match(`^42(\d+)\["question"\]$`)[1]
			replies = append(replies, fmt.Sprintf(`43%s[%s]`, id, kilobytes(9)))
		}
		sent := 0
		go func() {
			for _, r := range replies {
				c.Send(r)
				sent++
			}
		}()
		synctest.Wait()
		if sent < 4 || sent > 6+8 { // a WebSocket is read 64 KiB ahead
			h.T.Errorf("%d replies of 9 kB are read, want 50 kB of them", sent)
		}
		release()
		synctest.Wait()
		if len(got) != 20 || !slices.IsSorted(got) {
			h.T.Errorf("delivered %v", got)
		}
	})
	budget("a reply that waits is not delivered to who has left", func(h *testserver.Harness, mode rawclient.Mode) {
		a := h.Of("/a")
		release := blocking(a)
		testserver.Echo(h, "echo")
		c := h.Connect(mode)
		c.Enter("/a")
		c.Send(`42/a,["block"]`)
		synctest.Wait()
		s := h.AnySocket(a)
		outcomes := map[string]int{}
		var replies []string
		for range 20 {
			h.Check(s.CallFunc(func(_ *socketio.Reply, err error) { outcomes[fmt.Sprint(err)]++ }, "question"))
			id := c.Match(`^42/a,(\d+)\["question"\]$`)[1]
			replies = append(replies, fmt.Sprintf(`43/a,%s[%s]`, id, kilobytes(9)))
		}
		go func() {
			for _, r := range replies {
				c.Send(r)
			}
			c.Send(`42["echo",1]`)
		}()
		synctest.Wait()
		s.Disconnect(false)
		c.Expect("41/a,", `42["echo",1]`) // it is read again
		release()
		synctest.Wait()
		if outcomes["<nil>"] != 5 || len(outcomes) != 2 || outcomes["<nil>"]+outcomes[context.Cause(s.Context()).Error()] != 20 {
			h.T.Errorf("the replies are %v", outcomes)
		}
	})
	budget("the end of the connection ends every wait", func(h *testserver.Harness, mode rawclient.Mode) {
		release := blocking(h.Of("/"))
		defer release()
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		c.Send(`42["block",` + kilobytes(90) + `]`)
		synctest.Wait()
		go c.Client.Send(`451-["block",{"_placeholder":true,"num":0}]`, "b"+strings.Repeat("AAAA", 10_000))
		synctest.Wait()
		s.Disconnect(true)
		synctest.Wait()
		c.Drop()
		testserver.Wait(time.Second) // in which net/http closes the connection of a POST
	})
}
