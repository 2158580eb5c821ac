package rawclient

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// A wsConn is the client's side of a WebSocket.
type wsConn struct {
	conn net.Conn
	r    *bufio.Reader
	eio3 bool
	mu   sync.Mutex // guards writing
}

// A CloseError is the server's close frame.
type CloseError struct{ Code int }

func (e *CloseError) Error() string { return fmt.Sprintf("WebSocket closed with %d", e.Code) }

// Unwrap makes a close frame an orderly end.
func (e *CloseError) Unwrap() error { return io.EOF }

func (ws *wsConn) write(packet string) error {
	if packet != "" && packet[0] == 'b' {
		data, err := base64.StdEncoding.DecodeString(packet[1:])
		if err != nil {
			return err
		}
		if ws.eio3 {
			data = append([]byte{4}, data...)
		}
		return ws.writeFrame(opBinary, data)
	}
	return ws.writeFrame(opText, []byte(packet))
}

func (ws *wsConn) writeFrame(opcode byte, payload []byte) error {
	frame := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0x9a, 0x5f, 0xc3}
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	_, err := ws.conn.Write(frame)
	return err
}

// next returns the next message as a packet's text.
func (ws *wsConn) next() (string, error) {
	for {
		opcode, payload, err := ws.readFrame()
		if err != nil {
			return "", err
		}
		switch opcode {
		case opText:
			return string(payload), nil
		case opBinary:
			if ws.eio3 {
				if len(payload) == 0 || payload[0] != 4 {
					return "", fmt.Errorf("binary message % x of protocol 3", payload)
				}
				payload = payload[1:]
			}
			return "b" + base64.StdEncoding.EncodeToString(payload), nil
		case opPing:
			if err := ws.writeFrame(opPong, payload); err != nil {
				return "", err
			}
		case opPong:
		case opClose:
			code := 1005
			if len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
			_ = ws.writeFrame(opClose, payload)
			return "", &CloseError{code}
		default:
			return "", fmt.Errorf("opcode %d", opcode)
		}
	}
}

func (ws *wsConn) readFrame() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(ws.r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("frame header % x: a server sends whole, unmasked frames", head)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var ext [2]byte
		_, err = io.ReadFull(ws.r, ext[:])
		n = uint64(binary.BigEndian.Uint16(ext[:]))
	case 127:
		var ext [8]byte
		_, err = io.ReadFull(ws.r, ext[:])
		n = binary.BigEndian.Uint64(ext[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(ws.r, payload)
	return head[0] & 0x0f, payload, err
}
