package socketio

import (
	"fmt"
	"slices"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// connect answers a CONNECT of a size.
func (c *conn) connect(namespace string, auth parser.Args, size int) error {
	why, err := c.objection(namespace)
	if err != nil {
		return err
	}
	if why == nil {
		auth, why = c.keepAuth(auth, size)
	}
	if why != nil {
		return c.turnAway(namespace, why)
	}
	c.add(newSocket(c, namespace, c.handshakeWith(auth)))
	return nil
}

// Of the Limits.Namespaces that a client may be in, those count that it has left
// and whose handlers are not done: otherwise it could have any number of handlers at
// work. But a client that leaves and comes back at once is not refused for
// that; one socket may be there more than it may be in, and waits.

// objection returns why a CONNECT must be refused, or nil. A second error ends
// the connection.
func (c *conn) objection(namespace string) (why, err error) {
	first := !c.asked // which counts for no rate
	c.asked = true
	if !first {
		switch ok, err := c.pace(nil, ""); {
		case err != nil:
			return nil, err
		case !ok:
			return errConnects, nil
		}
	}
	switch {
	case !c.makeRoom(namespace):
		return errTooManyNamespaces, nil
	case !c.server.mayHave(namespace):
		return errInvalidNamespace, nil
	case !first && !c.mayConnect():
		return errConnects, nil
	}
	return nil, nil
}

// How fast one connection may ask for namespaces that there may be: twice at once
// for as many as it may be in, later as often as a user changes pages. Without that
// bound a client could try passwords, or make namespaces, as fast as it can send.
const (
	connectsPerSecond = 10
	minConnectBurst   = 100
)

// mayConnect reports whether one more CONNECT may be decided upon.
func (c *conn) mayConnect() bool {
	if c.connects == nil {
		burst := max(minConnectBurst, 2*c.server.opts.Limits.Namespaces)
		c.connects = newBucket(EventRate{PerSecond: connectsPerSecond, Burst: burst})
	}
	return c.connects.take()
}

// makeRoom reports whether the client may have a socket in a namespace, where it
// may have one already. If need be it forgets one that the client has left.
func (c *conn) makeRoom(namespace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := c.server.opts.Limits.Namespaces
	all := c.living("") + len(c.leaving)
	if c.delayed != nil && c.delayed.name == namespace {
		all-- // whose place is taken
	}
	if c.living(namespace) >= limit || all > limit {
		return false
	}
	if len(c.sockets) >= limit {
		gone := func(s *Socket) bool { return s.status.Load() == statusDisconnected && s.name != namespace }
		if i := slices.IndexFunc(c.sockets, gone); i >= 0 {
			c.remove(c.sockets[i])
		}
	}
	return true
}

// turnAway refuses a CONNECT. If the client was in the namespace, it is no
// longer.
func (c *conn) turnAway(namespace string, why error) error {
	if s := c.socket(namespace); s != nil {
		s.end(ReasonClientDisconnect)
	}
	return c.refuseNamespace(namespace, why)
}

func (c *conn) refuseNamespace(name string, why error) error {
	m, err := c.refusal(name, why)
	if err != nil {
		return err
	}
	c.tellRefused(name, why)
	return c.session.Send(m)
}

// refusal encodes the answer to a CONNECT that is refused.
func (c *conn) refusal(name string, why error) (*engine.Message, error) {
	h := parser.Header{Type: parser.ConnectError, Namespace: name}
	return c.server.coder.encode(engine.NewMessage, h, []any{c.connectError(why.Error(), nil)})
}

// tellRefused tells the log and the program of a refusal.
func (c *conn) tellRefused(name string, why error) {
	c.logRefused(name, why)
	if f := c.server.trace.Refused; f != nil {
		f(nil, fmt.Errorf("%w %q", why, name))
	}
}

// logRefused says why the client does not get into a namespace.
func (c *conn) logRefused(name string, why error) {
	log := c.server.logger
	switch why {
	case errInvalidNamespace:
		log.About(name).Warn("namespace refused: there is none of this name; Server.Of, OfPattern and OfFunc make them",
			"namespace", name, "conn", c.session.PublicID())
	case errTooManyNamespaces:
		log.Warn("namespace over Options.Limits.Namespaces refused", "conn", c.session.PublicID(), "limit", c.server.opts.Limits.Namespaces)
	case errConnects:
		log.Warn("CONNECT over the rate refused", "conn", c.session.PublicID(), "per_second", connectsPerSecond)
	case errAuth:
		log.Warn("auth over Options.Limits.Inbox refused", "conn", c.session.PublicID(), "limit", c.budget.forAuth())
	default:
		log.About(name).Warn("namespace refused", "namespace", name, "conn", c.session.PublicID(), "err", why)
	}
}

// connectError returns the payload of the refusal of a CONNECT: for legacy
// clients the data, or else the message.
func (c *conn) connectError(message string, data any) any {
	switch {
	case !c.legacy():
		return connectError{message, data}
	case data != nil:
		return data
	}
	return message
}

type connectError struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// handshakeWith returns the handshake of a CONNECT. The goroutine that
// receives calls it.
func (c *conn) handshakeWith(auth parser.Args) *Handshake {
	h := c.handshake
	if !h.Time.IsZero() { // another socket has it
		own := *h
		h = &own
	}
	h.Time, h.auth = time.Now(), auth
	return h
}

// keepAuth returns the auth payload to keep, which may be nil. It returns an
// error if the payloads in all namespaces of the client together are too large.
// A single payload may have any size.
func (c *conn) keepAuth(args parser.Args, size int) (auth parser.Args, why error) {
	if args == nil {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auth > 0 && c.auth+size > c.budget.forAuth() {
		return nil, errAuth
	}
	c.auth += size
	return &keptAuth{size: size, args: args}, nil
}

// dropAuth forgets the auth of a socket that has left.
func (c *conn) dropAuth(auth parser.Args) {
	kept, is := auth.(*keptAuth)
	if !is {
		return
	}
	kept.mu.Lock()
	kept.args = nil
	kept.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.auth -= kept.size
}

// add begins the admission of a socket, unless the connection is over. It takes
// the place of the socket that the client has in the namespace: a client that
// connects, leaves before it has the answer and connects again does not say that
// it has left.
func (c *conn) add(s *Socket) {
	if earlier := c.socket(s.name); earlier != nil {
		s.rejoins = earlier.end(ReasonClientDisconnect) != statusPending || earlier.rejoins
		c.forget(earlier)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != "" {
		return
	}
	c.sockets = append(c.sockets, s)
	c.server.workers.Add(1) // until it has left
	if c.living("")+len(c.leaving) > c.server.opts.Limits.Namespaces {
		c.delayed = s
		s.mailbox.hold(s.admit)
		return
	}
	s.mailbox.put(s.admit)
}

// newID returns the id of a new socket.
func (c *conn) newID(n *Namespace) string {
	switch {
	case !c.legacy():
		return engine.NewID()
	case n.name == "/":
		return c.session.ID()
	}
	return n.name + "#" + c.session.ID()
}

// connectReply returns the payload of the answer to a CONNECT.
func (c *conn) connectReply(s *Socket) []any {
	if c.legacy() {
		return nil
	}
	reply := connectReply{SID: s.id}
	if s.seat != nil {
		reply.PID = s.seat.pid
	}
	return []any{reply}
}

type connectReply struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"`
}

// settled ends the wait for being let into a namespace.
func (c *conn) settled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopTimeout()
}

// stopTimeout is settled with c.mu locked.
func (c *conn) stopTimeout() {
	if c.timeout != nil {
		c.timeout.Stop()
		c.timeout = nil
	}
}

// living returns how many sockets the client has, but for that in a namespace.
// c.mu is locked.
func (c *conn) living(but string) (n int) {
	for _, s := range c.sockets {
		if s.status.Load() != statusDisconnected && s.name != but {
			n++
		}
	}
	return n
}

// leaves notes that a socket has ended.
func (c *conn) leaves(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s == c.delayed: // it has no handlers at work
		c.admitDelayed() // which it is not any more
	case c.closed == "": // or else no other comes
		c.leaving = append(c.leaving, s)
	}
}

// left follows the last of a socket's handlers.
func (c *conn) left(s *Socket) {
	c.dropAuth(s.handshake.auth)
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.leaving, s); i >= 0 {
		c.leaving = slices.Delete(c.leaving, i, i+1)
	}
	if c.living("")+len(c.leaving) <= c.server.opts.Limits.Namespaces {
		c.admitDelayed()
	}
}

// admitDelayed begins the admission of the socket that waits, if there is one.
// c.mu is locked.
func (c *conn) admitDelayed() {
	if s := c.delayed; s != nil {
		c.delayed = nil
		go s.mailbox.Run()
	}
}

// socket returns the client's socket in a namespace, or nil.
func (c *conn) socket(namespace string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if s.name == namespace {
			return s
		}
	}
	return nil
}

// forget removes a socket that the client does not know of.
func (c *conn) forget(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(s)
}

// remove is forget with c.mu locked. Others may have the list.
func (c *conn) remove(s *Socket) {
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = append(c.sockets[:i:i], c.sockets[i+1:]...)
	}
}
