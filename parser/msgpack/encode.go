package msgpack

import (
	"fmt"
	"strings"
	"sync"

	"github.com/goroomcast/socketio/parser"
)

// Encode returns a packet as one attachment without a text. It takes as many
// arguments as parser.JSON.Encode does, and does not use dst.
func (Parser) Encode(_ []byte, h *parser.Header, args ...any) (parser.Encoded, error) {
	scratch := texts.Get().(*[]byte)
	defer texts.Put(scratch)
	encoded, err := values.EncodePayload((*scratch)[:0], h, args...)
	if err != nil {
		return parser.Encoded{}, err
	}
	if cap(encoded.Text) <= maxPooledText {
		*scratch = encoded.Text
	}

	data := encoded.Text
	size := 40 + len(h.Namespace) + len(data)
	for _, a := range encoded.Attachments {
		size += len(a)
	}

	members := 2
	if len(data) > 0 {
		members++
	}
	if h.HasID {
		members++
	}
	w := writer{json: data, attachments: encoded.Attachments, out: make([]byte, 0, size)}
	w.out = objectFormats.append(w.out, members)
	w.out = appendUnsigned(appendText(w.out, "type"), uint64(h.Type))
	if len(data) > 0 {
		w.out = appendText(w.out, "data")
		if err := w.value(); err != nil {
			return parser.Encoded{}, fmt.Errorf("msgpack: %w", err)
		}
	}
	namespace := h.Namespace
	if namespace == "" {
		namespace = "/"
	}
	w.out = appendText(appendText(w.out, "nsp"), strings.ToValidUTF8(namespace, "\uFFFD"))
	if h.HasID {
		w.out = appendUnsigned(appendText(w.out, "id"), h.ID)
	}
	return parser.Encoded{Attachments: [][]byte{w.out}}, nil
}

// texts are used again, if they are not too large to be kept.
var texts = sync.Pool{New: func() any { return new([]byte) }}

const maxPooledText = 64 << 10
