package socketio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// values is the parser of what servers send each other, whatever that of their
// clients is.
var values = parser.JSON{MaxAttachments: 1 << 16}

// encodeValues encodes values as an array.
func encodeValues(v ...any) (parser.Encoded, error) {
	return encodeArray(&parser.Header{Type: parser.Ack}, v)
}

// encodeEvent encodes an event's name and arguments as an array.
func encodeEvent(event string, args []any) (parser.Encoded, error) {
	h := parser.Header{Type: parser.Event, Event: event}
	encoded, err := encodeArray(&h, args)
	if err != nil {
		err = encodeError(&h, err)
	}
	return encoded, err
}

// encodeArray encodes the payload of a packet. It copies the attachments, because an adapter may queue them.
func encodeArray(h *parser.Header, args []any) (parser.Encoded, error) {
	encoded, err := values.Encode(nil, h, args...)
	if err == nil {
		encoded.Text = encoded.Text[bytes.IndexByte(encoded.Text, '['):]
		for i, a := range encoded.Attachments {
			encoded.Attachments[i] = bytes.Clone(a)
		}
	}
	return encoded, err
}

// encodeValue encodes the first of a client's or server's reply, which is all
// that others get of it.
func encodeValue(v ...any) (parser.Encoded, error) {
	if len(v) == 0 {
		return parser.Encoded{}, nil
	}
	encoded, err := encodeValues(v[0])
	if err == nil {
		encoded.Text = encoded.Text[1 : len(encoded.Text)-1]
	}
	return encoded, err
}

// decodeValues decodes an array as the payload of a packet.
func decodeValues(t parser.Type, array parser.Encoded) (*parser.Packet, error) {
	h := parser.Header{Type: t}
	if n := len(array.Attachments); n > 0 {
		h.Type += parser.BinaryEvent - parser.Event
		array.Text = append(append(strconv.AppendInt(nil, int64(n), 10), '-'), array.Text...)
	}
	d := values.NewDecoder()
	p, err := d.Text(append([]byte{'0' + byte(h.Type)}, array.Text...))
	for i := 0; i < len(array.Attachments) && err == nil; i++ {
		p, err = d.Binary(array.Attachments[i])
	}
	return p, err
}

// decodeValue decodes one value, or none.
func decodeValue(value parser.Encoded) (parser.Args, error) {
	if value.Text == nil {
		return nil, nil
	}
	p, err := decodeValues(parser.Ack, parser.Encoded{
		Text:        append(append([]byte{'['}, value.Text...), ']'),
		Attachments: value.Attachments,
	})
	if err != nil {
		return nil, err
	}
	return p.Args, nil
}

// reencodable returns arguments as values that can be encoded anew, by any
// parser. Without binary they stay the JSON that they are.
func reencodable(args parser.Args) ([]any, error) {
	if args == nil {
		return nil, nil
	}
	raw := make([]json.RawMessage, args.Len())
	decoded := make([]any, args.Len())
	targets := make([]any, args.Len())
	for i := range raw {
		targets[i] = &raw[i]
	}
	if args.Decode(targets...) == nil {
		for i := range raw {
			decoded[i] = raw[i]
		}
		return decoded, nil
	}
	for i := range decoded {
		targets[i] = &decoded[i]
	}
	return decoded, args.Decode(targets...)
}

// decodeEvent returns the event of a broadcast, and its arguments to be encoded
// anew.
func decodeEvent(m *adapter.Message) (p *parser.Packet, args []any, err error) {
	if p, err = decodeValues(parser.Event, m.Packet); err == nil {
		args, err = reencodable(p.Args)
	}
	return p, args, err
}

// relay passes a broadcast of another server on to the local sockets.
func (c *cluster) relay(m *adapter.Message) error {
	p, args, err := decodeEvent(m)
	if err != nil {
		return err
	}
	if r := c.namespace.recovery; r != nil && m.RequestID == "" {
		return r.relay(c.selection(m.Opts), p.Event, args, m.Offset)
	}
	var h parser.Header
	if m.RequestID != "" {
		h.ID, h.HasID = c.namespace.nextID(), true
	}
	out, err := c.selection(m.Opts).outgoing(p.Event, h, args)
	if err != nil {
		return err
	}
	if h.HasID {
		return c.relayCall(m, h.ID, out)
	}
	c.selection(m.Opts).send(out)
	return nil
}

// A callKey names a call of another server.
type callKey struct{ uid, requestID string }

var errCallTwice = errors.New("call with the id of another")

// beginCall returns the context of a call of another server. It ends with the
// time that the asker gives its clients, when it asks for that, or when it
// leaves.
func (c *cluster) beginCall(m *adapter.Message) (ctx context.Context, end func(), err error) {
	patience := requestTimeout
	if t := m.Opts.Timeout; t > 0 {
		patience = time.Duration(min(t, int(maxCallTime.Milliseconds()))) * time.Millisecond
	}
	key := callKey{m.UID, m.RequestID}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[key] != nil {
		return nil, nil, errCallTwice
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	c.calls[key] = cancel
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, key)
	}, nil
}

// relayCall is relay for an event that wants acknowledgements. It says how
// many, then sends each.
func (c *cluster) relayCall(m *adapter.Message, id uint64, out *outgoing) error {
	ctx, end, err := c.beginCall(m)
	if err != nil {
		return err
	}
	call := c.selection(m.Opts).newLocalCall(id)
	c.respond(m, &adapter.Message{Type: adapter.ClientCount, Count: len(call.missing)})
	call.send(out)
	go func() {
		defer end()
		defer call.forget()
		for len(call.missing) > 0 {
			select {
			case r := <-call.results:
				delete(call.missing, r.socket.id)
				c.respond(m, acknowledgement(r))
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// acknowledgement tells another server what became of a call to a socket.
func acknowledgement(r result) *adapter.Message {
	switch {
	case errors.Is(r.err, ErrPendingAcks):
		return noAck(r.socket.id, noAckPending)
	case r.err != nil:
		return noAck(r.socket.id, "")
	}
	reply, err := reencodable(r.args)
	m := &adapter.Message{Type: adapter.Ack, SocketID: r.socket.id}
	if err == nil {
		m.Packet, err = encodeValue(reply...)
	}
	if err != nil {
		return noAck(r.socket.id, noAckInvalid)
	}
	return m
}
