package adapter

import (
	"fmt"

	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A Dialect names the npm package that writes the same MessagePack. The packages
// differ where a message lacks a value.
type Dialect int

const (
	// Notepack is notepack.io, of the Redis adapters. It leaves out the value of an
	// empty response.
	Notepack Dialect = iota

	// Msgpack is @msgpack/msgpack, of the Redis streams adapter and of the rows of
	// the Postgres adapter. It writes nil for the value of an empty response.
	Msgpack
)

// EncodeMsgpack returns the message as MessagePack, with the binary in it. The
// bytes equal those of the JavaScript server's adapters, except for what JSON
// does not know: dates are text, and NaN is nil.
func (m *Message) EncodeMsgpack(d Dialect) ([]byte, error) {
	if d == Msgpack && len(m.Packet.Text) == 0 && (m.Type == ServerSideEmitResponse || m.Type == Ack) {
		withNil := *m
		withNil.Packet = parser.Encoded{Text: []byte("null")}
		m = &withNil
	}
	encoded, err := m.Encode()
	if err != nil {
		return nil, err
	}
	size := len(encoded.Text)
	for _, a := range encoded.Attachments {
		size += len(a)
	}
	message, err := msgpack.FromJSON(make([]byte, 0, size), encoded)
	if err != nil {
		return nil, m.failed(err)
	}
	return message, nil
}

// DecodeMsgpack is the inverse of EncodeMsgpack, for both dialects. Dates become
// ISO 8601 text. The binary of the returned message is part of encoded.
func DecodeMsgpack(encoded []byte) (*Message, error) {
	asJSON, err := msgpack.ToJSON(encoded)
	if err != nil {
		return nil, fmt.Errorf("adapter: invalid message: %w", err)
	}
	return Decode(asJSON)
}
