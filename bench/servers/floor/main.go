//go:build linux

// Floor is the benchmark's application without a library: one loop over the
// descriptors that knows the events by their bytes. What it costs, the kernel
// costs; no Socket.IO server can cost less.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net/netip"
	"os"
	"runtime"

	"github.com/goroomcast/socketio/bench/epoll"
)

func main() {
	runtime.GOMAXPROCS(1) // there is one goroutine
	addr, err := netip.ParseAddrPort(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	loop, err := epoll.New()
	if err != nil {
		log.Fatal(err)
	}
	f := &floor{all: members{}, rooms: map[string]members{}}
	if err := loop.Listen(addr, f.accept); err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(loop.Run(func() bool { return false }))
}

type members map[*conn]struct{}

type floor struct {
	all   members
	rooms map[string]members
	frame []byte
}

func (f *floor) accept(s *epoll.Stream) {
	c := &conn{floor: f, stream: s}
	s.Received = c.received
	s.Ended = func(error) error { c.left(); return nil }
}

// left forgets a client.
func (c *conn) left() {
	delete(c.floor.all, c)
	for _, room := range c.rooms {
		c.leave(room)
	}
}

func (c *conn) join(room string) {
	f := c.floor
	if f.rooms[room] == nil {
		f.rooms[room] = members{}
	}
	f.rooms[room][c] = struct{}{}
	c.rooms = append(c.rooms, room)
}

func (c *conn) leave(room string) {
	in := c.floor.rooms[room]
	if delete(in, c); len(in) == 0 {
		delete(c.floor.rooms, room)
	}
}

// between returns what stands between two texts.
func between(b []byte, before, after string) []byte {
	_, b, _ = bytes.Cut(b, []byte(before))
	b, _, _ = bytes.Cut(b, []byte(after))
	return b
}
