package socketio

import (
	"context"
	"errors"
	"iter"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/parser"
)

// ServerSideEmit sends an event to the namespace's OnServerSide handlers on the
// other servers, and does not wait for them. On a parent it reaches no server;
// see [Server.OfFunc].
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	m, err := n.serverSideMessage(event, args)
	if err != nil {
		return err
	}
	return n.cluster.Publish(m)
}

// ServerSideCall emits an event as ServerSideEmit does, and yields the reply of
// each other server as it arrives. A reply contains only its first value.
// ServerSideCall does not wait for a server that has left. When ctx ends, or
// after 5 seconds if ctx has no deadline, it yields the cause once for each
// missing reply. If the event cannot be sent at all, or ctx has ended before, it
// emits nothing and yields only a nil Reply and the error.
func (n *Namespace) ServerSideCall(ctx context.Context, event string, args ...any) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		if ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
			return
		}
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
			if !yield(&Reply{guard: n.server.guard, args: args}, err) {
				return
			}
		}
	}
}

func (n *Namespace) serverSideMessage(event string, args []any) (*adapter.Message, error) {
	if misnamed(event) != "" {
		return nil, reservedError(event)
	}
	packet, err := n.server.coder.encodeForOthers(n.name, &parser.Header{Type: parser.Event, Event: event}, args)
	return &adapter.Message{Type: adapter.ServerSideEmit, Packet: packet}, err
}

// OnServerSide adds a handler for an event that another server has sent by
// ServerSideEmit or ServerSideCall. The event's Socket method returns nil. Ack
// replies with its first value only. If the handler returns an error, the reply
// is that of [OnCall]. The events of one server are handled in order, one at a
// time. While 16 MiB of them wait, further events are dropped. The context ends
// when this server is closed.
func (n *Namespace) OnServerSide(event string, h Handler) (off func()) {
	return n.serverSide.add(event, h)
}
