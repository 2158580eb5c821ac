package socketio

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/goroomcast/socketio/adapter"
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

// SocketID returns the id of the socket that replied or failed to reply. It
// returns "" for the reply of a server, and for a missing reply of a socket on
// another server.
func (r *Reply) SocketID() string { return r.socketID }

// Len returns the number of values in the reply.
func (r *Reply) Len() int { return lenOf(r.args) }

// Args returns the reply's values as values that can be sent on unchanged, as
// [Event.Args] does.
func (r *Reply) Args() []any { return r.guard.sentOn(r.args) }

// Decode decodes the reply's values into the given pointers, in order. It
// returns an error if the reply contains fewer values than pointers.
func (r *Reply) Decode(into ...any) error { return r.guard.decode(r.args, into) }

// firstID returns the first acknowledgement id of a new namespace: the seconds
// since 2000. A client may answer a call late, after it has reconnected to a
// restarted server or to another one. That server must not take the answer for
// the answer to a call of its own, so its ids should differ.
func firstID() uint64 {
	return uint64(max(0, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))/time.Second))
}

// nextID returns an acknowledgement id for an event that may go to any number of
// sockets. Clients in Java and C++ read an id as an integer of 32 bits.
func (n *Namespace) nextID() uint64 { return (n.ids.Add(1) - 1) & math.MaxInt32 }

// CallFunc is like Emit, but later calls the function reply with the client's
// reply, or with [ErrDisconnected] if the socket disconnects before. The server
// calls reply exactly once, and never at the same time as a handler of the
// socket. If CallFunc returns an error, reply is not called. [Socket.Call]
// waits for the reply instead.
func (s *Socket) CallFunc(reply func(r *Reply, err error), event string, args ...any) error {
	needs(reply)
	id := s.namespace.nextID()
	out, err := s.namespace.prepareOne(event, parser.Header{ID: id, HasID: true}, args)
	if err != nil {
		return err
	}
	defer out.free()
	err = s.onAck(id, ack{to: func(r result) {
		s.mailbox.putReply(func() {
			_ = s.run("reply to "+event, func() error { reply(&Reply{s.namespace.server.guard, s.id, r.args}, r.err); return nil })
		}, r.size)
	}})
	if err != nil {
		return err
	}
	_ = s.deliverCall(out) // if it is gone, the reply says so
	return nil
}

// deliverCall sends an event that wants a reply, behind the events that were
// emitted before.
func (s *Socket) deliverCall(out *outgoing) error {
	m := out.messageFor(s)
	if c := s.namespace.cluster; c.Ahead() {
		out.keep()
		c.After(func() { _ = s.deliver(m, sendNow) })
		return nil
	}
	return s.deliver(m, sendNow)
}

// Call emits an event and waits for the client's reply. It returns the cause of
// ctx if ctx ends first, and [ErrDisconnected] if the socket disconnects first.
// If ctx has ended before, Call emits nothing.
// Give ctx a deadline: a client may never reply, and the server does not read
// the reply while an event before it exceeds [Options.Limits.Inbox]. The
// generic function [Call] also decodes the reply.
func (s *Socket) Call(ctx context.Context, event string, args ...any) (*Reply, error) {
	values, err := s.call(ctx, event, args)
	if err != nil {
		return nil, err
	}
	return &Reply{s.namespace.server.guard, s.id, values}, nil
}

// call is Call, which returns the values of the reply.
func (s *Socket) call(ctx context.Context, event string, args []any) (parser.Args, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	id, reply := s.namespace.nextID(), make(chan result, 1)
	if err := s.ask(id, reply, event, args); err != nil {
		return nil, err
	}
	s.conn.session.Flush() // its handler may be the one that waits
	select {
	case r := <-reply:
		return r.args, r.err
	case <-ctx.Done():
		s.forgetAck(id)
		return nil, context.Cause(ctx)
	}
}

// ask sends an event whose reply goes to a channel.
func (s *Socket) ask(id uint64, to chan<- result, event string, args []any) error {
	out, err := s.namespace.prepareOne(event, parser.Header{ID: id, HasID: true}, args)
	if err != nil {
		return err
	}
	defer out.free()
	if err := s.awaitAck(id, to); err != nil {
		return err
	}
	if err := s.deliverCall(out); err != nil {
		s.forgetAck(id)
		return ErrDisconnected
	}
	return nil
}

// A result is what became of a call to one socket.
type result struct {
	socket *Socket
	args   parser.Args
	err    error
	size   int // in the connection's budget
}

// An ack is a reply that is awaited.
type ack struct {
	to   func(result)
	call bool // somebody waits for it here and now: it takes nothing of the budget
}

// awaitAck sends the reply with this id, or the disconnect, to a channel that
// has room for it. It returns ErrDisconnected or ErrPendingAcks if no reply
// will follow.
func (s *Socket) awaitAck(id uint64, to chan<- result) error {
	return s.onAck(id, ack{func(r result) { to <- r }, true})
}

// onAck is awaitAck with a function, which must not block.
func (s *Socket) onAck(id uint64, a ack) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.connected():
		return ErrDisconnected
	case len(s.acks) >= s.namespace.server.opts.Limits.PendingAcks:
		return ErrPendingAcks
	case s.acks == nil:
		s.acks = make(map[uint64]ack)
	}
	s.acks[id] = a
	return nil
}

func (s *Socket) forgetAck(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.acks, id)
}

// acked takes a reply of the client. If there is no room it does not, and
// returns a channel that has a value when to try again. Unknown ids are late or
// made up.
func (s *Socket) acked(id uint64, args parser.Args, size int) (full <-chan struct{}) {
	s.mu.Lock()
	a, ok := s.acks[id]
	if budget := &s.conn.budget; ok && !a.call {
		full = budget.take(budget.forReplies(), size)
	}
	if full == nil {
		delete(s.acks, id)
	}
	s.mu.Unlock()
	if ok && full == nil {
		a.to(result{socket: s, args: args, size: size})
	}
	return full
}

// called reports whether a call waits for the client.
func (s *Socket) called() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.acks {
		if a.call {
			return true
		}
	}
	return false
}

// Call emits an event to the selected sockets and yields each reply as it
// arrives. The reply of a socket on another server contains only its first
// value.
//
// Each socket yields one pair. Its error is [ErrDisconnected] if the socket
// disconnects before it replies, [ErrPendingAcks] if its client already owes
// too many replies, or the cause of ctx if ctx ends first. A server that has
// not said how many sockets will reply also yields the cause once. Call stops
// waiting for other servers after 30 minutes, even if ctx has not ended. If the
// event cannot be sent at all, or ctx has ended before, Call emits nothing and
// yields only a nil Reply and the error.
//
// If the namespace is a parent, see [Server.OfFunc], Call reaches only sockets
// of this server. Each range over the sequence sends the event again.
func (b Broadcast) Call(ctx context.Context, event string, args ...any) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		b.settle(ctx)
		if ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
			return
		}
		id := b.namespace.nextID()
		out, err := b.prepare(event, parser.Header{ID: id, HasID: true}, args)
		if err != nil {
			yield(nil, err)
			return
		}
		defer out.free()
		var forOthers *adapter.Message // nil without other servers
		if err = out.encode(b.namespace); err == nil && b.namespace.family == nil && b.reachesOthers() {
			forOthers, err = out.messageForOthers(b)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		local := b.newLocalCall(id)
		defer local.forget()
		local.send(out)
		remote, err := b.namespace.callOthers(ctx, forOthers)
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

// settle waits for the events that were emitted before, if they have yet to come
// back from the adapter's log.
func (b Broadcast) settle(ctx context.Context) {
	for _, n := range b.namespace.audience() {
		if !n.cluster.Ahead() {
			continue
		}
		back := make(chan struct{})
		n.cluster.After(func() { close(back) })
		select {
		case <-back:
		case <-ctx.Done():
		}
	}
}

// callOthers sends a call to the other servers. The result is nil if the message
// is nil.
func (n *Namespace) callOthers(ctx context.Context, m *adapter.Message) (*cluster.Call, error) {
	if m == nil {
		return nil, nil
	}
	return n.cluster.Call(ctx, m)
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
