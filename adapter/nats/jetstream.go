package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/goroomcast/socketio/adapter"
)

// JetStreamOptions configure a JetStream. All servers of a cluster must use the
// same options.
type JetStreamOptions struct {
	Options // RoomSubjects has no effect: each server gets the whole log

	// MaxAge is how long the log keeps events, and the bucket sessions. It must be
	// longer than MaxAge of socketio.Recovery, by a minute or more. Defaults to 10
	// minutes.
	MaxAge time.Duration

	// MaxBytes is how many bytes of events the log keeps. NATS reserves them.
	// Defaults to 256 MiB.
	MaxBytes int64

	// Replicas is how many NATS servers keep the log and the sessions. Defaults to
	// 1.
	Replicas int

	// Memory, if true, keeps the log and the sessions in memory instead of
	// files. They are lost when the NATS server ends. Defaults to false.
	Memory bool
}

// A JetStream is an Adapter with a log of events in a stream of NATS, and with
// sessions in a key-value bucket: with socketio.Options.Recovery, clients come
// back to any server. It implements [adapter.SessionStore]. All messages from
// one server to all others go through the stream, in one order. An event that
// is longer than the NATS server's max_payload cannot be logged; it reaches
// only the clients of the server that emits it.
type JetStream struct {
	*Adapter
	opts JetStreamOptions
	js   jetstream.JetStream

	mu       sync.Mutex
	sessions jetstream.KeyValue // nil until it is needed
	logs     map[*follower]struct{}
}

// NewJetStream is like New. The NATS servers must have JetStream enabled. The
// stream and the bucket are created when they are needed, with names made of
// the prefix.
func NewJetStream(url string, o *JetStreamOptions) (*JetStream, error) {
	j := &JetStream{logs: make(map[*follower]struct{})}
	if o != nil {
		j.opts = *o
	}
	j.opts.RoomSubjects = false
	j.opts.MaxAge = cmp.Or(j.opts.MaxAge, 10*time.Minute)
	j.opts.MaxBytes = cmp.Or(j.opts.MaxBytes, 256<<20)
	j.opts.Replicas = cmp.Or(j.opts.Replicas, 1)
	var err error
	if j.Adapter, err = New(url, &j.opts.Options); err != nil {
		return nil, err
	}
	if j.js, err = jetstream.New(j.conn, jetstream.WithPublishAsyncMaxPending(maxUnacknowledged)); err != nil {
		j.Close()
		return nil, fmt.Errorf("nats: %w", err)
	}
	go j.renew(j.conn.StatusChanged(nats.CONNECTED))
	return j, nil
}

// renew has every follower of the log begin anew, after its last message, when
// the connection is back.
func (j *JetStream) renew(connected <-chan nats.Status) {
	for range connected {
		j.mu.Lock()
		for f := range j.logs {
			f.interrupt()
		}
		j.mu.Unlock()
	}
}

func (j *JetStream) storage() jetstream.StorageType {
	if j.opts.Memory {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// name is that of the stream, and the beginning of the bucket's.
func (j *JetStream) name() string {
	return strings.ReplaceAll(token(j.Adapter.opts.Prefix), "=2E", "_")
}

// stream returns the stream, and creates it if it does not exist.
func (j *JetStream) stream(ctx context.Context) (jetstream.Stream, error) {
	s, err := j.js.Stream(ctx, j.name())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = j.js.CreateStream(ctx, jetstream.StreamConfig{
			Name:       j.name(),
			Subjects:   []string{j.Adapter.opts.Prefix + ".*." + toLog + ".*"},
			MaxAge:     j.opts.MaxAge,
			MaxBytes:   j.opts.MaxBytes,
			Duplicates: min(j.opts.MaxAge, time.Minute),
			Replicas:   j.opts.Replicas,
			Storage:    j.storage(),
		})
	}
	return s, err
}

const (
	// maxUnacknowledged is how many messages may be on their way into the log.
	maxUnacknowledged = 4096

	// maxReplay is how many events a client that comes back may have missed.
	maxReplay = 100_000
)

// Publish implements [adapter.Adapter]. It returns when the log has the whole
// batch.
func (j *JetStream) Publish(ctx context.Context, batch []*adapter.Message) []error {
	var errs []error
	for part := range slices.Chunk(batch, maxUnacknowledged) {
		errs = append(errs, j.publishPart(ctx, part)...)
	}
	if !slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return nil
	}
	return errs
}

// publishPart publishes messages and returns an error or nil for each.
func (j *JetStream) publishPart(ctx context.Context, batch []*adapter.Message) []error {
	c, err := j.connected()
	if err != nil {
		return all(batch, err)
	}
	ctx, done := j.during(c, ctx)
	defer done()
	acks := make([]jetstream.PubAckFuture, len(batch))
	errs := make([]error, len(batch))
	direct := false
	for i, m := range batch {
		if logged(m) {
			acks[i], errs[i] = j.log(m)
		} else {
			errs[i] = j.publish(m)
			direct = true
		}
	}
	var late error
	if direct {
		late = j.flush(ctx, c)
	}
	failed := false
	for i, m := range batch {
		if errs[i] == nil && logged(m) {
			errs[i] = acknowledged(ctx, acks[i])
			failed = failed || errs[i] != nil
		} else if errs[i] == nil {
			errs[i] = late
		}
	}
	if failed {
		j.js.CleanupPublisher() // or else late acknowledgements count as under way
	}
	return errs
}

// logged reports whether a message goes through the log: all that is for all
// servers, except heartbeats.
func logged(m *adapter.Message) bool {
	return m.To == "" && m.Type != adapter.Heartbeat && m.Type != adapter.InitialHeartbeat
}

// log sends a message into the log.
func (j *JetStream) log(m *adapter.Message) (jetstream.PubAckFuture, error) {
	encoded, err := m.Encode()
	if err != nil {
		return nil, err
	}
	ack, err := j.js.PublishMsgAsync(&nats.Msg{Subject: j.Adapter.opts.subjects(m.Namespace).log(m), Data: pack(encoded)},
		jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(j.name()))
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	return ack, nil
}

// acknowledged waits until the log has a message. Its context is one of during,
// because the acknowledgement does not always hear that the connection breaks.
func acknowledged(ctx context.Context, ack jetstream.PubAckFuture) error {
	select {
	case <-ack.Ok():
		return nil
	case err := <-ack.Err():
		return fmt.Errorf("nats: %w", err)
	case <-ctx.Done():
	}
	select {
	case <-ack.Ok():
		return nil
	default:
		return fmt.Errorf("nats: the log has not acknowledged: %w", context.Cause(ctx))
	}
}
