package systemtest

import (
	"bytes"
	"context"
	"errors"
	"github.com/goroomcast/socketio/internal/testserver"
	"net"
	"sync"
	"time"
)

// A faultyNet is a network in memory whose faults are those that TCP shows: what
// is lost on the way is sent again and comes late, until a connection breaks
// or nothing comes any more.
type faultyNet struct {
	server func(ctx context.Context) (net.Conn, error)

	mu     sync.Mutex
	links  []*faultyLink
	faults faults
	chunks int // that have passed
}

type faults struct {
	delay  time.Duration // of each chunk
	resend int           // every so-manieth chunk comes a second late

	mute, deaf bool // nothing passes from, or to, the clients
	down       bool // clients can't connect

	cutLarge  int // the first chunk of so many bytes breaks off in the middle
	cutSwitch int // a WebSocket breaks off in the middle of the client's so-manieth chunk
}

var errDown = errors.New("the network is down")

// A faultyLink is one connection.
type faultyLink struct {
	client, server net.Conn
	webSocket      bool
	sent           int // chunks of the client
}

func (l *faultyLink) cut() {
	l.client.Close()
	l.server.Close()
}

// Dial connects to the server.
func (f *faultyNet) Dial(ctx context.Context) (net.Conn, error) {
	f.mu.Lock()
	down := f.faults.down
	f.mu.Unlock()
	if down {
		return nil, errDown
	}
	server, err := f.server(ctx)
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	l := &faultyLink{client: far, server: server}
	f.mu.Lock()
	f.links = append(f.links, l)
	f.mu.Unlock()
	go f.relay(l, far, server, true)
	go f.relay(l, server, far, false)
	return near, nil
}

// set begins faults.
func (f *faultyNet) set(to faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = to
}

// cut breaks all connections, and lets no other be made.
func (f *faultyNet) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.down = true
	for _, l := range f.links {
		l.cut()
	}
}

func (f *faultyNet) relay(l *faultyLink, from, to net.Conn, up bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		pass, late, last := f.judge(l, buf[:n], up, err)
		if late > 0 {
			testserver.Wait(late)
		}
		if _, failed := to.Write(pass); failed != nil || last {
			l.cut()
			return
		}
		if err != nil { // which the other end does not learn
			return
		}
	}
}

// judge says what of a chunk passes, how late, and whether it is the last.
func (f *faultyNet) judge(l *faultyLink, chunk []byte, up bool, err error) (pass []byte, late time.Duration, last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chunks++
	l.webSocket = l.webSocket || bytes.Contains(chunk, []byte("Upgrade: websocket"))
	if up {
		l.sent++
	}
	late = f.faults.delay
	if n := f.faults.resend; n > 0 && f.chunks%n == 0 {
		late += time.Second
	}
	large := f.faults.cutLarge > 0 && len(chunk) >= f.faults.cutLarge
	breaks := large || up && l.webSocket && l.sent == f.faults.cutSwitch
	switch {
	case up && f.faults.mute || !up && f.faults.deaf:
		return nil, 0, false
	case breaks:
		return chunk[:len(chunk)/2], late, true
	}
	return chunk, late, err != nil
}
