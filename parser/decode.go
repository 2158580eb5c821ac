package parser

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// NewDecoder returns a decoder for one connection.
func (p JSON) NewDecoder() Decoder {
	return &decoder{maxAttachments: p.maxAttachments()}
}

type decoder struct {
	maxAttachments int
	pending        *received // a packet that awaits attachments
	awaited        int       // how many
	namespace      string    // of the last packet, to be used again
	event          string    // likewise, if it is short
	tokens         *tokens   // made for the first packet with attachments
	named          []bool    // of the last packet, to be used again
}

// received is a packet and its arguments, in one allocation.
type received struct {
	Packet
	args jsonArgs
}

// newReceived returns a packet for so many attachments, with room for one that
// is an argument of its own, the commonest.
func newReceived(attachments int) *received {
	if attachments == 0 {
		return new(received)
	}
	var r struct {
		received
		text [32]byte
		one  [1][]byte
	}
	r.args.text, r.args.attachments = r.text[:0], r.one[:0]
	return &r.received
}

// Text takes a text message, which is a packet, or the beginning of one with
// attachments.
func (d *decoder) Text(data []byte) (*Packet, error) {
	if d.pending != nil {
		d.pending = nil
		return nil, invalid("text while attachments are awaited")
	}
	if !utf8.Valid(data) {
		return nil, invalid("not UTF-8")
	}
	var h Header
	payload, attachments, err := d.header(&h, data)
	if err != nil {
		return nil, err
	}
	p := newReceived(attachments)
	p.Header = h
	if err := d.payload(p, payload, attachments); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	if attachments > 0 {
		d.pending, d.awaited = p, attachments
		return nil, nil
	}
	return &p.Packet, nil
}

// Binary takes a binary message, which is an attachment.
func (d *decoder) Binary(data []byte) (*Packet, error) {
	p := d.pending
	if p == nil {
		return nil, invalid("binary data without a packet that awaits it")
	}
	d.awaited--
	if p.Args != nil {
		p.args.attachments = append(p.args.attachments, append([]byte{}, data...))
	}
	if d.awaited > 0 {
		return nil, nil
	}
	d.pending = nil
	return &p.Packet, nil
}

// header decodes what stands before the payload:
// <type>[<attachments>-][<namespace>,][<acknowledgement id>].
func (d *decoder) header(h *Header, data []byte) (payload []byte, attachments int, err error) {
	if len(data) == 0 {
		return nil, 0, invalid("empty")
	}
	if data[0] < '0' || data[0] > '0'+byte(BinaryAck) {
		return nil, 0, invalid("unknown type %q", data[0])
	}
	h.Type = Type(data[0] - '0')
	data = data[1:]

	if h.Type == BinaryEvent || h.Type == BinaryAck {
		h.Type -= BinaryEvent - Event
		n, size := leadingInteger(data)
		if n == 0 || size == len(data) || data[size] != '-' {
			return nil, 0, invalid("illegal attachments")
		}
		if n > uint64(d.maxAttachments) {
			return nil, 0, fmt.Errorf("%w: limit is %d", ErrTooManyAttachments, d.maxAttachments)
		}
		attachments = int(n)
		data = data[size+1:]
	}

	h.Namespace = "/"
	if len(data) > 0 && data[0] == '/' {
		namespace, rest, _ := bytes.Cut(data, []byte{','})
		if string(namespace) != d.namespace {
			d.namespace = string(namespace)
		}
		h.Namespace = d.namespace
		data = rest
	}

	id, size := leadingInteger(data)
	h.ID, h.HasID = id, size > 0
	return data[size:], attachments, nil
}

// payload checks the payload against the type of the packet and sets the event
// name and the arguments.
func (d *decoder) payload(p *received, data []byte, attachments int) error {
	if len(data) == 0 && (p.Type == Connect || p.Type == Disconnect) {
		return nil
	}
	start := skipSpace(data, 0)
	if start == len(data) {
		return invalid("%v without payload", p.Type)
	}
	switch c := data[start]; {
	case (p.Type == Event || p.Type == Ack) && c == '[':
		return d.array(p, data, start+1, attachments)
	case p.Type == Connect && c == '{', p.Type == ConnectError && (c == '{' || c == '"'):
		end, err := scanValue(data, start, 0)
		if err != nil {
			return invalid("%w at byte %d of the payload", err, end)
		}
		p.args.text, p.args.n = bytes.Clone(data[start:end]), 1
		p.Args = &p.args
		return atEnd(data, end)
	default:
		return invalid("wrong payload for %v", p.Type)
	}
}

// array decodes the payload of an Event or Ack, the inside of an array that
// begins at data[i].
func (d *decoder) array(p *received, data []byte, i, attachments int) error {
	i = skipSpace(data, i)
	if i < len(data) && data[i] == ']' {
		if p.Type == Event {
			return invalid("event without a name")
		}
		return atEnd(data, i+1)
	}
	n := 0
	if p.Type == Event {
		n = -1 // its name is no argument
	}
	first, last := 0, 0 // the arguments are data[first:last]
	for {
		start := skipSpace(data, i)
		end, err := scanValue(data, start, 1)
		if err != nil {
			return invalid("%w at byte %d of the payload", err, end)
		}
		switch n {
		case -1:
			if err := d.name(p, data[start:end]); err != nil {
				return err
			}
		case 0:
			first = start
		}
		n++
		last = end
		i = skipSpace(data, end)
		if i == len(data) || data[i] != ',' && data[i] != ']' {
			return invalid("%w at byte %d of the payload", errSyntax, i)
		}
		i++
		if data[i-1] == ']' {
			break
		}
	}
	if n > 0 {
		if err := d.keep(p, data[first:last], n, attachments); err != nil {
			return err
		}
	}
	return atEnd(data, i)
}

// value decodes one value and nothing else.
func (d *decoder) value(p *received, data []byte, attachments int) error {
	start := skipSpace(data, 0)
	end, err := scanValue(data, start, 1)
	if err != nil {
		return invalid("%w at byte %d of a value", err, end)
	}
	if err := d.keep(p, data[start:end], 1, attachments); err != nil {
		return err
	}
	return atEnd(data, end)
}

// keep sets the arguments to n that have been checked.
func (d *decoder) keep(p *received, text []byte, n, attachments int) error {
	p.args.n = n
	p.Args = &p.args
	if attachments > 0 && d.tokens == nil {
		d.tokens = newTokens()
	}
	d.named = append(d.named[:0], make([]bool, attachments)...)
	return p.args.keep(text, d.named, d.tokens)
}

// name sets the name of an event from its JSON, a string or a number.
func (d *decoder) name(p *received, text []byte) error {
	switch c := text[0]; {
	case c == '"' && bytes.IndexByte(text, '\\') >= 0:
		_ = unmarshalJSON(text, &p.Event) // a string that has been checked is no error
	case c == '"':
		p.Event = d.eventName(text[1 : len(text)-1])
	case c == '-', isDigit(c):
		p.Event = d.eventName(text)
	default:
		return invalid("event name is neither a string nor a number")
	}
	return nil
}

// eventName returns a name as a string, the last one if it is the same: clients
// tend to repeat themselves.
func (d *decoder) eventName(name []byte) string {
	if len(name) > 64 {
		return string(name)
	}
	if string(name) != d.event {
		d.event = string(name)
	}
	return d.event
}

// atEnd returns an error if there is more than white space from data[i] on.
func atEnd(data []byte, i int) error {
	if i = skipSpace(data, i); i < len(data) {
		return invalid("%w at byte %d of the payload", errSyntax, i)
	}
	return nil
}

// leadingInteger returns the decimal integer that data begins with, or MaxID+1
// for any above, and how many digits it has.
func leadingInteger(data []byte) (n uint64, size int) {
	for ; size < len(data) && isDigit(data[size]); size++ {
		n = min(n*10+uint64(data[size]-'0'), MaxID+1)
	}
	return n, size
}
