package socketio

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// A Conn is a client's connection, which carries the sockets of the client in
// all namespaces. It is a small value that can be copied, compared and used as
// the key of a map. Its methods are safe for concurrent use.
type Conn struct{ session *engine.Session }

// ID returns the connection's id, 20 random characters. Log lines contain it as
// "conn". It is not a secret, unlike the id of the session that the client
// sends with its requests.
func (c Conn) ID() string { return c.session.PublicID() }

// Transport returns the transport of the connection, "polling" or "websocket".
// After the end of the connection it returns the last transport.
func (c Conn) Transport() string { return c.session.Transport() }

// OnUpgrade adds a function that is called once, when the client has changed
// from polling to WebSocket, or at once if it has changed already. The function
// is not called for a client that began with WebSocket. The server does not
// read from the client until the function returns. Off removes the function.
func (c Conn) OnUpgrade(f func()) (off func()) {
	needs(f)
	return c.session.OnUpgrade(f)
}

// Close sends the queued packets and closes the connection. The sockets of the
// connection disconnect with [ReasonForcedClose], and the client reconnects by
// itself. To keep a client from reconnecting, use [Socket.Disconnect].
func (c Conn) Close() { c.session.Close() }

// A conn is one client's connection and its sockets, one for each namespace.
// It receives what the engine's session does.
type conn struct {
	line
	server    *Server
	decoder   parser.Decoder
	ctx       context.Context
	handshake *Handshake // the first socket's

	// Of the goroutine that receives.
	size  int       // bytes of the packet so far
	dirty []*Socket // with events that came in this batch
	part  bool      // the batch before ended inside a packet
	rate  *bucket   // nil without Options.Limits.EventRate

	asked    bool    // for a namespace
	connects *bucket // made for the second CONNECT

	mu      sync.Mutex
	next    *time.Timer // for the next attachment
	sockets []*Socket   // also disconnected ones, whose client may not know yet
	leaving []*Socket   // that have ended and whose handlers are not done
	delayed *Socket     // not admitted before one of these has left
	auth    int         // bytes of the auth of all that have not left
	closed  Reason      // nobody joins any more
	over    bool        // Closed has been called
	timeout *time.Timer // for being let into a namespace; nil once it has been
}

var (
	errEventBeforeConnect = errors.New("socketio: packet for a namespace that the client is not connected to")
	errLeft               = errors.New("socketio: packet for a namespace that the client has left")
	errConnectError       = errors.New("socketio: CONNECT_ERROR from a client")
	errInvalidNamespace   = errors.New("Invalid namespace") // as clients know it
	errTooManyNamespaces  = errors.New("Too many namespaces")
	errConnects           = errors.New("Too many connects")
	errAuth               = errors.New("Too much auth data")
)

func newConn(server *Server, session *engine.Session, r *http.Request) *conn {
	c := &conn{
		line: line{
			session: session,
			budget:  budget{limit: int64(server.opts.Limits.Inbox)},
			workers: &server.workers,
			batches: &server.batches,
		},
		server:  server,
		decoder: server.coder.parser.NewDecoder(),
		rate:    newBucket(server.opts.Limits.EventRate),
		ctx:     context.WithoutCancel(r.Context()),
		handshake: &Handshake{
			guard:       server.guard,
			Header:      r.Header,
			Host:        r.Host,
			URL:         r.URL.RequestURI(),
			Address:     r.RemoteAddr,
			Secure:      r.TLS != nil,
			CrossDomain: r.Header.Get("Origin") != "",
		},
	}
	c.timeout = time.AfterFunc(server.opts.ConnectTimeout, func() {
		server.logger.Debug("closing a connection: no CONNECT within Options.ConnectTimeout", "conn", session.PublicID())
		session.Close()
	})
	if c.legacy() {
		_ = c.connect("/", nil, 0) // there is a main namespace
	}
	return c
}

// legacy reports whether a connection is one of Options.AllowEIO3.
func (c *conn) legacy() bool { return c.session.Protocol() == 3 }

// Text implements engine.Receiver.
func (c *conn) Text(data []byte) error { return c.receive(data, c.decoder.Text) }

// Binary implements engine.Receiver.
func (c *conn) Binary(data []byte) error { return c.receive(data, c.decoder.Binary) }

func (c *conn) receive(data []byte, decode func([]byte) (*parser.Packet, error)) error {
	c.size += len(data) + overhead
	p, err := decode(data)
	if err != nil {
		return err
	}
	if p == nil {
		c.gather()
		return nil
	}
	if err := p.Check(); err != nil { // whatever the parser
		return err
	}
	size := c.size
	c.size = 0
	if c.legacy() {
		splitQuery(p)
	}
	return c.route(p, size)
}

// route passes a packet on to its socket.
func (c *conn) route(p *parser.Packet, size int) error {
	switch p.Type {
	case parser.Connect:
		return c.connect(p.Namespace, p.Args, size)
	case parser.ConnectError:
		return errConnectError
	}
	s := c.socket(p.Namespace)
	if takes, err := s.takes(p.Type); !takes {
		return err
	}
	switch p.Type {
	case parser.Disconnect:
		s.end(ReasonClientDisconnect)
	case parser.Ack:
		if p.HasID { // or else it is the reply to nothing
			c.reply(s, p, size)
		}
	case parser.Event:
		if ok, err := c.pace(s, p.Event); !ok {
			return err
		}
		c.put(s, &job[Event]{event: Event{socket: s, packet: p}, size: size})
	}
	return nil
}

// put gives an event to its socket, and waits while the client has too many.
func (c *conn) put(s *Socket, event *job[Event]) {
	for full := s.mailbox.putEvent(event); full != nil; full = s.mailbox.putEvent(event) {
		if !c.hold(full) {
			return
		}
	}
	if len(c.dirty) == 0 || c.dirty[len(c.dirty)-1] != s {
		c.dirty = append(c.dirty, s)
	}
}

// reply passes a reply to its call. It waits while too many of the client's
// replies have yet to be delivered.
func (c *conn) reply(s *Socket, p *parser.Packet, size int) {
	for full := s.acked(p.ID, p.Args, size); full != nil; full = s.acked(p.ID, p.Args, size) {
		if !c.hold(full) {
			return
		}
	}
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

// startHandlers starts the handlers of the events received so far, because the
// rest of the batch must wait.
func (c *conn) startHandlers() {
	if task := c.begin(); task != nil {
		go task.Run()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		c.next.Stop()
	}
}

// EndBatch implements engine.Receiver: only now the handlers begin, so that
// they find all that came together.
func (c *conn) EndBatch() engine.Task {
	task := c.begin()
	if c.size > 0 || c.part {
		c.awaitAttachment()
	}
	return task
}

// begin claims the mailboxes that have received events, and returns the last
// one.
func (c *conn) begin() (task engine.Task) {
	for i, s := range c.dirty {
		if s.mailbox.claim() {
			if task != nil {
				go task.Run()
			}
			task = &s.mailbox
		}
		c.dirty[i] = nil
	}
	c.dirty = c.dirty[:0]
	return task
}

// awaitAttachment bounds the time until the next attachment of a packet comes,
// as long as there is one to come.
func (c *conn) awaitAttachment() {
	c.part = c.size > 0
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.part || c.closed != "":
		if c.next != nil {
			c.next.Stop()
		}
	case c.next == nil:
		c.next = time.AfterFunc(c.server.opts.ConnectTimeout, func() {
			c.server.logger.Warn("closing a connection: no attachment within Options.ConnectTimeout", "conn", c.session.PublicID())
			c.session.Close()
		})
	default:
		c.next.Reset(c.server.opts.ConnectTimeout)
	}
}

// Drain implements engine.Drainer: the received events are handled, later ones
// are not, and the client enters no further namespace.
func (c *conn) Drain(done func()) {
	c.mu.Lock()
	c.closed = ReasonServerShutdown
	sockets := c.sockets
	c.admitDelayed()
	c.mu.Unlock()
	var busy atomic.Int64
	busy.Store(int64(len(sockets)) + 1)
	finish := func() {
		if busy.Add(-1) == 0 {
			done()
		}
	}
	for _, s := range sockets {
		s.mailbox.end(func() {
			if s.seat != nil {
				s.namespace.recovery.persistEarly(s)
			}
			finish()
		})
	}
	finish()
}

// Closed implements engine.Receiver. Only the first call counts: a connection
// that has been superseded ends before its session does.
func (c *conn) Closed(reason engine.Reason) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.over = true
	c.stopTimeout()
	c.closed = Reason(reason)
	if c.next != nil {
		c.next.Stop()
	}
	sockets := c.sockets
	c.sockets = nil
	c.mu.Unlock()
	for _, s := range sockets {
		s.end(Reason(reason))
	}
	c.mu.Lock()
	c.admitDelayed() // only now, when it is not admitted any more
	c.mu.Unlock()
}

// disconnect leaves all namespaces and closes the connection.
func (c *conn) disconnect() {
	c.mu.Lock()
	sockets := c.sockets
	c.mu.Unlock()
	for _, s := range sockets {
		s.leaveNamespace(ReasonServerDisconnect)
	}
	c.session.Close()
}
