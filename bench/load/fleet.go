//go:build linux

package load

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/goroomcast/socketio/bench/epoll"
	"github.com/goroomcast/socketio/bench/websocket"
)

// A Target is the server under load.
type Target struct {
	Addr netip.AddrPort
	PID  int // of the process whose costs are measured, its descendants included
	EIO  int // the revision of Engine.IO it speaks, 3 or 4

	Deflate bool // clients offer compression, and compress what they send
	Offsets bool // each event ends with an offset, for clients that come back
	Tunnel  bool // a process between clients and server has two descriptors for each connection
}

const (
	patience  = 60 * time.Second // how long anything may take that is not measured
	perSource = 5000             // connections from one 127.0.0.x
	dialing   = 32               // connections being made at a time
	heartbeat = 10 * time.Second // of clients that have to ping: Engine.IO 3
)

// A fleet is all clients of a trial. They share a loop, and so one goroutine.
type fleet struct {
	loop    *epoll.Loop
	target  Target
	clients []*client

	// deliver gets each packet for a connected client: an Engine.IO message
	// without its type, or an attachment.
	deliver func(c *client, packet []byte, binary bool) error

	connected int
	deflater  websocket.Deflater
	nextPing  time.Time
	patience  time.Duration
}

func newFleet(t Target) (*fleet, error) {
	loop, err := epoll.New()
	if err != nil {
		return nil, err
	}
	return &fleet{loop: loop, target: t, deliver: unexpected, patience: patience}, nil
}

func unexpected(c *client, packet []byte, _ bool) error {
	return fmt.Errorf("client %d got %s, want nothing", c.id, abridged(packet))
}

// source spreads connections over addresses of this machine, as each has
// only so many ports.
func source(id int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + id/perSource)})
}

func (f *fleet) dial(id int) (*epoll.Stream, error) {
	return f.loop.Dial(source(id), f.target.Addr)
}

// connect adds n clients, over WebSocket, in the main namespace.
func (f *fleet) connect(n int) error {
	want := len(f.clients) + n
	err := f.wait("connections", f.patience+time.Duration(n)*5*time.Millisecond, func() (bool, error) {
		for len(f.clients) < want && len(f.clients) < f.connected+dialing {
			c, err := f.newClient(len(f.clients), "")
			if err != nil {
				return false, err
			}
			f.clients = append(f.clients, c)
		}
		return f.connected == want, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d connected, %d others waiting for the answer to CONNECT: %w", f.connected, want, f.in(joining), err)
	}
	return nil
}

// in is how many clients are in a state.
func (f *fleet) in(s state) (n int) {
	for _, c := range f.clients {
		if c.state == s {
			n++
		}
	}
	return n
}

// wait runs the loop until done says so or a time is over, which is an error.
func (f *fleet) wait(what string, limit time.Duration, done func() (bool, error)) error {
	return f.loop.Wait(what, limit, func() (bool, error) {
		if err := f.ping(); err != nil {
			return false, err
		}
		return done()
	})
}

// run runs the loop for a time.
func (f *fleet) run(d time.Duration) error {
	end := time.Now().Add(d)
	return f.wait("", 2*d+time.Second, func() (bool, error) { return time.Now().After(end), nil })
}

// ping sends the heartbeats that clients of Engine.IO 3 owe.
func (f *fleet) ping() error {
	if f.target.EIO != 3 || f.loop.Now.Before(f.nextPing) {
		return nil
	}
	f.nextPing = f.loop.Now.Add(heartbeat)
	for _, c := range f.clients {
		if c.state == connected {
			if err := c.sendText([]byte("2")); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave closes all connections, every second one without a word.
func (f *fleet) leave() error {
	for i, c := range f.clients {
		if i%2 == 0 {
			if err := c.sendClose(); err != nil {
				return err
			}
		}
		c.stream.Close()
	}
	f.clients, f.connected = nil, 0
	return nil
}
