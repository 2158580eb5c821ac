package socketio

import (
	"fmt"
	"slices"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

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

// pace reports whether to handle an event, or a CONNECT if s is nil. If the
// policy says so, it waits until a token is there.
func (c *conn) pace(s *Socket, event string) (bool, error) {
	b := c.rate
	if b == nil {
		return true, nil
	}
	if b.take() {
		return true, nil
	}
	if f := c.server.trace.OverRate; f != nil && b.Over != RateWait && s != nil && s.connected() {
		f(s, event)
	}
	switch b.Over {
	case RateDrop:
		if s != nil { // or else the refusal is logged
			c.server.logger.Warn("events over Options.Limits.EventRate dropped", "conn", c.session.PublicID())
		}
		return false, nil
	case RateDisconnect:
		c.server.logger.Warn("client over Options.Limits.EventRate disconnected", "conn", c.session.PublicID())
		return false, errEventRate
	}
	c.startHandlers()
	due := make(chan struct{})
	timer := time.AfterFunc(b.due(), func() { close(due) })
	open := c.session.Hold(due)
	timer.Stop()
	if !open {
		return false, nil
	}
	b.fill()
	b.tokens--
	return true, nil
}

// gather waits while the received part of a packet does not fit the budget. It
// does not wait while a call is pending, because that may wait for this very
// packet.
func (c *conn) gather() {
	events := c.budget.forEvents()
	for full := c.budget.room(events, c.size); full != nil && !c.unhindered(); full = c.budget.room(events, c.size) {
		if !c.hold(full) {
			return
		}
	}
}

// unhindered reports whether a packet must be completed in any case: a call
// waits for the client, or the connection takes no more events.
func (c *conn) unhindered() bool {
	c.mu.Lock()
	sockets, closed := c.sockets, c.closed != ""
	c.mu.Unlock()
	return closed || slices.ContainsFunc(sockets, (*Socket).called)
}

// hold waits until the budget may have room. Meanwhile the received events are
// handled. It reports whether the connection goes on.
func (c *conn) hold(full <-chan struct{}) bool {
	c.startHandlers()
	open := c.session.Hold(full)
	c.budget.waiting.Store(false)
	return open
}

func (c *conn) refuseNamespace(name string, why error) error {
	h := parser.Header{Type: parser.ConnectError, Namespace: name}
	m, err := c.server.coder.encode(engine.NewMessage, h, []any{c.connectError(why.Error(), nil)})
	if err != nil {
		return err
	}
	c.logRefused(name, why)
	if f := c.server.trace.Refused; f != nil {
		f(nil, fmt.Errorf("%w %q", why, name))
	}
	return c.session.Send(m)
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
