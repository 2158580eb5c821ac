package redis

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"

	"time"

	"github.com/redis/rueidis"
)

const (
	// blockTime is how long Redis waits for the next entry.
	blockTime = 5 * time.Second

	// readTimeout is how much longer its answer may take.
	readTimeout = 5 * time.Second
)

// seek sets the place after which the streams are read to their present ends.
func (s *Streams) seek(ctx context.Context) error {
	ends, err := s.ends(ctx)
	if err != nil {
		return err
	}
	for l, end := range ends {
		l.mu.Lock()
		l.reached = end
		l.mu.Unlock()
	}
	return nil
}

// ends returns the id of the last entry of each stream, or the zero id for an
// empty stream.
func (s *Streams) ends(ctx context.Context) (map[*streamLog]streamID, error) {
	logs := slices.Collect(maps.Values(s.logs))
	commands := make([]rueidis.Completed, len(logs))
	for i, l := range logs {
		commands[i] = s.client.B().Xrevrange().Key(l.name).End("+").Start("-").Count(1).Build()
	}
	ends := make(map[*streamLog]streamID)
	for i, reply := range s.client.DoMulti(ctx, commands...) {
		entries, err := reply.AsXRangeSlices()
		if err != nil {
			return nil, err
		}
		ends[logs[i]] = streamID{}
		for _, e := range entries {
			ends[logs[i]], _ = parseStreamID(e.ID)
		}
	}
	return ends, nil
}

// A streamReader reads streams on one connection.
type streamReader struct {
	streams *Streams
	logs    []*streamLog
}

// readers returns one reader for all streams, or in a Redis Cluster, where the
// streams may be on several servers, one for each.
func (s *Streams) readers() (readers []*streamReader) {
	if s.client.Mode() != rueidis.ClientModeCluster {
		return []*streamReader{{s, slices.Collect(maps.Values(s.logs))}}
	}
	for _, l := range s.logs {
		readers = append(readers, &streamReader{s, []*streamLog{l}})
	}
	return readers
}

// run reads until ctx ends. After a failure it goes on after the last entry that
// it has read.
func (r *streamReader) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.connection(ctx)
		select {
		case <-time.After(retryPause/2 + rand.N(retryPause)):
		case <-ctx.Done():
		}
	}
}

// connection reads until the connection breaks.
func (r *streamReader) connection(ctx context.Context) {
	conn, release := r.streams.client.Dedicate()
	defer release()
	behind := r.logs // streams that may have lost entries that have not been read
	for ctx.Err() == nil {
		for _, l := range behind {
			if r.checkKept(ctx, conn, l) != nil {
				return
			}
		}
		var err error
		if behind, err = r.read(ctx, conn); err != nil {
			return
		}
	}
}

// read waits for entries and delivers them. It returns the streams that may
// have more.
func (r *streamReader) read(ctx context.Context, conn rueidis.DedicatedClient) (behind []*streamLog, err error) {
	limited, cancel := context.WithTimeout(ctx, blockTime+readTimeout)
	defer cancel()
	reply := conn.Do(limited, r.xread(conn.B()))
	if rueidis.IsRedisNil(reply.Error()) {
		return nil, nil
	}
	entries, err := reply.AsXReadSlices()
	if err != nil {
		return nil, err
	}
	for _, l := range r.logs {
		of := entries[l.name]
		l.deliver(of, func() bool { return ctx.Err() != nil }, r.invalid)
		if len(of) >= r.streams.opts.ReadCount {
			behind = append(behind, l)
		}
	}
	return behind, nil
}

func (r *streamReader) xread(b rueidis.Builder) rueidis.Completed {
	keys, ids := make([]string, len(r.logs)), make([]string, len(r.logs))
	for i, l := range r.logs {
		keys[i], ids[i] = l.name, l.position().String()
	}
	return b.Xread().Count(int64(r.streams.opts.ReadCount)).Block(blockTime.Milliseconds()).Streams().Key(keys...).Id(ids...).Build()
}

func (r *streamReader) invalid(id string, err error) {
	r.streams.hub.log.Warn("redis: invalid entry in a stream", "entry", id, "err", err)
}

func (l *streamLog) position() streamID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reached
}

// checkKept finds out whether a stream still contains the last entry that was
// read. If not, later entries may have been lost, too: the stream has grown
// faster than this server reads, or Redis was restarted without its data. Lost
// events of this server reach its own clients all the same.
func (r *streamReader) checkKept(ctx context.Context, conn rueidis.DedicatedClient, l *streamLog) error {
	reached, own := l.position(), l.unread()
	if reached == (streamID{}) && len(own) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	b := conn.B()
	replies := conn.DoMulti(limited,
		b.Xrange().Key(l.name).Start(reached.String()).End("+").Count(1).Build(),
		b.Xrevrange().Key(l.name).End("+").Start("-").Count(1).Build())
	first, err := firstID(replies[0])
	if err != nil {
		return err
	}
	end, err := firstID(replies[1])
	if err != nil {
		return err
	}
	own = slices.DeleteFunc(own, func(e entry) bool { return first.compare(e.id) <= 0 && e.id.compare(end) <= 0 })
	if first == reached && len(own) == 0 || reached == (streamID{}) && len(own) == 0 {
		return nil
	}
	r.streams.opts.Logger.Warn("redis: a stream has lost entries that the server may not have read",
		"stream", l.name, "read", reached.String(), "end", end.String())
	l.forgo(own)
	if end.compare(reached) < 0 { // entries to come have smaller ids
		l.mu.Lock()
		l.reached = end
		l.mu.Unlock()
	}
	return nil
}

// firstID returns the id of the first entry, or the zero id if the stream is
// empty.
func firstID(reply rueidis.RedisResult) (id streamID, err error) {
	entries, err := reply.AsXRangeSlices()
	if err == nil && len(entries) > 0 {
		id, _ = parseStreamID(entries[0].ID)
	}
	return id, err
}

// missedPage is how many entries are read at once for a client that comes back.
const missedPage = 1000

// since returns the entries of a stream from one on, or nil if the stream does
// not have it any longer.
func (s *Streams) since(ctx context.Context, key string, from streamID) ([]rueidis.XRangeSlice, error) {
	var all []rueidis.XRangeSlice
	for {
		page, err := s.client.Do(ctx, s.client.B().Xrange().Key(key).Start(from.String()).End("+").Count(missedPage+1).Build()).AsXRangeSlices()
		if err != nil {
			return nil, err
		}
		if len(page) == 0 || page[0].ID != from.String() {
			return nil, nil // also if it has been trimmed meanwhile
		}
		if all == nil {
			all = page[:1]
		}
		all = append(all, page[1:]...)
		if len(page) <= missedPage {
			return all, nil
		}
		from, _ = parseStreamID(page[len(page)-1].ID)
	}
}
