package socketio

import (
	"context"
	"errors"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// relay passes a broadcast of another server on to the local sockets.
func (c *cluster) relay(m *adapter.Message) error {
	p, err := values.DecodePayload(parser.Event, m.Packet)
	if err != nil {
		return err
	}
	var h parser.Header
	if m.RequestID != "" {
		h.ID, h.HasID = c.namespace.nextID(), true
	}
	b := c.selection(m.Opts)
	out, err := b.prepare(p.Event, h, parser.ValuesOf(p.Args))
	if err != nil {
		return err
	}
	defer out.free()
	if h.HasID {
		return c.relayCall(b, m, out)
	}
	if r := c.namespace.recovery; r != nil && r.store != nil {
		out.offset = m.Offset
	}
	return b.emit(out)
}

// A callKey names a call of another server.
type callKey struct{ uid, requestID string }

var errCallTwice = errors.New("call with the id of another")

// beginCall returns the context of a call of another server. It ends with the
// time that the asker gives its clients, when it asks for that, or when it
// leaves.
func (c *cluster) beginCall(m *adapter.Message) (ctx context.Context, end func(), err error) {
	patience := requestTimeout
	if t := m.Opts.Timeout; t > 0 {
		patience = time.Duration(min(t, int(maxCallTime.Milliseconds()))) * time.Millisecond
	}
	key := callKey{m.UID, m.RequestID}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[key] != nil {
		return nil, nil, errCallTwice
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	c.calls[key] = cancel
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, key)
	}, nil
}

// relayCall is relay for an event that wants acknowledgements. It says how
// many, then sends each.
func (c *cluster) relayCall(b Broadcast, m *adapter.Message, out *outgoing) error {
	if err := out.encode(c.namespace); err != nil {
		return err
	}
	ctx, end, err := c.beginCall(m)
	if err != nil {
		return err
	}
	call := b.newLocalCall(out.header.ID)
	c.respond(m, &adapter.Message{Type: adapter.ClientCount, Count: len(call.missing)})
	call.send(out)
	go func() {
		defer end()
		defer call.forget()
		for len(call.missing) > 0 {
			select {
			case r := <-call.results:
				delete(call.missing, r.socket.id)
				c.respond(m, acknowledgement(r))
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// acknowledgement tells another server what became of a call to a socket.
func acknowledgement(r result) *adapter.Message {
	switch {
	case errors.Is(r.err, ErrPendingAcks):
		return noAck(r.socket.id, noAckPending)
	case r.err != nil:
		return noAck(r.socket.id, "")
	}
	n := r.socket.namespace
	packet, err := n.server.encodeReply(n, n.server.sentOn(r.args))
	if err != nil {
		return noAck(r.socket.id, noAckInvalid)
	}
	return &adapter.Message{Type: adapter.Ack, SocketID: r.socket.id, Packet: packet}
}
