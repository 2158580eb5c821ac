package msgpack

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// jsonWriter turns MessagePack that has been checked into JSON with the JSON
// parser's placeholders for binary.
type jsonWriter struct {
	rest        []byte // to be read
	out         []byte
	attachments [][]byte
}

// value writes a value. Recursion is bounded by maxDepth.
func (w *jsonWriter) value() {
	k, n, rest, _ := readHead(w.rest)
	w.rest = rest
	switch k {
	case boolean:
		w.out = strconv.AppendBool(w.out, n == 1)
	case unsigned, signed, float:
		w.out = appendNumber(w.out, k, n)
	case date:
		w.out = appendDate(w.out, int64(n))
	case text:
		w.out = appendJSONString(w.out, w.take(n))
	case bin:
		w.out = appendPlaceholder(w.out, len(w.attachments))
		w.attachments = append(w.attachments, w.take(n))
	case array:
		w.elements(n)
	case object:
		w.members(n)
	default:
		w.out = append(w.out, "null"...)
	}
}

// take returns the next n bytes.
func (w *jsonWriter) take(n uint64) []byte {
	taken := w.rest[:n]
	w.rest = w.rest[n:]
	return taken
}

// elements writes n values as an array.
func (w *jsonWriter) elements(n uint64) {
	w.out = append(w.out, '[')
	for i := range n {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.value()
	}
	w.out = append(w.out, ']')
}

// members writes n members as an object.
func (w *jsonWriter) members(n uint64) {
	w.out = append(w.out, '{')
	separator := ""
	for range n {
		_, size, rest, _ := readHead(w.rest)
		w.rest = rest
		key := w.take(size)
		if k, _, rest, _ := readHead(w.rest); k == undefined {
			w.rest = rest
			continue
		}
		w.out = append(w.out, separator...)
		separator = ","
		if string(key) == "_placeholder" {
			w.out = append(w.out, `"\u005fplaceholder"`...) // a client's own, which the JSON parser does not know by this
		} else {
			w.out = appendJSONString(w.out, key)
		}
		w.out = append(w.out, ':')
		w.value()
	}
	w.out = append(w.out, '}')
}

// appendNumber appends a number such that JSON reads any integer back without
// loss.
func appendNumber(dst []byte, k kind, n uint64) []byte {
	switch k {
	case unsigned:
		return strconv.AppendUint(dst, n, 10)
	case signed:
		return strconv.AppendInt(dst, int64(n), 10)
	}
	switch f := math.Float64frombits(n); {
	case !isFinite(n):
		return append(dst, "null"...)
	case f == math.Trunc(f) && math.Abs(f) < 1<<64:
		return strconv.AppendFloat(dst, f, 'f', 0, 64)
	default:
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	}
}

// appendDate appends what Date.prototype.toJSON returns.
func appendDate(dst []byte, milliseconds int64) []byte {
	t := time.UnixMilli(milliseconds).UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return fmt.Appendf(dst, `"%+07d%s"`, year, t.Format("-01-02T15:04:05.000Z"))
	}
	return t.AppendFormat(dst, `"2006-01-02T15:04:05.000Z"`)
}

// appendJSONString appends UTF-8 as a JSON string (RFC 8259, section 7).
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		if c < ' ' {
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	return append(append(dst, s[start:]...), '"')
}
