package nats

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/goroomcast/socketio/adapter"
)

// A follower delivers a namespace's part of the log.
type follower struct {
	*JetStream
	ctx      context.Context
	to       adapter.Subscriber
	subjects subjects
	answers  *subscription
	place    place // of the last message that was delivered
	known    bool  // the place

	mu sync.Mutex
	it jetstream.MessagesContext
}

const (
	followRetry     = 200 * time.Millisecond
	followHeartbeat = 2 * time.Second // after two without a heartbeat the log is opened again
	followExpiry    = 30 * time.Second
	followBatch     = 512

	// unusedConsumer is after what time NATS forgets a reader of the log that does
	// not ask.
	unusedConsumer = 30 * time.Second
)

// serial delivers what comes from the log and beside it one after the other.
type serial struct {
	adapter.Subscriber
	mu sync.Mutex
}

func (s *serial) Deliver(m *adapter.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Subscriber.Deliver(m)
}

// Subscribe implements [adapter.Adapter].
func (j *JetStream) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	one := &serial{Subscriber: to}
	answers, err := j.subscribe(ctx, one, false)
	if err != nil {
		return err
	}
	f := &follower{JetStream: j, ctx: ctx, to: one, subjects: answers.subjects, answers: answers}
	if err := f.open(); err != nil {
		answers.cancel()
		return fmt.Errorf("nats: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.logs[f] = struct{}{}
	go f.run()
	return nil
}

// run delivers messages until the subscription ends. It opens the log again
// after each failure, behind the last message.
func (f *follower) run() {
	stop := context.AfterFunc(f.ctx, f.interrupt)
	defer stop()
	for f.ctx.Err() == nil {
		f.deliver()
		for f.open() != nil {
			select {
			case <-time.After(followRetry):
			case <-f.ctx.Done():
			}
		}
	}
	f.interrupt()
	f.JetStream.mu.Lock()
	defer f.JetStream.mu.Unlock()
	delete(f.logs, f)
}

// interrupt ends the present reading of the log.
func (f *follower) interrupt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.it != nil {
		f.it.Stop()
	}
}

// open begins to read the log behind the last message; the first time, behind
// its end. It returns nil when the subscription has ended.
func (f *follower) open() error {
	if f.ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(f.ctx, answerTime)
	defer cancel()
	s, err := f.stream(ctx)
	if err != nil {
		return err
	}
	info := s.CachedInfo()
	switch epoch := info.Created.UnixNano(); {
	case !f.known:
		f.place = place{epoch, info.State.LastSeq}
	case f.place.epoch != epoch: // another log: all in it is new
		f.place = place{epoch, 0}
	}
	it, err := f.read(ctx, s, f.place.seq, f.subjects.anyLog())
	if err != nil {
		return err
	}
	f.known = true
	f.mu.Lock()
	defer f.mu.Unlock()
	f.it = it
	return nil
}

// read returns the messages of the log behind a place.
func (j *JetStream) read(ctx context.Context, s jetstream.Stream, after uint64, subject string) (jetstream.MessagesContext, error) {
	c, err := j.consumer(ctx, s, after, subject)
	if err != nil {
		return nil, err
	}
	return c.Messages(jetstream.PullMaxMessages(followBatch), jetstream.PullHeartbeat(followHeartbeat),
		jetstream.PullExpiry(followExpiry), jetstream.WithMessagesErrOnMissingHeartbeat(true))
}

func (j *JetStream) consumer(ctx context.Context, s jetstream.Stream, after uint64, subject string) (jetstream.Consumer, error) {
	return s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy:         jetstream.AckNonePolicy,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       after + 1,
		FilterSubject:     subject,
		InactiveThreshold: unusedConsumer,
		MemoryStorage:     true,
		Replicas:          1,
	})
}

// deliver delivers messages until reading fails.
func (f *follower) deliver() {
	f.mu.Lock()
	it := f.it
	f.mu.Unlock()
	defer it.Stop()
	for n := uint64(1); ; n++ {
		in, err := it.Next()
		if err != nil {
			return
		}
		meta, err := in.Metadata()
		if err != nil || meta.Sequence.Consumer != n {
			return // messages got lost on the way from NATS
		}
		if meta.Sequence.Stream <= f.place.seq {
			continue
		}
		f.place.seq = meta.Sequence.Stream
		m, err := decode(in.Data())
		if err != nil {
			f.logger.Warn("invalid message of another server", "subject", in.Subject(), "err", err)
			continue
		}
		if m.Type == adapter.Close { // the answers of that server come first
			f.answers.line(in.Subject(), in.Data())
			continue
		}
		if m.Type == adapter.Broadcast && m.RequestID == "" {
			m.Offset = f.place.String()
		}
		f.to.Deliver(m)
	}
}

func decode(packed []byte) (*adapter.Message, error) {
	encoded, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	return adapter.Decode(encoded)
}

// A place is where a message is: in the log that was created at a time, and
// its number there.
type place struct {
	epoch int64
	seq   uint64
}

func (p place) String() string {
	return strconv.FormatInt(p.epoch, 36) + "." + strconv.FormatUint(p.seq, 36)
}

func parsePlace(offset string) (p place, ok bool) {
	epoch, seq, _ := strings.Cut(offset, ".")
	var err, err2 error
	p.epoch, err = strconv.ParseInt(epoch, 36, 64)
	p.seq, err2 = strconv.ParseUint(seq, 36, 64)
	return p, err == nil && err2 == nil
}

// Compare implements [adapter.SessionStore].
func (j *JetStream) Compare(a, b string) int {
	x, _ := parsePlace(a)
	y, _ := parsePlace(b)
	return cmp.Or(cmp.Compare(x.epoch, y.epoch), cmp.Compare(x.seq, y.seq))
}
