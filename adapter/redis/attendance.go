package redis

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/redis/rueidis"
)

// recountPause is the pause before a count that is too low is taken again.
const recountPause = 20 * time.Millisecond

// An attendance is the number of servers that subscribe to a topic. Redis does
// not count a server whose connection has broken until it has connected again.
// So a number lower than before is believed when it has not changed for the
// gracePeriod.
type attendance struct {
	servers int // unknown after the connection of this server has broken
	seen    int // the last count, if that is not believed
	since   time.Time
}

const unknown = math.MaxInt

// settles takes a count, and reports whether it is believed.
func (a *attendance) settles(n int) bool {
	switch {
	case n >= a.servers:
	case n != a.seen || a.since.IsZero():
		a.seen, a.since = n, time.Now()
		return false
	case time.Since(a.since) < gracePeriod:
		return false
	}
	*a = attendance{servers: n}
	return true
}

// subscribers returns how many servers subscribe to a channel. If a connection
// has just broken, it waits until the servers have had the time to subscribe
// again.
func (h *hub) subscribers(ctx context.Context, t topic) (int, error) {
	for {
		if err := h.await(ctx, t); err != nil {
			return 0, err
		}
		n, err := h.count(ctx, t)
		if err != nil || h.settles(t, n) {
			return n, err
		}
		select {
		case <-time.After(recountPause):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (h *hub) settles(t topic, n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.places[t]
	return p == nil || p.attendance.settles(n)
}

// unsettle notes that a link has broken, perhaps together with those of other
// servers.
func (h *hub) unsettle(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.places {
		if p.link == l {
			p.attendance = attendance{servers: unknown}
		}
	}
}

// count returns how many connections subscribe to a channel at the moment.
func (h *hub) count(ctx context.Context, t topic) (n int, err error) {
	servers := h.nodes.counted(t)
	if len(servers) == 0 {
		return 0, errors.New("redis: no server of the Redis Cluster is known")
	}
	for _, client := range servers {
		var command rueidis.Completed
		if t.kind == shardChannel {
			command = client.B().PubsubShardnumsub().Channel(t.name).Build()
		} else {
			command = client.B().PubsubNumsub().Channel(t.name).Build()
		}
		counts, err := client.Do(ctx, command).AsIntMap()
		if err != nil {
			return 0, err
		}
		n += int(counts[t.name])
	}
	return n, nil
}
