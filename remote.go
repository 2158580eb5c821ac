package socketio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/parser"
)

// A RemoteSocket describes a socket that may be connected to another server,
// as it was when it was asked for. To do something with it, select it by its
// ID: io.In(id).Emit, SocketsJoin, DisconnectSockets.
type RemoteSocket struct {
	ID        string
	Handshake Handshake
	Rooms     []string

	data   json.RawMessage
	server *Server // that asked
}

// DecodeData decodes the JSON of what Socket.SetData has set into the value
// pointed to: the value as it was when SetData was called. That of nothing is
// an empty object.
func (r *RemoteSocket) DecodeData(into any) error { return r.server.unmarshal(r.data, into) }

// Local limits the selection to the sockets of this server. If
// [Options.Adapter] is an [adapter.Recovery], Emit does not keep a local event
// for clients that are away.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// reachesOthers reports whether other servers may have sockets of the
// selection.
func (b Broadcast) reachesOthers() bool {
	return !b.local && b.self == nil && b.namespace.server.opts.Adapter != nil
}

// clusters returns what reaches the other servers, one for each namespace that
// the selection is of.
func (b Broadcast) clusters() []*cluster.Member {
	if !b.reachesOthers() {
		return nil
	}
	var all []*cluster.Member
	for _, n := range b.namespace.audience() {
		all = append(all, n.cluster)
	}
	return all
}

func (b Broadcast) opts() adapter.Opts {
	return adapter.Opts{Rooms: b.rooms, Except: b.except, Volatile: b.volatile, Plain: b.plain}
}

// FetchSockets returns descriptions of the selected sockets of all servers.
// When some server's are missing, there is an error beside the others: those
// have 5 seconds to answer if ctx has no deadline. Of the children of a parent
// it describes those that exist on this server, see [Server.OfFunc].
func (b Broadcast) FetchSockets(ctx context.Context) ([]*RemoteSocket, error) {
	var sockets []*RemoteSocket
	for _, s := range b.describe() {
		sockets = append(sockets, b.namespace.server.newRemoteSocket(s))
	}
	ctx, cancel := cluster.WithTimeout(ctx)
	defer cancel()
	for _, c := range b.clusters() {
		others, err := b.namespace.server.fetch(ctx, c, b.opts())
		sockets = append(sockets, others...)
		if err != nil {
			return sockets, err
		}
	}
	return sockets, nil
}

// fetch is FetchSockets on the other servers of a namespace.
func (srv *Server) fetch(ctx context.Context, c *cluster.Member, o adapter.Opts) (sockets []*RemoteSocket, err error) {
	for m, err := range c.Ask(ctx, &adapter.Message{Type: adapter.FetchSockets, Opts: o}, adapter.FetchSocketsResponse) {
		if err != nil {
			return sockets, err
		}
		for _, s := range m.Sockets {
			if s.ID != "" {
				sockets = append(sockets, srv.newRemoteSocket(s))
			}
		}
	}
	return sockets, nil
}

// SocketsJoin adds the selected sockets of all servers to rooms, except those
// that would be in too many, as at Socket.Join.
func (b Broadcast) SocketsJoin(rooms ...string) {
	b.command(&adapter.Message{Type: adapter.SocketsJoin, Rooms: slices.Clone(rooms)})
	for s := range b.Sockets() {
		_ = s.Join(rooms...) // which logs its error
	}
}

// SocketsLeave removes the selected sockets of all servers from rooms.
func (b Broadcast) SocketsLeave(rooms ...string) {
	b.command(&adapter.Message{Type: adapter.SocketsLeave, Rooms: slices.Clone(rooms)})
	for s := range b.Sockets() {
		s.Leave(rooms...)
	}
}

// DisconnectSockets disconnects the selected sockets of all servers, each as
// Socket.Disconnect does.
func (b Broadcast) DisconnectSockets(close bool) {
	b.command(&adapter.Message{Type: adapter.DisconnectSockets, Close: close})
	for s := range b.Sockets() {
		if s.connected() {
			s.Disconnect(close)
		}
	}
}

// command has the other servers do what this one does itself.
func (b Broadcast) command(m *adapter.Message) {
	m.Opts = b.opts()
	for _, c := range b.clusters() {
		each := *m
		_ = c.Publish(&each)
	}
}

// describe returns the selected sockets of this server, for others.
func (b Broadcast) describe() []adapter.Socket {
	var sockets []adapter.Socket
	for s := range b.Sockets() {
		sockets = append(sockets, s.describe())
	}
	return sockets
}

func (s *Socket) describe() adapter.Socket {
	d := adapter.Socket{ID: s.id, Rooms: s.Rooms(), Data: json.RawMessage("{}")}
	handshake, err := json.Marshal(s.handshake.share())
	if err == nil {
		d.Handshake = handshake
	}
	text, dataErr := s.sharedData().encoded()
	if dataErr == nil && text != nil {
		d.Data = text
	}
	if err = cmp.Or(err, dataErr); err != nil && !errors.Is(err, errPanic) {
		s.namespace.server.logger.Error("cannot describe a socket to other servers", "socket", s.id, "err", err)
	}
	return d
}

func (srv *Server) newRemoteSocket(s adapter.Socket) *RemoteSocket {
	if s.Data == nil {
		s.Data = json.RawMessage("{}")
	}
	return &RemoteSocket{ID: s.ID, Rooms: s.Rooms, Handshake: srv.handshakeOf(s.Handshake), data: s.Data, server: srv}
}

// share returns the handshake as other servers get it.
func (h *Handshake) share() adapter.Handshake {
	shared := adapter.Handshake{
		Header:      h.Header,
		Host:        h.Host,
		Time:        h.Time,
		Address:     h.Address,
		CrossDomain: h.CrossDomain,
		Secure:      h.Secure,
		URL:         h.URL,
		Query:       h.Query(),
	}
	var auth json.RawMessage
	if h.DecodeAuth(&auth) == nil {
		shared.Auth = auth
	}
	return shared
}

// handshakeOf returns the handshake of a socket of another server.
func (srv *Server) handshakeOf(shared json.RawMessage) Handshake {
	var d adapter.Handshake
	_ = json.Unmarshal(shared, &d) // what does not fit stays empty
	h := Handshake{
		Header:      d.Header,
		Host:        d.Host,
		URL:         d.URL,
		Address:     d.Address,
		Time:        d.Time,
		Secure:      d.Secure,
		CrossDomain: d.CrossDomain,
		server:      srv,
	}
	if d.Auth != nil {
		h.auth, _ = decodeReply(parser.Encoded{Text: d.Auth}) // has been parsed as JSON
	}
	return h
}
