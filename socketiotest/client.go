package socketiotest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// A Client is one client in one namespace.
type Client struct {
	t         testing.TB
	conn      *connection
	namespace string

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change of the following
	id      string        // once let in
	refusal error
	offsets bool   // events have one, as with Options.Recovery
	end     string // why it is not connected any more
	inbox   []*Event
	answers map[string][]any
	calls   uint64 // ids used
	replies map[uint64]parser.Args
}

func newClient(conn *connection, namespace string) *Client {
	return &Client{
		t:         conn.t,
		conn:      conn,
		namespace: namespace,
		changed:   make(chan struct{}),
		answers:   make(map[string][]any),
		replies:   make(map[uint64]parser.Args),
	}
}

// ID returns the id of the client's socket.
func (c *Client) ID() string { return c.id }

// Of connects to a further namespace over the same connection, or fails the
// test. Auth may be nil.
func (c *Client) Of(namespace string, auth any) *Client {
	c.t.Helper()
	other, err := c.conn.enter(namespace, auth)
	if err != nil {
		c.t.Fatalf("socketiotest: connect to %s: %v", namespace, err)
	}
	settle()
	return other
}

// Emit sends an event. It does not wait until the server has handled the event.
func (c *Client) Emit(event string, args ...any) {
	c.t.Helper()
	c.send(&parser.Header{Type: parser.Event, Event: event}, args)
}

// Call emits an event, waits for the server's reply and returns it as an R. The
// first value of the reply is decoded into the R, or all values into the fields
// of an R that embeds socketio.Args. If R is struct{}, any reply is accepted.
// In JavaScript this is emitWithAck.
func Call[R any](c *Client, event string, args ...any) R {
	c.t.Helper()
	reply := c.call(event, args)
	var r R
	if _, nothing := any(r).(struct{}); nothing {
		return r
	}
	if err := decodeAs(reply, &r); err != nil {
		c.t.Fatalf("socketiotest: reply %s to %q: %v", show(reply), event, err)
	}
	return r
}

func (c *Client) call(event string, args []any) parser.Args {
	c.t.Helper()
	c.mu.Lock()
	id := c.calls
	c.calls++
	c.mu.Unlock()
	c.send(&parser.Header{Type: parser.Event, Event: event, ID: id, HasID: true}, args)
	var reply parser.Args
	if !c.wait(func() (replied bool) { reply, replied = c.replies[id]; return replied }) {
		c.t.Fatalf("socketiotest: no reply to %q%s", event, c.situation())
	}
	return reply
}

func (c *Client) send(h *parser.Header, args []any) {
	c.t.Helper()
	if end := c.whyEnded(); end != "" {
		c.t.Fatalf("socketiotest: %s %q: disconnected: %s", h.Type, h.Event, end)
	}
	h.Namespace = c.namespace
	if err := c.conn.send(h, args...); err != nil {
		c.t.Fatalf("socketiotest: %s %q: %v", h.Type, h.Event, err)
	}
}

// Answer makes the client reply to each later event of this name that wants a
// reply, as soon as the event arrives. The test does not receive these events.
func (c *Client) Answer(event string, reply ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[event] = reply
}

// Disconnect leaves the namespace, as disconnect does in JavaScript. The
// connection stays open for the client's other namespaces.
func (c *Client) Disconnect() {
	c.t.Helper()
	c.send(&parser.Header{Type: parser.Disconnect}, nil)
	c.update(func() { c.ended("io client disconnect") })
}

// Close closes the connection, as a browser does when its user leaves the page.
func (c *Client) Close() { c.conn.raw.Close() }

// ExpectDisconnect waits until the client is disconnected. The reason is one
// of socket.io-client: "io server disconnect" after Socket.Disconnect,
// "transport close" when the connection ends in another way.
func (c *Client) ExpectDisconnect(reason string) {
	c.t.Helper()
	if !c.wait(func() bool { return c.end != "" }) {
		c.t.Fatalf("socketiotest: still connected, want %q%s", reason, c.situation())
	}
	if end := c.whyEnded(); end != reason {
		c.t.Fatalf("socketiotest: disconnected: %s, want %q", end, reason)
	}
}

// receive takes a packet of the server.
func (c *Client) receive(p *parser.Packet) {
	switch p.Type {
	case parser.Connect:
		var r struct{ SID, PID string }
		err := decodeArgs(p.Args, &r)
		c.update(func() { c.id, c.refusal, c.offsets = r.SID, err, r.PID != "" })
	case parser.ConnectError:
		c.update(func() { c.refusal = refusal(p); c.ended("connect_error") })
	case parser.Disconnect:
		c.update(func() { c.ended("io server disconnect") })
	case parser.Ack:
		c.update(func() { c.replies[p.ID] = p.Args })
	case parser.Event:
		if c.offsets && !p.HasID {
			p.Args = withoutOffset(p.Args)
		}
		e := &Event{client: c, packet: p}
		if p.HasID {
			c.mu.Lock()
			reply, known := c.answers[p.Event]
			c.mu.Unlock()
			if known {
				e.reply(reply)
				return
			}
		}
		c.update(func() { c.inbox = append(c.inbox, e) })
	}
}

// update changes what wait waits for.
func (c *Client) update(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

// ended notes the first reason. c.mu is locked.
func (c *Client) ended(reason string) {
	if c.end == "" {
		c.end = reason
	}
}

// whyEnded returns why the client has disconnected, "" while it is connected.
func (c *Client) whyEnded() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// wait waits until found, which is called with c.mu locked, reports true. It
// reports false after the end of the client and when the time is over.
func (c *Client) wait(found func() bool) bool {
	over := time.NewTimer(timeout)
	defer over.Stop()
	for {
		c.mu.Lock()
		ok, end, changed := found(), c.end, c.changed
		c.mu.Unlock()
		if ok || end != "" {
			return ok
		}
		select {
		case <-changed:
		case <-over.C:
			return false
		}
	}
}

// take removes the first event from the inbox that fits. c.mu is locked.
func (c *Client) take(fits func(*Event) bool) *Event {
	i := slices.IndexFunc(c.inbox, fits)
	if i < 0 {
		return nil
	}
	e := c.inbox[i]
	c.inbox = slices.Delete(c.inbox, i, i+1)
	return e
}
