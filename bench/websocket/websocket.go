// Package websocket cuts and builds the frames of RFC 6455, for the load
// generator and for the bare server.
package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// Opcodes of RFC 6455, section 5.2.
const (
	Continuation = 0x0
	Text         = 0x1
	Binary       = 0x2
	Close        = 0x8
	Ping         = 0x9
	Pong         = 0xA
)

// Compressed is the bit of a frame that RFC 7692 compresses, added to its opcode.
const Compressed = 0x40

// A Frame's payload is a part of the bytes it was cut from.
type Frame struct {
	Opcode     byte
	Final      bool
	Compressed bool // by RFC 7692
	Payload    []byte
}

var errReserved = errors.New("websocket: reserved bits set that no extension uses")

// Cut cuts the first frame off data, whose payload it unmasks in place. It
// returns 0 if the frame is not complete.
func Cut(data []byte) (f Frame, size int, err error) {
	if len(data) < 2 {
		return f, 0, nil
	}
	if data[0]&0x30 != 0 {
		return f, 0, errReserved
	}
	length, head := int(data[1]&0x7F), 2
	switch length {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	masked := data[1]&0x80 != 0
	if masked {
		head += 4
	}
	if len(data) < head {
		return f, 0, nil
	}
	switch length {
	case 126:
		length = int(binary.BigEndian.Uint16(data[2:]))
	case 127:
		length = int(binary.BigEndian.Uint64(data[2:]))
	}
	if length < 0 || length > len(data)-head {
		return f, 0, nil
	}
	size = head + length
	f = Frame{Opcode: data[0] & 0x0F, Final: data[0]&0x80 != 0, Compressed: data[0]&0x40 != 0, Payload: data[head:size]}
	if masked {
		mask(f.Payload, binary.LittleEndian.Uint32(data[head-4:]))
	}
	return f, size, nil
}

// Append appends a final frame as a server sends it.
func Append(b []byte, opcode byte, payload []byte) []byte {
	return append(appendHeader(b, opcode, len(payload), 0), payload...)
}

// AppendMasked appends a final frame as a client sends it. The payload is the
// concatenation of the parts. The opcode of a compressed frame includes
// Compressed.
func AppendMasked(b []byte, opcode byte, key uint32, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b = binary.LittleEndian.AppendUint32(appendHeader(b, opcode, n, 0x80), key)
	for _, p := range parts {
		b = append(b, p...)
	}
	mask(b[len(b)-n:], key)
	return b
}

func appendHeader(b []byte, opcode byte, n int, maskBit byte) []byte {
	b = append(b, 0x80|opcode)
	switch {
	case n < 126:
		return append(b, maskBit|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, maskBit|126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, maskBit|127), uint64(n))
	}
}

func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i % 4)))
	}
}

// Accept returns the Sec-WebSocket-Accept for a Sec-WebSocket-Key: RFC 6455, section 4.2.2.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
