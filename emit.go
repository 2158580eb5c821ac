package socketio

import (
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// Emit sends an event to the selected sockets. It encodes the event once and
// does not wait for clients. The arguments may be modified when Emit has
// returned. Emit returns an error for a reserved name, for arguments that cannot
// be encoded, and for an event that the other servers would refuse: one with a
// name of more than 1,024 bytes, or with values nested deeper than 511. If other
// servers cannot be reached, it logs that. An event for a parent goes to the
// children on this server, see [Server.OfFunc].
func (b Broadcast) Emit(event string, args ...any) error {
	out, err := b.prepare(event, parser.Header{}, args)
	if err != nil {
		return err
	}
	defer out.free()
	namespaces := b.namespace.audience()
	if len(namespaces) == 0 {
		return out.encode(b.namespace) // to see whether it can be
	}
	for _, b.namespace = range namespaces {
		if err := b.emit(out); err != nil {
			return err
		}
	}
	return nil
}

// An outgoing is an event on its way to sockets. Its arguments are encoded
// once, however many forms of the event there are: one for each namespace, for
// other servers, and with and without an offset. Whoever prepares an outgoing
// frees it.
type outgoing struct {
	header parser.Header
	given  []any // the arguments as the program has them
	args   []any // the arguments as they are encoded

	volatile bool
	plain    bool // not compressed
	once     bool // sent to one socket only
	wide     bool // perhaps sent to other servers, or to several namespaces

	offset  string          // in the log of clients that come back, "" if it has none
	message *engine.Message // for the namespace in the header
	bare    *engine.Message // the message without an offset, if a socket needs it
	packet  parser.Encoded  // for other servers, if they need it
	kept    bool            // the log has the message
	direct  int             // sockets for which the emitting goroutine does the writing
}

var outgoingPool = sync.Pool{New: func() any { return new(outgoing) }}

// prepare returns an event for the selected sockets.
func (b Broadcast) prepare(event string, h parser.Header, args []any) (*outgoing, error) {
	return b.namespace.prepare(event, outgoing{
		header: h, given: args, volatile: b.volatile, plain: b.plain,
		wide: b.namespace.family != nil || b.reachesOthers() || b.namespace.recovery.stores(b),
	})
}

// prepareOne returns an event for one socket of the namespace, encoded.
func (n *Namespace) prepareOne(event string, h parser.Header, args []any) (*outgoing, error) {
	out, err := n.prepare(event, outgoing{header: h, given: args, once: true})
	if err != nil {
		return nil, err
	}
	if err := out.encode(n); err != nil {
		out.free()
		return nil, err
	}
	return out, nil
}

func (n *Namespace) prepare(event string, as outgoing) (*outgoing, error) {
	if parser.ReservedEvent(event) {
		return nil, reservedError(event)
	}
	as.header.Type, as.header.Event = parser.Event, event
	as.args = as.given
	if as.wide || n.recovery != nil && n.server.opts.AllowEIO3 && !as.header.HasID && !as.once {
		var err error
		if as.args, err = n.server.coder.encodeOnce(n.name, event, as.given); err != nil {
			return nil, err
		}
	}
	out := outgoingPool.Get().(*outgoing)
	*out = as
	return out, nil
}

// keep returns the message and leaves its memory to the caller.
func (o *outgoing) keep() *engine.Message {
	o.kept = true
	return o.message
}

// free gives the memory back to the pools.
func (o *outgoing) free() {
	if o.message != nil && !o.kept {
		o.message.Recycle()
	}
	*o = outgoing{}
	outgoingPool.Put(o)
}

// emit sends an event to the selected sockets of one namespace, here and on
// other servers. An adapter that keeps a log sends the event back, and then it
// goes to the sockets here, in the order of the log.
func (b Broadcast) emit(out *outgoing) error {
	n := b.namespace
	stored := n.recovery.stores(b)
	if !stored && !n.cluster.Ahead() {
		return b.emitHere(out)
	}
	m, err := out.messageForOthers(b)
	switch {
	case err != nil:
	case stored:
		n.cluster.Emit(m)
	default: // a local event, behind others
		n.cluster.EmitHere(m)
	}
	return err
}

// emitHere is emit without the adapter's log.
func (b Broadcast) emitHere(out *outgoing) error {
	n := b.namespace
	if n.recovery.logs(b) {
		out.offset = n.recovery.log.NewOffset()
	}
	if err := out.encode(n); err != nil {
		return err
	}
	if b.reachesOthers() {
		m, err := out.messageForOthers(b)
		if err != nil {
			return err
		}
		_ = n.cluster.Publish(m)
	}
	b.send(out)
	return nil
}

// send sends an event to the selected sockets of this server.
func (b Broadcast) send(out *outgoing) {
	var targets *[]*Socket
	if out.offset == "" {
		targets = b.targets()
	} else {
		targets = b.namespace.recovery.queue(b, out.logged(b))
	}
	defer putTargets(targets)
	how := out.delivery(len(*targets), b.namespace.server.batches.Load() > 0)
	for _, s := range *targets {
		switch {
		case s == nil:
		case s.seat != nil && out.kept: // queued
			s.listeners.outgoing(s, out)
			s.conn.session.Release(how == sendLater)
		case s.connected():
			_ = s.deliver(out.messageFor(s), how) // a socket that is gone gets nothing
		}
	}
}

// logged returns an event that has an offset as the log gets it. A volatile
// event has no message there, because it is not sent again.
func (o *outgoing) logged(b Broadcast) *loggedEvent {
	e := &loggedEvent{Offset: o.offset, At: time.Now(), Rooms: b.rooms, Except: b.except}
	if !o.volatile {
		e.Message = o.keep()
	}
	return e
}

// maxDirect is the largest fan-out that the emitting goroutine writes itself.
const maxDirect = 16

// delivery returns how the event is sent to further sockets. While a batch of
// events is being handled, more may follow for the same sockets, and a flusher
// writes all of them at once.
func (o *outgoing) delivery(targets int, batch bool) delivery {
	if o.volatile {
		return sendVolatile
	}
	if o.direct += targets; o.direct > maxDirect || batch {
		return sendLater
	}
	return sendNow
}

// encode encodes the event for the sockets of a namespace.
func (o *outgoing) encode(n *Namespace) (err error) {
	o.bare = nil
	o.header.Namespace = n.name
	if o.hasOffset(n) {
		o.message, err = o.encodeArgs(n, o.lastArg())
	} else {
		o.message, err = o.encodeArgs(n)
	}
	return err
}

func (o *outgoing) encodeArgs(n *Namespace, further ...any) (*engine.Message, error) {
	message := engine.NewMessage
	if o.once {
		message = engine.NewTransientMessage
	}
	m, err := n.server.coder.encode(message, o.header, o.args, further...)
	if err == nil {
		m.SetCompress(!o.plain)
	}
	return m, err
}

// hasOffset reports whether the sockets of a namespace get one argument more
// than given, if they can come back.
func (o *outgoing) hasOffset(n *Namespace) bool {
	return n.recovery != nil && !o.header.HasID && !o.once
}

// lastArg returns that argument. It is null in events that are not in the log.
// Without it the stock clients would take an argument of the program's, if the
// last one is a string, for an offset.
func (o *outgoing) lastArg() any {
	if o.offset == "" || o.volatile {
		return nil
	}
	return o.offset
}

// messageFor returns the message for a socket, whose listeners are told of it.
// It is nil if a further form of the event cannot be encoded.
func (o *outgoing) messageFor(s *Socket) *engine.Message {
	n := s.namespace
	var err error
	if n.name != o.header.Namespace {
		err = o.encode(n)
	}
	m := o.message
	if s.seat == nil && o.hasOffset(n) && err == nil {
		if o.bare == nil {
			o.bare, err = o.encodeArgs(n)
		}
		m = o.bare
	}
	if err != nil { // though it has been encoded before
		n.server.logger.Error("cannot encode an event again", "namespace", n.name, "err", err)
	}
	s.listeners.outgoing(s, o)
	return m
}

// messageForOthers returns what other servers get of the event.
func (o *outgoing) messageForOthers(b Broadcast) (m *adapter.Message, err error) {
	if err := b.checkRooms(); err != nil {
		return nil, err
	}
	if o.packet.Text == nil {
		if o.packet, err = b.namespace.server.coder.encodeForOthers(b.namespace.name, &o.header, o.args); err != nil {
			return nil, err
		}
	}
	return &adapter.Message{Type: adapter.Broadcast, Opts: b.opts(), Packet: o.packet}, nil
}
