package parser

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Encode appends the text of a packet to dst. An Event or Ack takes any number of
// arguments, Connect at most one, ConnectError one, and Disconnect zero.
func (p JSON) Encode(dst []byte, h *Header, args ...any) (Encoded, error) {
	start := len(dst)
	dst = append(dst, '0'+byte(h.Type))
	if h.Namespace != "" && h.Namespace != "/" {
		dst = append(appendValid(dst, h.Namespace), ',')
	}
	if h.HasID {
		dst = strconv.AppendUint(dst, h.ID, 10)
	}
	e, err := p.encodePayload(dst, h, args)
	if n := len(e.Attachments); n > 0 {
		e.Text[start] += byte(BinaryEvent - Event)
		var digits [20]byte
		e.Text = slices.Insert(e.Text, start+1, append(strconv.AppendInt(digits[:0], int64(n), 10), '-')...)
	}
	return e, err
}

func (p JSON) maxAttachments() int {
	if p.MaxAttachments == 0 {
		return 10
	}
	return p.MaxAttachments
}

// A writer writes arguments.
type writer struct {
	text        []byte
	attachments [][]byte

	// Of a Value: where the attachments belong, in whose place there is
	// nothing. In a packet there are placeholders.
	isValue bool
	places  []int
}

// args writes the elements of an array that has been opened, and closes it.
func (w *writer) args(args []any) error {
	for i, arg := range args {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		if err := w.arg(arg); err != nil {
			return fmt.Errorf("parser: argument %d: %w", i, err)
		}
	}
	w.text = append(w.text, ']')
	return nil
}

// arg writes one argument.
func (w *writer) arg(arg any) (err error) {
	switch v := arg.(type) {
	case nil:
		w.text = append(w.text, "null"...)
	case bool:
		w.text = strconv.AppendBool(w.text, v)
	case int:
		w.text = strconv.AppendInt(w.text, int64(v), 10)
	case int64:
		w.text = strconv.AppendInt(w.text, v, 10)
	case uint64:
		w.text = strconv.AppendUint(w.text, v, 10)
	case string:
		w.text = appendString(w.text, v)
	case []byte:
		if v == nil {
			w.text = append(w.text, "null"...)
		} else {
			w.attach(v)
		}
	case *Value:
		return w.value(v)
	default:
		if holdsBytes(arg) {
			return w.extracted(arg)
		}
		w.text, err = appendJSON(w.text, arg)
	}
	return err
}

// attach writes an attachment.
func (w *writer) attach(data []byte) {
	if w.isValue {
		w.places = append(w.places, len(w.text))
	} else {
		w.text = appendPlaceholder(w.text, len(w.attachments))
	}
	w.attachments = append(w.attachments, data)
}

// appendString appends a JSON string. Most need no escapes and are copied;
// encoding/json does the others.
func appendString(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(append(dst, '"'), s...)
	if !isPlain(dst[start+1:]) {
		dst, _ = appendJSON(dst[:start], s) // no string is an error
		return dst
	}
	return append(dst, '"')
}

const lineSeparator, paragraphSeparator = "\u2028", "\u2029" // with the same first byte

// isPlain reports whether encoding/json writes s as it stands: UTF-8 without
// quotes, backslashes, control characters and the two line separators that
// JavaScript once refused in strings.
func isPlain(s []byte) bool {
	return skipPlain(s, 0) == len(s) && utf8.Valid(s) && (bytes.IndexByte(s, lineSeparator[0]) < 0 ||
		!bytes.Contains(s, []byte(lineSeparator)) && !bytes.Contains(s, []byte(paragraphSeparator)))
}

func appendPlaceholder(dst []byte, n int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '}')
}
