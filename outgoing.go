package socketio

import (
	"errors"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// An outgoing is an event on its way to sockets. It is encoded and framed once
// for each of their namespaces, which are one, or the children of a parent.
type outgoing struct {
	header  parser.Header
	args    []any
	tail    []any     // further arguments, for clients that can come back
	bare    *outgoing // the event without them, if somebody needs it
	plain   bool      // not compressed
	once    bool      // nobody keeps the message
	encoded *engine.Message
}

// outgoing returns an event to be sent.
func (b Broadcast) outgoing(event string, h parser.Header, args []any, tail ...any) (*outgoing, error) {
	return b.namespace.prepare(event, outgoing{header: h, args: args, tail: tail, plain: b.plain})
}

// outgoing returns an event to be sent to the socket, at once.
func (s *Socket) outgoing(event string, h parser.Header, args []any) (*outgoing, error) {
	return s.namespace.prepare(event, outgoing{header: h, args: args, once: true})
}

// prepare names and encodes an event.
func (n *Namespace) prepare(event string, as outgoing) (*outgoing, error) {
	if parser.ReservedEvent(event) {
		return nil, reservedError(event)
	}
	as.header.Type, as.header.Event = parser.Event, event
	o := outgoingPool.Get().(*outgoing)
	*o = as
	if err := o.encode(n); err != nil {
		o.free()
		return nil, err
	}
	return o, nil
}

var outgoingPool = sync.Pool{New: func() any { return new(outgoing) }}

// free gives back what nobody uses any more.
func (o *outgoing) free() {
	if o.encoded != nil {
		o.encoded.Recycle()
	}
	*o = outgoing{}
	outgoingPool.Put(o)
}

// encode encodes the event for the sockets of a namespace.
func (o *outgoing) encode(n *Namespace) (err error) {
	args := o.args
	if o.tail != nil {
		args = append(slices.Clip(args), o.tail...)
	}
	message := engine.NewMessage
	if o.once {
		message = engine.NewTransientMessage
	}
	o.header.Namespace = n.name
	if o.encoded, err = n.server.encode(message, o.header, args); err == nil {
		o.encoded.SetCompress(!o.plain)
	}
	return err
}

// message returns the message for a socket, which is told what it is sent. It
// is nil if the arguments' own encoding works no more than once.
func (o *outgoing) message(s *Socket) *engine.Message {
	if o.tail != nil && s.seat == nil {
		if o.bare == nil {
			o.bare = &outgoing{header: o.header, args: o.args, plain: o.plain}
			o.bare.header.Namespace = "" // encoded for none
		}
		return o.bare.message(s)
	}
	if s.namespace.name != o.header.Namespace {
		if err := o.encode(s.namespace); err != nil { // though it has been before
			s.namespace.server.logger.Error("cannot encode an event again", "namespace", s.namespace.name, "err", err)
		}
	}
	s.listeners.outgoing(s, o)
	return o.encoded
}

// encode encodes a packet of the namespace.
func (n *Namespace) encode(h parser.Header, args ...any) (*engine.Message, error) {
	h.Namespace = n.name
	return n.server.encode(engine.NewMessage, h, args)
}

// encode encodes a packet, to what message makes of it: one of the engine's
// two kinds.
func (s *Server) encode(message newMessage, h parser.Header, args []any) (*engine.Message, error) {
	e := encodings.Get().(*encoding)
	defer encodings.Put(e)
	e.header = h
	encoded, err := s.encodeArgs(e.text[:0], &e.header, args)
	if err != nil {
		return nil, encodeError(&e.header, err)
	}
	m := message(encoded.Text, encoded.Attachments...)
	if h.Type != parser.Event || h.HasID {
		m.Keep() // one side waits for it, or for the reply
	}
	if text := encoded.Text; text != nil && cap(text) <= maxPooledText {
		e.text = text
	}
	return m, nil
}

// encodeArgs runs the parser and the program's marshalers.
func (s *Server) encodeArgs(dst []byte, h *parser.Header, args []any) (encoded parser.Encoded, err error) {
	defer s.recovered("encoding", h.Namespace, &err)
	encoded, err = s.parser.Encode(dst, h, args...)
	switch {
	case err != nil:
	case encoded.Text == nil && len(encoded.Attachments) == 0:
		err = errNothing
	case !utf8.Valid(encoded.Text):
		err = errNotUTF8 // a client would close the connection
	}
	return encoded, err
}

var (
	errNothing = errors.New("the parser has encoded nothing")
	errNotUTF8 = errors.New("the parser has encoded a text that is not UTF-8")
)

type newMessage func(text []byte, binaries ...[]byte) *engine.Message

// An encoding is what encode needs and can use again.
type encoding struct {
	header parser.Header
	text   []byte
}

var encodings = sync.Pool{New: func() any { return new(encoding) }}

const maxPooledText = 64 << 10
