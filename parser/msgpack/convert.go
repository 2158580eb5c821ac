package msgpack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/goroomcast/socketio/parser"
)

// relayedDepth is how deep values of [ToJSON] may be nested: as deep as a
// client's value, and the levels that a message between servers adds around it.
const relayedDepth = maxDepth + 8

// FromJSON appends the MessagePack of a JSON value to dst. The attachments
// replace their placeholders in the value, which must be in the attachments'
// order. Numbers without a fraction and an exponent become integers if they have
// at most 64 bits; the other numbers become floats of 64 bits.
func FromJSON(dst []byte, value parser.Encoded) ([]byte, error) {
	compact := bytes.NewBuffer(make([]byte, 0, len(value.Text)))
	if err := json.Compact(compact, value.Text); err != nil {
		return dst, fmt.Errorf("msgpack: %w", err)
	}
	w := writer{json: compact.Bytes(), attachments: value.Attachments, out: dst}
	if err := w.value(); err != nil {
		return dst, fmt.Errorf("msgpack: %w", err)
	}
	if n := len(w.attachments); n > 0 {
		return dst, fmt.Errorf("msgpack: %d attachments without a placeholder in their order", n)
	}
	return w.out, nil
}

// ToJSON returns MessagePack as JSON with placeholders for binary, as a
// [parser.Parser] of JSON would have received the value. Dates, of MessagePack's
// own extension too, become their ISO 8601 text; what JSON does not know becomes
// null as in [Parser]; bytes of text that are not UTF-8 become U+FFFD. The
// attachments are parts of data.
func ToJSON(data []byte) (parser.Encoded, error) {
	s := scanner{rest: data, anyText: true}
	err := s.value(maxDepth - relayedDepth)
	if err == nil && len(s.rest) > 0 {
		err = errExcess
	}
	if err != nil {
		return parser.Encoded{}, invalid("%w at byte %d", err, len(data)-len(s.rest))
	}
	w := jsonWriter{rest: data, out: make([]byte, 0, len(data)*3/2+32)}
	w.value()
	if !utf8.Valid(w.out) {
		w.out = bytes.ToValidUTF8(w.out, []byte("\uFFFD"))
	}
	return parser.Encoded{Text: w.out, Attachments: w.attachments}, nil
}
