//go:build linux

package chatbench

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/goroomcast/socketio/bench/epoll"
)

// A fleet is all clients of a row. They share a loop, and so one goroutine.
type fleet struct {
	loop    *epoll.Loop
	servers []*server
	clients []*client
	rooms   map[string]*room

	joined, ready int
	opening       int // views that wait for their frame
	posted        int
	gaps          int
	deliveries    int
	events        map[string]int
	lastReady     []byte
	parsed        map[string]*frame           // those of late, by their bytes: followers get the same ones
	delivered     func(c *client, m *message) // gets each message that is new to a client
}

// A room is a room of the store.
type room struct {
	id    string
	acked int // posts that were acknowledged
}

// A frame is the event changes, or the reply to open.
type frame struct {
	Room     string
	Epoch    string
	From, To int64
	Messages []message
	Reset    bool
	More     bool
	sum      uint64 // of all messages
}

type message struct {
	Seq, Rev     int64
	Author, Text string
	sent         int64 // µs
	sum          uint64
}

// digest returns a number for a message, of which sums are made.
func digest(seq, rev int64, author, text string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, seq, " ", rev, " ", author, " ", text)
	return h.Sum64()
}

func micros() int64 { return time.Now().UnixMicro() }

const (
	patience  = 3 * time.Minute // how long anything may take that is not measured
	perSource = 5000            // connections from one 127.0.0.x
	dialing   = 64              // connections being made at a time
)

// source spreads connections over addresses of this machine, because each has
// only so many ports.
func source(id int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + id/perSource)}) }

func newFleet(servers ...*server) (*fleet, error) {
	loop, err := epoll.New()
	if err != nil {
		return nil, err
	}
	return &fleet{loop: loop, servers: servers, rooms: make(map[string]*room), events: make(map[string]int), parsed: make(map[string]*frame)}, nil
}

// add makes a client of a user, with views of rooms.
func (f *fleet) add(user string, rooms ...string) *client {
	c := &client{fleet: f, id: len(f.clients), user: user}
	c.server = c.id % len(f.servers)
	for _, id := range rooms {
		c.views = append(c.views, view{room: f.room(id)})
	}
	f.clients = append(f.clients, c)
	return c
}

func (f *fleet) room(id string) *room {
	if f.rooms[id] == nil {
		f.rooms[id] = &room{id: id}
	}
	return f.rooms[id]
}

// run runs the loop for a time.
func (f *fleet) run(d time.Duration) error {
	end := time.Now().Add(d)
	return f.loop.Run(func() bool { return time.Now().After(end) })
}

// connect connects clients, and waits until each is ready.
func (f *fleet) connect(clients []*client) error {
	want, next := f.joined+len(clients), 0
	before := f.joined
	return f.loop.Wait("connections", patience, func() (bool, error) {
		for next < len(clients) && next < f.joined-before+dialing {
			if err := clients[next].dial(); err != nil {
				return false, err
			}
			next++
		}
		return f.joined == want && (f.ready == want || clients[0].bare), nil
	})
}

// follow opens all views of the clients that are not open, some at a time.
func (f *fleet) follow(clients []*client) error {
	type job struct {
		c *client
		v *view
	}
	var jobs []job
	for _, c := range clients {
		for i := range c.views {
			if !c.views[i].open {
				jobs = append(jobs, job{c, &c.views[i]})
			}
		}
	}
	return f.loop.Wait("open", patience, func() (bool, error) {
		rest := jobs[:0]
		for _, j := range jobs {
			if j.c.answer != nil || f.opening >= 256 {
				rest = append(rest, j)
				continue
			}
			f.opening++
			if err := j.c.open(j.v); err != nil {
				return false, err
			}
		}
		jobs = rest
		return len(jobs) == 0 && f.opening == 0, nil
	})
}

// parse returns a frame. Followers get the same bytes, so most are known.
func (f *fleet) parse(data []byte) (*frame, error) {
	if p := f.parsed[string(data)]; p != nil {
		return p, nil
	}
	p := new(frame)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, err
	}
	for i := range p.Messages {
		m := &p.Messages[i]
		m.sum = digest(m.Seq, m.Rev, m.Author, m.Text)
		p.sum += m.sum
		at, _, _ := strings.Cut(m.Text, " ")
		m.sent, _ = strconv.ParseInt(at, 10, 64)
	}
	if len(f.parsed) > 5000 {
		clear(f.parsed)
	}
	f.parsed[string(data)] = p
	return p, nil
}

// frame applies a frame to a client's view, by the rule of the protocol.
func (f *fleet) frame(c *client, data []byte) error {
	p, err := f.parse(data)
	if err != nil {
		return err
	}
	var v *view
	for i := range c.views {
		if c.views[i].room.id == p.Room {
			v = &c.views[i]
		}
	}
	switch {
	case v == nil:
		return fmt.Errorf("%s: a frame of %s", c.user, p.Room)
	case p.Reset:
		*v = view{room: v.room, epoch: p.Epoch, rev: p.From, open: v.open}
		if len(p.Messages) > 0 {
			v.low = p.Messages[0].Seq
		}
	case p.Epoch != v.epoch || p.From > v.rev:
		f.gaps++
		return fmt.Errorf("%s: a gap in %s: at %d, got (%d, %d]", c.user, p.Room, v.rev, p.From, p.To)
	}
	f.deliveries++
	if p.From == v.rev {
		v.rows, v.sum = v.rows+len(p.Messages), v.sum+p.sum
	}
	for i := range p.Messages {
		m := &p.Messages[i]
		if p.From < v.rev && m.Rev > v.rev {
			v.rows, v.sum = v.rows+1, v.sum+m.sum
		}
		if f.delivered != nil && m.Rev > v.rev {
			f.delivered(c, m)
		}
	}
	v.rev = max(v.rev, p.To)
	switch {
	case p.More:
		return c.open(v)
	case !v.open:
		v.open = true
		f.opening--
	}
	return nil
}
