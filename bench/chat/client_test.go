//go:build linux

package chatbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/goroomcast/socketio/bench/epoll"
	"github.com/goroomcast/socketio/bench/websocket"
)

// A client is a user's device: one WebSocket, and a view of each room that it
// follows.
type client struct {
	fleet  *fleet
	id     int
	user   string
	server int
	bare   bool // in a namespace without a chat
	stream *epoll.Stream
	key    uint32
	shaken bool
	joined bool // the namespace is connected
	ready  bool
	views  []view
	calls  int                      // the id of the last command
	answer func(reply []byte) error // gets the reply to it
	behind []*view                  // that have to be opened again
}

// A view is what a client shows of a room. All rows are posts, so a sum over them
// says which they are.
type view struct {
	room  *room
	epoch string
	rev   int64
	low   int64 // the first message of the view
	rows  int
	sum   uint64
	open  bool
}

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

// dial connects the client. It sends the cursors of its views.
func (c *client) dial() (err error) {
	f := c.fleet
	if c.stream, err = f.loop.Dial(source(c.id), f.servers[c.server].addr); err != nil {
		return err
	}
	c.stream.Received, c.stream.Ended = c.received, c.ended
	c.key, c.shaken, c.joined, c.ready, c.answer, c.behind = rand.Uint32(), false, false, false, nil, nil
	for i := range c.views {
		if v := &c.views[i]; v.epoch != "" {
			v.open = false
			f.opening++ // its frame comes without being asked for
		}
	}
	return c.stream.Send(fmt.Appendf(c.stream.Out(), "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %v\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		f.servers[c.server].addr, handshakeKey))
}

// drop closes the connection without a word.
func (c *client) drop() {
	c.stream.Close()
	c.fleet.joined--
	if c.ready {
		c.fleet.ready--
	}
}

func (c *client) ended(err error) error {
	return fmt.Errorf("%s: connection lost: %w", c.user, err)
}

// received cuts frames off what has arrived.
func (c *client) received(data []byte) (used int, err error) {
	if !c.shaken {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			return 0, nil
		}
		if !bytes.HasPrefix(data, []byte("HTTP/1.1 101 ")) {
			return 0, fmt.Errorf("%s: handshake refused: %s", c.user, data[:end])
		}
		c.shaken, used = true, end+4
	}
	for {
		f, n, err := websocket.Cut(data[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		switch {
		case f.Opcode == websocket.Ping:
			err = c.stream.Send(websocket.AppendMasked(c.stream.Out(), websocket.Pong, c.key, f.Payload))
		case f.Opcode == websocket.Text && f.Final:
			err = c.packet(f.Payload)
		default:
			err = fmt.Errorf("%s: frame with opcode %d", c.user, f.Opcode)
		}
		if err != nil {
			return used, err
		}
	}
}

func (c *client) send(parts ...[]byte) error {
	return c.stream.Send(websocket.AppendMasked(c.stream.Out(), websocket.Text, c.key, parts...))
}

var changes = []byte(`42["changes",`)

// packet handles an Engine.IO packet.
func (c *client) packet(data []byte) error {
	switch {
	case data[0] == '0':
		if c.bare {
			return c.send([]byte("40/bare,"), c.auth())
		}
		return c.send([]byte("40"), c.auth())
	case data[0] == '2':
		return c.send([]byte("3"))
	case bytes.HasPrefix(data, []byte("40")):
		c.joined = true
		c.fleet.joined++
		return nil
	case bytes.HasPrefix(data, changes):
		return c.fleet.frame(c, data[len(changes):len(data)-1])
	case bytes.HasPrefix(data, []byte("42[")):
		return c.event(data[2:])
	case bytes.HasPrefix(data, []byte("43")):
		return c.reply(data[2:])
	}
	return fmt.Errorf("%s: unexpected packet %.200s", c.user, data)
}

func (c *client) auth() []byte {
	auth := fmt.Appendf(nil, `{"user":%q,"device":"d","rooms":{`, c.user)
	for _, v := range c.views {
		if v.epoch != "" {
			auth = fmt.Appendf(auth, `%q:{"epoch":%q,"rev":%d},`, v.room.id, v.epoch, v.rev)
		}
	}
	return append(bytes.TrimSuffix(auth, []byte(",")), "}}"...)
}

func (c *client) event(data []byte) error {
	end := bytes.IndexByte(data[2:], '"')
	name := string(data[2 : 2+end])
	c.fleet.events[name]++
	if name == "ready" && !c.ready {
		c.ready = true
		c.fleet.ready++
		c.fleet.lastReady = append(c.fleet.lastReady[:0], data...)
	}
	return nil
}

// call sends a command. A client has one at a time on its way.
func (c *client) call(event string, arg []byte, answer func(reply []byte) error) error {
	if c.answer != nil {
		return errors.New(c.user + ": a command is on its way")
	}
	c.calls++
	c.answer = answer
	return c.send(fmt.Appendf(nil, `42%d["%s",`, c.calls, event), arg, []byte("]"))
}

func (c *client) reply(data []byte) error {
	begin := bytes.IndexByte(data, '[')
	id, err := strconv.Atoi(string(data[:max(begin, 0)]))
	answer := c.answer
	if err != nil || id != c.calls || answer == nil {
		return fmt.Errorf("%s: unexpected reply %.200s", c.user, data)
	}
	c.answer = nil
	if bytes.HasPrefix(data[begin:], []byte(`[{"error"`)) {
		return fmt.Errorf("%s: refused: %s", c.user, data)
	}
	if err := answer(data[begin+1 : len(data)-1]); err != nil || len(c.behind) == 0 || c.answer != nil {
		return err
	}
	next := c.behind[0]
	c.behind = c.behind[1:]
	return c.open(next)
}

// open follows a room from a cursor, or from nothing.
func (c *client) open(v *view) error {
	if c.answer != nil {
		c.behind = append(c.behind, v)
		return nil
	}
	arg := fmt.Appendf(nil, `{"room":%q,"epoch":%q,"rev":%d}`, v.room.id, v.epoch, v.rev)
	return c.call("open", arg, func(reply []byte) error { return c.fleet.frame(c, reply) })
}

// post posts a message, whose text begins with the time.
func (c *client) post(r *room, answer func(seq, rev int64) error) error {
	c.fleet.posted++
	now := micros()
	arg := fmt.Appendf(nil, `{"room":%q,"cid":"%s-%d","text":"%d a message of some length, as people write them in chats"}`, r.id, c.user, c.fleet.posted, now)
	return c.call("post", arg, func(reply []byte) error {
		var p struct {
			Seq, Rev int64
			Dup      bool
		}
		if err := json.Unmarshal(reply, &p); err != nil || p.Dup || p.Seq == 0 {
			return fmt.Errorf("%s: post: %s", c.user, reply)
		}
		r.acked++
		return answer(p.Seq, p.Rev)
	})
}
