package parser

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
)

// A Value is a value that has been encoded once and can be sent any number of
// times. JSON and every other [ValueParser] send it unchanged: binary parts
// stay binary, objects keep the order of their members, and numbers keep their
// digits. It is safe for concurrent use.
//
// [encoding/json] can write a *Value, too; its binary parts then become base64
// text.
type Value struct {
	text        []byte // JSON without white space and without what is binary
	attachments [][]byte
	places      []int // where in text they belong
	err         error // instead of all that
}

// A ValueParser is a [Parser] whose Encode sends each [*Value] as it is. Other
// parsers get what [Value.Plain] returns.
type ValueParser interface {
	Parser

	// EncodesValues does nothing. It tells a ValueParser from others.
	EncodesValues()
}

var (
	_ ValueParser    = JSON{}
	_ json.Marshaler = (*Value)(nil)
)

var valueType = reflect.TypeFor[Value]()

// EncodesValues implements [ValueParser].
func (JSON) EncodesValues() {}

// EncodeOnce encodes values as JSON does. Each element of the result is a
// [*Value]. A *Value among the values is returned as it is.
func EncodeOnce(values ...any) ([]any, error) {
	w := writer{isValue: true, text: make([]byte, 0, 128)}
	encoded := make([]Value, len(values))
	result := make([]any, len(values))
	for i, v := range values {
		if already, ok := v.(*Value); ok && already != nil {
			result[i] = already
			continue
		}
		start, first := len(w.text), len(w.attachments)
		if err := w.arg(v); err != nil {
			return nil, &argError{index: i, err: err}
		}
		encoded[i] = Value{text: w.text[start:len(w.text):len(w.text)], attachments: w.attachments[first:], places: w.places[first:]}
		for n := range encoded[i].places {
			encoded[i].places[n] -= start
		}
		result[i] = &encoded[i]
	}
	return result, nil
}

// ValuesOf returns received arguments as values that can be sent on unchanged.
// Each is a [*Value], unless args contains a method Values() ([]any, error):
// then ValuesOf returns the result of that method. If the arguments cannot be
// decoded, ValuesOf returns a value that cannot be encoded.
func ValuesOf(args Args) []any {
	if args == nil {
		return nil
	}
	own, ok := args.(interface{ Values() ([]any, error) })
	if !ok {
		own = foreignArgs{args}
	}
	values, err := own.Values()
	if err != nil {
		values = make([]any, args.Len())
		for i := range values {
			values[i] = &Value{err: err}
		}
	}
	return values
}

// foreignArgs are the arguments of a parser that knows nothing of a Value.
type foreignArgs struct{ Args }

func (a foreignArgs) Values() ([]any, error) {
	raw := make([]rawJSON, a.Len())
	values := make([]any, a.Len())
	targets := make([]any, a.Len())
	for i := range raw {
		targets[i] = &raw[i]
	}
	if a.Decode(targets...) == nil {
		for i := range raw {
			values[i] = raw[i]
		}
		if encoded, err := EncodeOnce(values...); err == nil {
			return encoded, nil
		}
	}
	for i := range values { // there is binary
		values[i], targets[i] = nil, &values[i]
	}
	if err := a.Decode(targets...); err != nil {
		return nil, err
	}
	return EncodeOnce(values...)
}

// Values is for [ValuesOf].
func (a *jsonArgs) Values() ([]any, error) {
	encoded := make([]Value, a.n)
	values := make([]any, a.n)
	start := 0
	for i := range encoded {
		end := len(a.text)
		if i < a.n-1 {
			end, _ = scanValue(a.text, start, 0)
		}
		encoded[i] = a.valueOf(a.text[start:end])
		values[i] = &encoded[i]
		if i < a.n-1 {
			comma := skipSpace(a.text, end)
			start = skipSpace(a.text, comma+1)
		}
	}
	return values, nil
}

// valueOf returns the value that is in part of the arguments' text.
func (a *jsonArgs) valueOf(text []byte) (v Value) {
	if a.tokens == nil {
		v.text = compact(text)
		return v
	}
	for rest := text; ; {
		i := bytes.Index(rest, a.tokens.text[:])
		if i < 0 {
			v.text = append(v.text, rest...)
			return v
		}
		end := i + tokenTextLen
		if rest[i-1] != '"' || end >= len(rest) || rest[end] != '"' {
			return Value{err: errToken}
		}
		n, ok := a.tokens.textIndex(rest[i:end])
		if !ok || n >= len(a.attachments) {
			return Value{err: errToken}
		}
		v.text = append(v.text, rest[:i-1]...)
		v.places = append(v.places, len(v.text))
		v.attachments = append(v.attachments, a.attachments[n])
		rest = rest[end+1:]
	}
}

// errToken is about text from a client that has learned the secret of a token.
var errToken = errors.New("text that looks like binary")

// compact returns checked JSON without white space.
func compact(text []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			i, _ = scanString(text, i)
		case ' ', '\n', '\r', '\t':
			out = append(out, text[from:i]...)
			i = skipSpace(text, i)
			from = i
		default:
			i++
		}
	}
	if from == 0 {
		return text
	}
	return append(out, text[from:]...)
}

// value writes a value that has been encoded.
func (w *writer) value(v *Value) error {
	if v.isNull() {
		w.text = append(w.text, "null"...)
		return nil
	}
	from := 0
	for i, at := range v.places {
		w.text = append(w.text, v.text[from:at]...)
		w.attach(v.attachments[i])
		from = at
	}
	w.text = append(w.text, v.text[from:]...)
	return v.err
}

// isNull reports whether v is nil or contains nothing.
func (v *Value) isNull() bool {
	return v == nil || v.err == nil && len(v.text) == 0 && len(v.places) == 0
}

// spliced returns the JSON of a value with other JSON for its attachments.
func (v *Value) spliced(appendJSON func(dst []byte, attachment int) []byte) []byte {
	if len(v.places) == 0 {
		return v.text
	}
	var text []byte
	from := 0
	for i, at := range v.places {
		text = appendJSON(append(text, v.text[from:at]...), i)
		from = at
	}
	return append(text, v.text[from:]...)
}

// MarshalJSON implements [json.Marshaler].
func (v Value) MarshalJSON() ([]byte, error) {
	if v.isNull() {
		return []byte("null"), nil
	}
	return v.spliced(func(dst []byte, i int) []byte {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.attachments[i])
		return append(dst, '"')
	}), v.err
}

// Plain returns the value in a form for encoders that do not know Value: a
// json.RawMessage, or, if the value contains binary parts, the value decoded
// into an any.
func (v *Value) Plain() (plain any, err error) {
	switch {
	case v.isNull():
		return nil, nil
	case v.err != nil:
		return nil, v.err
	case len(v.places) == 0:
		return rawJSON(v.text), nil
	}
	tokens := newTokens()
	args := jsonArgs{n: 1, attachments: v.attachments, tokens: tokens, text: v.spliced(tokens.appendText)}
	err = args.Decode(&plain)
	return plain, err
}

// value returns a value in the middle of another, with tokens for its
// attachments.
func (x *extraction) value(v Value) Value {
	first := len(x.found)
	x.found = append(x.found, v.attachments...)
	return Value{err: v.err, text: v.spliced(func(dst []byte, i int) []byte { return x.tokens.appendText(dst, first+i) })}
}
