package rawclient

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Frame is a client's WebSocket frame with any first byte, well formed or not.
func Frame(head byte, payload string) []byte {
	frame := FrameHead(head, uint64(len(payload)))
	mask := frame[len(frame)-4:]
	for i := range len(payload) {
		frame = append(frame, payload[i]^mask[i%4])
	}
	return frame
}

// FrameHead is what stands before a frame's payload: first byte, length and
// mask.
func FrameHead(head byte, length uint64) []byte {
	frame := []byte{head}
	switch {
	case length < 126:
		frame = append(frame, 0x80|byte(length))
	case length < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(length))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), length)
	}
	return append(frame, 0x12, 0x9a, 0x5f, 0xc3)
}

// ReadFrame reads a server's frame.
func ReadFrame(r io.Reader) (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("frame header % x: a server sends whole, unmasked frames", head)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var ext [2]byte
		_, err = io.ReadFull(r, ext[:])
		n = uint64(binary.BigEndian.Uint16(ext[:]))
	case 127:
		var ext [8]byte
		_, err = io.ReadFull(r, ext[:])
		n = binary.BigEndian.Uint64(ext[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return head[0] & 0x0f, payload, err
}
