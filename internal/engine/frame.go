package engine

import (
	"encoding/binary"
	"unicode/utf8"
)

// Opcodes, RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// rsv1 is the bit of a frame's first byte that marks compressed messages
// (RFC 7692, section 6).
const rsv1 = 0x40

// Close codes, RFC 6455 section 7.4.1.
const (
	closeNormal        = 1000
	closeGoingAway     = 1001
	closeProtocolError = 1002
	closeNoStatus      = 1005
	closeInvalidData   = 1007
	closeTooBig        = 1009
)

// A closeError is a breach of RFC 6455 with the close code it is answered by.
type closeError struct {
	code int
	text string
}

func (e *closeError) Error() string { return "engine: websocket: " + e.text }

var (
	errReservedBits  = &closeError{closeProtocolError, "reserved bit set where no extension allows it"}
	errOpcode        = &closeError{closeProtocolError, "reserved opcode"}
	errUnmasked      = &closeError{closeProtocolError, "frame of a client without a mask"}
	errControl       = &closeError{closeProtocolError, "control frame fragmented or over 125 bytes"}
	errContinuation  = &closeError{closeProtocolError, "continuation without a message to continue"}
	errInterleaved   = &closeError{closeProtocolError, "message begins inside a fragmented one"}
	errLength        = &closeError{closeProtocolError, "payload length not in its shortest form"}
	errCloseFrame    = &closeError{closeProtocolError, "malformed close frame"}
	errUTF8          = &closeError{closeInvalidData, "text is not UTF-8"}
	errDeflate       = &closeError{closeInvalidData, "malformed compressed message"}
	errMessageTooBig = &closeError{closeTooBig, "message over the limit"}
)

// A frameHeader is the head of a client's frame.
type frameHeader struct {
	final      bool
	compressed bool
	opcode     byte
	length     int
	mask       [4]byte
}

func (h *frameHeader) control() bool { return h.opcode&0x8 != 0 }

// parseFrameHeader reads a client's frame header from the beginning of b. A
// size of 0 means that b does not contain the whole header yet. The header
// suffices to refuse data frames longer than limit, and reserved bits other than
// those of the extension.
func parseFrameHeader(b []byte, limit int, extension byte) (h frameHeader, size int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.final = b[0]&0x80 != 0
	h.opcode = b[0] & 0x0F
	if b[0]&0x70&^extension != 0 {
		return h, 0, errReservedBits
	}
	if h.compressed = b[0]&rsv1 != 0; h.compressed && (h.opcode == opContinuation || h.control()) {
		return h, 0, errReservedBits
	}
	switch h.opcode {
	case opContinuation, opText, opBinary, opClose, opPing, opPong:
	default:
		return h, 0, errOpcode
	}
	if b[1]&0x80 == 0 {
		return h, 0, errUnmasked
	}
	length := uint64(b[1] & 0x7F)
	if h.control() && (length > 125 || !h.final) {
		return h, 0, errControl
	}
	size = 2
	switch length {
	case 126:
		if len(b) < 4 {
			return h, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
		if length < 126 {
			return h, 0, errLength
		}
		size = 4
	case 127:
		if len(b) < 10 {
			return h, 0, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
		if length <= 0xFFFF || length >= 1<<63 {
			return h, 0, errLength
		}
		size = 10
	}
	if !h.control() && length > uint64(limit) {
		return h, 0, errMessageTooBig
	}
	h.length = int(length)
	if len(b) < size+4 {
		return h, 0, nil
	}
	copy(h.mask[:], b[size:])
	return h, size + 4, nil
}

// frameHeaderSize is the length of a server's frame header.
func frameHeaderSize(length int) int {
	switch {
	case length < 126:
		return 2
	case length <= 0xFFFF:
		return 4
	}
	return maxOwnHeaderSize
}

const maxOwnHeaderSize = 10

// appendFrameHeader appends the header of an unfragmented server frame.
func appendFrameHeader(dst []byte, opcode byte, length int) []byte {
	dst = append(dst, 0x80|opcode)
	switch frameHeaderSize(length) {
	case 2:
		return append(dst, byte(length))
	case 4:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(length))
}

// cutOwnFrame returns the first of a server's frames, and its payload.
func cutOwnFrame(frames []byte) (frame, payload []byte) {
	size, length := 2, int(frames[1])
	switch length {
	case 126:
		size, length = 4, int(binary.BigEndian.Uint16(frames[2:]))
	case 127:
		size, length = maxOwnHeaderSize, int(binary.BigEndian.Uint64(frames[2:]))
	}
	return frames[:size+length], frames[size : size+length]
}

func appendCloseFrame(dst []byte, code int) []byte {
	if code == closeNoStatus {
		return appendFrameHeader(dst, opClose, 0)
	}
	return binary.BigEndian.AppendUint16(appendFrameHeader(dst, opClose, 2), uint16(code))
}

// closeCode checks the body of a close frame and returns its code.
func closeCode(body []byte) (int, error) {
	if len(body) == 0 {
		return closeNoStatus, nil
	}
	if len(body) == 1 {
		return 0, errCloseFrame
	}
	code := int(binary.BigEndian.Uint16(body))
	switch {
	case code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006:
	case code >= 3000 && code <= 4999:
	default:
		return 0, errCloseFrame
	}
	if !utf8.Valid(body[2:]) {
		return 0, errUTF8
	}
	return code, nil
}

// unmask applies a client's mask (RFC 6455 section 5.3), eight bytes at a time,
// and four times that where there are many.
func unmask(b []byte, mask [4]byte) {
	key := binary.LittleEndian.Uint32(mask[:])
	key64 := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		chunk := (*[32]byte)(b)
		binary.LittleEndian.PutUint64(chunk[0:], binary.LittleEndian.Uint64(chunk[0:])^key64)
		binary.LittleEndian.PutUint64(chunk[8:], binary.LittleEndian.Uint64(chunk[8:])^key64)
		binary.LittleEndian.PutUint64(chunk[16:], binary.LittleEndian.Uint64(chunk[16:])^key64)
		binary.LittleEndian.PutUint64(chunk[24:], binary.LittleEndian.Uint64(chunk[24:])^key64)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^key64)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= mask[i&3]
	}
}
