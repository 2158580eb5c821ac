package socketio

import (
	"cmp"
	"errors"
	"log/slog"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/parser"
)

// A busHost is a server as its bus sees it.
type busHost struct{ *Server }

func (h busHost) Guard(what string, f func()) (ok bool) {
	return h.guard.call(what, "", "", func() error { f(); return nil }) == nil
}

func (h busHost) Log(level slog.Level, text string, args ...any) {
	h.logger.About("").Log(level, text, args...)
}

// A clusterHost does for a namespace what other servers say about its sockets.
type clusterHost struct{ *Namespace }

func (h clusterHost) Guard(what string, f func()) (ok bool) {
	return h.server.guard.call(what, h.name, "", func() error { f(); return nil }) == nil
}

func (h clusterHost) Log(level slog.Level, text string, args ...any) {
	h.server.logger.About("").Log(level, text, append([]any{"namespace", h.name}, args...)...)
}

func (h clusterHost) Rooms() []string { return h.rooms.names() }

func (h clusterHost) Sockets(rooms ...string) []string {
	ids := []string{}
	for s := range h.Local().To(rooms...).Sockets() {
		ids = append(ids, s.id)
	}
	return ids
}

func (h clusterHost) WatchRooms(f func(room string, private, exists bool)) {
	h.presence.Store(&f)
	h.rooms.watchPresence()
	h.tellPresence()
}

// tellPresence tells the adapter of each change of the rooms.
func (n *Namespace) tellPresence() {
	n.rooms.tell(&n.rooms.presence, func(c roomChange[*Socket]) {
		(*n.presence.Load())(c.room, c.own, c.kind == RoomCreated)
	})
}

// Obey does what a message says. It returns only errors that have not been
// logged.
func (h clusterHost) Obey(m *adapter.Message) error {
	if err := h.obey(m); !errors.Is(err, errPanic) {
		return err
	}
	return nil
}

func (n *Namespace) obey(m *adapter.Message) error {
	selected := n.selection(m.Opts)
	switch m.Type {
	case adapter.Broadcast:
		err := n.relay(selected, m)
		if err != nil && m.RequestID != "" { // no client gets the event: no acknowledgement will come
			n.cluster.Respond(m, &adapter.Message{Type: adapter.ClientCount})
		}
		return err
	case adapter.SocketsJoin, adapter.SocketsLeave, adapter.DisconnectSockets:
		selected.apply(m)
	case adapter.FetchSockets:
		n.cluster.Respond(m, &adapter.Message{Type: adapter.FetchSocketsResponse, Sockets: selected.describe()})
	case adapter.ServerSideEmit:
		return n.takeServerSide(m)
	}
	return nil
}

// selection returns the local sockets that a message selects.
func (n *Namespace) selection(o adapter.Selection) Broadcast {
	b := n.everybody.Local().To(o.Rooms...).Except(o.Except...)
	b.volatile, b.plain = o.Volatile, o.Plain
	return b
}

// relay passes a broadcast of another server on to the local sockets.
func (n *Namespace) relay(b Broadcast, m *adapter.Message) error {
	p, err := values.DecodePayload(parser.Event, m.Packet)
	if err != nil {
		return err
	}
	var h parser.Header
	if m.RequestID != "" {
		h.ID, h.HasID = n.nextID(), true
	}
	out, err := b.prepare(p.Event, h, parser.ValuesOf(p.Args))
	if err != nil {
		return err
	}
	defer out.free()
	if h.HasID {
		return n.relayCall(b, m, out)
	}
	if r := n.recovery; r != nil && r.store != nil {
		out.offset = m.Offset
	}
	return b.emitHere(out)
}

// relayCall is relay for an event that wants acknowledgements. It says how
// many, then sends each.
func (n *Namespace) relayCall(b Broadcast, m *adapter.Message, out *outgoing) error {
	if err := out.encode(n); err != nil {
		return err
	}
	ctx, end, err := n.cluster.BeginCall(m)
	if err != nil {
		return err
	}
	call := b.newLocalCall(out.header.ID)
	n.cluster.Respond(m, &adapter.Message{Type: adapter.ClientCount, Count: len(call.missing)})
	call.send(out)
	go func() {
		defer end()
		defer call.forget()
		for len(call.missing) > 0 {
			select {
			case r := <-call.results:
				delete(call.missing, r.socket.id)
				n.cluster.Respond(m, acknowledgement(r))
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
		return cluster.NoAck(r.socket.id, cluster.Pending)
	case r.err != nil:
		return cluster.NoAck(r.socket.id, cluster.Left)
	}
	n := r.socket.namespace
	packet, err := n.server.coder.encodeReply(n.name, n.server.guard.sentOn(r.args))
	if err != nil {
		return cluster.NoAck(r.socket.id, cluster.Invalid)
	}
	return &adapter.Message{Type: adapter.Ack, SocketID: r.socket.id, Packet: packet}
}

var errNoReply = errors.New("socketio: the reply cannot be passed on to this server")

// replyOf returns what has become of a call to a socket of another server.
func (n *Namespace) replyOf(r cluster.Reply) (*Reply, error) {
	reply := &Reply{guard: n.server.guard, socketID: r.SocketID}
	var err error
	switch {
	case !r.Missing:
		reply.args, err = decodeReply(r.Packet)
	case r.Why == cluster.Pending:
		err = ErrPendingAcks
	case r.Why == cluster.Invalid:
		err = errNoReply
	default:
		err = ErrDisconnected
	}
	return reply, err
}

// takeServerSide has an event of another server handled. If the event cannot be
// handled, a server that waits gets {"error": …}.
func (n *Namespace) takeServerSide(m *adapter.Message) error {
	answer := func(args []any) error {
		packet, err := n.server.coder.encodeReply(n.name, args)
		if err != nil {
			return err
		}
		n.cluster.Respond(m, &adapter.Message{Type: adapter.ServerSideEmitResponse, Packet: packet})
		return nil
	}
	refuse := func() {
		if m.RequestID != "" {
			_ = answer([]any{internalError})
		}
	}
	p, err := values.DecodePayload(parser.Event, m.Packet)
	if err != nil {
		refuse()
		return err
	}
	p.HasID = m.RequestID != ""
	e := &Event{packet: p, remote: &remoteEvent{namespace: n, answer: answer}}
	size := len(m.Packet.Text) + overhead
	for _, a := range m.Packet.Attachments {
		size += len(a)
	}
	if !n.cluster.Queue(size, func() { n.handleServerSide(e) }) {
		n.server.logger.Warn("events of other servers dropped: too many wait for their handlers",
			"namespace", n.name, "event", e.Name(), "limit", cluster.MaxQueue)
		refuse()
	}
	return nil
}

// handleServerSide runs the handlers of an event of another server. If a
// handler fails and no handler has replied, a server that waits gets {"error":
// …}.
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

// describe returns the selected sockets of this server, for others.
func (b Broadcast) describe() []adapter.Socket {
	var sockets []adapter.Socket
	for s := range b.Sockets() {
		sockets = append(sockets, describe(s))
	}
	return sockets
}

// noData is what other servers get of a socket without data.
var noData = parser.Encoded{Text: []byte("{}")}

func describe(s *Socket) adapter.Socket {
	d := adapter.Socket{ID: s.id, Rooms: s.Rooms(), Data: noData}
	handshake, err := s.handshake.share()
	if err == nil {
		d.Handshake = handshake
	}
	text, dataErr := s.sharedData().encoded()
	if dataErr == nil && text.Text != nil {
		d.Data = text
	}
	if err = cmp.Or(err, dataErr); err != nil && !errors.Is(err, errPanic) {
		s.namespace.server.logger.Error("cannot describe a socket to other servers", "socket", s.id, "err", err)
	}
	return d
}
