package socketio

import (
	"context"

	"github.com/goroomcast/socketio/parser"
)

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

// CallFunc is Emit with a function that gets the client's reply, or
// [ErrDisconnected] when the socket disconnects without one. The function is
// called in turn with the socket's handlers, exactly once unless CallFunc
// returns an error. [Socket.Call] waits for the reply instead.
func (s *Socket) CallFunc(reply func(r *Reply, err error), event string, args ...any) error {
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
	_ = s.deliver(out.messageFor(s), sendNow) // if it is gone, the reply says so
	return nil
}

// Call emits an event and waits for the client's reply. It returns the cause of
// ctx when ctx ends first, and [ErrDisconnected] when the socket disconnects.
// Give ctx a deadline, because clients need not reply, and the server does not
// read a reply behind an event that [Options.Limits.Inbox] has no room for. The
// typed form is [Call].
func (s *Socket) Call(ctx context.Context, event string, args ...any) (*Reply, error) {
	values, err := s.call(ctx, event, args)
	if err != nil {
		return nil, err
	}
	return &Reply{s.namespace.server.guard, s.id, values}, nil
}

// call is Call, which returns the values of the reply.
func (s *Socket) call(ctx context.Context, event string, args []any) (parser.Args, error) {
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
	if err := s.deliver(out.messageFor(s), sendNow); err != nil {
		s.forgetAck(id)
		return ErrDisconnected
	}
	return nil
}
