package parser

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"unicode/utf8"
)

// JSON is the default parser: JSON text, and binary attachments beside it. The
// zero value is ready to use.
//
// A []byte anywhere in the arguments of an Event or Ack (in maps, slices,
// exported fields, behind pointers) travels as an attachment, an empty one too,
// unless the field says omitempty. Types with their own MarshalJSON or
// MarshalText are left to it. Everything else follows [encoding/json], without
// its escaping of HTML. What marshalers write that is not UTF-8 becomes U+FFFD,
// as it does in strings.
//
// In a packet with attachments an object whose member _placeholder is true is
// an error, since its receiver would take it for an attachment's place. In any
// other packet it is data.
//
// Arguments of received packets get their attachments wherever the target has a
// []byte or an empty interface; an attachment that meets any other type is an
// error.
type JSON struct {
	// MaxAttachments is how many attachments a packet may have, sent or
	// received. Default 10, as in the JavaScript parser, which refuses packets
	// with more.
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
