package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/goroomcast/socketio/internal/argstruct"
	"github.com/goroomcast/socketio/parser"
)

// An EventTarget registers handlers. It is a *Server or *Namespace, for all its
// sockets, or a *Socket, for this one.
type EventTarget interface {
	// On adds a handler for an event. The handlers of an event run in the order
	// of registration; those of the namespace run before those of the socket.
	// On panics if the event's name belongs to the protocol. The function off
	// removes the handler.
	On(event string, h Handler) (off func())
}

// On adds a handler for an event whose first argument decodes into a T. If T is
// struct{}, the event needs no argument. If T is a pointer, an interface or a
// json.RawMessage, a missing argument becomes nil. A T that embeds [Args] takes
// several arguments.
//
// On panics if T is a function or a channel, which cannot be sent.
//
// If the client wants a reply and no handler of the event has replied, the
// client gets a reply after the last handler: an empty reply, or {"error": …}
// as from [OnCall] if a handler has failed. The retries option of
// socket.io-client needs such a reply.
func On[T any](t EventTarget, event string, h func(ctx context.Context, s *Socket, arg T) error) (off func()) {
	needs(h)
	takes, direct := signatureOf[T]("On"), isDirect(t)
	return t.On(event, func(ctx context.Context, e *Event) error {
		arg, err := argument[T](e, takes, direct)
		if err == nil {
			err = h(ctx, e.socket, arg)
		}
		e.done = e.done || err == nil
		return err
	})
}

// OnCall adds a handler whose result is the reply to the client. An R that
// embeds [Args] is a reply of several values. OnCall decodes arguments as [On]
// does.
//
// If the handler returns an error, the reply is {"error": message}. The message
// is that of an [*Error], or "invalid argument" if the argument does not decode
// into a T. It is "internal error" for any other error, for a panic and for a
// result that cannot be encoded.
func OnCall[T, R any](t EventTarget, event string, h func(ctx context.Context, s *Socket, arg T) (R, error)) (off func()) {
	needs(h)
	takes, replies, direct := signatureOf[T]("OnCall"), signatureOf[R]("OnCall"), isDirect(t)
	return t.On(event, func(ctx context.Context, e *Event) error {
		arg, err := argument[T](e, takes, direct)
		if err != nil {
			return e.refuse(err)
		}
		returned := false
		defer func() {
			if !returned { // a panic
				_ = e.refuse(errPanic)
			}
		}()
		result, err := h(ctx, e.socket, arg)
		returned = true
		if err == nil {
			err = replyWith(e, result, replies)
		}
		return e.refuse(err)
	})
}

// Args makes a struct stand for several values. The first field of the struct
// must be Args; the other fields are the values, in order.
//
//	type direct struct {
//		socketio.Args
//		To     string
//		Text   string
//		Urgent *bool // may be missing
//	}
//
// [On] and [OnCall] take such a struct as the arguments of an event. [Call]
// returns such a struct, and OnCall sends one, as the values of a reply. Emit
// does not: it takes its arguments one by one. The last values may be missing
// if their fields are pointers, interfaces or json.RawMessage. On, OnCall and
// Call panic if another field is not exported or is embedded. JSON tags of the
// fields have no effect.
type Args struct{}

// Call is [Socket.Call], and decodes the reply: its first value into an R, or
// all its values into the fields of an R that embeds [Args]. If the reply is
// empty, Call returns the zero value of R.
func Call[R any](ctx context.Context, s *Socket, event string, args ...any) (R, error) {
	replies := signatureOf[R]("Call")
	reply, err := s.Call(ctx, event, args...)
	if err != nil || reply.Len() == 0 {
		var none R
		return none, err
	}
	handOver(reply.args)
	return decodeAs[R](reply.guard, replies, reply.args)
}

// A signature says which arguments a type takes.
type signature struct {
	fields   *argstruct.Struct // of a type that embeds Args; nil for others
	nothing  bool              // struct{}
	optional bool              // the one argument may be missing
}

var signatures sync.Map // of each type that has been looked at, by its reflect.Type

// signatureOf returns the signature of a T. It panics in the name of a function
// if T cannot have one.
func signatureOf[T any](function string) *signature {
	t := reflect.TypeFor[T]()
	if known, is := signatures.Load(t); is {
		return known.(*signature)
	}
	fields, err := argstruct.Of(t, reflect.TypeFor[Args]())
	if err != nil {
		panic(fmt.Sprintf("socketio: %s: %v", function, err))
	}
	s := &signature{
		fields:   fields,
		nothing:  t == reflect.TypeFor[struct{}]() || t == reflect.TypeFor[Args](),
		optional: argstruct.Optional(t),
	}
	signatures.Store(t, s)
	return s
}

// len returns the number of arguments that are taken.
func (s *signature) len() int {
	if s.fields != nil {
		return s.fields.Len()
	}
	return 1
}

// isDirect reports whether the server itself calls the handlers of t. Another
// EventTarget may wrap them, and decode the event, too.
func isDirect(t EventTarget) bool {
	switch t.(type) {
	case *Server, *Namespace, *Socket:
		return true
	}
	return false
}

// argument decodes the arguments of an event for a typed handler. A direct
// handler gets the attachments themselves if no other code shares the event.
func argument[T any](e *Event, takes *signature, direct bool) (T, error) {
	if direct && !e.shared {
		handOver(e.packet.Args)
	}
	if n := e.Len(); n > takes.len() && !e.told {
		e.told = true
		e.server().logger.Debug("an event has more arguments than its handler takes",
			"event", e.Name(), "namespace", e.packet.Namespace, "arguments", n)
	}
	return decodeAs[T](e.server().guard, takes, e.packet.Args)
}

// handOver gives the attachments to the next caller of Decode. That call must
// be the last one.
func handOver(args parser.Args) {
	if a, is := args.(interface{ HandOver() }); is {
		a.HandOver()
	}
}

// decodeAs decodes values into a T.
func decodeAs[T any](g guard, as *signature, args parser.Args) (v T, err error) {
	switch {
	case as.nothing, as.optional && lenOf(args) == 0:
		return v, nil
	case as.fields != nil:
		return decodeFields[T](g, as, args)
	}
	var d struct { // both in one allocation
		v    T
		into [1]any
	}
	d.into[0] = &d.v
	err = g.decode(args, d.into[:])
	return d.v, err
}

func decodeFields[T any](g guard, as *signature, args parser.Args) (T, error) {
	v := new(T)
	err := g.decode(args, as.fields.Targets(reflect.ValueOf(v).Elem(), lenOf(args)))
	return *v, err
}

// replyWith replies with the result of a handler.
func replyWith[R any](e *Event, result R, as *signature) error {
	if as.fields != nil {
		return e.reply(as.fields.Values(reflect.ValueOf(result))...)
	}
	return e.reply(result)
}

// Data returns [Socket.Data] as a T. It returns false if the value is not a T.
// If the client has come back from another server, the value is JSON, and each
// call of Data decodes it into a new T. To decode it only once, pass the T to
// SetData, for example in OnConnect.
func Data[T any](s *Socket) (T, bool) {
	var v, none T
	d := s.sharedData()
	if d == nil {
		return none, false
	}
	if v, is := d.value.(T); is {
		return v, true
	}
	if _, is := d.value.(json.RawMessage); !is {
		return none, false
	}
	if err := s.namespace.server.guard.decodeData(d.text, &v); err != nil {
		return none, false
	}
	return v, true
}
