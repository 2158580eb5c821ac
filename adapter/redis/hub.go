package redis

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/internal/jobs"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// A hub is an adapter's side of Redis: it keeps subscriptions in place and
// publishes. With one Redis server it has one link; in a Redis Cluster it has one
// for each server that owns one of its topics.
type hub struct {
	client  rueidis.Client
	nodes   nodes
	answers jobs.Queue // to be published
	log     *rarelog.Logger

	mu     sync.Mutex
	links  map[string]*link // by the address of the server
	places map[topic]*place
}

// A place is the link of a topic, with the subscriptions to the topic. There
// may be several: the room b of the namespace /a and the namespace /a#b have
// the same channel.
type place struct {
	link          *link
	subscriptions []*subscription
	attendance    attendance
}

// newHub returns a hub. Without a logger it uses slog.Default().
func newHub(client rueidis.Client, logger *slog.Logger) *hub {
	return &hub{
		client:  client,
		nodes:   nodes{client: client},
		answers: jobs.Queue{Limit: maxAnswers},
		log:     rarelog.New(cmp.Or(logger, slog.Default())),
		links:   make(map[string]*link),
		places:  make(map[topic]*place),
	}
}

// unreadable logs a message of another server that is dropped because it cannot
// be decoded.
func (h *hub) unreadable(channel string, err error) {
	h.log.About(channel).Warn("redis: cannot read a message", "channel", channel, "err", err)
}

// add subscribes to a topic and does not wait for Redis. Redis gets the
// subscriptions in the order of the calls. The channel yields a value when
// Redis has answered or cannot be reached; in the second case the hub goes on
// trying. receive must not block.
func (h *hub) add(t topic, receive func(channel, message string)) (*subscription, <-chan error) {
	s := &subscription{topic: t, receive: receive, placed: make(chan error, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.places[t]
	if p == nil {
		p = &place{link: h.linkTo(t)}
		h.places[t] = p
	}
	p.subscriptions = append(p.subscriptions, s)
	p.link.add(s)
	return s, s.placed
}

// remove ends a subscription.
func (h *hub) remove(s *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.places[s.topic]
	if p == nil {
		return
	}
	p.subscriptions = slices.DeleteFunc(p.subscriptions, func(other *subscription) bool { return other == s })
	p.link.remove(s)
	if len(p.subscriptions) == 0 {
		delete(h.places, s.topic)
	}
}

// linkTo returns the link that a topic belongs to. h.mu is locked.
func (h *hub) linkTo(t topic) *link {
	addr := h.nodes.owner(t)
	l := h.links[addr]
	if l == nil {
		l = newLink(h, addr)
		h.links[addr] = l
	}
	return l
}

// relocate moves topics to the links where they belong, after another server of
// a Redis Cluster has become their owner.
func (h *hub) relocate(topics ...topic) {
	h.nodes.refresh()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range topics {
		p, wanted := h.places[t]
		if !wanted {
			continue
		}
		l := h.linkTo(t)
		if l == p.link {
			l.again(t)
			continue
		}
		for _, s := range p.subscriptions {
			p.link.remove(s)
			l.add(s)
		}
		p.link = l
	}
}

// subscribe subscribes to topics until ctx ends. It returns when all are in
// place, or with the first error.
func (h *hub) subscribe(ctx context.Context, receivers map[topic]func(channel, message string)) error {
	h.nodes.refresh()
	var added []*subscription
	var results []<-chan error
	for t, receive := range receivers {
		s, placed := h.add(t, receive)
		added, results = append(added, s), append(results, placed)
	}
	end := func() {
		for _, s := range added {
			h.remove(s)
		}
	}
	for _, placed := range results {
		var err error
		select {
		case err = <-placed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			end()
			return err
		}
	}
	context.AfterFunc(ctx, end)
	return nil
}

// goodbye delivers the goodbye of a server after the answers of that server. The
// answers come by another topic, in a Redis Cluster perhaps from another server
// of Redis. That server of Redis answers one more subscription, and by then has
// sent all earlier answers.
func (h *hub) goodbye(by, answers topic, deliver func()) {
	h.mu.Lock()
	p, q := h.places[by], h.places[answers]
	h.mu.Unlock()
	if p == nil || q == nil || p.link == q.link {
		deliver()
		return
	}
	s, placed := h.add(answers, func(string, string) {})
	go func() {
		<-placed //nolint:errcheck // a refusal is an answer, too
		h.remove(s)
		deliver()
	}()
}

// await waits until the connection of a topic is in use, as [link.await] does.
func (h *hub) await(ctx context.Context, t topic) error {
	h.mu.Lock()
	p, subscribed := h.places[t]
	h.mu.Unlock()
	if !subscribed {
		return nil
	}
	return p.link.await(ctx)
}
