package parser

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// maxDepth is how deep arrays and objects may be nested in a packet's payload.
const maxDepth = 512

var (
	errSyntax = errors.New("malformed JSON")
	errDepth  = errors.New("JSON nested too deeply")
)

// scanValue checks the JSON value (RFC 8259) that begins at data[i], after
// optional white space, with depth arrays and objects open around it, and
// returns the index of the byte after it; with an error, of the offending byte.
func scanValue(data []byte, i, depth int) (int, error) {
	var objects [maxDepth / 64]uint64 // a bit for each open level: object, not array
	var ok bool
	outside := depth
	for {
		i = skipSpace(data, i)
		if i == len(data) {
			return i, errSyntax
		}
		switch c := data[i]; c {
		case '"':
			i, ok = scanString(data, i)
		case '{', '[':
			if depth == maxDepth {
				return i, errDepth
			}
			level, bit := depth/64, uint64(1)<<(depth%64)
			depth++
			i = skipSpace(data, i+1)
			if i < len(data) && data[i] == c+2 { // '}' and ']' are two after their opening
				i, ok = i+1, true
				depth--
				break
			}
			if c == '[' {
				objects[level] &^= bit
				continue
			}
			objects[level] |= bit
			if i, ok = scanKey(data, i); ok {
				continue
			}
		case 't':
			i, ok = scanLiteral(data, i, "true")
		case 'f':
			i, ok = scanLiteral(data, i, "false")
		case 'n':
			i, ok = scanLiteral(data, i, "null")
		default:
			i, ok = scanNumber(data, i)
		}
		if !ok {
			return i, errSyntax
		}

		// A value ends here, and perhaps those around it.
		for next := false; !next; {
			if depth == outside {
				return i, nil
			}
			i = skipSpace(data, i)
			if i == len(data) {
				return i, errSyntax
			}
			object := objects[(depth-1)/64]>>((depth-1)%64)&1 != 0
			switch c := data[i]; {
			case c == ',':
				next = true
				i++
				if object {
					if i, ok = scanKey(data, i); !ok {
						return i, errSyntax
					}
				}
			case c == '}' && object, c == ']' && !object:
				i++
				depth--
			default:
				return i, errSyntax
			}
		}
	}
}

// scanKey checks the key of an object's member and its colon.
func scanKey(data []byte, i int) (int, bool) {
	i = skipSpace(data, i)
	if i == len(data) || data[i] != '"' {
		return i, false
	}
	i, ok := scanString(data, i)
	if !ok {
		return i, false
	}
	i = skipSpace(data, i)
	if i == len(data) || data[i] != ':' {
		return i, false
	}
	return i + 1, true
}

// scanString checks the string whose opening quote is data[i].
func scanString(data []byte, i int) (int, bool) {
	i++
	for {
		i = skipPlain(data, i)
		if i == len(data) {
			return i, false
		}
		switch data[i] {
		case '"':
			return i + 1, true
		case '\\':
			if i+1 == len(data) {
				return i, false
			}
			switch data[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if i+6 > len(data) || !isHex(data[i+2]) || !isHex(data[i+3]) || !isHex(data[i+4]) || !isHex(data[i+5]) {
					return i, false
				}
				i += 6
			default:
				return i, false
			}
		default: // a control character
			return i, false
		}
	}
}

// skipPlain returns the index of the first quote, backslash or control
// character from data[i] on. It looks at eight bytes at a time: (x - 1) &^ x
// has the high bit of the lowest zero byte set, and perhaps of bytes above it,
// which do not matter.
func skipPlain(data []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(data); i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, backslash := x^ones*'"', x^ones*'\\'
		if found := ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-ones*' ')&^x) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(data) && data[i] >= ' ' && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}

func scanLiteral(data []byte, i int, literal string) (int, bool) {
	end := i + len(literal)
	if end > len(data) || string(data[i:end]) != literal {
		return i, false
	}
	return end, true
}

func scanNumber(data []byte, i int) (int, bool) {
	if data[i] == '-' {
		i++
	}
	start := i
	if i = skipDigits(data, i); i == start || data[start] == '0' && i > start+1 {
		return start, false
	}
	if i < len(data) && data[i] == '.' {
		fraction := i + 1
		if i = skipDigits(data, fraction); i == fraction {
			return i, false
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		exponent := i + 1
		if exponent < len(data) && (data[exponent] == '+' || data[exponent] == '-') {
			exponent++
		}
		if i = skipDigits(data, exponent); i == exponent {
			return i, false
		}
	}
	return i, true
}

func skipDigits(data []byte, i int) int {
	for i < len(data) && isDigit(data[i]) {
		i++
	}
	return i
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
