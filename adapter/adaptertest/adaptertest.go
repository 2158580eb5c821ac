// Package adaptertest tests adapters: servers that an adapter joins must behave
// like one server to their clients. A test of an adapter needs one call:
//
//	func TestAdapter(t *testing.T) {
//		adaptertest.Run(t, func(t testing.TB, n int) []adapter.Adapter {
//			// … n adapters, joined with each other and with no others
//		})
//	}
//
// [Run] makes small clusters of three servers for some hundred checks. [Crowd]
// makes one of two servers with many clients.
package adaptertest

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/memnet"
)

// Join returns the adapters of n servers, joined with each other and with no
// others, and leaves it to t.Cleanup to close them.
type Join = func(t testing.TB, n int) []adapter.Adapter

// Run runs all checks as parallel subtests, each with adapters of its own. The
// servers and their clients are in memory; the buses of the adapters may be
// real. If the adapters are an [adapter.SessionStore], all checks run a second
// time with servers that keep sessions, and so do checks of clients that come
// back. With other adapters clients come back to their own server.
func Run(t *testing.T, join Join) {
	groups := []group{ // first those that wait for the end of a heartbeat
		{"membership", memberships},
		{"server side", serverSides},
		{"call", calls},
		{"contract", contracts},
		{"broadcast", broadcasts},
		{"content", contents},
		{"command", commands},
		{"fetch", fetches},
		{"room", roomChecks},
		{"trouble", troubles},
	}
	for _, g := range groups {
		g.run(t, join, false)
	}
	if _, stores := join(t, 1)[0].(adapter.SessionStore); !stores {
		group{"away", absences}.run(t, join, true)
		return
	}
	t.Run("with sessions", func(t *testing.T) {
		t.Parallel()
		for _, g := range append(groups, group{"log", logs}, group{"return", returns}) {
			g.run(t, join, true)
		}
	})
}

type group struct {
	name   string
	checks []check
}

type check struct {
	name string
	run  func(w *world)
}

func (g group) run(t *testing.T, join Join, sessions bool) {
	t.Run(g.name, func(t *testing.T) {
		t.Parallel()
		for _, c := range g.checks {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(newWorld(t, join(t, servers), sessions, patience))
			})
		}
	})
}

const (
	servers = 3

	// patience is how long a check may take on a machine with much to do.
	patience = 3 * time.Minute
)

// A world is a cluster of servers, all with the namespaces "/" and "/other".
type world struct {
	*testing.T
	ctx      context.Context
	nodes    []*node
	sessions bool // the servers keep sessions
}

// A node is one of the servers.
type node struct {
	*socketio.Server
	link     *link
	listener *memnet.Listener
	log      lines
}

func newWorld(t *testing.T, adapters []adapter.Adapter, sessions bool, patience time.Duration) *world {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, sessions: sessions}
	for _, a := range adapters {
		w.nodes = append(w.nodes, w.start(a))
	}
	w.meet("/")
	w.meet("/other")
	return w
}

func (w *world) start(a adapter.Adapter) *node {
	n := &node{link: &link{Adapter: a, persisted: make(map[string]bool)}, listener: memnet.Listen()}
	o := &socketio.Options{Adapter: n.link, Logger: slog.New(&n.log)}
	if w.sessions {
		o.Recovery = &socketio.Recovery{}
		if store, is := a.(adapter.SessionStore); is {
			o.Adapter = storeLink{n.link, store}
		}
	}
	n.Server = socketio.NewServer(o)
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
		for limit := time.Second; w.greet(i, namespace, &limit) < len(w.nodes)-1; {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-w.ctx.Done():
				w.Fatalf("server %d does not hear from all others in %s", i, namespace)
			}
		}
	}
}

// greet returns how many servers answer server i within a limit, which grows if
// some do not.
func (w *world) greet(i int, namespace string, limit *time.Duration) int {
	ctx, cancel := context.WithTimeout(w.ctx, *limit)
	defer cancel()
	n := 0
	for _, err := range w.nodes[i].Of(namespace).ServerSideCall(ctx, hello) {
		if err == nil {
			n++
		}
	}
	if ctx.Err() != nil {
		*limit += *limit / 2
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

// expire has try wait for something whose deadline passes. If the machine has been
// too slow for what must happen before the deadline, try reports false and gets a
// longer one.
func (w *world) expire(try func(ctx context.Context, last bool) bool) {
	const longest = time.Minute
	for limit := 500 * time.Millisecond; ; limit *= 5 {
		ctx, cancel := context.WithTimeout(w.ctx, limit)
		done := try(ctx, limit > longest)
		cancel()
		if done || limit > longest {
			return
		}
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
