package socketio

import (
	"context"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/parser"
)

// A RemoteSocket describes a socket of this or another server, as it was when
// FetchSockets asked for it. To act on the socket, select it by its ID, for
// example by io.In(id).Emit or io.In(id).DisconnectSockets.
type RemoteSocket struct {
	ID        string
	Handshake Handshake
	Rooms     []string

	data  parser.Encoded
	guard guard
}

// DecodeData decodes the JSON of the socket's data into the value pointed to.
// It is what Socket.SetData encoded during its last call, or an empty object if
// the socket has no data.
func (r *RemoteSocket) DecodeData(into any) error { return r.guard.decodeData(r.data, into) }

// FetchSockets returns descriptions of the selected sockets of all servers. If
// some servers do not answer in time, it returns the sockets of the others and
// an error. If ctx has no deadline, servers may take 5 seconds; if ctx has ended
// before, FetchSockets does not ask them. If the namespace is a parent,
// FetchSockets returns only sockets of the children that exist on this server;
// see [Server.OfFunc].
func (b Broadcast) FetchSockets(ctx context.Context) ([]*RemoteSocket, error) {
	var sockets []*RemoteSocket
	for _, s := range b.describe() {
		sockets = append(sockets, newRemoteSocket(b.namespace.server.guard, s))
	}
	ctx, cancel := cluster.WithTimeout(ctx)
	defer cancel()
	if err := b.checkRooms(); err != nil && b.reachesOthers() {
		return sockets, err
	}
	for _, c := range b.clusters() {
		others, err := fetchSockets(ctx, b.namespace.server.guard, c, b.opts())
		sockets = append(sockets, others...)
		if err != nil {
			return sockets, err
		}
	}
	return sockets, nil
}

// fetchSockets is FetchSockets on the other servers of a namespace.
func fetchSockets(ctx context.Context, g guard, c *cluster.Member, o adapter.Selection) (sockets []*RemoteSocket, err error) {
	for m, err := range c.Ask(ctx, &adapter.Message{Type: adapter.FetchSockets, Opts: o}, adapter.FetchSocketsResponse) {
		if err != nil {
			return sockets, err
		}
		for _, s := range m.Sockets {
			if s.ID != "" {
				sockets = append(sockets, newRemoteSocket(g, s))
			}
		}
	}
	return sockets, nil
}

func newRemoteSocket(g guard, s adapter.Socket) *RemoteSocket {
	if s.Data.Text == nil {
		s.Data = noData
	}
	return &RemoteSocket{ID: s.ID, Rooms: s.Rooms, Handshake: handshakeOf(g, s.Handshake), data: s.Data, guard: g}
}
