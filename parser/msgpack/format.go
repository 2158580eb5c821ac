package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// kind is what a MessagePack value is, whichever of the formats for it is used.
type kind byte

const (
	_ kind = iota // no value
	null
	undefined
	boolean
	unsigned
	signed
	float
	date
	text
	bin
	array
	object
	extension // never outside this file: undefined, date, bin or an error
)

var (
	errTruncated = errors.New("MessagePack cut short")
	errFormat    = errors.New("no format of MessagePack")
)

// formats are those of first byte 0xc0 to 0xdf: the kind, and how many bytes
// the number has that follows.
var formats = [32]struct {
	kind kind
	size int
}{
	{null, 0}, {0, 0}, {boolean, 0}, {boolean, 0},
	{bin, 1}, {bin, 2}, {bin, 4},
	{extension, 1}, {extension, 2}, {extension, 4},
	{float, 4}, {float, 8},
	{unsigned, 1}, {unsigned, 2}, {unsigned, 4}, {unsigned, 8},
	{signed, 1}, {signed, 2}, {signed, 4}, {signed, 8},
	{extension, 0}, {extension, 0}, {extension, 0}, {extension, 0}, {extension, 0},
	{text, 1}, {text, 2}, {text, 4},
	{array, 2}, {array, 4},
	{object, 2}, {object, 4},
}

// readHead reads the head of the value that data begins with. n is
//   - the value: 0 or 1 of a boolean, an unsigned integer, the bits of an int64 or a float64, the milliseconds of a date
//     since 1970 as an int64,
//   - or how many bytes of text or bin, elements of an array or members of an object are in rest. It is not more than
//     rest has room for.
func readHead(data []byte) (k kind, n uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, errTruncated
	}
	c := data[0]
	rest = data[1:]
	switch {
	case c <= 0x7f:
		return unsigned, uint64(c), rest, nil
	case c <= 0x8f:
		k, n = object, uint64(c&0x0f)
	case c <= 0x9f:
		k, n = array, uint64(c&0x0f)
	case c <= 0xbf:
		k, n = text, uint64(c&0x1f)
	case c >= 0xe0:
		return signed, uint64(int8(c)), rest, nil
	default:
		f := formats[c-0xc0]
		if len(rest) < f.size {
			return 0, 0, nil, errTruncated
		}
		k, n = f.kind, bigEndian(rest[:f.size])
		rest = rest[f.size:]
		switch k {
		case 0:
			return 0, 0, nil, errFormat
		case boolean:
			n = uint64(c & 1)
		case signed:
			shift := 64 - 8*f.size
			n = uint64(int64(n<<shift) >> shift)
		case float:
			if f.size == 4 {
				n = math.Float64bits(float64(math.Float32frombits(uint32(n))))
			}
		case extension:
			if f.size == 0 {
				return readFixedExtension(1<<(c-0xd4), rest)
			}
			return readExtension(n, rest)
		}
	}
	least := n // bytes
	switch k {
	case object:
		least *= 2
	case text, bin, array:
	default:
		return k, n, rest, nil
	}
	if least > uint64(len(rest)) {
		return 0, 0, nil, errTruncated
	}
	return k, n, rest, nil
}

// readFixedExtension reads the type and content of an extension of 1, 2, 4, 8
// or 16 bytes. Older versions of the JavaScript package use type 0 for whatever
// they have.
func readFixedExtension(size int, data []byte) (k kind, n uint64, rest []byte, err error) {
	if len(data) < 1+size {
		return 0, 0, nil, errTruncated
	}
	content := data[1 : 1+size]
	switch typ := int8(data[0]); {
	case typ == 0 && size == 1:
		k = undefined
	case typ == 0 && size == 8:
		k, n = readDate(int64(bigEndian(content)), 0)
	case typ == timestamp && size == 4:
		k, n = readDate(0, int64(bigEndian(content)))
	case typ == timestamp && size == 8:
		both := bigEndian(content)
		k, n = readDate(int64(both>>34/1e6), int64(both&(1<<34-1)))
	default:
		return 0, 0, nil, fmt.Errorf("unknown extension type %d of %d bytes", typ, size)
	}
	return k, n, data[1+size:], nil
}

// readExtension reads the type of an extension of any size, which is an
// ArrayBuffer or a date.
func readExtension(size uint64, data []byte) (k kind, n uint64, rest []byte, err error) {
	if uint64(len(data)) < 1+size {
		return 0, 0, nil, errTruncated
	}
	switch typ := int8(data[0]); {
	case typ == 0:
		return bin, size, data[1:], nil
	case typ == timestamp && size == 12:
		k, n = readDate(int64(bigEndian(data[1:5])/1e6), int64(bigEndian(data[5:13])))
		return k, n, data[13:], nil
	default:
		return 0, 0, nil, fmt.Errorf("unknown extension type %d", typ)
	}
}

// timestamp is the type of MessagePack's own extension.
const timestamp = -1

// readDate returns the date that is milliseconds and seconds after 1970. Outside
// of JavaScript's range it is null, as JSON.stringify writes an invalid date.
func readDate(milliseconds, seconds int64) (kind, uint64) {
	const limit = 8_640_000_000_000_000
	if seconds < -limit/1000 || seconds > limit/1000 || milliseconds < -limit || milliseconds > limit {
		return null, 0
	}
	milliseconds += seconds * 1000
	if milliseconds < -limit || milliseconds > limit {
		return null, 0
	}
	return date, uint64(milliseconds)
}

func bigEndian(data []byte) (n uint64) {
	for _, c := range data {
		n = n<<8 | uint64(c)
	}
	return n
}

// lengthFormats are the first bytes of a kind that has a length: with the
// length in it, and before one of 8, 16 and 32 bits. Zero means that there is
// no such format.
type lengthFormats struct {
	fix, fixed         byte // fix|n, if n < fixed
	len8, len16, len32 byte
}

var (
	textFormats   = lengthFormats{0xa0, 32, 0xd9, 0xda, 0xdb}
	binFormats    = lengthFormats{0, 0, 0xc4, 0xc5, 0xc6}
	arrayFormats  = lengthFormats{0x90, 16, 0, 0xdc, 0xdd}
	objectFormats = lengthFormats{0x80, 16, 0, 0xde, 0xdf}
)

// append appends the head of a value of length n.
func (f lengthFormats) append(dst []byte, n int) []byte {
	switch {
	case n < int(f.fixed):
		return append(dst, f.fix|byte(n))
	case n <= math.MaxUint8 && f.len8 != 0:
		return append(dst, f.len8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, f.len16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, f.len32), uint32(n))
	}
}

// appendUnsigned appends an integer in the shortest format, as do the next two.
func appendUnsigned(dst []byte, n uint64) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
	}
}

func appendSigned(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUnsigned(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
	}
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(textFormats.append(dst, len(s)), s...)
}
