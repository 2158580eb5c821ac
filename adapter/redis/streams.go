package redis

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"unicode/utf16"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
)

// StreamsOptions configure a [Streams] adapter. All servers of a cluster must
// have the same options, except for ReadCount and Logger.
type StreamsOptions struct {
	// StreamName is the key of the stream, npm's streamName. With several streams
	// their keys are StreamName, "-" and a number. Defaults to "socket.io".
	StreamName string

	// StreamCount is the number of streams among which the namespaces are
	// divided, npm's streamCount. It is for a Redis Cluster, where each stream is
	// on one server. Defaults to 1.
	StreamCount int

	// MaxLen is about how many entries Redis keeps of each stream, npm's
	// maxLen. A client that has missed more does not get its session back. A
	// server holds its events back while a quarter of MaxLen of its own events
	// have not been read, so that a burst does not push out entries that other
	// servers must still read. Defaults to 10,000.
	MaxLen int

	// ReadCount is how many entries the server reads at once, npm's readCount.
	// Defaults to 100.
	ReadCount int

	// ChannelPrefix begins the names of the channels for requests and answers,
	// npm's channelPrefix. Defaults to "socket.io".
	ChannelPrefix string

	// ShardedPubSub, if true, sends requests and answers by the sharded
	// channels of Redis 7; it is npm's useShardedPubSub. Defaults to false.
	ShardedPubSub bool

	// SessionKeyPrefix begins the keys of the sessions of clients that may come
	// back, npm's sessionKeyPrefix. Defaults to "sio:session:".
	SessionKeyPrefix string

	// Logger gets a line when the streams have lost entries before the server has
	// read them, and when an entry or a message cannot be decoded. Defaults to
	// slog.Default().
	Logger *slog.Logger
}

// Streams is an adapter.SessionStore for clusters with JavaScript servers that
// use version 0.3 of @socket.io/redis-streams-adapter.
//
// Events, joins, leaves and disconnections are entries of a stream, which all
// servers read in one order and go on reading after a failure of the connection.
// With socketio.Options.Recovery, clients that have lost their connection get
// the missed events from it, on any server of either kind. Requests and answers
// use Redis Pub/Sub.
//
// Every server reads all entries. Redis counts the servers, so npm's options
// heartbeatInterval and heartbeatTimeout, which have no effect there either, do
// not exist here. Neither does onlyPlaintext.
//
// With several streams a JavaScript server writes the events of some namespaces
// to a stream with a negative number that JavaScript servers do not read. Streams
// writes to the same streams as they do, and reads all.
//
// Each server needs a Streams of its own, because Redis counts connections.
type Streams struct {
	hub    *hub
	client rueidis.Client
	opts   StreamsOptions
	owners owners
	kind   topicKind // of the channels
	logs   map[string]*streamLog

	gate    chan struct{}      // has a value while members change
	members int                // how many namespaces the server has
	stop    context.CancelFunc // ends the reading; nil while no goroutine reads
}

// NewStreams returns an adapter that uses a client, and two connections of the
// client's pool: one for subscriptions, and one to read the streams. In a Redis
// Cluster it reads each stream on a connection of its own. NewStreams does not
// wait for Redis. The client must not be closed before the server.
func NewStreams(client rueidis.Client, o *StreamsOptions) *Streams {
	if o == nil {
		o = &StreamsOptions{}
	}
	s := &Streams{
		hub:    newHub(client, o.Logger),
		client: client,
		opts: StreamsOptions{
			StreamName:       cmp.Or(o.StreamName, "socket.io"),
			StreamCount:      max(o.StreamCount, 1),
			MaxLen:           cmp.Or(o.MaxLen, 10_000),
			ReadCount:        cmp.Or(o.ReadCount, 100),
			ChannelPrefix:    cmp.Or(o.ChannelPrefix, "socket.io"),
			SessionKeyPrefix: cmp.Or(o.SessionKeyPrefix, "sio:session:"),
			Logger:           cmp.Or(o.Logger, slog.Default()),
		},
		kind: channel,
		logs: make(map[string]*streamLog),
		gate: make(chan struct{}, 1),
	}
	if o.ShardedPubSub {
		s.kind = shardChannel
	}
	for i := 1 - s.opts.StreamCount; i < s.opts.StreamCount; i++ {
		name := s.opts.streamName(i)
		s.logs[name] = newStreamLog(name)
	}
	return s
}

func (o *StreamsOptions) streamName(i int) string {
	if o.StreamCount == 1 {
		return o.StreamName
	}
	return o.StreamName + "-" + strconv.Itoa(i)
}

// log returns the stream of a namespace.
func (s *Streams) log(namespace string) *streamLog {
	return s.logs[s.opts.streamName(int(hashCode(namespace)%int32(s.opts.StreamCount)))]
}

// hashCode returns the hash that npm's adapter divides the namespaces by. It may
// be negative.
func hashCode(s string) (hash int32) {
	for _, unit := range utf16.Encode([]rune(s)) {
		hash = 31*hash + int32(unit)
	}
	return hash
}

// requests is the topic of a namespace's requests, and responses the topic of the
// answers to a server.
func (s *Streams) requests(namespace string) topic {
	return topic{s.kind, s.opts.ChannelPrefix + "#" + namespace + "#"}
}

func (s *Streams) responses(namespace, uid string) topic {
	return topic{s.kind, s.requests(namespace).name + uid + "#"}
}

// Servers implements adapter.Adapter.
func (s *Streams) Servers(ctx context.Context, namespace string) (int, error) {
	return s.hub.subscribers(ctx, s.requests(namespace))
}

// Subscribe implements adapter.Adapter.
func (s *Streams) Subscribe(ctx context.Context, sub adapter.Subscriber) error {
	if !s.owners.enter(ctx, sub) {
		return errShared
	}
	m := &streamMember{sub, s.log(sub.Namespace()), s.hub, s.requests(sub.Namespace()), s.responses(sub.Namespace(), sub.UID())}
	if err := s.enter(ctx, m); err != nil {
		return err
	}
	err := s.hub.subscribe(ctx, map[topic]func(string, string){
		m.requests: m.receive,
		m.answers:  m.receive,
	})
	if err != nil {
		s.leave(m)
		return err
	}
	context.AfterFunc(ctx, func() { s.leave(m) })
	return nil
}

// enter makes a namespace receive the entries that are added to its stream from
// now on.
func (s *Streams) enter(ctx context.Context, m *streamMember) error {
	select {
	case s.gate <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.gate }()
	if s.stop == nil {
		if err := s.seek(ctx); err != nil {
			return err
		}
		var reading context.Context
		reading, s.stop = context.WithCancel(context.Background())
		for _, r := range s.readers() {
			go r.run(reading)
		}
	}
	s.members++
	m.log.enter(m)
	return nil
}

func (s *Streams) leave(m *streamMember) {
	s.gate <- struct{}{}
	defer func() { <-s.gate }()
	m.log.leave(m)
	if s.members--; s.members == 0 {
		s.stop()
		s.stop = nil
	}
}

// A streamMember is a namespace of the server.
type streamMember struct {
	adapter.Subscriber
	log      *streamLog
	hub      *hub
	requests topic
	answers  topic
}

// receive takes a request or an answer.
func (m *streamMember) receive(channel, message string) {
	decoded, after, err := decodePublished([]byte(message))
	if err != nil {
		m.hub.unreadable(channel, err)
		return
	}
	if decoded.Type == adapter.Close {
		m.hub.goodbye(m.requests, m.answers, func() { m.log.take(m, decoded, after) })
		return
	}
	m.log.take(m, decoded, after)
}
