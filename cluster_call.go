package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// maxCallTime is how long the clients of other servers may take to reply to a
// call whose context has no deadline.
const maxCallTime = 30 * time.Minute

// A remoteCall is a Broadcast.Call to the other servers' sockets. Nil is one
// to none.
type remoteCall struct {
	*request
	until  time.Time       // when the others stop waiting for their clients
	ctx    context.Context // ends then at the latest, or when this server leaves the others
	cancel context.CancelFunc
}

func (c *cluster) call(ctx context.Context, m *adapter.Message) (*remoteCall, error) {
	patience := maxCallTime
	if deadline, has := ctx.Deadline(); has {
		patience = min(patience, max(time.Millisecond, time.Until(deadline)))
	}
	m.Opts.Timeout = int(patience.Milliseconds())
	remote := &remoteCall{until: time.Now().Add(patience)}
	remote.ctx, remote.cancel = context.WithTimeout(c.ctx, maxCallTime)
	var err error
	remote.request, err = c.ask(ctx, m, adapter.ClientCount)
	return remote, err
}

// replies yields what has come.
func (r *remoteCall) replies(ctx context.Context) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		acks, lost, _ := r.take(ctx)
		for _, m := range acks {
			var args parser.Args
			var err error
			if m.Type == adapter.NoAck {
				err = whyNoAck(m)
			} else {
				args, err = decodeReply(m.Packet)
			}
			if !yield(&Reply{r.cluster.namespace.server, m.SocketID, args}, err) {
				return
			}
		}
		for range lost {
			if !yield(new(Reply), ErrDisconnected) {
				return
			}
		}
	}
}

// giveUp yields what has come, then the cause for each reply that has not. It
// reports whether to go on. It is right for nil too.
func (r *remoteCall) giveUp(ctx context.Context, cause error, yield func(*Reply, error) bool) bool {
	if r == nil {
		return true
	}
	for reply, err := range r.replies(ctx) {
		if !yield(reply, err) {
			return false
		}
	}
	for range r.outstanding() {
		if !yield(new(Reply), cause) {
			return false
		}
	}
	return true
}

// outstanding returns how many replies have yet to be yielded, counting a
// server that has not said how many as one.
func (r *remoteCall) outstanding() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.missing() + len(r.inbox) + r.lost
	for _, s := range r.servers {
		n += max(0, s.owed)
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

func (r *remoteCall) over() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.ctx.Done()
}

func (r *remoteCall) recounts() <-chan time.Time {
	if r == nil {
		return nil
	}
	return r.request.recounts()
}

// end forgets the call, and lets the others forget it if they still wait for
// their clients.
func (r *remoteCall) end() {
	if r == nil {
		return
	}
	if r.outstanding() > 0 && r.ctx.Err() == nil && time.Now().Before(r.until) {
		_ = r.cluster.publish(&adapter.Message{Type: adapter.CancelCall, RequestID: r.id})
	}
	r.cancel()
	r.request.end()
}

// Why a client does not reply, as another server says it.
const (
	noAckPending = "pending" // ErrPendingAcks
	noAckInvalid = "invalid" // what it has replied cannot be passed on
)

var errNoReply = errors.New("socketio: the reply cannot be passed on to this server")

// noAck says that the socket will not reply, and why unless it has left.
func noAck(socketID, why string) *adapter.Message {
	m := &adapter.Message{Type: adapter.NoAck, SocketID: socketID}
	if why != "" {
		m.Packet.Text, _ = json.Marshal(why)
	}
	return m
}

// whyNoAck is the inverse of noAck.
func whyNoAck(m *adapter.Message) error {
	var why string
	_ = json.Unmarshal(m.Packet.Text, &why) // it has left, if there is no other reason
	switch why {
	case noAckPending:
		return ErrPendingAcks
	case noAckInvalid:
		return errNoReply
	}
	return ErrDisconnected
}
