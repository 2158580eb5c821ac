//go:build linux

package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/goroomcast/socketio/bench/epoll"
	"github.com/goroomcast/socketio/bench/websocket"
)

// A conn is a connection: HTTP until it is a WebSocket.
type conn struct {
	floor  *floor
	stream *epoll.Stream
	framed bool
	rooms  []string
}

const (
	open      = `0{"sid":"aaaaaaaaaaaaaaaaaaaa","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	connected = `40{"sid":"aaaaaaaaaaaaaaaaaaab"}`
)

func (c *conn) received(data []byte) (used int, err error) {
	if !c.framed {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			return 0, nil
		}
		used = end + 4
		c.request(data[:used])
	}
	for {
		f, n, err := websocket.Cut(data[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		c.packet(f)
	}
}

func (c *conn) request(head []byte) {
	key := between(head, "Sec-WebSocket-Key: ", "\r\n")
	if len(key) == 0 { // GET /gauge
		c.respond()
		return
	}
	c.framed = true
	c.stream.SendLater(websocket.Append(fmt.Appendf(c.stream.Out(), "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", websocket.Accept(string(key))),
		websocket.Text, []byte(open)))
}

func (c *conn) respond() {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	body := fmt.Sprintf(`{"heap":%d,"goroutines":%d}`, m.HeapAlloc, runtime.NumGoroutine())
	c.stream.SendLater(fmt.Appendf(c.stream.Out(), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
}

// packet does what a frame asks for.
func (c *conn) packet(f websocket.Frame) {
	p := f.Payload
	switch {
	case f.Opcode == websocket.Close:
		c.left()
		c.stream.Close()
	case f.Opcode == websocket.Binary, bytes.HasPrefix(p, []byte(`451-["binary"`)), bytes.HasPrefix(p, []byte(`42["echo"`)):
		c.send(f.Opcode, p)
	case string(p) == "40":
		c.floor.all[c] = struct{}{}
		c.send(websocket.Text, []byte(connected))
	case bytes.HasPrefix(p, []byte(`42["bcast"`)):
		c.floor.all.send(c.floor, p)
	case bytes.HasPrefix(p, []byte(`42["room"`)):
		text := fmt.Appendf(nil, `42["room","%s"]`, between(p, `"text":"`, `"`))
		c.floor.rooms[string(between(p, `"room":"`, `"`))].send(c.floor, text)
	case bytes.HasPrefix(p, []byte(`42["join"`)):
		c.join(string(between(p, `,"`, `"`)))
	case bytes.HasPrefix(p, []byte(`42["leave"`)):
		room := string(between(p, `,"`, `"`))
		c.rooms = slices.DeleteFunc(c.rooms, func(r string) bool { return r == room })
		c.leave(room)
	default: // 42id["ack","text"]
		if id, text, found := bytes.Cut(p[2:], []byte(`["ack",`)); found {
			c.send(websocket.Text, fmt.Appendf(nil, "43%s[%s", id, text))
		}
	}
}

func (c *conn) send(opcode byte, payload []byte) {
	c.stream.SendLater(websocket.Append(c.stream.Out(), opcode, payload))
}

// send frames a text once, and sends it to all.
func (m members) send(f *floor, text []byte) {
	f.frame = websocket.Append(f.frame[:0], websocket.Text, text)
	for c := range m {
		c.stream.SendLater(append(c.stream.Out(), f.frame...))
	}
}
