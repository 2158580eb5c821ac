package redis

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// retryPause is about how long a link waits after it could not connect.
	retryPause = 200 * time.Millisecond

	// gracePeriod is how long nothing is published after an outage, while the
	// other servers connect and subscribe again.
	gracePeriod = 500 * time.Millisecond

	// subscribeTimeout is how long Redis may take to answer subscriptions.
	subscribeTimeout = 10 * time.Second

	// refusedPause is how long a link waits before it asks again for a topic that
	// Redis has refused.
	refusedPause = 500 * time.Millisecond

	// maxSubscribe is how many subscriptions are sent before the answers are read.
	maxSubscribe = 1000
)

var errUnknownServer = errors.New("redis: the server has left the Redis Cluster")

// A topic is what one subscribes to: a channel or a pattern.
type topic struct {
	kind topicKind
	name string
}

type topicKind byte

const (
	channel topicKind = iota
	pattern
	shardChannel
)

func (t topic) subscribe(b rueidis.Builder) rueidis.Completed {
	switch t.kind {
	case pattern:
		return b.Psubscribe().Pattern(t.name).Build()
	case shardChannel:
		return b.Ssubscribe().Channel(t.name).Build()
	}
	return b.Subscribe().Channel(t.name).Build()
}

func (t topic) unsubscribe(b rueidis.Builder) rueidis.Completed {
	switch t.kind {
	case pattern:
		return b.Punsubscribe().Pattern(t.name).Build()
	case shardChannel:
		return b.Sunsubscribe().Channel(t.name).Build()
	}
	return b.Unsubscribe().Channel(t.name).Build()
}

// A subscription receives the messages of a topic.
type subscription struct {
	topic   topic
	receive func(channel, message string)
	placed  chan error // has the result of the first attempt
}

// A link is one connection to a Redis server for subscriptions. It exists while
// there are subscriptions, and is restored with all of them when it breaks. One
// goroutine sends the subscriptions, in order, so that a topic that is left and
// entered again at once is not lost.
type link struct {
	hub  *hub
	addr string // of the server in a Redis Cluster, otherwise ""

	mu      sync.RWMutex
	wanted  map[topic][]*subscription
	changed map[topic]bool // what Redis has not been told of yet
	wake    chan struct{}  // has a value if something has changed
	running bool
	state   linkState
	err     error         // why the state is down
	added   int           // subscriptions so far
	placed  int           // the first so many of them are in place, or have ended
	moved   chan struct{} // closed when state or placed changes
}

type linkState byte

const (
	idle      linkState = iota // nothing is wanted
	restoring                  // the first attempt is under way, or others are waited for
	up
	down // at least one attempt has failed
)

func newLink(h *hub, addr string) *link {
	return &link{
		hub:     h,
		addr:    addr,
		wanted:  make(map[topic][]*subscription),
		changed: make(map[topic]bool),
		wake:    make(chan struct{}, 1),
		moved:   make(chan struct{}),
	}
}

// add subscribes. It does not wait; the result comes in s.placed.
func (l *link) add(s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted[s.topic] = append(slices.Clip(l.wanted[s.topic]), s)
	l.changed[s.topic] = true
	l.added++
	l.poke()
	if !l.running {
		l.running = true
		l.enter(restoring, nil)
		go l.run()
	}
}

// remove ends a subscription.
func (l *link) remove(s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := make([]*subscription, 0, len(l.wanted[s.topic]))
	for _, other := range l.wanted[s.topic] {
		if other != s {
			rest = append(rest, other)
		}
	}
	if l.wanted[s.topic] = rest; len(rest) == 0 {
		delete(l.wanted, s.topic)
		l.changed[s.topic] = true
		l.poke()
	}
}

// poke wakes the goroutine. l.mu is locked.
func (l *link) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// enter changes the state. l.mu is locked.
func (l *link) enter(s linkState, err error) {
	if l.state != s {
		l.move()
	}
	l.state, l.err = s, err
}

// move wakes those that await something. l.mu is locked.
func (l *link) move() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// await waits until all subscriptions that were added before are in place, so
// that a server that cannot receive the answers publishes nothing. It returns
// an error at once if there is no connection.
func (l *link) await(ctx context.Context) error {
	l.mu.RLock()
	added := l.added
	l.mu.RUnlock()
	for {
		l.mu.RLock()
		state, placed, err, moved := l.state, l.placed, l.err, l.moved
		l.mu.RUnlock()
		switch {
		case state == down:
			return err
		case state == idle || state == up && placed >= added:
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run keeps the connection until nothing is wanted.
func (l *link) run() {
	for outage := false; ; {
		placed, err := l.connection(outage)
		l.hub.unsettle(l)
		l.mu.Lock()
		if len(l.wanted) == 0 {
			clear(l.changed)
			l.running = false
			l.enter(idle, nil)
			l.mu.Unlock()
			return
		}
		outage = !placed
		if outage {
			l.enter(down, err)
			l.fail(err)
		} else {
			l.enter(restoring, nil)
		}
		l.mu.Unlock()
		if outage {
			<-time.After(retryPause/2 + rand.N(retryPause))
			if l.addr != "" {
				l.hub.relocate(l.topics()...)
			}
		}
	}
}

func (l *link) topics() []topic {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Collect(maps.Keys(l.wanted))
}

// fail tells those that wait for a subscription the error. l.mu is locked.
func (l *link) fail(err error) {
	for _, all := range l.wanted {
		for _, s := range all {
			s.done(err)
		}
	}
}

func (s *subscription) done(err error) {
	select {
	case s.placed <- err:
	default: // it is known already
	}
}

// connection opens a connection, subscribes, and returns when the connection
// breaks or nothing is wanted. It reports whether the subscriptions were in
// place.
func (l *link) connection(outage bool) (placed bool, err error) {
	client := l.hub.nodes.at(l.addr)
	if client == nil {
		return false, errUnknownServer
	}
	conn, release := client.Dedicate()
	defer release()
	defer conn.Close()
	broken := conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: l.message, OnSubscription: l.subscription})
	l.mu.Lock()
	clear(l.changed)
	for t := range l.wanted {
		l.changed[t] = true
	}
	l.mu.Unlock()

	var settled <-chan time.Time
	for {
		if more, err := l.update(conn); err != nil {
			return placed, err
		} else if more {
			continue
		}
		if !placed {
			placed = true
			settled = time.After(0)
			if outage {
				settled = time.After(gracePeriod)
			}
		}
		if l.unwanted() {
			return true, nil
		}
		select {
		case <-l.wake:
		case <-settled:
			l.mu.Lock()
			l.enter(up, nil)
			l.mu.Unlock()
		case err := <-broken:
			if err == nil {
				err = errors.New("connection closed")
			}
			return placed, err
		}
	}
}

func (l *link) unwanted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wanted) == 0 && len(l.changed) == 0
}

// update tells Redis what has changed, at most maxSubscribe topics, and reports
// whether there may be more.
func (l *link) update(conn rueidis.DedicatedClient) (more bool, err error) {
	l.mu.Lock()
	added := l.added
	var commands []rueidis.Completed
	var told [][]*subscription // empty for the end of the last one
	for t := range l.changed {
		if l.wanted[t] != nil {
			commands = append(commands, t.subscribe(conn.B()))
		} else {
			commands = append(commands, t.unsubscribe(conn.B()))
		}
		told = append(told, l.wanted[t])
		delete(l.changed, t)
		if len(told) == maxSubscribe {
			break
		}
	}
	rest := len(l.changed)
	l.mu.Unlock()
	if len(commands) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), subscribeTimeout)
	defer cancel()
	for i, reply := range conn.DoMulti(ctx, commands...) {
		if err := reply.NonRedisError(); err != nil {
			return false, err
		}
		err := reply.Error()
		if err != nil && len(told[i]) > 0 {
			time.AfterFunc(refusedPause, func() { l.hub.relocate(told[i][0].topic) })
		}
		for _, s := range told[i] {
			s.done(err)
		}
	}
	if rest == 0 {
		l.mu.Lock()
		l.placed = added
		l.move()
		l.mu.Unlock()
	}
	return true, nil
}

// again subscribes to a topic that is still wanted once more.
func (l *link) again(t topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wanted[t] != nil {
		l.changed[t] = true
		l.poke()
	}
}

// message passes a message on. The connection's goroutine calls it.
func (l *link) message(m rueidis.PubSubMessage) {
	t := topic{channel, m.Channel}
	if m.Pattern != "" {
		t = topic{pattern, m.Pattern}
	}
	l.mu.RLock()
	all := l.wanted[t] // is not modified, but replaced
	if all == nil && m.Pattern == "" {
		all = l.wanted[topic{shardChannel, m.Channel}]
	}
	l.mu.RUnlock()
	for _, s := range all {
		s.receive(m.Channel, m.Message)
	}
}

// subscription notices that Redis ends a subscription of its own accord, because
// the channel has moved to another server of a Redis Cluster.
func (l *link) subscription(e rueidis.PubSubSubscription) {
	t := topic{shardChannel, e.Channel}
	l.mu.RLock()
	wanted := e.Kind == "sunsubscribe" && l.wanted[t] != nil
	l.mu.RUnlock()
	if wanted {
		go l.hub.relocate(t)
	}
}
