package nats

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/jobs"
)

const (
	// maxIncoming is how many messages may wait to be taken from the connection.
	maxIncoming = 16384

	// maxWaiting is how many bytes of messages may wait for this server. Further
	// messages are dropped.
	maxWaiting = 64 << 20

	// overhead is what a message costs beside its bytes.
	overhead = 400
)

// A subscription is a server's part in a namespace. All its subjects fill one
// channel, which keeps the order of arrival.
type subscription struct {
	ctx      context.Context // ends also if the server could not subscribe
	cancel   context.CancelFunc
	conn     *nats.Conn
	subjects subjects
	incoming chan *nats.Msg
	waiting  jobs.Queue
	fixed    []*nats.Subscription
	rooms    rooms
	parts    assembler
}

// Subscribe implements [adapter.Adapter].
func (a *Adapter) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	_, err := a.subscribe(ctx, to, true)
	return err
}

// subscribe subscribes to the subjects of a namespace, with or without those of
// rooms.
func (a *Adapter) subscribe(ctx context.Context, to adapter.Subscriber, withRooms bool) (*subscription, error) {
	if err := a.away(); err != nil {
		return nil, err
	}
	s := &subscription{
		conn:     a.conn,
		subjects: a.opts.subjects(to.Namespace()),
		incoming: make(chan *nats.Msg, maxIncoming),
		waiting:  jobs.Queue{Limit: maxWaiting},
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := a.enter(to.Namespace(), s); err != nil {
		s.cancel()
		return nil, err
	}
	err := s.begin(s.subjects.all(), s.subjects.server(to.UID()))
	if err == nil && withRooms {
		err = s.beginRooms(to, a.opts.RoomSubjects)
	}
	if err == nil {
		err = a.arrived(ctx)
	}
	if err != nil {
		s.end()
		s.cancel()
		return nil, fmt.Errorf("nats: %w", err)
	}
	context.AfterFunc(s.ctx, s.end)
	go a.receive(s, to)
	return s, nil
}

// enter notes the namespace's subscription. There is one at a time.
func (a *Adapter) enter(namespace string, s *subscription) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.namespaces[namespace]; other != nil && other.ctx.Err() == nil {
		return fmt.Errorf("nats: another server uses this Adapter in the namespace %q; each needs its own", namespace)
	}
	a.namespaces[namespace] = s
	return nil
}

// begin subscribes to subjects until the end.
func (s *subscription) begin(subjects ...string) error {
	for _, subject := range subjects {
		sub, err := s.conn.ChanSubscribe(subject, s.incoming)
		if err != nil {
			return err
		}
		s.fixed = append(s.fixed, sub)
	}
	return nil
}

// beginRooms subscribes to the messages to rooms: to those of all rooms, or
// of those that have a socket here.
func (s *subscription) beginRooms(to adapter.Subscriber, someOnly bool) error {
	if !someOnly {
		if err := s.begin(s.subjects.anyRoom()); err != nil {
			return err
		}
	} else {
		s.rooms.subscribe = func(room string) (*nats.Subscription, error) {
			return s.conn.ChanSubscribe(s.subjects.rooms()+room, s.incoming)
		}
	}
	to.WatchRooms(s.rooms.changed)
	return s.rooms.settle(s.ctx)
}

func (s *subscription) end() {
	s.rooms.end()
	for _, sub := range s.fixed {
		_ = sub.Unsubscribe() // fails only if the connection is closed
	}
}

// arrived waits until NATS has what has been sent before.
func (a *Adapter) arrived(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return a.conn.FlushWithContext(ctx)
}

// receive takes messages until the subscription ends. They wait where their
// bytes are counted, so a burst of small messages is not dropped.
func (a *Adapter) receive(s *subscription, to adapter.Subscriber) {
	defer s.waiting.Stop()
	for {
		select {
		case in := <-s.incoming:
			if !s.waiting.Put(len(in.Data)+overhead, func() { a.deliver(s, to, in) }) {
				a.dropped(in.Subject)
			}
		case <-s.ctx.Done():
			return
		}
	}
}

func (a *Adapter) deliver(s *subscription, to adapter.Subscriber, in *nats.Msg) {
	if m, err := s.decode(in); err != nil {
		a.logger.Warn("invalid message of another server", "subject", in.Subject, "err", err)
	} else if m != nil {
		to.Deliver(m)
	}
}

// line has a message of the log wait in line behind what has arrived.
func (s *subscription) line(subject string, data []byte) {
	select {
	case s.incoming <- &nats.Msg{Subject: subject, Data: data}:
	case <-s.ctx.Done():
	}
}

// decode returns the message that is complete with what NATS delivers. It
// returns nil if parts are missing, or if the message is for a room without
// sockets here.
func (s *subscription) decode(in *nats.Msg) (*adapter.Message, error) {
	if room, is := strings.CutPrefix(in.Subject, s.subjects.rooms()); is && !s.rooms.has(room) {
		return nil, nil
	}
	packed, err := s.parts.add(in.Data)
	if err != nil || packed == nil {
		return nil, err
	}
	return decode(packed)
}
