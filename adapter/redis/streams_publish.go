package redis

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
)

// Publish implements adapter.Adapter. Publish first adds the messages that
// belong into the log. A request that comes after them in the batch names the
// last entry, so that the other servers take the request after that entry.
func (s *Streams) Publish(ctx context.Context, batch []*adapter.Message) []error {
	errs := make([]error, len(batch))
	after := s.add(ctx, batch, errs)
	var rest []*adapter.Message
	var places []int
	for i, m := range batch {
		if !logged(m) {
			rest, places = append(rest, m), append(places, i)
		}
	}
	if len(rest) > 0 {
		next := 0
		for i, err := range s.hub.publish(ctx, rest, func(m *adapter.Message) (publication, error) {
			next++
			return s.publication(m, after[places[next-1]])
		}) {
			errs[places[i]] = err
		}
	}
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return errs
	}
	return nil
}

// logged reports whether a message is an entry of a stream.
func logged(m *adapter.Message) bool {
	switch m.Type {
	case adapter.Broadcast:
		return m.RequestID == ""
	case adapter.SocketsJoin, adapter.SocketsLeave, adapter.DisconnectSockets:
		return true
	}
	return false
}

// publication returns a request or an answer as it is published.
func (s *Streams) publication(m *adapter.Message, after streamID) (p publication, err error) {
	switch m.Type {
	case adapter.InitialHeartbeat, adapter.Heartbeat:
		return p, nil // Redis counts the servers
	}
	p.needs, p.goodbye = s.requests(m.Namespace), m.Type == adapter.Close
	p.channel, p.sharded = p.needs.name, s.kind == shardChannel
	if m.To != "" {
		p.channel = s.responses(m.Namespace, m.To).name
	}
	p.message, err = encodePublished(m, after)
	return p, err
}

// add adds messages to their streams, in one round trip, and sets their errors.
// It returns the entry that precedes each message of the batch in the
// namespace's stream.
func (s *Streams) add(ctx context.Context, batch []*adapter.Message, errs []error) (after []streamID) {
	var commands []rueidis.Completed
	var places []int // in the batch
	for i, m := range batch {
		if !logged(m) {
			continue
		}
		s.log(m.Namespace).pace(ctx, s.opts.MaxLen/4)
		fields, err := encodeEntry(m)
		if errs[i] = err; err == nil {
			commands, places = append(commands, s.xadd(s.log(m.Namespace).name, fields)), append(places, i)
		}
	}
	var replies []rueidis.RedisResult
	if len(commands) > 0 {
		replies = s.client.DoMulti(ctx, commands...)
	}
	after = make([]streamID, len(batch))
	now := time.Now()
	for i, m := range batch {
		log := s.log(m.Namespace)
		if len(places) > 0 && places[0] == i {
			errs[i] = log.added(m, replies[0], now)
			places, replies = places[1:], replies[1:]
		}
		after[i] = log.precedes(now)
	}
	return after
}

func (s *Streams) xadd(key string, fields []string) rueidis.Completed {
	return s.client.B().Arbitrary("XADD").Keys(key).Args(s.xaddArgs(fields)...).Build()
}

func (s *Streams) xaddArgs(fields []string) []string {
	return append([]string{"MAXLEN", "~", strconv.Itoa(s.opts.MaxLen), "*"}, fields...)
}
