package socketio

import (
	"context"
	"errors"
	"iter"

	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/parser"
)

// A Reply is a client's answer to Socket.Call, Socket.CallFunc or
// Broadcast.Call, or a server's answer to Namespace.ServerSideCall.
type Reply struct {
	guard    guard
	socketID string
	args     parser.Args
}

// SocketID returns the id of the socket that replied, or failed to. It is
// empty where that is not known: of servers, and where another server has not
// answered in time.
func (r *Reply) SocketID() string { return r.socketID }

// Len returns the number of values in the reply.
func (r *Reply) Len() int { return lenOf(r.args) }

// Args returns the reply's values as values to be sent on as they are, as
// [Event.Args] does with arguments.
func (r *Reply) Args() []any { return r.guard.sentOn(r.args) }

// Decode decodes the reply's values into the pointers given. Fewer values
// than pointers are an error.
func (r *Reply) Decode(into ...any) error { return r.guard.decode(r.args, into) }

// Call emits an event to the selected sockets and yields each one's reply as
// it arrives; of the replies to other servers only the first value does. A
// socket that disconnects yields [ErrDisconnected], and one that owes too many
// replies already [ErrPendingAcks]; when ctx ends, each that
// has not replied yields the context's cause, and so does each server that has
// not said how many will. Sockets of other servers have 30 minutes at most. Of a
// parent's sockets only this server's are called.
// If the event cannot be sent at all, the only pair is a nil Reply and the
// error. The event is sent anew each time the sequence is ranged over.
func (b Broadcast) Call(ctx context.Context, event string, args ...any) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		id := b.namespace.nextID()
		out, err := b.prepare(event, parser.Header{ID: id, HasID: true}, args)
		if err != nil {
			yield(nil, err)
			return
		}
		defer out.free()
		if err := out.encode(b.namespace); err != nil {
			yield(nil, err)
			return
		}
		local := b.newLocalCall(id)
		defer local.forget()
		local.send(out)
		remote, err := b.callOthers(ctx, out)
		defer remote.End()
		if err != nil && !yield(new(Reply), err) {
			return
		}
		for len(local.missing) > 0 || remote.Outstanding() > 0 {
			select {
			case r := <-local.results:
				delete(local.missing, r.socket.id)
				if !yield(&Reply{b.namespace.server.guard, r.socket.id, r.args}, r.err) {
					return
				}
			case <-remote.Ready():
				if !b.namespace.takeReplies(ctx, remote, yield) {
					return
				}
			case <-remote.Recounts():
				remote.Recount(ctx)
			case <-remote.Done(): // the local sockets disconnect by themselves
				if !b.namespace.giveUp(ctx, remote, remote.Cause(), yield) {
					return
				}
				remote = nil
			case <-ctx.Done():
				for socketID := range local.missing {
					if !yield(&Reply{socketID: socketID}, context.Cause(ctx)) {
						return
					}
				}
				b.namespace.giveUp(ctx, remote, context.Cause(ctx), yield)
				return
			}
		}
	}
}

// callOthers is Call on the other servers. The result is nil without other
// servers.
func (b Broadcast) callOthers(ctx context.Context, out *outgoing) (*cluster.Call, error) {
	if b.namespace.family != nil || !b.reachesOthers() {
		return nil, nil
	}
	m, err := out.messageForOthers(b)
	if err != nil {
		return nil, err
	}
	return b.namespace.cluster.Call(ctx, m)
}

// takeReplies yields the replies that have arrived from other servers. It
// reports whether to go on.
func (n *Namespace) takeReplies(ctx context.Context, remote *cluster.Call, yield func(*Reply, error) bool) bool {
	for _, r := range remote.Take(ctx) {
		if !yield(n.replyOf(r)) {
			return false
		}
	}
	return true
}

// giveUp yields the replies that have arrived, then the cause for each missing
// reply. It reports whether to go on.
func (n *Namespace) giveUp(ctx context.Context, remote *cluster.Call, cause error, yield func(*Reply, error) bool) bool {
	if !n.takeReplies(ctx, remote, yield) {
		return false
	}
	for range remote.Outstanding() {
		if !yield(new(Reply), cause) {
			return false
		}
	}
	return true
}

// A localCall is a Call to this server's sockets.
type localCall struct {
	id      uint64
	targets *[]*Socket
	results chan result
	missing map[string]*Socket // who has yet to reply; nil who is not asked, which is a result
}

func (b Broadcast) newLocalCall(id uint64) *localCall {
	targets := b.targets()
	c := &localCall{
		id:      id,
		targets: targets,
		results: make(chan result, len(*targets)),
		missing: make(map[string]*Socket, len(*targets)),
	}
	for _, s := range *targets {
		switch err := s.awaitAck(id, c.results); {
		case err == nil:
			c.missing[s.id] = s
		case errors.Is(err, ErrPendingAcks):
			c.missing[s.id] = nil
			c.results <- result{socket: s, err: err}
		}
	}
	return c
}

func (c *localCall) send(out *outgoing) {
	for _, s := range *c.targets {
		if c.missing[s.id] != nil {
			_ = s.deliver(out.messageFor(s), sendNow) // if it is gone, its result says so
		}
	}
}

// forget ends the call.
func (c *localCall) forget() {
	for _, s := range c.missing {
		if s != nil {
			s.forgetAck(c.id)
		}
	}
	putTargets(c.targets)
}
