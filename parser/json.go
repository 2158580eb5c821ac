package parser

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"unicode/utf8"
)

// JSON is the default parser. It writes packets as JSON text with binary
// attachments. The zero value is ready to use.
//
// A []byte anywhere in the arguments of an Event or Ack (in maps, slices,
// exported fields, behind pointers) becomes an attachment. An empty []byte
// becomes one, too, unless its field says omitempty. A value with its own
// MarshalJSON or MarshalText is encoded by that method. Everything else follows
// [encoding/json], except that HTML is not escaped. Bytes that are not UTF-8,
// in strings or in the output of marshalers, become U+FFFD.
//
// In a packet with attachments, an object whose member _placeholder is true is
// an error, because the receiver would take it for the place of an attachment.
// In any other packet such an object is data.
//
// In received arguments, an attachment can be decoded into a []byte or an empty
// interface. For any other target Decode returns an error.
type JSON struct {
	// MaxAttachments is how many attachments a sent or received packet may
	// contain. The JavaScript parser refuses packets with more than 10.
	// Defaults to 10.
	MaxAttachments int
}

var _ Parser = JSON{}

// Everything below is what the package wants of encoding/json.

type rawJSON = json.RawMessage

var (
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

// jsonWriter is a json.Encoder that appends to text.
type jsonWriter struct {
	text    []byte
	encoder *json.Encoder
}

func (w *jsonWriter) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	return len(p), nil
}

var jsonWriters = sync.Pool{New: func() any {
	w := new(jsonWriter)
	w.encoder = json.NewEncoder(w)
	w.encoder.SetEscapeHTML(false)
	return w
}}

// appendJSON appends the JSON of v to dst, with each []byte as base64.
func appendJSON(dst []byte, v any) ([]byte, error) {
	w := jsonWriters.Get().(*jsonWriter)
	w.text = dst
	err := w.encoder.Encode(v)
	text := w.text
	w.text = nil
	jsonWriters.Put(w)
	if err != nil {
		return dst, err
	}
	text = text[:len(text)-1] // without the encoder's newline
	if !utf8.Valid(text[len(dst):]) {
		text = appendValid(dst, string(text[len(dst):]))
	}
	return text, nil
}

// appendValid appends text with U+FFFD for each byte that is not UTF-8, as
// encoding/json has it in strings. What marshalers write, a RawMessage too, it
// leaves as it is.
func appendValid(dst []byte, text string) []byte {
	for _, r := range text {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func unmarshalJSON(data []byte, into any) error {
	return json.Unmarshal(data, into)
}
