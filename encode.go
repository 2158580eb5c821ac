package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/unshared"
	"github.com/goroomcast/socketio/parser"
)

// A coder encodes packets by the parser of the clients and the marshalers of the
// program.
type coder struct {
	guard
	parser parser.Parser
}

// encode encodes a packet with arguments and further ones, to what message makes
// of it: one of the engine's two kinds.
func (c *coder) encode(message newMessage, h parser.Header, args []any, further ...any) (*engine.Message, error) {
	e := encodings.Get().(*encoding)
	defer encodings.Put(e)
	e.header = h
	if len(further) > 0 {
		e.args = append(append(e.args[:0], args...), further...)
		defer clear(e.args)
		args = e.args
	}
	encoded, err := c.encodeArgs(e.text[:0], &e.header, args)
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
func (c *coder) encodeArgs(dst []byte, h *parser.Header, args []any) (encoded parser.Encoded, err error) {
	defer c.recovered("encoding", h.Namespace, &err)
	if !c.encodesValues() {
		if args, err = plain(args); err != nil {
			return encoded, err
		}
	}
	encoded, err = c.parser.Encode(dst, h, args...)
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

// encodesValues reports whether the parser takes values that are encoded
// already.
func (c *coder) encodesValues() bool {
	_, takes := c.parser.(parser.ValueParser)
	return takes
}

// plain returns arguments for a parser that does not know a parser.Value.
func plain(args []any) (_ []any, err error) {
	copied := false
	for i, arg := range args {
		if v, ok := arg.(*parser.Value); ok {
			if !copied {
				args, copied = slices.Clone(args), true
			}
			if args[i], err = v.Plain(); err != nil {
				return nil, err
			}
		}
	}
	return args, nil
}

type newMessage func(text []byte, binaries ...[]byte) *engine.Message

// An encoding is what encode needs and can use again.
type encoding struct {
	header parser.Header
	args   []any
	text   []byte
}

var encodings = sync.Pool{New: func() any { return new(encoding) }}

const maxPooledText = 64 << 10

// encodeOnce returns the encoded arguments of an event that is needed in
// several forms. For a parser of its own kind it returns them as they are.
func (c *coder) encodeOnce(namespace string, event string, args []any) (encoded []any, err error) {
	if !c.encodesValues() {
		return args, nil
	}
	defer c.recovered("encoding", namespace, &err)
	if encoded, err = parser.EncodeOnce(args...); err != nil {
		return nil, encodeError(&parser.Header{Type: parser.Event, Event: event}, err)
	}
	return encoded, nil
}

// values is the parser of what servers send each other, whatever that of their
// clients is.
var values = parser.JSON{MaxAttachments: 1 << 16}

// encodeForOthers encodes what other servers get of an event, with copies of
// the attachments, because an adapter may queue them.
func (c *coder) encodeForOthers(namespace string, h *parser.Header, args []any) (encoded parser.Encoded, err error) {
	defer c.recovered("encoding", namespace, &err)
	if encoded, err = values.EncodePayload(make([]byte, 0, 128), h, args...); err != nil {
		return encoded, encodeError(h, err)
	}
	return ownAttachments(encoded), nil
}

// encodeReply encodes the first value of a client's or server's reply, which is
// all that other servers get of it.
func (c *coder) encodeReply(namespace string, reply []any) (encoded parser.Encoded, err error) {
	if len(reply) == 0 {
		return parser.Encoded{}, nil
	}
	defer c.recovered("encoding", namespace, &err)
	if encoded, err = values.EncodeValue(nil, reply[0]); err != nil {
		return encoded, encodeError(&parser.Header{Type: parser.Ack}, err)
	}
	return ownAttachments(encoded), nil
}

func ownAttachments(e parser.Encoded) parser.Encoded {
	for i, a := range e.Attachments {
		e.Attachments[i] = bytes.Clone(a)
	}
	return e
}

// decodeReply decodes what encodeReply has encoded.
func decodeReply(value parser.Encoded) (parser.Args, error) {
	if value.Text == nil {
		return nil, nil
	}
	return values.DecodeValue(value)
}

// decode decodes arguments into the program's values.
func (g guard) decode(args parser.Args, into []any) (err error) {
	switch {
	case len(into) == 0:
		return nil
	case args == nil:
		return &argumentError{fmt.Errorf("%w: 0 instead of %d", parser.ErrTooFewArgs, len(into))}
	}
	defer g.recovered("decoding", "", &err)
	if err := args.Decode(into...); err != nil {
		return &argumentError{err}
	}
	return nil
}

// sentOn returns received arguments as values that can be sent on as they are.
func (g guard) sentOn(args parser.Args) (values []any) {
	var err error
	defer func() {
		if err != nil {
			values = parser.ValuesOf(undecodable{err})
		}
	}()
	defer g.recovered("decoding", "", &err)
	return parser.ValuesOf(args)
}

// undecodable is an argument that cannot be decoded.
type undecodable struct{ err error }

func (u undecodable) Len() int { return 1 }

func (u undecodable) Decode(...any) error { return u.err }

// A data is what SetData has set. Other servers and the adapter's sessions get
// it encoded, because the program may change the value at any time.
type data struct {
	value any
	text  parser.Encoded
	err   error // for which there is no text
}

func newData(g guard, v any) *data {
	if own, is := v.(unshared.Value); is {
		return &data{value: own.V}
	}
	if v == nil {
		return nil
	}
	d := &data{value: v}
	d.text, d.err = g.encodeData(v)
	return d
}

func (g guard) encodeData(v any) (encoded parser.Encoded, err error) {
	defer g.recovered("encoding SetData's value", "", &err)
	encoded, err = values.EncodeValue(nil, v)
	return ownAttachments(encoded), err
}

// storedData is the data of a session that an adapter has kept. Its value is
// JSON with binary parts as base64.
func storedData(text parser.Encoded) (*data, error) {
	if text.Text == nil {
		return nil, nil
	}
	args, err := values.DecodeValue(text)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(parser.ValuesOf(args)[0])
	return &data{value: json.RawMessage(plain), text: text}, err
}

// encoded returns the value's JSON, without text if nothing is set.
func (d *data) encoded() (parser.Encoded, error) {
	if d == nil {
		return parser.Encoded{}, nil
	}
	return d.text, d.err
}

// decodeData decodes a socket's data.
func (g guard) decodeData(text parser.Encoded, into any) error {
	args, err := decodeReply(text)
	if err != nil {
		return err
	}
	return g.decode(args, []any{into})
}
