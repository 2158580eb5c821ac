package msgpack

import (
	"bytes"
	"math"

	"github.com/goroomcast/socketio/parser"
)

type decoder struct {
	namespace string // of the last packet, to be used again
	event     string // likewise, if it is short
}

// received is a packet and its arguments, in one allocation.
type received struct {
	parser.Packet
	args args
}

// Text returns an error: no packet is text.
func (d *decoder) Text([]byte) (*parser.Packet, error) {
	return nil, invalid("text where MessagePack is awaited")
}

// Binary takes a binary message, which is a packet.
func (d *decoder) Binary(data []byte) (*parser.Packet, error) {
	f, err := scanPacket(data)
	if err != nil {
		return nil, err
	}
	p := new(received)
	if err := d.header(&p.Header, f); err != nil {
		return nil, err
	}
	if err := d.payload(p, f.data); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &p.Packet, nil
}

// header sets what is not in the field data.
func (d *decoder) header(h *parser.Header, f fields) error {
	typ, ok := natural(f.typ)
	if !ok || typ > uint64(parser.ConnectError) {
		return invalid("unknown type")
	}
	h.Type = parser.Type(typ)

	k, _, namespace, _ := readHead(f.nsp)
	if k != text {
		return invalid("namespace is not text")
	}
	if string(namespace) != d.namespace {
		d.namespace = string(namespace)
	}
	h.Namespace = d.namespace

	if f.id != nil {
		if h.ID, h.HasID = natural(f.id); !h.HasID {
			return invalid("acknowledgement id is no integer from 0 to 2^53-1")
		}
	}
	return nil
}

// natural returns the value of an integer from 0 on, or of a float that is one
// up to 2^53.
func natural(value []byte) (uint64, bool) {
	switch k, n, _, _ := readHead(value); k {
	case unsigned:
		return n, true
	case signed:
		return n, int64(n) >= 0
	case float:
		f := math.Float64frombits(n)
		return uint64(f), f >= 0 && f <= 1<<53 && f == math.Trunc(f)
	}
	return 0, false
}

// payload checks the field data against the type of the packet and sets the
// event name and the arguments.
func (d *decoder) payload(p *received, data []byte) error {
	if data == nil && (p.Type == parser.Connect || p.Type == parser.Disconnect) {
		return nil
	}
	k, n, rest, _ := readHead(data)
	switch {
	case p.Type == parser.Event && k == array:
		if n == 0 {
			return invalid("event without a name")
		}
		var err error
		if rest, err = d.name(p, rest); err != nil {
			return err
		}
		p.keep(rest, n-1)
	case p.Type == parser.Ack && k == array:
		p.keep(rest, n)
	case p.Type == parser.Connect && k == object, p.Type == parser.ConnectError && (k == object || k == text):
		p.keep(data, 1)
	default:
		return invalid("wrong payload for %v", p.Type)
	}
	return nil
}

// keep sets the arguments to a copy of n values.
func (p *received) keep(raw []byte, n uint64) {
	if n > 0 {
		p.args = args{raw: bytes.Clone(raw), n: int(n)}
		p.Args = &p.args
	}
}

// name sets the name of an event from a string or a number, and returns what
// follows it.
func (d *decoder) name(p *received, data []byte) (rest []byte, err error) {
	k, n, rest, _ := readHead(data)
	switch {
	case k == text:
		p.Event = d.eventName(rest[:n])
		rest = rest[n:]
	case k == unsigned, k == signed, k == float && isFinite(n):
		p.Event = d.eventName(appendNumber(nil, k, n))
	default:
		return nil, invalid("event name is neither a string nor a number")
	}
	return rest, nil
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
