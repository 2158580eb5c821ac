package parser

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Encode appends the text of a packet to dst. The arguments of an Event or Ack are any number, Connect takes at most
// one, ConnectError one, Disconnect none.
func (p JSON) Encode(dst []byte, h *Header, args ...any) (Encoded, error) {
	start := len(dst)
	dst = append(dst, '0'+byte(h.Type))
	if h.Namespace != "" && h.Namespace != "/" {
		dst = append(appendValid(dst, h.Namespace), ',')
	}
	if h.HasID {
		dst = strconv.AppendUint(dst, h.ID, 10)
	}

	payload := len(dst)
	var err error
	var attachments [][]byte
	switch {
	case h.Type == Event:
		dst = appendString(append(dst, '['), h.Event)
		if len(args) > 0 {
			dst = append(dst, ',')
		}
		dst, attachments, err = appendArgs(dst, args)
	case h.Type == Ack:
		dst, attachments, err = appendArgs(append(dst, '['), args)
	case len(args) == 1 && (h.Type == Connect || h.Type == ConnectError):
		dst, err = appendJSON(dst, args[0])
	case len(args) == 0 && (h.Type == Connect || h.Type == Disconnect):
	default:
		err = fmt.Errorf("no packet of type %v has %d arguments", h.Type, len(args))
	}
	if err != nil {
		return Encoded{}, fmt.Errorf("encode %v: %w", h.Type, err)
	}

	if n := len(attachments); n > 0 {
		if n > p.maxAttachments() {
			return Encoded{}, fmt.Errorf("encode %v: %w: %d", h.Type, ErrTooManyAttachments, n)
		}
		if err := checkPlaceholders(dst[payload:], n, args); err != nil {
			return Encoded{}, fmt.Errorf("encode %v: %w", h.Type, err)
		}
		dst[start] += byte(BinaryEvent - Event)
		var digits [20]byte
		dst = slices.Insert(dst, start+1, append(strconv.AppendInt(digits[:0], int64(n), 10), '-')...)
	}
	return Encoded{Text: dst, Attachments: attachments}, nil
}

func (p JSON) maxAttachments() int {
	if p.MaxAttachments == 0 {
		return 10
	}
	return p.MaxAttachments
}

// appendArgs appends the elements of an array that has been opened, closes it, and returns the attachments.
func appendArgs(dst []byte, args []any) ([]byte, [][]byte, error) {
	var attachments [][]byte
	var err error
	for i, arg := range args {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, attachments, err = appendArg(dst, attachments, arg); err != nil {
			return nil, nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return append(dst, ']'), attachments, nil
}

// appendArg appends the JSON of one argument to dst, and its binary parts to attachments.
func appendArg(dst []byte, attachments [][]byte, arg any) ([]byte, [][]byte, error) {
	switch v := arg.(type) {
	case nil:
		return append(dst, "null"...), attachments, nil
	case bool:
		return strconv.AppendBool(dst, v), attachments, nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), attachments, nil
	case int64:
		return strconv.AppendInt(dst, v, 10), attachments, nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), attachments, nil
	case string:
		return appendString(dst, v), attachments, nil
	case []byte:
		if v == nil {
			return append(dst, "null"...), attachments, nil
		}
		return appendPlaceholder(dst, len(attachments)), append(attachments, v), nil
	}
	if holdsBytes(arg) {
		return appendExtracted(dst, attachments, arg)
	}
	dst, err := appendJSON(dst, arg)
	return dst, attachments, err
}

// appendString appends a JSON string. Most need no escapes and are copied; encoding/json does the others.
func appendString(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(append(dst, '"'), s...)
	if !isPlain(dst[start+1:]) {
		dst, _ = appendJSON(dst[:start], s) // no string is an error
		return dst
	}
	return append(dst, '"')
}

// isPlain reports whether encoding/json writes s as it stands: UTF-8 without quotes, backslashes, control
// characters and the two line separators that JavaScript once refused in strings.
func isPlain(s []byte) bool {
	return skipPlain(s, 0) == len(s) && utf8.Valid(s) &&
		!bytes.Contains(s, []byte("\u2028")) && !bytes.Contains(s, []byte("\u2029"))
}

func appendPlaceholder(dst []byte, n int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '}')
}
