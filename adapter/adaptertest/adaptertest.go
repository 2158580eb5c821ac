// Package adaptertest tests adapters: servers joined by one, with clients of
// their own, must behave like one server.
package adaptertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// Run runs all checks as parallel subtests. For each, join returns the
// adapters of n servers, joined with each other and with no others, and
// leaves it to t.Cleanup to close them. The servers and their clients are in
// memory; the buses of the adapters may be real.
func Run(t *testing.T, join func(t testing.TB, n int) []adapter.Adapter) {
	for _, group := range []struct {
		name   string
		checks []check
	}{
		{"broadcast", broadcasts},
		{"content", contents},
		{"command", commands},
		{"fetch", fetches},
		{"call", calls},
		{"server side", serverSides},
		{"membership", memberships},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range group.checks {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newWorld(t, join(t, servers)))
				})
			}
		})
	}
}

type check struct {
	name string
	run  func(w *world)
}

const (
	servers = 3

	// patience is how long anything may take.
	patience = 30 * time.Second
)

// A world is a cluster of servers, all with the namespaces "/" and "/other".
type world struct {
	*testing.T
	ctx   context.Context
	nodes []*node
}

// A node is one of the servers.
type node struct {
	*socketio.Server
	link     *link
	listener *memnet.Listener
}

func newWorld(t *testing.T, adapters []adapter.Adapter) *world {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx}
	for _, a := range adapters {
		w.nodes = append(w.nodes, w.start(a))
	}
	w.meet("/")
	w.meet("/other")
	return w
}

func (w *world) start(a adapter.Adapter) *node {
	n := &node{link: &link{Adapter: a}, listener: memnet.Listen()}
	n.Server = socketio.NewServer(&socketio.Options{Adapter: n.link})
	n.greetable("/")
	n.greetable("/other")
	hs := &http.Server{Handler: n.Server}
	go hs.Serve(n.listener)
	w.Cleanup(func() {
		n.Close()
		hs.Close()
	})
	return n
}

// greetable makes the server answer greetings in a namespace.
func (n *node) greetable(namespace string) {
	n.Of(namespace).OnServerSide(hello, func(_ context.Context, e *socketio.Event) error { return e.Ack() })
}

const hello = "adaptertest hello"

// meet waits until all servers know of each other in a namespace.
func (w *world) meet(namespace string) {
	w.Helper()
	for i := range w.nodes {
		for w.greet(i, namespace) < len(w.nodes)-1 {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-w.ctx.Done():
				w.Fatalf("server %d does not hear from all others in %s", i, namespace)
			}
		}
	}
}

// greet returns how many servers answer server i.
func (w *world) greet(i int, namespace string) int {
	ctx, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	n := 0
	for _, err := range w.nodes[i].Of(namespace).ServerSideCall(ctx, hello) {
		if err == nil {
			n++
		}
	}
	return n
}

// settle waits until what server i has said before has been heard.
func (w *world) settle(i int) {
	w.Helper()
	w.settleIn(i, "/")
}

func (w *world) settleIn(i int, namespace string) {
	w.Helper()
	for _, err := range w.nodes[i].Of(namespace).ServerSideCall(w.ctx, hello) {
		w.check(err)
	}
}

// until waits for a condition.
func (w *world) until(what string, is func() bool) {
	w.Helper()
	for !is() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-w.ctx.Done():
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// A link is an adapter whose server can be made to die, for the others.
type link struct {
	adapter.Adapter
	dead atomic.Bool
	down atomic.Bool // cannot publish

	refused atomic.Int64 // messages that were not published while it was down

	mu   sync.Mutex
	stop []context.CancelFunc
}

var errLinkDown = errors.New("adaptertest: link down")

func (l *link) Publish(ctx context.Context, batch []*adapter.Message) []error {
	switch {
	case l.dead.Load():
		return nil
	case l.down.Load():
		l.refused.Add(int64(len(batch)))
		return adapter.Each(batch, func(*adapter.Message) error { return errLinkDown })
	}
	return l.Adapter.Publish(ctx, batch)
}

func (l *link) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	l.stop = append(l.stop, cancel)
	l.mu.Unlock()
	return l.Adapter.Subscribe(ctx, linked{s, l})
}

// linked is a Subscriber that hears nothing when its server is dead.
type linked struct {
	adapter.Subscriber
	link *link
}

func (s linked) Deliver(m *adapter.Message) {
	if !s.link.dead.Load() {
		s.Subscriber.Deliver(m)
	}
}

// kill makes the server vanish without a word.
func (l *link) kill() {
	l.dead.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, stop := range l.stop {
		stop()
	}
}

// A client is one socket, of a connection of its own.
type client struct {
	*rawclient.Client
	*socketio.Socket
	w      *world
	prefix string // of the packets of its namespace
}

// client connects to server i.
func (w *world) client(i int, rooms ...string) *client {
	w.Helper()
	return w.clientIn(i, "", "", rooms...)
}

// clientIn connects to a namespace of server i, "" for the main one.
func (w *world) clientIn(i int, namespace, auth string, rooms ...string) *client {
	w.Helper()
	n := w.nodes[i]
	dial := func(ctx context.Context) (net.Conn, error) { return n.listener.Dial(ctx) }
	raw, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{
		Path:   "/socket.io/",
		Query:  fmt.Sprintf("server=%d&many=a&many=b", i),
		Header: http.Header{"X-One": {"1"}, "X-Many": {"a", "b"}},
		Pong:   true,
	})
	w.check(err)
	w.Cleanup(raw.Drop)
	c := &client{Client: raw, w: w}
	if namespace != "" {
		c.prefix = namespace + ","
	}
	entered := make(chan *socketio.Socket, servers) // other clients connect too, but not now
	off := n.Of(cmp.Or(namespace, "/")).OnConnect(func(s *socketio.Socket) {
		s.Join(rooms...)
		entered <- s
	})
	defer off()
	c.send("40" + c.prefix + auth)
	got, err := raw.Next()
	w.check(err)
	if !regexp.MustCompile(`^40` + regexp.QuoteMeta(c.prefix) + `\{"sid":"[\w-]{20}"\}$`).MatchString(got) {
		w.Fatalf("CONNECT answered by %q", got)
	}
	select {
	case c.Socket = <-entered:
	case <-w.ctx.Done():
		w.Fatal("not connected in time")
	}
	if _, err := n.Of(cmp.Or(namespace, "/")).FetchSockets(w.ctx); err != nil { // the others hear of the server after it knows its rooms
		w.Fatal(err)
	}
	return c
}

// clients connects one client to each server; all join the rooms.
func (w *world) clients(rooms ...string) []*client {
	w.Helper()
	var all []*client
	for i := range w.nodes {
		all = append(all, w.client(i, rooms...))
	}
	return all
}

func (c *client) send(packets ...string) {
	c.w.Helper()
	c.w.check(c.Send(packets...))
}

// expect wants these packets next.
func (c *client) expect(want ...string) {
	c.w.Helper()
	for _, want := range want {
		got, err := c.Next()
		c.w.check(err)
		if got != want && !sameJSON(got, want) {
			c.w.Fatalf("got packet %.200q, want %.200q", got, want)
		}
	}
}

// answer wants an event that asks for an acknowledgement and gives this.
func (c *client) answer(event, reply string) {
	c.w.Helper()
	c.send("43" + c.prefix + c.asked(event) + reply)
}

// asked wants an event that asks for an acknowledgement and returns its id.
func (c *client) asked(event string) string {
	c.w.Helper()
	got, err := c.Next()
	c.w.check(err)
	m := regexp.MustCompile(`^42` + regexp.QuoteMeta(c.prefix) + `(\d+)(\[.*)$`).FindStringSubmatch(got)
	if m == nil || m[2] != event {
		c.w.Fatalf("got packet %q, want %s with an id", got, event)
	}
	return m[1]
}

// expectAll wants packets of each.
func (w *world) expectAll(of []*client, want ...string) {
	w.Helper()
	for _, c := range of {
		c.expect(want...)
	}
}

// end checks that the clients have received nothing more: server i sends a last
// event, and that event must be the next one of each client.
func (w *world) end(i int, of ...*client) {
	w.Helper()
	for _, c := range of {
		w.check(w.nodes[i].Of(c.Namespace().Name()).To(c.ID()).Emit("end"))
		c.expect("42" + c.prefix + `["end"]`)
	}
}

// expectRooms wants the socket to be in these rooms beside its own.
func (c *client) expectRooms(want ...string) {
	c.w.Helper()
	if got := c.Rooms()[1:]; !slices.Equal(got, want) {
		c.w.Errorf("socket in rooms %q, want %q", got, want)
	}
}

// ids are those of clients, sorted.
func ids(of ...*client) []string {
	all := []string{}
	for _, c := range of {
		all = append(all, c.ID())
	}
	slices.Sort(all)
	return all
}

// expectFetched wants the selection to be these clients.
func (w *world) expectFetched(from socketio.Broadcast, want ...*client) {
	w.Helper()
	sockets, err := from.FetchSockets(w.ctx)
	w.check(err)
	got := []string{}
	for _, s := range sockets {
		got = append(got, s.ID)
	}
	slices.Sort(got)
	if !slices.Equal(got, ids(want...)) {
		w.Errorf("fetched %q, want %q", got, ids(want...))
	}
}
