package msgpack

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// writer turns JSON as the JSON parser writes it, valid and without white
// space, into MessagePack with the attachments in it.
type writer struct {
	json        []byte   // to be read
	attachments [][]byte // that are not written yet
	written     int      // how many are
	out         []byte
}

// value writes a value.
func (w *writer) value() error {
	switch w.json[0] {
	case 'n':
		w.literal("null", 0xc0)
	case 'f':
		w.literal("false", 0xc2)
	case 't':
		w.literal("true", 0xc3)
	case '"':
		w.text()
	case '[':
		return w.elements(']', arrayFormats)
	case '{':
		if !w.attachment() {
			return w.elements('}', objectFormats)
		}
	default:
		return w.number()
	}
	return nil
}

func (w *writer) literal(name string, format byte) {
	w.json = w.json[len(name):]
	w.out = append(w.out, format)
}

// elements writes an array or an object. Its head makes room when the length is
// known, which moves what is in it if there are 16 elements or more.
func (w *writer) elements(end byte, formats lengthFormats) error {
	start := len(w.out)
	w.out = append(w.out, 0)
	n := 0
	for {
		separator := w.json[0] // or the opening bracket
		w.json = w.json[1:]
		if separator == end {
			break
		}
		if n == 0 && w.json[0] == end {
			continue
		}
		if end == '}' {
			w.text()
			w.json = w.json[1:] // the colon
		}
		if err := w.value(); err != nil {
			return err
		}
		n++
	}
	var buf [5]byte
	head := formats.append(buf[:0], n)
	w.out[start] = head[0]
	w.out = slices.Insert(w.out, start+1, head[1:]...)
	return nil
}

// text writes a string.
func (w *writer) text() {
	content := w.json[1:]
	end := bytes.IndexByte(content, '"')
	if bytes.IndexByte(content[:end], '\\') < 0 && utf8.Valid(content[:end]) {
		w.out = appendText(w.out, content[:end])
		w.json = content[end+1:]
		return
	}
	for end = 0; content[end] != '"'; end++ {
		if content[end] == '\\' {
			end++
		}
	}
	var s string
	_ = json.Unmarshal(w.json[:end+2], &s) // no valid JSON string is an error
	w.out = appendText(w.out, s)
	w.json = content[end+1:]
}

// number writes an integer as one if it has at most 64 bits, and anything else
// as a float64.
func (w *writer) number() error {
	end := bytes.IndexAny(w.json, ",]}")
	if end < 0 {
		end = len(w.json)
	}
	number := w.json[:end]
	w.json = w.json[end:]
	if !bytes.ContainsAny(number, ".eE") {
		if i, err := strconv.ParseInt(string(number), 10, 64); err == nil {
			w.out = appendSigned(w.out, i)
			return nil
		}
		if u, err := strconv.ParseUint(string(number), 10, 64); err == nil {
			w.out = appendUnsigned(w.out, u)
			return nil
		}
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil { // json.Number and json.RawMessage may be beyond
		return err
	}
	w.out = binary.BigEndian.AppendUint64(append(w.out, 0xcb), math.Float64bits(f))
	return nil
}

// attachment writes the next attachment if its placeholder comes next. Each is
// written once: a map that looks like a placeholder cannot multiply it.
func (w *writer) attachment() bool {
	if len(w.attachments) == 0 {
		return false
	}
	expected := appendPlaceholder(make([]byte, 0, 48), w.written)
	rest, ok := bytes.CutPrefix(w.json, expected)
	if !ok {
		return false
	}
	w.out = append(binFormats.append(w.out, len(w.attachments[0])), w.attachments[0]...)
	w.json = rest
	w.attachments = w.attachments[1:]
	w.written++
	return true
}

// appendPlaceholder appends what the JSON parser has for attachment n.
func appendPlaceholder(dst []byte, n int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	return append(strconv.AppendInt(dst, int64(n), 10), '}')
}
