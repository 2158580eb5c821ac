package chat_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A process is a server with a chat that can be killed: its connections break,
// and its store does not answer any more. The database that it shares with
// others stays.
type process struct {
	store.Store
	db     store.Store
	random *rand.Rand // of the world; guarded by mu
	h      *testserver.Harness
	chat   *chat.Chat

	mu      sync.Mutex
	dead    bool
	conns   []net.Conn
	killAt  string             // the point at which the process dies
	killed  chan struct{}      // closed then
	hook    func(point string) // called before each call of the store
	slow    time.Duration      // what reading takes at most
	failing float64            // the share of calls that fail
	marks   int                // calls of Mark
}

// The points at which a process can die.
var killPoints = []string{"before commit", "after commit", "after fan-out", "in catch-up", "after a page", "in load", "in ready"}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// start starts a process on a database.
func start(h *testserver.Harness, db store.Store, random *rand.Rand, so *socketio.Options, change func(o *chat.Options)) *process {
	p := &process{Store: db, db: db, random: random, killed: make(chan struct{})}
	p.h = h.Other(so)
	w := serve(p.h, p, func(o *chat.Options) {
		o.Trace.Delivered = func(string, int64) { p.at("after fan-out") }
		if change != nil {
			change(o)
		}
	})
	p.chat = w.chat
	return p
}

// at kills the process if this is the point, and reports whether it is alive.
func (p *process) at(point string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if point != "" && p.killAt == point {
		p.die()
	}
	return !p.dead
}

// disturb makes the database slow, and lets some of its calls fail.
func (p *process) disturb(slow time.Duration, failing float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow, p.failing = slow, failing
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.die()
}

// die is kill with mu locked.
func (p *process) die() {
	if p.dead {
		return
	}
	p.dead = true
	for _, conn := range p.conns {
		conn.Close()
	}
	close(p.killed)
}

func (p *process) dial(ctx context.Context) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return nil, net.ErrClosed
	}
	conn, err := p.h.Listener.Dial(ctx)
	if err == nil {
		p.conns = append(p.conns, conn)
	}
	return conn, err
}

// call says what a call of the store meets: the process is dead, or the call
// fails, or it takes its time.
func (p *process) call(point string) error {
	if !p.at(point) {
		return store.ErrUnavailable
	}
	p.mu.Lock()
	if hook := p.hook; hook != nil {
		p.mu.Unlock()
		hook(point)
		p.mu.Lock()
	}
	var wait time.Duration
	if p.slow > 0 {
		wait = time.Duration(p.random.Int64N(int64(p.slow)))
	}
	fails := p.failing > 0 && p.random.Float64() < p.failing
	p.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-p.h.T.Context().Done(): // the test is over, and with it the time of its bubble
		}
	}
	if fails || !p.at("") {
		return store.ErrUnavailable
	}
	return nil
}

func (p *process) Commit(ctx context.Context, ops []store.Op) (*store.Committed, error) {
	if err := p.call("before commit"); err != nil {
		return nil, err
	}
	for _, op := range ops {
		if post, is := op.(store.Post); is && post.Text == "poison" {
			return nil, errors.New("the database does not take that")
		}
	}
	done, err := p.db.Commit(ctx, ops)
	if err == nil && len(done.Changes) > 0 {
		if err := p.call("after commit"); err != nil {
			return nil, err // it has happened all the same
		}
	}
	return done, err
}

func (p *process) Changes(ctx context.Context, room string, after int64, l store.Limit) (*store.Changes, error) {
	if err := p.call("in catch-up"); err != nil {
		return nil, err
	}
	ch, err := p.db.Changes(ctx, room, after, l)
	if err := p.call("after a page"); err != nil {
		return nil, err
	}
	return ch, err
}

func (p *process) History(ctx context.Context, room string, q store.Query) (*store.Page, error) {
	if err := p.call("in catch-up"); err != nil {
		return nil, err
	}
	page, err := p.db.History(ctx, room, q)
	if err := p.call("after a page"); err != nil {
		return nil, err
	}
	return page, err
}

func (p *process) Heads(ctx context.Context, rooms []string) ([]store.Head, error) {
	if err := p.call("in load"); err != nil {
		return nil, err
	}
	return p.db.Heads(ctx, rooms)
}

func (p *process) Look(ctx context.Context, user string, rooms []string) ([]store.Membership, error) {
	if err := p.call("in load"); err != nil {
		return nil, err
	}
	return p.db.Look(ctx, user, rooms)
}

func (p *process) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	if err := p.call("in ready"); err != nil {
		return nil, err
	}
	all, err := p.db.Memberships(ctx, user, after, limit)
	if err := p.call("after ready"); err != nil {
		return nil, err
	}
	return all, err
}

func (p *process) Search(ctx context.Context, s store.Search) (*store.Found, error) {
	if err := p.call("in search"); err != nil {
		return nil, err
	}
	return p.db.(store.Searcher).Search(ctx, s)
}

func (p *process) Mark(ctx context.Context, m []store.Marker) ([]store.Marker, error) {
	p.mu.Lock()
	p.marks++
	p.mu.Unlock()
	if err := p.call(""); err != nil {
		return nil, err
	}
	return p.db.Mark(ctx, m)
}

// Close leaves the database open for others.
func (p *process) Close() error { return nil }

// A farm is several processes on one database, behind a proxy that picks one at
// random.
type farm struct {
	h      *testserver.Harness
	db     store.Store
	random *rand.Rand
	so     func() *socketio.Options
	change func(o *chat.Options)

	mu        sync.Mutex
	processes []*process
	kills     int
}

// add starts a process.
func (f *farm) add() *process {
	f.mu.Lock()
	seed := f.random.Uint64()
	f.mu.Unlock()
	var so *socketio.Options
	if f.so != nil {
		so = f.so()
	}
	p := start(f.h, f.db, rand.New(rand.NewPCG(seed, 1)), so, f.change)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.processes = append(f.processes, p)
	return p
}

func (f *farm) dial(ctx context.Context) (net.Conn, error) {
	f.mu.Lock()
	if len(f.processes) == 0 { // between a kill and the next process
		f.mu.Unlock()
		return nil, net.ErrClosed
	}
	p := f.processes[f.random.IntN(len(f.processes))]
	f.mu.Unlock()
	return p.dial(ctx)
}

// replace buries a killed process and starts another.
func (f *farm) replace(p *process) *process {
	f.mu.Lock()
	f.kills++
	f.processes = slices.DeleteFunc(f.processes, func(q *process) bool { return q == p })
	f.mu.Unlock()
	p.h.Server.Close()
	p.chat.Close()
	return f.add()
}
