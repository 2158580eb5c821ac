package socketio

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// ServerSideEmit sends an event to the namespace's OnServerSide handlers on
// the other servers. It does not wait for them. That of a parent reaches
// nobody, see [Server.OfFunc].
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	m, err := n.serverSideMessage(event, args)
	if err != nil || n.cluster == nil {
		return err
	}
	return n.cluster.publish(m)
}

// ServerSideCall emits an event as ServerSideEmit does and yields each other
// server's reply as it arrives, of which the first value has been sent. A
// server that leaves is not waited for. When ctx ends, or after 5 seconds if
// it has no deadline, each that has not replied yields the cause. If the event
// cannot be sent at all, the only pair is a nil Reply and the error.
func (n *Namespace) ServerSideCall(ctx context.Context, event string, args ...any) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		m, err := n.serverSideMessage(event, args)
		if err != nil {
			yield(nil, err)
			return
		}
		if n.cluster == nil {
			return
		}
		ctx, cancel := withRequestTimeout(ctx)
		defer cancel()
		r, err := n.cluster.ask(ctx, m, adapter.ServerSideEmitResponse)
		defer r.end()
		if err != nil {
			yield(nil, err)
			return
		}
		for m, err := range r.all(ctx) {
			if err != nil {
				for range err.servers {
					if !yield(new(Reply), err.cause) {
						return
					}
				}
				return
			}
			args, err := decodeReply(m.Packet)
			if !yield(&Reply{server: n.server, args: args}, err) {
				return
			}
		}
	}
}

func (n *Namespace) serverSideMessage(event string, args []any) (*adapter.Message, error) {
	if misnamed(event) != "" {
		return nil, reservedError(event)
	}
	packet, err := n.server.encodeForOthers(n, &parser.Header{Type: parser.Event, Event: event}, args)
	return &adapter.Message{Type: adapter.ServerSideEmit, Packet: packet}, err
}

// OnServerSide adds a handler for an event that another server has sent by
// ServerSideEmit or ServerSideCall. The event's Socket is nil; Ack replies, by
// its first value, and the error of a handler replies as that of [OnCall]. The
// events of one server are handled in the order in which they were sent, one
// at a time; while 16 MiB of them wait, further ones are dropped. The context
// ends when this server is closed.
func (n *Namespace) OnServerSide(event string, h Handler) (off func()) {
	return n.serverSide.add(event, h)
}

// takeServerSide has an event of another server handled.
func (c *cluster) takeServerSide(m *adapter.Message) error {
	p, err := values.DecodePayload(parser.Event, m.Packet)
	if err != nil {
		return err
	}
	p.HasID = m.RequestID != ""
	e := &Event{packet: p, remote: &remoteEvent{namespace: c.namespace}}
	e.remote.answer = func(args []any) error {
		packet, err := c.namespace.server.encodeReply(c.namespace, args)
		if err != nil {
			return err
		}
		c.respond(m, &adapter.Message{Type: adapter.ServerSideEmitResponse, Packet: packet})
		return nil
	}
	e.size = len(m.Packet.Text) + overhead
	for _, a := range m.Packet.Attachments {
		e.size += len(a)
	}
	if !c.inbox.put(e, c.handle) {
		c.namespace.server.logger.Warn("events of other servers dropped: too many wait for their handlers",
			"namespace", c.namespace.name, "event", e.Name(), "limit", maxServerInbox)
	}
	return nil
}

// handle runs the handlers of an event of another server. If one fails and none
// has replied, a server that waits gets {"error": …}.
func (c *cluster) handle(e *Event) {
	failed := errGoexit
	defer func() { e.conclude(failed) }()
	var errs []error
	for _, n := range c.namespace.lineage {
		for _, h := range n.serverSide.get(e.Name()) {
			errs = append(errs, e.run(e.Name(), func() error { return (*h)(c.ctx, e) }))
		}
	}
	failed = errors.Join(errs...)
}

// A serverInbox has the events of other servers handled in order. It has a
// goroutine only while there are some.
type serverInbox struct {
	mu      sync.Mutex
	waiting []*Event
	bytes   int // of those that wait
	busy    bool
}

// maxServerInbox is how many bytes of other servers' events may wait in a
// namespace for their handlers; one of any size may wait alone.
const maxServerInbox = 16 << 20

// put reports false if the event is one too many.
func (b *serverInbox) put(e *Event, handle func(*Event)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes > 0 && b.bytes+e.size > maxServerInbox {
		return false
	}
	b.waiting = append(b.waiting, e)
	b.bytes += e.size
	if !b.busy {
		b.busy = true
		go b.work(handle)
	}
	return true
}

func (b *serverInbox) take() *Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.busy = false
		return nil
	}
	e := b.waiting[0]
	b.waiting[0] = nil
	b.waiting = b.waiting[1:]
	b.bytes -= e.size
	return e
}

// work handles events until none is left. A handler may end the goroutine, as
// t.FailNow does; then another goes on.
func (b *serverInbox) work(handle func(*Event)) {
	finished := false
	defer func() {
		if !finished {
			go b.work(handle)
		}
	}()
	for e := b.take(); e != nil; e = b.take() {
		handle(e)
	}
	finished = true
}
