package socketio

import (
	"sync"

	"github.com/goroomcast/socketio/engine"
	"github.com/goroomcast/socketio/parser"
)

// An outgoing is an event on its way to sockets. It is encoded and framed once
// for each of their namespaces, which are one, or the children of a parent.
type outgoing struct {
	header  parser.Header // of the namespace that encoded is for
	args    []any
	plain   bool // not compressed
	encoded *engine.Message
}

func (b Broadcast) outgoing(event string, h parser.Header, args []any) (*outgoing, error) {
	if reserved(event) {
		return nil, reservedError(event)
	}
	h.Type, h.Event = parser.Event, event
	o := &outgoing{header: h, args: args, plain: b.plain}
	return o, o.encode(b.namespace)
}

// encode encodes the event for the sockets of a namespace.
func (o *outgoing) encode(n *Namespace) (err error) {
	if o.encoded, err = n.encode(&o.header, o.args...); err == nil {
		o.encoded.SetCompress(!o.plain)
	}
	return err
}

// message returns the message for a socket, which is told what it is sent. It
// is nil if the arguments' own encoding works no more than once.
func (o *outgoing) message(s *Socket) *engine.Message {
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
