package redis

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// SubscriptionMode says which rooms have a channel of their own in Redis. A
// server subscribes to the channel while it has a socket in the room, so it does
// not get events for rooms that it does not have.
type SubscriptionMode string

// The modes of npm's adapter, with the names that they have there.
const (
	Static         SubscriptionMode = "static"          // no rooms: all servers get all events
	Dynamic        SubscriptionMode = "dynamic"         // all rooms except those of one socket
	DynamicPrivate SubscriptionMode = "dynamic-private" // all rooms
)

// ShardedOptions configure a [Sharded] adapter. All servers of a cluster must
// have the same options.
type ShardedOptions struct {
	// ChannelPrefix begins the names of all channels; it is npm's channelPrefix.
	// Defaults to "socket.io".
	ChannelPrefix string

	// SubscriptionMode is npm's subscriptionMode. Defaults to Dynamic.
	SubscriptionMode SubscriptionMode

	// Logger gets a line when a message cannot be decoded, at most ten a minute.
	// Defaults to slog.Default().
	Logger *slog.Logger
}

// Sharded is an adapter.Adapter for clusters with JavaScript servers that use
// createShardedAdapter of @socket.io/redis-adapter. It needs Redis 7. In a Redis
// Cluster each channel is on one of its servers; with a single Redis server
// Sharded saves the servers the events for rooms that they do not have.
//
// An event for one room goes to the channel of the room. A server subscribes to
// that channel when the first of its sockets joins the room, and does not make
// the socket wait for Redis: an event that another server sends in the same
// millisecond may miss the socket. After SocketsJoin an event of the same server
// does not miss those sockets: for a second it goes to all servers.
//
// Events of one server arrive in its order. In a Redis Cluster that is true for
// each room and for all events that are not for one room, but not between them,
// because they go through several servers; in mode Static it is true for all.
//
// Each server needs a Sharded of its own, because Redis counts connections.
type Sharded struct {
	hub    *hub
	prefix string
	mode   SubscriptionMode
	owners owners
	joins  joins
}

// NewSharded returns an adapter that uses a client, and for its subscriptions one
// connection of the client's pool, in a Redis Cluster one to each server. It does
// not wait for Redis. The client must not be closed before the server.
func NewSharded(client rueidis.Client, o *ShardedOptions) *Sharded {
	if o == nil {
		o = &ShardedOptions{}
	}
	return &Sharded{
		hub:    newHub(client, o.Logger),
		prefix: cmp.Or(o.ChannelPrefix, "socket.io"),
		mode:   cmp.Or(o.SubscriptionMode, Dynamic),
	}
}

// channel returns the channel of a namespace. That of a room or a server has its
// name and "#" at the end.
func (s *Sharded) channel(namespace string) string { return s.prefix + "#" + namespace + "#" }

// separate reports whether a room has a channel of its own. In the mode Dynamic
// npm's adapter takes each name of 20 characters for the id of a socket.
func (s *Sharded) separate(room string) bool {
	const idLength = 20
	switch s.mode {
	case DynamicPrivate:
		return true
	case Dynamic:
		return len(room) < idLength || len(utf16.Encode([]rune(room))) != idLength
	default:
		return false
	}
}

// Publish implements adapter.Adapter.
func (s *Sharded) Publish(ctx context.Context, batch []*adapter.Message) []error {
	return s.hub.publish(ctx, batch, s.publication)
}

// publication returns a message as it is published.
func (s *Sharded) publication(m *adapter.Message) (publication, error) {
	p := publication{channel: s.channel(m.Namespace), sharded: true, goodbye: m.Type == adapter.Close}
	p.needs = topic{shardChannel, p.channel}
	switch {
	case m.Type == adapter.InitialHeartbeat || m.Type == adapter.Heartbeat:
		return publication{}, nil // Redis counts the servers
	case m.To != "":
		p.channel += m.To + "#"
	case m.Type == adapter.SocketsJoin:
		s.joins.note(m.Namespace, m.Rooms)
	case m.Type == adapter.Broadcast && m.RequestID == "" && len(m.Opts.Rooms) == 1:
		if room := m.Opts.Rooms[0]; s.separate(room) && !s.joins.recent(m.Namespace, room) {
			p.channel += room + "#"
		}
	}
	encoded, err := m.Encode()
	if err == nil && len(encoded.Attachments) > 0 {
		p.message, err = msgpack.FromJSON(nil, encoded)
		return p, err
	}
	p.message = encoded.Text
	return p, err
}

// Subscribe implements adapter.Adapter.
func (s *Sharded) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	if !s.owners.enter(ctx, to) {
		return errShared
	}
	m := &shardedMember{
		Subscriber: to,
		hub:        s.hub,
		channel:    s.channel(to.Namespace()),
		rooms:      make(map[string]*subscription),
	}
	m.ends = endsOf(to)
	m.answers = topic{shardChannel, m.channel + to.UID() + "#"}
	err := s.hub.subscribe(ctx, map[topic]func(string, string){
		{shardChannel, m.channel}: m.receive,
		m.answers:                 m.receive,
	})
	if err != nil || s.mode == Static {
		return err
	}
	to.WatchRooms(func(room string, private, exists bool) {
		if s.separate(room) && room != to.UID() { // that channel is subscribed to
			m.watch(room, private, exists)
		}
	})
	context.AfterFunc(ctx, m.end)
	return nil
}

// Servers implements adapter.Adapter.
func (s *Sharded) Servers(ctx context.Context, namespace string) (int, error) {
	return s.hub.subscribers(ctx, topic{shardChannel, s.channel(namespace)})
}

// A shardedMember is a namespace of the server.
type shardedMember struct {
	adapter.Subscriber
	hub     *hub
	channel string
	answers topic
	ends    [2]string // of the server's own messages, in both encodings

	mu      sync.Mutex
	present presence
	rooms   map[string]*subscription // nil when the server has left
}

// watch subscribes to the channel of a room while the room exists.
func (m *shardedMember) watch(room string, private, exists bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	is, was := m.present.note(room, private, exists)
	switch {
	case is == was || m.rooms == nil:
	case is:
		m.rooms[room], _ = m.hub.add(topic{shardChannel, m.channel + room + "#"}, m.receive)
	default:
		m.hub.remove(m.rooms[room])
		delete(m.rooms, room)
	}
}

func (m *shardedMember) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.rooms {
		m.hub.remove(s)
	}
	m.rooms = nil
}

// receive receives a message, perhaps one of this server.
func (m *shardedMember) receive(channel, message string) {
	if strings.HasSuffix(message, m.ends[0]) || strings.HasSuffix(message, m.ends[1]) {
		return
	}
	decoded, err := decodeSharded(message)
	if err != nil {
		m.hub.unreadable(channel, err)
		return
	}
	if decoded.Type == adapter.Close {
		m.hub.goodbye(topic{shardChannel, channel}, m.answers, func() { m.Deliver(decoded) })
		return
	}
	m.Deliver(decoded)
}

func decodeSharded(message string) (*adapter.Message, error) {
	if strings.HasPrefix(message, "{") {
		return adapter.Decode(parser.Encoded{Text: []byte(message)})
	}
	return adapter.DecodeMsgpack([]byte(message))
}

// endsOf returns what the messages of a server end with, and no others.
func endsOf(s adapter.Subscriber) (ends [2]string) {
	m := adapter.Message{Type: adapter.Heartbeat, UID: s.UID(), Namespace: s.Namespace()}
	encoded, err := m.Encode()
	packed, err2 := m.EncodeMsgpack()
	_, asJSON, found := strings.Cut(string(encoded.Text), `"uid"`)
	_, asMsgpack, found2 := strings.Cut(string(packed), "\xa3uid")
	if err != nil || err2 != nil || !found || !found2 { // never
		return [2]string{"\x00", "\x00"}
	}
	return [2]string{`,"uid"` + asJSON, "\xa3uid" + asMsgpack}
}
