package socketio

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
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
	leave     context.CancelFunc
	local     Broadcast   // to this server's sockets
	inbox     serverInbox // of what they emit to this server

	mu       sync.Mutex
	requests map[string]*request

	// The others, and when each was last heard of; nil if the adapter counts
	// them.
	peers map[string]time.Time
}

// As in the JavaScript server.
const (
	heartbeatInterval = 5 * time.Second
	heartbeatTimeout  = 10 * time.Second
	requestTimeout    = 5 * time.Second // of requests whose context has no deadline
)

// subscribeRetry is the pause after the adapter could not subscribe.
const subscribeRetry = time.Second

func newCluster(n *Namespace, a adapter.Adapter) *cluster {
	c := &cluster{
		adapter:   a,
		namespace: n,
		uid:       newUID(),
		local:     n.Broadcast.Local(),
		requests:  make(map[string]*request),
	}
	c.ctx, c.leave = context.WithCancel(context.Background())
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
	if err := c.subscribe(); err != nil {
		go c.retry()
	}
}

func (c *cluster) retry() {
	ticker := time.NewTicker(subscribeRetry)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if c.subscribe() == nil {
				return
			}
		case <-c.ctx.Done():
			return
		}
	}
}

func (c *cluster) subscribe() error {
	name := c.namespace.name
	_, err := c.adapter.Servers(c.ctx, name)
	if errors.Is(err, errors.ErrUnsupported) {
		c.mu.Lock()
		c.peers = make(map[string]time.Time)
		c.mu.Unlock()
		err = nil
	}
	if err == nil {
		err = c.adapter.Subscribe(c.ctx, name, c.uid, c.receive)
	}
	if err != nil {
		if c.ctx.Err() == nil {
			c.namespace.server.logger.Error("cannot join the other servers; trying again", "namespace", name, "err", err)
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

// heard notes that a server is alive.
func (c *cluster) heard(m *adapter.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.Type == adapter.Close:
		c.departed(m.UID)
	case c.peers != nil && m.UID != emitterUID:
		c.peers[m.UID] = time.Now()
	}
}

// emitterUID is by which programs go that only publish.
const emitterUID = "emitter"

// departed tells who waits for a server that it has left. c.mu is locked.
func (c *cluster) departed(uid string) {
	delete(c.peers, uid)
	for _, r := range c.requests {
		r.put(&adapter.Message{Type: adapter.Close, UID: uid})
	}
}

// close leaves the other servers.
func (c *cluster) close() {
	_ = c.publish(&adapter.Message{Type: adapter.Close})
	c.leave()
}

var errClosed = errors.New("socketio: server closed")

// publish sends a message to the other servers. The error has been logged.
func (c *cluster) publish(m *adapter.Message) error {
	_, err := c.publishAt(m)
	return err
}

// publishAt is publish that returns the message's place in the adapter's log.
func (c *cluster) publishAt(m *adapter.Message) (offset string, err error) {
	if c.ctx.Err() != nil {
		return "", errClosed
	}
	m.UID, m.Namespace = c.uid, c.namespace.name
	offset, err = c.adapter.Publish(c.ctx, m)
	if err != nil {
		c.namespace.server.logger.Error("cannot send to the other servers",
			"namespace", m.Namespace, "type", int(m.Type), "err", err)
	}
	return offset, err
}

// receive takes a message of another server. It waits for nothing.
func (c *cluster) receive(m *adapter.Message) {
	if m.UID == c.uid || m.Namespace != c.namespace.name || c.ctx.Err() != nil {
		return
	}
	c.heard(m)
	if err := c.obey(m); err != nil {
		c.namespace.server.logger.Warn("invalid message of another server",
			"namespace", m.Namespace, "type", int(m.Type), "err", err)
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
		c.respond(m, &adapter.Message{Type: adapter.FetchSocketsResponse, Sockets: c.selection(m.Opts).describe()})
	case adapter.ServerSideEmit:
		return c.takeServerSide(m)
	case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.ClientCount, adapter.Ack, adapter.NoAck:
		c.mu.Lock()
		defer c.mu.Unlock()
		if r := c.requests[m.RequestID]; r != nil {
			r.put(m)
		}
	}
	return nil
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
