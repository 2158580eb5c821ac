package socketio

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A cluster is what a namespace knows of the servers it shares an adapter
// with. What they send becomes local broadcasts. A namespace without an
// adapter has none.
type cluster struct {
	adapter   adapter.Adapter
	namespace *Namespace
	uid       string // by which the other servers know this one
	ctx       context.Context
	leave     context.CancelCauseFunc
	local     Broadcast   // to this server's sockets
	inbox     serverInbox // of what they emit to this server

	mu       sync.Mutex
	requests map[string]*request
	calls    map[callKey]context.CancelFunc // of others, that wait for this server's clients

	// peers are the others, and when each was last heard of; nil if the adapter
	// counts them. left are those that have said that they leave: a message of
	// theirs that comes late does not make them peers again.
	peers map[string]time.Time
	left  map[string]time.Time
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

	// goodbyeTime is how long a server that closes may take to tell the others.
	goodbyeTime = time.Second

	// maxPeers is how many other servers are known at a time, and maxUID how
	// long the id of one is, in bytes.
	maxPeers = 4096
	maxUID   = 1024
)

func newCluster(n *Namespace, a adapter.Adapter) *cluster {
	c := &cluster{
		adapter:   a,
		namespace: n,
		uid:       newUID(),
		local:     n.Broadcast.Local(),
		requests:  make(map[string]*request),
		calls:     make(map[callKey]context.CancelFunc),
		left:      make(map[string]time.Time),
	}
	c.ctx, c.leave = context.WithCancelCause(context.Background())
	return c
}

// newUID returns an id of a server or request.
func newUID() string {
	var id [8]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func (n *Namespace) joinCluster() {
	if n.cluster != nil {
		n.cluster.join()
	}
}

func (n *Namespace) leaveCluster() {
	if n.cluster != nil {
		n.cluster.close()
	}
}

// join subscribes to the namespace's messages. What fails is tried again in
// the background.
func (c *cluster) join() {
	if err := c.tryJoin(); err != nil {
		go c.retry()
	}
}

func (c *cluster) retry() {
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

func (c *cluster) tryJoin() error {
	_, err := c.servers(c.ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		c.mu.Lock()
		c.peers = make(map[string]time.Time)
		c.mu.Unlock()
		err = nil
	}
	if err == nil {
		err = c.subscribe()
	}
	if err != nil {
		if c.ctx.Err() == nil {
			c.namespace.server.logger.Error("cannot join the other servers; trying again", "namespace", c.namespace.name, "err", err)
		}
		return err
	}
	if c.heartbeats() {
		_ = c.publish(&adapter.Message{Type: adapter.InitialHeartbeat})
		go c.beat()
	}
	return nil
}

// heartbeats reports whether servers are known by their heartbeats.
func (c *cluster) heartbeats() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peers != nil
}

// beat tells the others that this server is alive, and forgets those who have
// ceased to.
func (c *cluster) beat() {
	sweep := time.NewTicker(time.Second)
	defer sweep.Stop()
	last := time.Now()
	for {
		select {
		case now := <-sweep.C:
			if now.Sub(last) >= heartbeatInterval {
				last = now
				_ = c.publish(&adapter.Message{Type: adapter.Heartbeat})
			}
			c.mu.Lock()
			for uid, heard := range c.peers {
				if now.Sub(heard) > heartbeatTimeout {
					c.departed(uid)
				}
			}
			c.mu.Unlock()
		case <-c.ctx.Done():
			return
		}
	}
}

// heard notes that a server is alive, or has left.
func (c *cluster) heard(m *adapter.Message) {
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
		maps.DeleteFunc(c.left, func(_ string, at time.Time) bool { return now.Sub(at) > heartbeatTimeout })
		if len(c.left) < maxPeers {
			c.left[m.UID] = now
		}
		c.departed(m.UID)
	case c.peers != nil && (known || len(c.peers) < maxPeers):
		c.peers[m.UID] = now
	}
}

// emitterUID is by which programs go that only publish.
const emitterUID = "emitter"

// departed tells who waits for a server that it has left, and forgets what it
// waits for. c.mu is locked.
func (c *cluster) departed(uid string) {
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

// close leaves the other servers, and tells them after the last message that
// they get of this one.
func (c *cluster) close() {
	if c.ctx.Err() != nil {
		return
	}
	c.leave(errClosed)
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	_, _ = c.publishWith(ctx, &adapter.Message{Type: adapter.Close})
}

var (
	errClosed      = errors.New("socketio: server closed")
	errNoRequestID = errors.New("request without id")
)

// receive takes a message of another server. It waits for nothing.
func (c *cluster) receive(m *adapter.Message) {
	if m == nil || m.UID == c.uid || m.Namespace != c.namespace.name || c.ctx.Err() != nil {
		return
	}
	err := c.namespace.server.guard("message of another server", c.namespace.name, "", func() error {
		if len(m.UID) > maxUID {
			return fmt.Errorf("id of a server of %d bytes", len(m.UID))
		}
		c.heard(m)
		return c.obey(m)
	})
	if err != nil && !errors.Is(err, errPanic) {
		c.namespace.server.logger.Warn("invalid message of another server", "namespace", m.Namespace, "type", int(m.Type), "err", err)
	}
}

// obey does what a message says. Unknown types mean nothing to this version.
func (c *cluster) obey(m *adapter.Message) error {
	switch m.Type {
	case adapter.InitialHeartbeat:
		if c.heartbeats() {
			_ = c.publish(&adapter.Message{Type: adapter.Heartbeat})
		}
	case adapter.Broadcast:
		return c.relay(m)
	case adapter.SocketsJoin:
		c.selection(m.Opts).SocketsJoin(m.Rooms...)
	case adapter.SocketsLeave:
		c.selection(m.Opts).SocketsLeave(m.Rooms...)
	case adapter.DisconnectSockets:
		c.selection(m.Opts).DisconnectSockets(m.Close)
	case adapter.FetchSockets:
		if m.RequestID == "" {
			return errNoRequestID
		}
		c.respond(m, &adapter.Message{Type: adapter.FetchSocketsResponse, Sockets: c.selection(m.Opts).describe()})
	case adapter.ServerSideEmit:
		return c.takeServerSide(m)
	case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.ClientCount, adapter.Ack, adapter.NoAck:
		return c.answered(m)
	case adapter.CancelCall:
		c.mu.Lock()
		defer c.mu.Unlock()
		if cancel := c.calls[callKey{m.UID, m.RequestID}]; cancel != nil {
			cancel()
		}
	}
	return nil
}

// answered passes an answer on to who waits for it.
func (c *cluster) answered(m *adapter.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requests[m.RequestID]
	if _, left := c.left[m.UID]; r == nil || left {
		return nil // nobody waits for it
	}
	return r.put(m)
}

// respond answers a request.
func (c *cluster) respond(request, answer *adapter.Message) {
	answer.To, answer.RequestID = request.UID, request.RequestID
	_ = c.publish(answer)
}

// selection is the local part of what a message selects.
func (c *cluster) selection(o adapter.Opts) Broadcast {
	b := c.local.To(o.Rooms...).Except(o.Except...)
	b.volatile, b.plain = o.Volatile, o.Plain
	return b
}
