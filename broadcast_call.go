package socketio

import (
	"context"
	"errors"
	"iter"

	"github.com/goroomcast/socketio/parser"
)

// A Reply is a client's answer to Socket.Call, Socket.CallFunc or
// Broadcast.Call, or a server's answer to Namespace.ServerSideCall.
type Reply struct {
	server   *Server
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
func (r *Reply) Args() []any { return r.server.sentOn(r.args) }

// Decode decodes the reply's values into the pointers given. Fewer values
// than pointers are an error.
func (r *Reply) Decode(into ...any) error { return r.server.decode(r.args, into) }

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
		defer remote.end()
		if err != nil && !yield(new(Reply), err) {
			return
		}
		for len(local.missing) > 0 || remote.outstanding() > 0 {
			select {
			case r := <-local.results:
				delete(local.missing, r.socket.id)
				if !yield(&Reply{b.namespace.server, r.socket.id, r.args}, r.err) {
					return
				}
			case <-remote.ready():
				for r, err := range remote.replies(ctx) {
					if !yield(r, err) {
						return
					}
				}
			case <-remote.recounts():
				remote.count(ctx)
			case <-remote.over(): // the local sockets disconnect by themselves
				if !remote.giveUp(ctx, context.Cause(remote.ctx), yield) {
					return
				}
				remote = nil
			case <-ctx.Done():
				for socketID := range local.missing {
					if !yield(&Reply{socketID: socketID}, context.Cause(ctx)) {
						return
					}
				}
				remote.giveUp(ctx, context.Cause(ctx), yield)
				return
			}
		}
	}
}

// callOthers is Call on the other servers. The result is nil if there are none.
func (b Broadcast) callOthers(ctx context.Context, out *outgoing) (*remoteCall, error) {
	if b.namespace.family != nil || !b.reachesOthers() {
		return nil, nil
	}
	m, err := out.messageForOthers(b)
	if err != nil {
		return nil, err
	}
	return b.namespace.cluster.call(ctx, m)
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
