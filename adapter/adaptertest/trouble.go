package adaptertest

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
)

// counts reports whether the bus counts its servers.
func (w *world) counts() bool {
	_, err := w.nodes[0].link.Adapter.Servers(w.ctx, "/")
	return !errors.Is(err, errors.ErrUnsupported)
}

// filter changes what a server hears.
func (n *node) filter(f func(m *adapter.Message) []*adapter.Message) { n.link.filter.Store(&f) }

const (
	awayLine = "cannot send to the other servers"
	backLine = "sending to the other servers again"
)

// What other servers and buses do, and what servers do when a bus fails.
var troubles = []check{
	{"answers without a sender", func(w *world) {
		if !w.counts() {
			return // then servers are known by their names
		}
		all := append(w.clients(), w.clients()...)
		w.nodes[0].filter(func(m *adapter.Message) []*adapter.Message {
			switch m.Type {
			case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.ClientCount, adapter.Ack:
				m.UID = ""
			}
			return []*adapter.Message{m}
		})
		w.expectFetched(w.nodes[0].To(), all...)
		w.settle(0)
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, all...))
	}},
	{"acknowledgements before their number", func(w *world) {
		all := w.clients()
		var mu sync.Mutex
		late := make(map[string]*adapter.Message) // by sender
		w.nodes[0].filter(func(m *adapter.Message) []*adapter.Message {
			mu.Lock()
			defer mu.Unlock()
			switch m.Type {
			case adapter.ClientCount:
				late[m.UID] = m
				return nil
			case adapter.Ack:
				if count := late[m.UID]; count != nil {
					delete(late, m.UID)
					return []*adapter.Message{m, count}
				}
			}
			return []*adapter.Message{m}
		})
		if w.anonymous() {
			return // the numbers of several servers cannot be told apart
		}
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, all...))
	}},
	{"answers that are there before the servers are counted again", func(w *world) {
		all := w.clients()
		w.nodes[0].link.lag.Store(int64(200 * time.Millisecond))
		w.expectFetched(w.nodes[0].To(), all...)
		got := w.call(w.ctx, w.nodes[0].To(), "e")
		w.expectTally(got, 0, answerAll(`["e"]`, all...))
	}},
	{"a message without a namespace", func(w *world) {
		all := w.clients()
		w.nodes[1].filter(func(m *adapter.Message) []*adapter.Message {
			if m.Type == adapter.Broadcast {
				m.Namespace = ""
			}
			return []*adapter.Message{m}
		})
		w.check(w.nodes[0].Emit("e"))
		w.expectAll(all, `42["e"]`)
	}},
	{"a bus that does not answer", func(w *world) {
		all := w.clients()
		link := w.nodes[0].link
		release := link.hang()
		defer release()
		const n = 100
		for i := range n {
			w.check(w.nodes[0].Emit("lost", i))
		}
		ownLost := func() {
			for i := range n {
				all[0].expect(fmt.Sprintf(`42["lost",%d]`, i))
			}
		}
		if !w.sessions { // otherwise they come back from the log, or when the adapter has failed
			ownLost()
		}
		var joining sync.WaitGroup
		joining.Go(w.startsWithoutBus)
		w.nodes[0].Of("/new")
		joining.Wait()
		link.down.Store(true)
		release()
		if w.sessions {
			ownLost()
		}
		w.until("all are lost", func() bool { return link.refused.Load() >= n })
		link.down.Store(false)
		w.back(all)
	}},
	{"a bus that goes and comes back", func(w *world) {
		all := w.clients()
		w.nodes[0].link.down.Store(true)
		const n = 50
		for i := range n {
			w.check(w.nodes[0].Emit("lost", i))
		}
		for i := range n {
			all[0].expect(fmt.Sprintf(`42["lost",%d]`, i))
		}
		w.until("all are lost", func() bool { return w.nodes[0].link.refused.Load() >= n })
		w.nodes[0].link.down.Store(false)
		w.back(all)
	}},
	{"goes and comes back many times, and events stay in order", func(w *world) {
		c := w.client(0)
		link := w.nodes[0].link
		const n = 200
		for i := range n {
			link.down.Store(i%20 < 10)
			w.check(w.nodes[0].Emit("e", i))
			if i%10 == 9 {
				<-time.After(time.Millisecond)
			}
		}
		link.down.Store(false)
		seen := make([]bool, n)
		for range n {
			got, err := c.Next()
			w.check(err)
			var i int
			if _, err := fmt.Sscanf(got, `42["e",%d]`, &i); err != nil || seen[i] {
				w.Fatalf("got %q, again or wrong", got)
			}
			seen[i] = true
		}
		w.end(0, c)
	}},
}

// startsWithoutBus wants a server to start and close while its bus does not answer.
func (w *world) startsWithoutBus() {
	hung := &link{Adapter: w.nodes[0].link.Adapter}
	defer hung.hang()()
	socketio.NewServer(&socketio.Options{Adapter: hung, Logger: slog.New(new(lines))}).Close()
}

// anonymous reports whether answers have no sender on this bus.
func (w *world) anonymous() bool {
	w.Helper()
	var mu sync.Mutex
	anonymous := false
	before := w.nodes[0].link.filter.Load()
	w.nodes[0].filter(func(m *adapter.Message) []*adapter.Message {
		mu.Lock()
		defer mu.Unlock()
		anonymous = anonymous || m.Type == adapter.ServerSideEmitResponse && m.UID == ""
		return []*adapter.Message{m}
	})
	w.settle(0)
	w.nodes[0].link.filter.Store(before)
	mu.Lock()
	defer mu.Unlock()
	return anonymous
}

// back wants the bus of server 0 to be back, which the server has logged, and
// nothing to have been repeated.
func (w *world) back(all []*client) {
	w.Helper()
	w.until("the bus is back", func() bool {
		w.check(w.nodes[0].To("nobody").Emit("probe"))
		return len(w.nodes[0].log.with(backLine)) > 0
	})
	w.check(w.nodes[0].Emit("e"))
	w.expectAll(all, `42["e"]`)
	w.end(0, all...)
	went, came := w.nodes[0].log.with(awayLine), w.nodes[0].log.with(backLine)
	if len(went) != 1 || len(came) != 1 || !strings.Contains(came[0], "lost=") || strings.Contains(came[0], "lost=0") {
		w.Errorf("logged %q, %q", went, came)
	}
}
