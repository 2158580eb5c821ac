package socketio

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// An Event is one event that a client has sent.
type Event struct {
	socket *Socket
	packet *parser.Packet
	acked  atomic.Bool
	done   bool         // a typed handler has handled it; an empty reply says so
	told   bool         // the log has been told of surplus arguments
	remote *remoteEvent // of another server; nil if socket is not
}

// A remoteEvent is the namespace of an event of another server, and the way of
// its answer.
type remoteEvent struct {
	namespace *Namespace
	answer    func(args []any) error
}

func (e *Event) server() *Server {
	if e.remote != nil {
		return e.remote.namespace.server
	}
	return e.socket.namespace.server
}

// Name returns the event's name.
func (e *Event) Name() string { return e.packet.Event }

// Socket returns the socket that received the event, nil for those of
// Namespace.OnServerSide.
func (e *Event) Socket() *Socket { return e.socket }

// Len returns the number of arguments.
func (e *Event) Len() int { return lenOf(e.packet.Args) }

// Decode decodes the arguments, from the first on, into the pointers given.
// Fewer arguments than pointers are an error; more are ignored. A null makes a
// pointer, map, slice or interface nil and a json.RawMessage "null", and leaves
// any other target as it is, as in encoding/json.
func (e *Event) Decode(into ...any) error { return e.server().guard.decode(e.packet.Args, into) }

// Args returns the arguments as values that Emit, Ack and Call send on
// unchanged: with binary, the order of members in objects, and all digits of
// numbers. To look at them, use Decode.
//
//	err := s.Broadcast().Emit(e.Name(), e.Args()...)
func (e *Event) Args() []any { return e.server().guard.sentOn(e.packet.Args) }

// WantsAck reports whether the client waits for a reply.
func (e *Event) WantsAck() bool { return e.packet.HasID }

// Ack replies to the client, from any goroutine and also after the handler
// has returned. It does nothing if the client wants no reply, and returns
// [ErrAcked] if it has been called before.
func (e *Event) Ack(args ...any) error {
	if !e.packet.HasID {
		return nil
	}
	if !e.acked.CompareAndSwap(false, true) {
		return ErrAcked
	}
	if e.remote != nil {
		err := e.remote.answer(args)
		if err != nil {
			e.acked.Store(false)
		}
		return err
	}
	s := e.socket
	if !s.connected() {
		return ErrDisconnected
	}
	h := parser.Header{Type: parser.Ack, Namespace: s.namespace.name, ID: e.packet.ID, HasID: true}
	m, err := s.namespace.server.coder.encode(engine.NewTransientMessage, h, args)
	if err != nil {
		e.acked.Store(false)
		return err
	}
	defer m.Recycle()
	return s.deliver(m, sendNow)
}

// reply is Ack by the typed handlers. The first handler's reply counts. It is
// no error of theirs if the client has left meanwhile.
func (e *Event) reply(args ...any) error {
	if err := e.Ack(args...); !errors.Is(err, ErrAcked) && !errors.Is(err, ErrDisconnected) {
		return err
	}
	return nil
}

// A Handler handles an event. The context is the socket's. An error is logged;
// a panic is recovered and logged with its stack. Either way the connection
// stays, and a client that waits for a reply gets {"error": …} as from
// [OnCall], unless a handler has replied.
type Handler func(ctx context.Context, e *Event) error

// An EventTarget is where handlers are registered: a *Server or *Namespace,
// for all its sockets, or a single *Socket.
type EventTarget interface {
	// On adds a handler for an event. Those of one event run in the order of
	// registration, the namespace's before the socket's. Names that belong to
	// the protocol panic.
	On(event string, h Handler) (off func())
}

// refuse replies with the part of an error that the client may see. It returns
// the error that remains for the log.
func (e *Event) refuse(err error) error {
	if err == nil {
		return nil
	}
	reply, all := publish(err)
	failed := e.reply(reply)
	if failed != nil { // the data cannot be encoded
		_ = e.reply(internalError)
	}
	if all {
		return failed
	}
	return err
}

// conclude replies to an event if no handler has: with nothing after success,
// or with an error.
func (e *Event) conclude(failed error) {
	if !e.packet.HasID || e.acked.Load() || failed == ErrNoHandler || failed == nil && !e.done {
		return
	}
	err := e.run("reply to "+e.Name(), func() error {
		if failed == nil {
			return e.reply()
		}
		reply, _ := publish(failed)
		return e.reply(reply)
	})
	if err != nil {
		_ = e.reply(internalError)
	}
}

// run calls the program's code for the event.
func (e *Event) run(what string, f func() error) error {
	if e.remote != nil {
		return e.server().guard.run(what, e.remote.namespace.name, "", f)
	}
	return e.socket.run(what, f)
}

// lenOf returns the number of arguments.
func lenOf(args parser.Args) int {
	if args == nil {
		return 0
	}
	return args.Len()
}
