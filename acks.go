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
}

// awaitAck has the reply with this id, or the disconnect, sent to a channel
// that has room for it. It returns ErrDisconnected or ErrPendingAcks where
// there is none to wait for.
func (s *Socket) awaitAck(id uint64, to chan<- result) error {
	return s.onAck(id, func(r result) { to <- r })
}

// onAck is awaitAck with a function, which must not block.
func (s *Socket) onAck(id uint64, to func(result)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.connected():
		return ErrDisconnected
	case len(s.acks) >= s.namespace.server.opts.MaxPendingAcks:
		return ErrPendingAcks
	case s.acks == nil:
		s.acks = make(map[uint64]func(result))
	}
	s.acks[id] = to
	return nil
}

func (s *Socket) forgetAck(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.acks, id)
}

// acked takes a reply of the client. Unknown ids are late or made up.
func (s *Socket) acked(id uint64, args parser.Args) {
	s.mu.Lock()
	to, ok := s.acks[id]
	delete(s.acks, id)
	s.mu.Unlock()
	if ok {
		to(result{socket: s, args: args})
	}
}

// CallFunc is Emit with a function that gets the client's reply, or
// [ErrDisconnected] when the socket disconnects without one. The function is
// called in turn with the socket's handlers, exactly once unless CallFunc
// returns an error. [Socket.Call] waits for the reply instead.
func (s *Socket) CallFunc(reply func(r *Reply, err error), event string, args ...any) error {
	id := s.namespace.nextID()
	out, err := s.outgoing(event, parser.Header{ID: id, HasID: true}, args)
	if err != nil {
		return err
	}
	err = s.onAck(id, func(r result) {
		s.mailbox.put(func() {
			_ = s.run("reply to "+event, func() error { reply(&Reply{s.namespace.server, s.id, r.args}, r.err); return nil })
		})
	})
	if err != nil {
		return err
	}
	_ = s.deliver(out.message(s), false, false) // if it is gone, the reply says so
	out.free()
	return nil
}

// Call emits an event and waits for the client's reply. It returns the cause
// of ctx when ctx ends first, and [ErrDisconnected] when the socket
// disconnects. Give ctx a deadline, because clients need not reply, and the
// server does not read the reply of a client while 1 MiB of the client's events
// wait for handlers. The typed form is [Call].
func (s *Socket) Call(ctx context.Context, event string, args ...any) (*Reply, error) {
	values, err := s.call(ctx, event, args)
	if err != nil {
		return nil, err
	}
	return &Reply{s.namespace.server, s.id, values}, nil
}

// call is Call, which returns the values of the reply.
func (s *Socket) call(ctx context.Context, event string, args []any) (parser.Args, error) {
	id := s.namespace.nextID()
	out, err := s.outgoing(event, parser.Header{ID: id, HasID: true}, args)
	if err != nil {
		return nil, err
	}
	reply := make(chan result, 1)
	if err := s.awaitAck(id, reply); err != nil {
		return nil, err
	}
	if err := s.deliver(out.message(s), false, false); err != nil {
		s.forgetAck(id)
		return nil, ErrDisconnected
	}
	out.free()
	s.conn.session.Flush() // its handler may be the one that waits
	select {
	case r := <-reply:
		return r.args, r.err
	case <-ctx.Done():
		s.forgetAck(id)
		return nil, context.Cause(ctx)
	}
}
