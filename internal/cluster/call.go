package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// maxCallTime is how long the clients of other servers may take to reply to a
// call whose context has no deadline.
const maxCallTime = 30 * time.Minute

// A Call waits for the replies of the other servers' sockets. A nil Call is
// one to no sockets.
type Call struct {
	request *request
	until   time.Time       // when the others stop waiting for their clients
	ctx     context.Context // ends then at the latest, or when this server leaves the others
	cancel  context.CancelFunc
}

// Call publishes an event that wants replies. The result must be ended, also
// after an error; then it awaits no replies.
func (c *Member) Call(ctx context.Context, m *adapter.Message) (*Call, error) {
	patience := maxCallTime
	if deadline, has := ctx.Deadline(); has {
		patience = min(patience, max(time.Millisecond, time.Until(deadline)))
	}
	m.Opts.Timeout = int(patience.Milliseconds())
	call := &Call{until: time.Now().Add(patience)}
	call.ctx, call.cancel = context.WithTimeout(c.ctx, maxCallTime)
	var err error
	call.request, err = c.begin(ctx, m, adapter.ClientCount)
	return call, err
}

// A Reply is what has become of a call to one socket.
type Reply struct {
	SocketID string // "" if the other server does not say
	Packet   parser.Encoded
	Missing  bool // there is no reply, for the reason Why
	Why      Why
}

// Why says why a socket does not reply.
type Why string

// Reasons, as servers tell them to each other.
const (
	Left    Why = ""        // its client has left
	Pending Why = "pending" // its client owes too many replies already
	Invalid Why = "invalid" // the reply cannot be passed on
)

// Ready returns a channel that says when to call Take.
func (r *Call) Ready() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.request.wake
}

// Take returns the replies that have arrived.
func (r *Call) Take(ctx context.Context) (replies []Reply) {
	if r == nil {
		return nil
	}
	acks, lost, _ := r.request.take(ctx)
	for _, m := range acks {
		reply := Reply{SocketID: m.SocketID, Packet: m.Packet}
		if m.Type == adapter.NoAck {
			reply = Reply{SocketID: m.SocketID, Missing: true}
			_ = json.Unmarshal(m.Packet.Text, &reply.Why) // it has left, if there is no other reason
		}
		replies = append(replies, reply)
	}
	for range lost {
		replies = append(replies, Reply{Missing: true})
	}
	return replies
}

// Outstanding returns how many replies have yet to be taken, counting a server
// that has not said how many as one.
func (r *Call) Outstanding() int {
	if r == nil {
		return 0
	}
	q := r.request
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.missing() + len(q.inbox) + q.lost
	for _, s := range q.servers {
		n += max(0, s.owed)
	}
	return n
}

// Recounts returns a channel that says when to call Recount.
func (r *Call) Recounts() <-chan time.Time {
	if r == nil {
		return nil
	}
	return r.request.recounts()
}

// Recount looks whether servers have died meanwhile.
func (r *Call) Recount(ctx context.Context) { r.request.count(ctx) }

// Done returns a channel that is closed when no more replies will come,
// because of Cause.
func (r *Call) Done() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.ctx.Done()
}

// Cause returns why no more replies will come.
func (r *Call) Cause() error { return context.Cause(r.ctx) }

// End forgets the call, and lets the others forget it if they still wait for
// their clients.
func (r *Call) End() {
	if r == nil {
		return
	}
	if r.Outstanding() > 0 && r.ctx.Err() == nil && time.Now().Before(r.until) {
		_ = r.request.member.Publish(&adapter.Message{Type: adapter.CancelCall, RequestID: r.request.id})
	}
	r.cancel()
	r.request.end()
}

// NoAck returns an answer that says that a socket will not reply.
func NoAck(socketID string, why Why) *adapter.Message {
	m := &adapter.Message{Type: adapter.NoAck, SocketID: socketID}
	if why != Left {
		m.Packet.Text, _ = json.Marshal(why)
	}
	return m
}

// A callKey names a call of another server.
type callKey struct{ uid, requestID string }

var errCallTwice = errors.New("call with the id of another")

// BeginCall returns the context of a call of another server. It ends with the
// time that the asker gives its clients, when the asker cancels the call, or
// when the asker leaves.
func (c *Member) BeginCall(m *adapter.Message) (ctx context.Context, end func(), err error) {
	patience := requestTimeout
	if t := m.Opts.Timeout; t > 0 {
		patience = time.Duration(min(t, int(maxCallTime.Milliseconds()))) * time.Millisecond
	}
	key := callKey{m.UID, m.RequestID}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[key] != nil {
		return nil, nil, errCallTwice
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	c.calls[key] = cancel
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, key)
	}, nil
}

func (c *Member) cancelCall(key callKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.calls[key]; cancel != nil {
		cancel()
	}
}
