package socketio

import (
	"slices"
	"sync"

	"github.com/goroomcast/socketio/engine"
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
	encoded *engine.Message
}

// outgoing returns an event to be sent.
func (b Broadcast) outgoing(event string, h parser.Header, args []any, tail ...any) (*outgoing, error) {
	if reserved(event) {
		return nil, reservedError(event)
	}
	h.Type, h.Event = parser.Event, event
	o := outgoingPool.Get().(*outgoing)
	*o = outgoing{header: h, args: args, tail: tail, plain: b.plain}
	if err := o.encode(b.namespace); err != nil {
		o.free()
		return nil, err
	}
	return o, nil
}

var outgoingPool = sync.Pool{New: func() any { return new(outgoing) }}

// free gives back what nobody uses any more.
func (o *outgoing) free() {
	*o = outgoing{}
	outgoingPool.Put(o)
}

// encode encodes the event for the sockets of a namespace.
func (o *outgoing) encode(n *Namespace) (err error) {
	args := o.args
	if o.tail != nil {
		args = append(slices.Clip(args), o.tail...)
	}
	if o.encoded, err = n.encode(&o.header, args...); err == nil {
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
	s.listeners.outgoing(o)
	return o.encoded
}

func (n *Namespace) encode(h *parser.Header, args ...any) (*engine.Message, error) {
	h.Namespace = n.name
	return n.server.encode(h, args...)
}

func (s *Server) encode(h *parser.Header, args ...any) (*engine.Message, error) {
	buf := encodePool.Get().(*[]byte)
	encoded, err := s.parser.Encode((*buf)[:0], h, args...)
	if err != nil {
		encodePool.Put(buf)
		return nil, encodeError(h, err)
	}
	m := engine.NewMessage(encoded.Text, encoded.Attachments...)
	if h.Type != parser.Event || h.HasID {
		m.Keep() // one side waits for it, or for the reply
	}
	if text := encoded.Text; text != nil && cap(text) <= maxPooledText {
		*buf = text
	}
	encodePool.Put(buf)
	return m, nil
}

const maxPooledText = 64 << 10

var encodePool = sync.Pool{New: func() any { return new([]byte) }}
