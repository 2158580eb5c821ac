package engine

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A payload is the body of a poll's answer. It has one of three forms:
//
//   - of revision 4, packets with separators between them;
//   - of revision 3, <length>:<packet>, the length in UTF-16 code units;
//   - of revision 3 with binary messages, each packet after 0 for text or 1
//     for binary, its length in bytes as decimal digits of value 0 to 9, and
//     0xFF.
type payload struct {
	dialect dialect
	octets  bool // the third form
	plain   bool // not to be compressed
	packets int
	body    []byte
	made    func() // called, if not nil, when the answer is made and the client is to take it
}

// payloadSeparator stands between the packets of revision 4.
const payloadSeparator = '\x1e'

const (
	recordText   = 0
	recordBinary = 1
	recordEnd    = 0xFF // of the length
)

func (p *payload) add(m *Message) {
	if text := m.text(); text != nil {
		p.addText(text)
	}
	for i := range m.binaries() {
		p.addBinary(m.binary(i))
	}
}

func (p *payload) addText(text []byte) {
	p.packets++
	switch {
	case p.octets:
		p.beginRecord(recordText, len(text))
	case p.dialect.has(revision3):
		p.beginString(utf16Len(text))
	default:
		p.separate()
	}
	p.body = append(p.body, text...)
}

func (p *payload) addBinary(data []byte) {
	p.packets++
	switch {
	case p.octets:
		p.beginRecord(recordBinary, len(data)+1)
		p.body = append(append(p.body, binaryMessage), data...)
		return
	case p.dialect.has(revision3):
		p.beginString(p.dialect.base64Len(data))
	default:
		p.separate()
	}
	p.body = p.dialect.appendBase64(p.body, data)
}

func (p *payload) separate() {
	if len(p.body) > 0 {
		p.body = append(p.body, payloadSeparator)
	}
}

func (p *payload) beginString(units int) {
	p.body = append(strconv.AppendInt(p.body, int64(units), 10), ':')
}

func (p *payload) beginRecord(kind byte, length int) {
	p.body = append(p.body, kind)
	start := len(p.body)
	p.body = strconv.AppendInt(p.body, int64(length), 10)
	for i := start; i < len(p.body); i++ {
		p.body[i] -= '0'
	}
	p.body = append(p.body, recordEnd)
}

// utf16Len is the length that JavaScript gives a text.
func utf16Len(text []byte) (units int) {
	for _, r := range string(text) {
		units += utf16.RuneLen(r)
	}
	return units
}

// A cutter cuts the first packet off the body of a POST, decoding base64 in
// place, and returns what follows it: nil after the last.
type cutter func(body []byte) (p packet, rest []byte, err error)

// cutter returns the one for a body of text, or of bytes.
func (d dialect) cutter(octets bool) cutter {
	switch {
	case octets:
		return cutRecord
	case d.has(revision3):
		return cutString
	}
	return cutSeparated
}

func cutSeparated(body []byte) (p packet, rest []byte, err error) {
	text, rest, found := bytes.Cut(body, []byte{payloadSeparator})
	if found && len(rest) == 0 {
		return p, nil, errPacket // a separator separates two packets
	}
	p, err = dialect(0).decodeText(text)
	return p, rest, err
}

// maxLengthDigits bounds a length in revision 3, which so fits an int.
const maxLengthDigits = 9

func cutString(body []byte) (p packet, rest []byte, err error) {
	units, size, ok := cutLength(body, '0', ':')
	if !ok {
		return p, nil, errPacket
	}
	text := body[size:]
	end := utf16Index(text, units)
	if end < 0 {
		return p, nil, errPacket
	}
	rest = remaining(text[end:])
	if end == 0 {
		return packet{kind: packetNoop}, rest, nil // as an empty payload has one
	}
	p, err = revision3.decodeText(text[:end])
	return p, rest, err
}

func cutRecord(body []byte) (p packet, rest []byte, err error) {
	if len(body) == 0 || body[0] != recordText && body[0] != recordBinary {
		return p, nil, errPacket
	}
	length, size, ok := cutLength(body[1:], 0, recordEnd)
	data := body[1+size:]
	if !ok || length > len(data) {
		return p, nil, errPacket
	}
	rest = remaining(data[length:])
	data = data[:length]
	switch {
	case body[0] == recordBinary:
		p, err = revision3.decodeBinary(data)
	case !utf8.Valid(data):
		err = errPacket
	default:
		p, err = revision3.decodeText(data)
	}
	return p, rest, err
}

// cutLength reads a decimal number and the byte that ends it. The digits
// count from zero. It returns how many bytes that are.
func cutLength(b []byte, zero, end byte) (n, size int, ok bool) {
	for i, c := range b[:min(len(b), maxLengthDigits+1)] {
		switch {
		case c == end:
			return n, i + 1, i > 0
		case c < zero || c > zero+9:
			return 0, 0, false
		}
		n = n*10 + int(c-zero)
	}
	return 0, 0, false
}

// remaining is nil when nothing remains.
func remaining(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// utf16Index returns where the text is so many UTF-16 code units long, or -1
// if it is shorter or that is inside a character.
func utf16Index(text []byte, units int) int {
	i := 0
	for units > 0 && i < len(text) {
		r, size := utf8.DecodeRune(text[i:])
		units -= utf16.RuneLen(r)
		i += size
	}
	if units != 0 {
		return -1
	}
	return i
}
