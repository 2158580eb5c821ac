package adapter

import (
	"fmt"

	"github.com/goroomcast/socketio/parser/msgpack"
)

// EncodeMsgpack returns the message as MessagePack, with the binary in it. The
// bytes equal those of the JavaScript server's adapters with two exceptions. What
// JSON does not know is as in JSON: dates are text, and NaN is nil. An empty
// response lacks its value also where the package @msgpack/msgpack writes nil, so
// that it is not taken for a null.
func (m *Message) EncodeMsgpack() ([]byte, error) {
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

// DecodeMsgpack is the inverse of EncodeMsgpack. It also reads the bytes of the
// packages notepack.io and @msgpack/msgpack. Dates become ISO 8601 text. The binary
// of the returned message is part of encoded.
func DecodeMsgpack(encoded []byte) (*Message, error) {
	asJSON, err := msgpack.ToJSON(encoded)
	if err != nil {
		return nil, fmt.Errorf("adapter: invalid message: %w", err)
	}
	return Decode(asJSON)
}
