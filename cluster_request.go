package socketio

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A request waits for the answers of the other servers.
type request struct {
	cluster *cluster
	id      string

	mu    sync.Mutex
	inbox []*adapter.Message
	wake  chan struct{} // has a value when there is something in the inbox

	// Of the goroutine that asks.
	names    map[string]bool // who has yet to answer; nil if only their number is known
	others   int             // their number, if names is nil
	answered map[string]bool
	recount  *time.Ticker // of others, of whom one may die; nil if names is not
}

// recountInterval is the pause between two looks at how many servers there
// are, while they are waited for.
const recountInterval = time.Second

// ask publishes a request. After an error too, the result is to be used: it
// awaits nobody.
func (c *cluster) ask(ctx context.Context, m *adapter.Message) (*request, error) {
	r := &request{cluster: c, id: newUID(), wake: make(chan struct{}, 1), answered: make(map[string]bool)}
	servers, err := c.adapter.Servers(ctx, c.namespace.name)
	if err != nil && !c.heartbeats() {
		return r, fmt.Errorf("socketio: cannot count the other servers: %w", err)
	}
	c.mu.Lock()
	c.requests[r.id] = r
	if c.peers != nil {
		r.names = make(map[string]bool, len(c.peers))
		for uid := range c.peers {
			r.names[uid] = true
		}
	}
	c.mu.Unlock()
	if r.names == nil {
		r.others = servers - 1
		r.recount = time.NewTicker(recountInterval)
	}
	m.RequestID = r.id
	if err := c.publish(m); err != nil {
		r.names, r.others = nil, 0
		return r, fmt.Errorf("socketio: cannot ask the other servers: %w", err)
	}
	return r, nil
}

// end forgets the request.
func (r *request) end() {
	r.cluster.mu.Lock()
	delete(r.cluster.requests, r.id)
	r.cluster.mu.Unlock()
	if r.recount != nil {
		r.recount.Stop()
	}
}

// put adds an answer, or the departure of a server.
func (r *request) put(m *adapter.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inbox = append(r.inbox, m)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *request) take() []*adapter.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.inbox
	r.inbox = nil
	return all
}

// recounts returns a channel that says when to call count.
func (r *request) recounts() <-chan time.Time {
	if r.recount == nil {
		return nil
	}
	return r.recount.C
}

// count looks whether servers have died meanwhile.
func (r *request) count(ctx context.Context) {
	if r.names != nil {
		return
	}
	if n, err := r.cluster.adapter.Servers(ctx, r.cluster.namespace.name); err == nil {
		r.others = min(r.others, n-1)
	}
}

// hasAnswered notes that a server has.
func (r *request) hasAnswered(uid string) {
	delete(r.names, uid)
	r.answered[uid] = true
}

// departed notes that a server answers no more.
func (r *request) departed(ctx context.Context, uid string) {
	delete(r.names, uid)
	delete(r.answered, uid)
	r.count(ctx)
}

// missing returns how many servers have yet to answer.
func (r *request) missing() int {
	if r.names != nil {
		return len(r.names)
	}
	return max(0, r.others-len(r.answered))
}

// answers yields one answer of each server, then, if not all came in time, an
// error.
func (r *request) answers(ctx context.Context) iter.Seq2[*adapter.Message, error] {
	return func(yield func(*adapter.Message, error) bool) {
		for r.missing() > 0 {
			select {
			case <-r.wake:
				for _, m := range r.take() {
					if m.Type == adapter.Close {
						r.departed(ctx, m.UID)
						continue
					}
					r.hasAnswered(m.UID)
					if !yield(m, nil) {
						return
					}
				}
			case <-r.recounts():
				r.count(ctx)
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
				return
			case <-r.cluster.ctx.Done():
				yield(nil, errClosed)
				return
			}
		}
	}
}

// withRequestTimeout bounds a context that has no deadline.
func withRequestTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, requestTimeout)
}

// A remoteCall is a Broadcast.Call to the other servers' sockets. Nil is one
// to none.
type remoteCall struct {
	*request
	owed map[string]int // by server: acknowledgements still to come
}

func (c *cluster) call(ctx context.Context, m *adapter.Message) (*remoteCall, error) {
	if deadline, has := ctx.Deadline(); has {
		m.Opts.Timeout = max(1, int(time.Until(deadline).Milliseconds()))
	}
	r, err := c.ask(ctx, m)
	return &remoteCall{request: r, owed: make(map[string]int)}, err
}

// replies yields what has come.
func (r *remoteCall) replies(ctx context.Context) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		for _, m := range r.take() {
			switch m.Type {
			case adapter.ClientCount:
				r.hasAnswered(m.UID)
				r.owed[m.UID] = m.Count
			case adapter.Ack, adapter.NoAck:
				if r.owed[m.UID] == 0 {
					continue // has been given up
				}
				r.owed[m.UID]--
				args, err := decodeValue(m.Packet)
				if m.Type == adapter.NoAck {
					err = ErrDisconnected
				}
				if !yield(&Reply{r.cluster.namespace.server, m.SocketID, args}, err) {
					return
				}
			case adapter.Close:
				lost := r.owed[m.UID]
				delete(r.owed, m.UID)
				r.departed(ctx, m.UID)
				for range lost {
					if !yield(new(Reply), ErrDisconnected) {
						return
					}
				}
			}
		}
	}
}

// outstanding returns how many replies have yet to come, counting a server
// that has not said how many as one.
func (r *remoteCall) outstanding() int {
	if r == nil {
		return 0
	}
	n := r.missing()
	for owed := range maps.Values(r.owed) {
		n += owed
	}
	return n
}

// What follows is right for nil too.

func (r *remoteCall) ready() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.wake
}

func (r *remoteCall) closed() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.cluster.ctx.Done()
}

func (r *remoteCall) recounts() <-chan time.Time {
	if r == nil {
		return nil
	}
	return r.request.recounts()
}

func (r *remoteCall) end() {
	if r != nil {
		r.request.end()
	}
}
