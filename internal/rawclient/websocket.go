package rawclient

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
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

// write sends packets in one call of the connection's Write: a server that ends
// the connection at one of them has been given those that follow.
func (ws *wsConn) write(packets ...string) error {
	var frames []byte
	for _, p := range packets {
		opcode, payload := byte(opText), []byte(p)
		if data, ok := strings.CutPrefix(p, "b"); ok {
			var err error
			if payload, err = base64.StdEncoding.DecodeString(data); err != nil {
				return err
			}
			if ws.eio3 {
				payload = append([]byte{4}, payload...)
			}
			opcode = opBinary
		}
		frames = append(frames, Frame(0x80|opcode, string(payload))...)
	}
	return ws.writeAll(frames)
}

func (ws *wsConn) writeFrame(opcode byte, payload []byte) error {
	return ws.writeAll(Frame(0x80|opcode, string(payload)))
}

func (ws *wsConn) writeAll(frames []byte) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	_, err := ws.conn.Write(frames)
	return err
}

// next returns the next message as a packet's text.
func (ws *wsConn) next() (string, error) {
	for {
		opcode, payload, err := ReadFrame(ws.r)
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
