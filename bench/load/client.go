//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/goroomcast/socketio/bench/epoll"
	"github.com/goroomcast/socketio/bench/websocket"
)

type state int

const (
	handshaking state = iota
	opening           // for the server's Engine.IO open packet
	joining           // for the answer to CONNECT
	probing           // an upgrade, for the answer to its probe
	connected
)

// A client is a Socket.IO client with one connection, a WebSocket.
type client struct {
	id      int
	fleet   *fleet
	stream  *epoll.Stream
	state   state
	key     uint32          // masks its frames
	partial []byte          // of a fragmented message
	first   websocket.Frame // of that message
	mayEnd  bool            // the server may close the connection
	ended   bool
	probed  func() error // what follows a probe that was answered

	// What scenarios keep.
	sent, got int         // numbers of the next message to be sent and to arrive
	times     []time.Time // when those on their way were sent, by number modulo length
}

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

// newClient connects a client; with a sid it is the upgrade of a session.
func (f *fleet) newClient(id int, sid string) (*client, error) {
	stream, err := f.dial(id)
	if err != nil {
		return nil, err
	}
	c := &client{id: id, fleet: f, stream: stream, key: rand.Uint32()}
	stream.Received, stream.Ended = c.received, c.end
	url := fmt.Sprintf("/socket.io/?EIO=%d&transport=websocket", f.target.EIO)
	if sid != "" {
		url += "&sid=" + sid
	}
	head := fmt.Appendf(stream.Out(), "GET %s HTTP/1.1\r\nHost: %v\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
		url, f.target.Addr, handshakeKey)
	if f.target.Deflate {
		head = append(head, "Sec-WebSocket-Extensions: "+websocket.Offer+"\r\n"...)
	}
	return c, stream.Send(append(head, "\r\n"...))
}

func (c *client) end(err error) error {
	c.ended = true
	if c.mayEnd {
		return nil
	}
	return fmt.Errorf("client %d: connection lost: %w", c.id, err)
}

// received cuts frames off what has arrived.
func (c *client) received(data []byte) (used int, err error) {
	if c.state == handshaking {
		if used, err = c.shakenHands(data); used == 0 || err != nil {
			return 0, err
		}
	}
	for {
		f, n, err := websocket.Cut(data[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		if err := c.frame(f); err != nil {
			return used, err
		}
	}
}

func (c *client) shakenHands(data []byte) (used int, err error) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	head := data[:end]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(head, []byte(websocket.Accept(handshakeKey))) {
		return 0, fmt.Errorf("client %d: handshake refused: %s", c.id, abridged(data))
	}
	if c.fleet.target.Deflate && !bytes.Contains(head, []byte("permessage-deflate")) {
		return 0, fmt.Errorf("client %d: no compression", c.id)
	}
	c.state = opening
	if c.probed != nil {
		c.state = probing
		if err := c.sendText([]byte("2probe")); err != nil {
			return 0, err
		}
	}
	return end + 4, nil
}

func (c *client) frame(f websocket.Frame) error {
	switch f.Opcode {
	case websocket.Text, websocket.Binary:
		if f.Final {
			return c.inflated(f, f.Payload)
		}
		c.first, c.partial = f, append(c.partial[:0], f.Payload...)
		return nil
	case websocket.Continuation:
		c.partial = append(c.partial, f.Payload...)
		if f.Final {
			return c.inflated(c.first, c.partial)
		}
		return nil
	case websocket.Ping:
		return c.send(websocket.Pong, f.Payload)
	case websocket.Close:
		if c.mayEnd {
			return nil
		}
		return fmt.Errorf("client %d: closed by the server: %s", c.id, abridged(f.Payload))
	default:
		return fmt.Errorf("client %d: frame with opcode %d", c.id, f.Opcode)
	}
}

// inflated handles a message, which may be compressed; its first frame says so.
func (c *client) inflated(first websocket.Frame, data []byte) (err error) {
	if first.Compressed {
		if !c.fleet.target.Deflate {
			return fmt.Errorf("client %d: compressed, though it does not offer that", c.id)
		}
		if data, err = c.fleet.deflater.Inflate(nil, data); err != nil {
			return fmt.Errorf("client %d: %w", c.id, err)
		}
	}
	return c.message(first.Opcode, data)
}

var errPacket = errors.New("not an Engine.IO packet that is expected")

// message handles an Engine.IO packet.
func (c *client) message(opcode byte, data []byte) error {
	if opcode == websocket.Binary {
		if c.fleet.target.EIO == 3 { // its binary frames start with the packet's type
			if len(data) == 0 || data[0] != 4 {
				return fmt.Errorf("client %d: %w: %s", c.id, errPacket, abridged(data))
			}
			data = data[1:]
		}
		return c.fleet.deliver(c, data, true)
	}
	switch {
	case len(data) == 0:
	case data[0] == '4' && c.state == connected:
		packet, err := c.fleet.withoutOffset(trimmed(data[1:]))
		if err != nil {
			return fmt.Errorf("client %d: %w", c.id, err)
		}
		return c.fleet.deliver(c, packet, false)
	case data[0] == '2' && c.fleet.target.EIO == 4:
		return c.sendText([]byte("3"))
	case data[0] == '3' && c.state == probing:
		return c.probed()
	case data[0] == '3' && c.fleet.target.EIO == 3, data[0] == '6':
		return nil
	case data[0] == '0' && c.state == opening:
		c.state = joining
		if c.fleet.target.EIO == 3 {
			return nil // the server connects it to the main namespace unasked
		}
		return c.sendText([]byte("40"))
	case data[0] == '4' && c.state == joining && len(data) >= 2 && data[1] == '0':
		c.state = connected
		c.fleet.connected++
		return nil
	}
	return fmt.Errorf("client %d: %w: %s", c.id, errPacket, abridged(data))
}

func (c *client) send(opcode byte, parts ...[]byte) error {
	if c.fleet.target.Deflate && opcode < websocket.Close {
		return c.stream.Send(websocket.AppendMasked(c.stream.Out(), opcode|websocket.Compressed, c.key, c.fleet.deflater.Deflate(parts...)))
	}
	return c.stream.Send(websocket.AppendMasked(c.stream.Out(), opcode, c.key, parts...))
}

// sendText sends a text frame: an Engine.IO packet.
func (c *client) sendText(parts ...[]byte) error { return c.send(websocket.Text, parts...) }

// sendBinary sends an attachment.
func (c *client) sendBinary(data []byte) error {
	if c.fleet.target.EIO == 3 {
		return c.send(websocket.Binary, []byte{4}, data)
	}
	return c.send(websocket.Binary, data)
}

func (c *client) sendClose() error { return c.send(websocket.Close, []byte{0x03, 0xE8}) }
