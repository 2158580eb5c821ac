package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
)

// A publication is a message as it is published.
type publication struct {
	channel string // "" if there is nothing to publish
	sharded bool
	message []byte
	needs   topic // the server must be subscribed to it first, if it wants to be
	goodbye bool  // Redis must have everything else of the batch first
}

func (p *publication) command(b rueidis.Builder) rueidis.Completed {
	message := rueidis.BinaryString(p.message)
	if p.sharded {
		return b.Spublish().Channel(p.channel).Message(message).Build()
	}
	return b.Publish().Channel(p.channel).Message(message).Build()
}

// publish publishes a batch in one round trip, and its goodbyes in a second one,
// each message as encode returns it. The result is that of Publish.
func (h *hub) publish(ctx context.Context, batch []*adapter.Message, encode func(*adapter.Message) (publication, error)) []error {
	errs := make([]error, len(batch))
	var first, second []publication
	var places, later []int // in the batch
	for i, m := range batch {
		p, err := encode(m)
		if err == nil && p.channel != "" {
			err = h.await(ctx, p.needs)
		}
		switch errs[i] = err; {
		case err != nil || p.channel == "":
		case p.goodbye:
			second, later = append(second, p), append(later, i)
		default:
			first, places = append(first, p), append(places, i)
		}
	}
	for i, err := range h.send(ctx, first) {
		errs[places[i]] = err
	}
	for i, err := range h.send(ctx, second) {
		errs[later[i]] = err
	}
	for _, err := range errs {
		if err != nil {
			return errs
		}
	}
	return nil
}

// send sends publications in one round trip, and returns the error of each.
func (h *hub) send(ctx context.Context, publications []publication) []error {
	if len(publications) == 0 {
		return nil
	}
	client := h.client
	if !publications[0].sharded {
		// One server of a Redis Cluster, which passes them on: several would mix up
		// their order.
		client = h.nodes.at(h.nodes.owner(topic{channel, ""}))
	}
	errs := make([]error, len(publications))
	if client == nil {
		for i := range errs {
			errs[i] = errUnknownServer
		}
		return errs
	}
	commands := make([]rueidis.Completed, len(publications))
	for i := range publications {
		commands[i] = publications[i].command(client.B())
	}
	for i, reply := range client.DoMulti(ctx, commands...) {
		errs[i] = reply.Error()
	}
	return errs
}

const (
	// maxAnswers is how many bytes of answers may wait. These are answers of
	// the adapter alone to requests of npm's servers.
	maxAnswers = 1 << 20

	answerTimeout = 5 * time.Second
)

// answer publishes JSON without waiting.
func (h *hub) answer(channel string, v any) {
	message, err := appendJSON(v)
	if err != nil {
		return
	}
	h.answers.Put(len(message), func() {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		h.send(ctx, []publication{{channel: channel, message: message}})
	})
}
