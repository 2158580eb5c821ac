// Package cluster joins the servers that share an adapter. It knows the other
// servers, publishes to them, collects their answers, and answers their
// requests. It knows no sockets; messages about sockets go to a [Host].
package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/jobs"
)

// MaxQueue is how many bytes of other servers' events may wait in a namespace
// for their handlers; one event of any size may wait alone.
const MaxQueue = 16 << 20

// A Host is a namespace of this server. Its methods are called concurrently.
type Host interface {
	Surroundings

	// Obey does what a message of another server says about the sockets and
	// the handlers here: Broadcast, SocketsJoin, SocketsLeave,
	// DisconnectSockets, FetchSockets and ServerSideEmit. With a store also the
	// Broadcasts of this server come here. It does not wait.
	Obey(m *adapter.Message) error

	// Rooms, Sockets and WatchRooms are those of an [adapter.Subscriber].
	Rooms() []string
	Sockets(rooms ...string) []string
	WatchRooms(f func(room string, private, exists bool))
}

// A Member is a namespace's part in its cluster: the servers that have the
// namespace and share an adapter. A nil Member is alone: it joins, publishes,
// asks and leaves without effect. Its methods may be called concurrently.
type Member struct {
	bus       *Bus
	namespace string
	host      Host
	uid       string // by which the other servers know this one
	ctx       context.Context
	leave     context.CancelCauseFunc
	queue     jobs.Queue
	echo      *echo       // nil unless the adapter sends this server's own events back
	joined    atomic.Bool // has subscribed

	mu       sync.Mutex
	requests map[string]*request
	calls    map[callKey]context.CancelFunc // of others, that wait for this server's clients

	// peers are the others, and when each was last heard of; nil if the adapter
	// counts them. left are those that have said that they leave: a message of
	// theirs that comes late does not make them peers again.
	peers    map[string]time.Time
	left     map[string]time.Time
	interval time.Duration // between two heartbeats
	timeout  time.Duration // after which a silent server is dead
	cutOff   bool          // the last heartbeat could not be sent
}

// As in the JavaScript server.
const (
	heartbeatInterval = 5 * time.Second
	heartbeatTimeout  = 10 * time.Second
	requestTimeout    = 5 * time.Second // of requests whose context has no deadline
)

const (
	// subscribeRetry is the pause after the adapter could not subscribe.
	subscribeRetry = time.Second

	// joinPatience is how long a program, or a client that creates a namespace,
	// waits for the subscription.
	joinPatience = time.Second

	// goodbyeTime is how long a server that leaves may take to tell the others.
	goodbyeTime = time.Second

	// maxPeers is how many other servers are known at a time, and maxUID how
	// long the id of one is, in bytes.
	maxPeers = 4096
	maxUID   = 1024
)

// New returns a Member that has not joined yet. It leaves with the Bus at the
// latest.
func New(namespace string, b *Bus, h Host) *Member {
	c := &Member{
		bus:       b,
		namespace: namespace,
		host:      h,
		uid:       newUID(),
		queue:     jobs.Queue{Limit: MaxQueue},
		requests:  make(map[string]*request),
		calls:     make(map[callKey]context.CancelFunc),
		left:      make(map[string]time.Time),
		timeout:   heartbeatTimeout,
	}
	c.ctx, c.leave = context.WithCancelCause(b.ctx)
	return c
}

// newUID returns an id of a server or request.
func newUID() string {
	var id [8]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// Context returns a context that ends when the server leaves the others.
func (c *Member) Context() context.Context { return c.ctx }

// Join subscribes to the namespace's messages. What fails is tried again in
// the background. If the adapter does not answer soon, Join does not wait for
// it.
func (c *Member) Join() {
	if c == nil {
		return
	}
	tried := make(chan struct{})
	go func() {
		err := c.tryJoin()
		close(tried)
		if err != nil {
			c.retry()
		}
	}()
	patience := time.NewTimer(joinPatience)
	defer patience.Stop()
	select {
	case <-tried:
	case <-patience.C:
	}
}

func (c *Member) retry() {
	ticker := time.NewTicker(subscribeRetry)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if c.tryJoin() == nil {
				return
			}
		case <-c.ctx.Done():
			return
		}
	}
}

func (c *Member) tryJoin() error {
	_, err := c.servers(c.ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		c.mu.Lock()
		c.peers = make(map[string]time.Time)
		c.rhythm(err)
		c.mu.Unlock()
		err = nil
	}
	if err == nil {
		err = c.subscribe()
	}
	if err != nil {
		if c.ctx.Err() == nil {
			c.host.Log(slog.LevelError, "cannot join the other servers; trying again", "err", err)
		}
		return err
	}
	c.joined.Store(true)
	if c.heartbeats() {
		_ = c.Publish(&adapter.Message{Type: adapter.InitialHeartbeat})
		go c.beat()
	}
	return nil
}

// rhythm sets the times of heartbeats to those of the adapter. c.mu is locked.
func (c *Member) rhythm(err error) {
	c.interval, c.timeout = heartbeatInterval, heartbeatTimeout
	if no := new(adapter.NoCount); errors.As(err, &no) {
		c.interval = cmp.Or(no.HeartbeatInterval, c.interval)
		c.timeout = cmp.Or(no.HeartbeatTimeout, c.timeout)
	}
}

// heartbeats reports whether servers are known by their heartbeats.
func (c *Member) heartbeats() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peers != nil
}

// beat tells the others that this server is alive, and looks whether they are.
func (c *Member) beat() {
	c.mu.Lock()
	interval := c.interval
	c.mu.Unlock()
	sweep := time.NewTicker(min(time.Second, interval))
	defer sweep.Stop()
	last := time.Now()
	for {
		select {
		case now := <-sweep.C:
			if c.silent(now) || now.Sub(last) >= interval {
				last = now
				c.publish(&adapter.Message{Type: adapter.Heartbeat}, func(err error) { c.judge(now, err) })
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// silent reports whether another server has not been heard for too long.
func (c *Member) silent(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, heard := range c.peers {
		if now.Sub(heard) > c.timeout {
			return true
		}
	}
	return false
}

// judge forgets the servers that were silent at a time, unless this server has
// not been able to send a heartbeat since: then it may not have heard them. When
// it can send again, they have the whole time to be heard.
func (c *Member) judge(at time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	revive := err == nil && c.cutOff
	c.cutOff = err != nil
	for uid, heard := range c.peers {
		switch {
		case revive:
			c.peers[uid] = time.Now()
		case err == nil && at.Sub(heard) > c.timeout:
			c.departed(uid)
		}
	}
}

// heard notes that a server is alive, or has left.
func (c *Member) heard(m *adapter.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	_, left := c.left[m.UID]
	_, known := c.peers[m.UID]
	switch {
	case m.UID == "" || m.UID == emitterUID: // a program that only publishes, or a server that does not say who it is
	case left:
		c.left[m.UID] = now
	case m.Type == adapter.Close:
		maps.DeleteFunc(c.left, func(_ string, at time.Time) bool { return now.Sub(at) > c.timeout })
		if len(c.left) < maxPeers {
			c.left[m.UID] = now
		}
		c.departed(m.UID)
	case c.peers != nil && (known || len(c.peers) < maxPeers):
		c.peers[m.UID] = now
	}
}

// emitterUID is the uid of programs that only publish.
const emitterUID = "emitter"

// departed tells the requests that wait for a server that it has left, and ends
// the calls of that server. c.mu is locked.
func (c *Member) departed(uid string) {
	delete(c.peers, uid)
	for _, r := range c.requests {
		r.departed(uid)
	}
	for key, cancel := range c.calls {
		if key.uid == uid {
			cancel()
		}
	}
}

// Leave ends the membership. The other servers learn of it after the last
// message of this one.
func (c *Member) Leave() {
	if c == nil || c.ctx.Err() != nil {
		return
	}
	c.leave(errClosed)
	c.publish(&adapter.Message{Type: adapter.Close}, nil)
	c.echo.leave()
}

var errNoRequestID = errors.New("request without id")

// receive takes a message of another server. It waits for nothing.
func (c *Member) receive(m *adapter.Message) {
	switch {
	case m == nil || c.ctx.Err() != nil:
		return
	case m.Namespace == "":
		m.Namespace = c.namespace
	case m.Namespace != c.namespace:
		return
	}
	if m.UID == c.uid {
		if c.echo != nil && m.Type == adapter.Broadcast && m.RequestID == "" {
			c.echo.came(m)
		}
		return
	}
	var err error
	ok := c.host.Guard("message of another server", func() {
		if len(m.UID) > maxUID {
			err = fmt.Errorf("id of a server of %d bytes", len(m.UID))
			return
		}
		c.heard(m)
		err = c.take(m)
	})
	if ok && err != nil {
		c.host.Log(slog.LevelWarn, "invalid message of another server", "type", int(m.Type), "err", err)
	}
}

// obey has an event of this server delivered to the sockets here.
func (c *Member) obey(m *adapter.Message) {
	var err error
	if c.host.Guard("event", func() { err = c.host.Obey(m) }) && err != nil {
		c.host.Log(slog.LevelError, "an event has come back damaged", "err", err)
	}
}

// take does what a message says. Unknown types mean nothing to this version.
func (c *Member) take(m *adapter.Message) error {
	switch m.Type {
	case adapter.InitialHeartbeat:
		if c.heartbeats() {
			_ = c.Publish(&adapter.Message{Type: adapter.Heartbeat})
		}
	case adapter.FetchSockets:
		if m.RequestID == "" {
			return errNoRequestID
		}
		return c.host.Obey(m)
	case adapter.Broadcast, adapter.SocketsJoin, adapter.SocketsLeave, adapter.DisconnectSockets, adapter.ServerSideEmit:
		return c.host.Obey(m)
	case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.ClientCount, adapter.Ack, adapter.NoAck:
		return c.answered(m)
	case adapter.CancelCall:
		c.cancelCall(callKey{m.UID, m.RequestID})
	}
	return nil
}

// answered passes an answer on to its request.
func (c *Member) answered(m *adapter.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requests[m.RequestID]
	if _, left := c.left[m.UID]; r == nil || left {
		return nil // nobody waits for it
	}
	return r.put(m)
}

// Queue has an event of another server handled after the earlier ones. It
// reports false if MaxQueue leaves no room for an event of this size.
func (c *Member) Queue(size int, handle func()) bool { return c.queue.Put(size, handle) }
