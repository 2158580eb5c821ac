package nats

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/adapter"
)

// maxWaiting is how many messages may wait for this server. NATS drops further
// ones.
const maxWaiting = 16384

// A subscription is a server's part in a namespace. All its subjects fill one
// channel, which keeps the order in which the messages arrive.
type subscription struct {
	ctx      context.Context
	incoming chan *nats.Msg
	parts    assembler
}

// Subscribe implements [adapter.Adapter].
func (a *Adapter) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	if !a.conn.IsConnected() {
		return errAway
	}
	s := &subscription{ctx: ctx, incoming: make(chan *nats.Msg, maxWaiting)}
	if err := a.enter(to.Namespace(), s); err != nil {
		return err
	}
	subjects := a.opts.subjects(to.Namespace())
	var subs []*nats.Subscription
	end := func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe() // fails only if the connection is closed
		}
	}
	for _, subject := range []string{subjects.all(), subjects.anyRoom(), subjects.server(to.UID())} {
		sub, err := a.conn.ChanSubscribe(subject, s.incoming)
		if err != nil {
			end()
			return fmt.Errorf("nats: %w", err)
		}
		subs = append(subs, sub)
	}
	if err := a.arrived(ctx); err != nil {
		end()
		return fmt.Errorf("nats: %w", err)
	}
	context.AfterFunc(ctx, end)
	go a.receive(s, to)
	return nil
}

// enter notes the namespace's subscription, of which there is one at a time.
func (a *Adapter) enter(namespace string, s *subscription) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.namespaces[namespace]; other != nil && other.ctx.Err() == nil {
		return fmt.Errorf("nats: another server uses this Adapter in the namespace %q; each needs its own", namespace)
	}
	a.namespaces[namespace] = s
	return nil
}

// arrived waits until NATS has what has been sent before.
func (a *Adapter) arrived(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return a.conn.FlushWithContext(ctx)
}

// receive delivers messages until the subscription ends.
func (a *Adapter) receive(s *subscription, to adapter.Subscriber) {
	for {
		select {
		case in := <-s.incoming:
			if m, err := s.decode(in.Data); err != nil {
				a.logger.Warn("invalid message of another server", "subject", in.Subject, "err", err)
			} else if m != nil {
				to.Deliver(m)
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// decode returns the message that is complete with these bytes, or nil.
func (s *subscription) decode(data []byte) (*adapter.Message, error) {
	packed, err := s.parts.add(data)
	if err != nil || packed == nil {
		return nil, err
	}
	encoded, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	return adapter.Decode(encoded)
}
