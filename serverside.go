package socketio

import (
	"context"
	"errors"
	"iter"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/parser"
)

// ServerSideEmit sends an event to the namespace's OnServerSide handlers on
// the other servers. It does not wait for them. That of a parent reaches
// nobody, see [Server.OfFunc].
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	m, err := n.serverSideMessage(event, args)
	if err != nil {
		return err
	}
	return n.cluster.Publish(m)
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
		ctx, cancel := cluster.WithTimeout(ctx)
		defer cancel()
		for m, err := range n.cluster.Ask(ctx, m, adapter.ServerSideEmitResponse) {
			var missing *cluster.MissingError
			switch {
			case errors.As(err, &missing):
				for range missing.Servers {
					if !yield(new(Reply), missing.Cause) {
						return
					}
				}
				return
			case err != nil:
				yield(nil, err)
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
func (n *Namespace) takeServerSide(m *adapter.Message) error {
	p, err := values.DecodePayload(parser.Event, m.Packet)
	if err != nil {
		return err
	}
	p.HasID = m.RequestID != ""
	e := &Event{packet: p, remote: &remoteEvent{namespace: n}}
	e.remote.answer = func(args []any) error {
		packet, err := n.server.encodeReply(n, args)
		if err != nil {
			return err
		}
		n.cluster.Respond(m, &adapter.Message{Type: adapter.ServerSideEmitResponse, Packet: packet})
		return nil
	}
	e.size = len(m.Packet.Text) + overhead
	for _, a := range m.Packet.Attachments {
		e.size += len(a)
	}
	if !n.cluster.Queue(e.size, func() { n.handleServerSide(e) }) {
		n.server.logger.Warn("events of other servers dropped: too many wait for their handlers",
			"namespace", n.name, "event", e.Name(), "limit", cluster.MaxQueue)
	}
	return nil
}

// handleServerSide runs the handlers of an event of another server. If one
// fails and none has replied, a server that waits gets {"error": …}.
func (n *Namespace) handleServerSide(e *Event) {
	failed := errGoexit
	defer func() { e.conclude(failed) }()
	var errs []error
	for _, from := range n.lineage {
		for _, h := range from.serverSide.get(e.Name()) {
			errs = append(errs, e.run(e.Name(), func() error { return (*h)(n.cluster.Context(), e) }))
		}
	}
	failed = errors.Join(errs...)
}
