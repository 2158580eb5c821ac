package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// An ear is a Subscriber without a server.
type ear struct {
	namespace, uid string

	mu    sync.Mutex
	heard []*adapter.Message
}

func (e *ear) Namespace() string                   { return e.namespace }
func (e *ear) UID() string                         { return e.uid }
func (e *ear) Rooms() []string                     { return nil }
func (e *ear) Sockets(...string) []string          { return nil }
func (e *ear) WatchRooms(func(string, bool, bool)) {}

func (e *ear) Deliver(m *adapter.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, m)
}

// events returns the events that have been heard, of one sender or of all.
func (e *ear) events(sender string) (texts []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.heard {
		if m.Type == adapter.Broadcast && (sender == "" || m.UID == sender) {
			texts = append(texts, string(m.Packet.Text))
		}
	}
	return texts
}

// types returns the types of the messages that have been heard.
func (e *ear) types() (types []adapter.Type) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.heard {
		types = append(types, m.Type)
	}
	return types
}

// subscribe subscribes to a namespace that no server of the world has. The uids
// have the form of those of servers.
func (w *world) subscribe(i int, namespace string) (*ear, context.CancelFunc) {
	w.Helper()
	e := &ear{namespace: namespace, uid: fmt.Sprintf("%016x", i+1)}
	ctx, cancel := context.WithCancel(w.ctx)
	w.Cleanup(cancel)
	w.check(w.nodes[i].link.Adapter.Subscribe(ctx, e))
	return e, cancel
}

// event is a Broadcast of server i with a number and with padding.
func event(i int, namespace string, number, padding int, attachments ...[]byte) *adapter.Message {
	text := fmt.Sprintf(`["e",%d,%q]`, number, strings.Repeat("x", padding))
	if len(attachments) > 0 {
		text = fmt.Sprintf(`["e",%d,{"_placeholder":true,"num":0}]`, number)
	}
	return &adapter.Message{
		Type: adapter.Broadcast, UID: fmt.Sprintf("%016x", i+1), Namespace: namespace,
		Packet: parser.Encoded{Text: []byte(text), Attachments: attachments},
	}
}

func (w *world) publish(i int, batch ...*adapter.Message) {
	w.Helper()
	errs := w.nodes[i].link.Adapter.Publish(w.ctx, batch)
	if len(errs) != 0 && len(errs) != len(batch) {
		w.Fatalf("%d results for %d messages", len(errs), len(batch))
	}
	w.check(errors.Join(errs...))
}

// expectNumbers waits for events with these numbers, in this order and once.
func (w *world) expectNumbers(e *ear, sender string, n int) {
	w.Helper()
	w.until(fmt.Sprintf("%d events have come", n), func() bool { return len(e.events(sender)) >= n })
	for i, text := range e.events(sender) {
		if want := fmt.Sprintf(`["e",%d,`, i); !strings.HasPrefix(text, want) {
			w.Fatalf("event %d is %.60s", i, text)
		}
	}
}

// What an adapter promises, without servers.
var contracts = []check{
	{"the messages of batches arrive in order, whatever their size", func(w *world) {
		a, _ := w.subscribe(1, "/contract")
		b, _ := w.subscribe(1, "/contract2")
		const n = 120
		for i := 0; i < n; i += 12 {
			var batch []*adapter.Message
			for j := i; j < i+12; j++ {
				for _, namespace := range []string{"/contract", "/contract2"} {
					switch j % 5 {
					case 3:
						batch = append(batch, event(0, namespace, j, 20_000))
					case 4:
						batch = append(batch, event(0, namespace, j, 0, []byte{0, 255, byte(j)}))
					default:
						batch = append(batch, event(0, namespace, j, 1))
					}
				}
			}
			w.publish(0, batch...)
		}
		w.expectNumbers(a, "", n)
		w.expectNumbers(b, "", n)
	}},
	{"equal messages all arrive", func(w *world) {
		e, _ := w.subscribe(1, "/contract")
		var batch []*adapter.Message
		for range 20 {
			batch = append(batch, event(0, "/contract", 0, 1))
		}
		w.publish(0, batch...)
		w.publish(0, event(0, "/contract", 1, 1))
		w.until("the last has come", func() bool { return len(e.events("")) == 21 })
	}},
	{"an answer reaches the server that it is for", func(w *world) {
		e, _ := w.subscribe(1, "/contract")
		asker := fmt.Sprintf("%016x", 2)
		w.publish(1, &adapter.Message{Type: adapter.FetchSockets, UID: asker, Namespace: "/contract", RequestID: "0123456789abcdef"})
		w.publish(0, &adapter.Message{
			Type: adapter.FetchSocketsResponse, UID: fmt.Sprintf("%016x", 1), To: asker, Namespace: "/contract", RequestID: "0123456789abcdef",
			Sockets: []adapter.Socket{{ID: "id", Handshake: encoded(`{}`), Rooms: []string{"id"}, Data: encoded(`{"a":1}`)}},
		})
		w.until("the answer has come", func() bool {
			e.mu.Lock()
			defer e.mu.Unlock()
			for _, m := range e.heard {
				if m.Type == adapter.FetchSocketsResponse && m.RequestID == "0123456789abcdef" {
					return len(m.Sockets) == 1 && m.Sockets[0].ID == "id" && string(m.Sockets[0].Data.Text) == `{"a":1}`
				}
			}
			return false
		})
	}},
	{"the goodbye of a server comes after its answers", func(w *world) {
		var ears []*ear
		var batch []*adapter.Message
		const n = 6
		for i := range n { // the ways of their messages may differ
			e, _ := w.subscribe(1, fmt.Sprintf("/contract%d", i))
			answer := adapter.Message{UID: fmt.Sprintf("%016x", 1), To: e.uid, Namespace: e.namespace, RequestID: "0123456789abcdef"}
			count, ack, goodbye := answer, answer, adapter.Message{Type: adapter.Close, UID: answer.UID, Namespace: e.namespace}
			count.Type, count.Count = adapter.ClientCount, 1
			ack.Type, ack.Packet = adapter.Ack, encoded(`"`+strings.Repeat("x", 50_000)+`"`) // slower than a short message
			ears, batch = append(ears, e), append(batch, &count, &ack, &goodbye)
		}
		w.publish(0, batch...)
		for _, e := range ears {
			w.until("the answers have come", func() bool { return len(e.types()) >= 2 })
		}
		wait := time.Now() // the bus may have nothing for a goodbye
		for _, e := range ears {
			for len(e.types()) < 3 && time.Since(wait) < time.Second {
				<-time.After(time.Millisecond)
			}
			if got, want := e.types(), []adapter.Type{adapter.ClientCount, adapter.Ack, adapter.Close}; !slices.Equal(got, want[:len(got)]) {
				w.Errorf("%s: messages of the types %d, want %d", e.namespace, got, want)
			}
		}
	}},
	{"a subscription that ends and begins again", func(w *world) {
		for i := range 10 {
			_, cancel := w.subscribe(1, "/contract")
			cancel()
			e, cancel := w.subscribe(1, "/contract")
			w.publish(0, event(0, "/contract", 0, 1))
			w.expectNumbers(e, "", 1)
			if n := len(e.events("")); n != 1 {
				w.Fatalf("round %d: the event has come %d times", i, n)
			}
			cancel()
		}
	}},
	{"a subscription that has ended hears nothing", func(w *world) {
		gone, cancel := w.subscribe(1, "/contract")
		e, _ := w.subscribe(2, "/contract")
		cancel()
		w.until("the subscription has ended", func() bool {
			before := len(gone.events(""))
			heard := len(e.events(""))
			w.publish(0, event(0, "/contract", 0, 1))
			w.until("the event has come", func() bool { return len(e.events("")) > heard })
			<-time.After(10 * time.Millisecond)
			return len(gone.events("")) == before
		})
	}},
	{"the number of servers", func(w *world) {
		count := func() int {
			n, err := w.nodes[0].link.Adapter.Servers(w.ctx, "/contract")
			if errors.Is(err, errors.ErrUnsupported) {
				return -1
			}
			w.check(err)
			return n
		}
		if count() == -1 {
			return // the servers send heartbeats
		}
		w.subscribe(0, "/contract")
		_, cancel := w.subscribe(1, "/contract")
		w.until("two are counted", func() bool { return count() == 2 })
		cancel()
		w.until("one is counted", func() bool { return count() == 1 })
	}},
}

func encoded(text string) parser.Encoded { return parser.Encoded{Text: []byte(text)} }
