package redis

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
)

// ClassicOptions configure a [Classic] adapter. All servers of a cluster must
// have the same Key.
type ClassicOptions struct {
	// Key begins the names of all channels; it is npm's key. Defaults to
	// "socket.io".
	Key string

	// DirectResponses, if true, sends answers only to the server that has asked
	// instead of to all servers; it is npm's publishOnSpecificResponseChannel.
	// Each server chooses for itself. Answers to ServerSideCall always go to
	// all servers. Defaults to false.
	DirectResponses bool

	// Logger gets a line when a message cannot be decoded, at most ten a minute.
	// Defaults to slog.Default().
	Logger *slog.Logger
}

// Classic is an adapter.Adapter for clusters with JavaScript servers that use
// createAdapter of @socket.io/redis-adapter.
//
// Every server gets the events for every room, and drops those for rooms that
// it does not have before it decodes them. Events between servers and sockets'
// data are JSON there; binary in them arrives as a []byte on servers of this
// package, and as an object {type: "Buffer", data: […]} on JavaScript servers.
// npm's option requestsTimeout is the deadline of the context of FetchSockets,
// Call or ServerSideCall; the option parser is not supported.
//
// Each server needs a Classic of its own, because Redis counts connections.
type Classic struct {
	hub    *hub
	key    string
	direct bool
	owners owners
}

// NewClassic returns an adapter that uses a client, and for its subscriptions one
// connection of the client's pool. It does not wait for Redis. The client must
// not be closed before the server.
func NewClassic(client rueidis.Client, o *ClassicOptions) *Classic {
	if o == nil {
		o = &ClassicOptions{}
	}
	return &Classic{
		hub:    newHub(client, o.Logger),
		key:    cmp.Or(o.Key, "socket.io"),
		direct: o.DirectResponses,
	}
}

// The names of a namespace's channels. A broadcast to one room goes to the
// channel of the namespace with the room's name and "#" at the end.
func (c *Classic) broadcasts(namespace string) string { return c.key + "#" + namespace + "#" }
func (c *Classic) requests(namespace string) string   { return c.key + "-request#" + namespace + "#" }
func (c *Classic) responses(namespace string) string  { return c.key + "-response#" + namespace + "#" }

// Publish implements adapter.Adapter.
func (c *Classic) Publish(ctx context.Context, batch []*adapter.Message) []error {
	return c.hub.publish(ctx, batch, c.publication)
}

// publication returns a message as it is published.
func (c *Classic) publication(m *adapter.Message) (p publication, err error) {
	p.needs = topic{channel, c.requests(m.Namespace)}
	switch m.Type {
	case adapter.InitialHeartbeat, adapter.Heartbeat:
		return p, nil // Redis counts the servers
	case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.ClientCount, adapter.Ack, adapter.NoAck:
		p.channel = c.responses(m.Namespace)
		if c.direct && m.To != "" && m.Type != adapter.ServerSideEmitResponse {
			p.channel += m.To + "#"
		}
		p.message, err = encodeResponse(m)
		return p, err
	}
	if m.Type != adapter.Broadcast || m.RequestID != "" {
		p.channel = c.requests(m.Namespace)
		p.message, err = encodeRequest(m)
		return p, err
	}
	p.channel = c.broadcasts(m.Namespace)
	if len(m.Opts.Rooms) == 1 {
		p.channel += m.Opts.Rooms[0] + "#"
	}
	p.message, err = encodeBroadcast(m)
	return p, err
}

// Subscribe implements adapter.Adapter.
func (c *Classic) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	if !c.owners.enter(ctx, s) {
		return errShared
	}
	m := &classicMember{Subscriber: s, classic: c}
	s.WatchRooms(func(room string, private, exists bool) { m.present.note(room, private, exists) })
	responses := c.responses(s.Namespace())
	return c.hub.subscribe(ctx, map[topic]func(string, string){
		{pattern, escape(c.broadcasts(s.Namespace())) + "*"}: m.broadcast,
		{channel, c.requests(s.Namespace())}:                 m.request,
		{channel, responses}:                                 m.response,
		{channel, responses + s.UID() + "#"}:                 m.response,
	})
}

// escape returns a pattern that matches one name. npm's adapter does not escape,
// and so gets more, or less.
func escape(name string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(name)
}

// Servers implements adapter.Adapter.
func (c *Classic) Servers(ctx context.Context, namespace string) (int, error) {
	return c.hub.subscribers(ctx, topic{channel, c.requests(namespace)})
}

// A classicMember is a namespace of the server.
type classicMember struct {
	adapter.Subscriber
	classic *Classic
	present presence
}

// broadcast receives an event for any sockets, or for the sockets of the one
// room that the channel names.
func (m *classicMember) broadcast(channel, message string) {
	room := strings.TrimPrefix(channel, m.classic.broadcasts(m.Namespace()))
	room = strings.TrimSuffix(room, "#")
	if room != "" && !m.present.has(room) || isOwn(message, m.UID()) {
		return
	}
	decoded, err := decodeBroadcast([]byte(message))
	if err != nil {
		m.classic.hub.unreadable(channel, err)
		return
	}
	m.Deliver(decoded)
}

// isOwn reports whether a broadcast comes from the server with an id, without
// decoding all of it. npm's ids have 6 characters, those of this package 16.
func isOwn(message, uid string) bool {
	const array, text = "\x93", 0xa0 // of three elements; of less than 32 bytes
	rest, ok := strings.CutPrefix(message, array+string([]byte{text | byte(len(uid))}))
	return ok && strings.HasPrefix(rest, uid)
}

// request receives a message that is not a plain event.
func (m *classicMember) request(channel, message string) {
	var r request
	attachments, err := decodeAny([]byte(message), &r)
	if err == nil && m.inquiry(&r) {
		return
	}
	var decoded *adapter.Message
	if err == nil {
		decoded, err = r.message(attachments)
	}
	m.take(channel, decoded, err)
}

// response receives an answer, perhaps to a request of another server.
func (m *classicMember) response(channel, message string) {
	var r receivedResponse
	attachments, err := decodeAny([]byte(message), &r)
	m.take(channel, r.message(attachments), err)
}

// take delivers a message that does not name its namespace. It is nil if its type
// is unknown.
func (m *classicMember) take(channel string, decoded *adapter.Message, err error) {
	switch {
	case err != nil:
		m.classic.hub.unreadable(channel, err)
	case decoded != nil:
		decoded.Namespace = cmp.Or(decoded.Namespace, m.Namespace())
		m.Deliver(decoded)
	}
}

// inquiry answers requests that only npm's servers make: by allRooms, and by
// versions of npm's adapter before 6. It reports false for all other requests.
func (m *classicMember) inquiry(r *request) bool {
	answer := response{RequestID: r.RequestID}
	switch {
	case r.Type == allRooms:
		names := roomsOf(m.Rooms())
		answer.Rooms = &names
	case r.Type == sockets:
		var in []string
		if r.Rooms != nil {
			in = r.Rooms.names()
		}
		answer.Sockets = append([]string{}, m.Sockets(in...)...)
	case r.Type >= remoteJoin && r.Type <= remoteDisconnect && r.Options == nil:
		if len(m.Sockets(r.SocketID)) == 0 {
			return true
		}
		r.Options, r.Rooms = &options{Rooms: rooms{room(r.SocketID)}}, &rooms{r.Room}
		decoded, err := r.message(nil)
		m.take(m.classic.requests(m.Namespace()), decoded, err)
	default:
		return false
	}
	c := m.classic
	channel := c.responses(m.Namespace())
	if c.direct && r.UID != "" {
		channel += r.UID + "#"
	}
	c.hub.answer(channel, answer)
	return true
}
