package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// A session is the JSON of an adapter.Session in the bucket.
type session struct {
	SocketID    string          `json:"sid"`
	Rooms       []string        `json:"rooms"`
	Data        json.RawMessage `json:"data,omitempty"`
	Attachments [][]byte        `json:"attachments,omitempty"` // of the data, in base64
	Offset      string          `json:"offset"`
	Until       int64           `json:"until"` // ms since 1970
}

// PersistSession implements [adapter.SessionStore].
func (j *JetStream) PersistSession(ctx context.Context, s *adapter.Session, maxAge time.Duration) error {
	text, err := json.Marshal(session{
		s.SocketID, s.Rooms, s.Data.Text, s.Data.Attachments, s.Offset, time.Now().Add(maxAge).UnixMilli(),
	})
	if err != nil {
		return err
	}
	return j.withSessions(ctx, func(kv jetstream.KeyValue) error {
		_, err := kv.Put(ctx, sessionKey(s.Namespace, s.PID), text)
		return err
	})
}

// DeleteSession implements [adapter.SessionStore].
func (j *JetStream) DeleteSession(ctx context.Context, namespace, pid string) (had bool, err error) {
	s, err := j.takeSession(ctx, namespace, pid)
	return s != nil, err
}

// RestoreSession implements [adapter.SessionStore].
func (j *JetStream) RestoreSession(ctx context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	kept, err := j.takeSession(ctx, namespace, pid)
	if kept == nil || err != nil {
		return nil, nil, err
	}
	log, err := j.stream(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("nats: %w", err)
	}
	info := log.CachedInfo()
	for _, offset := range []string{offset, kept.Offset} {
		p, ok := parsePlace(offset)
		if !ok || p.epoch != info.Created.UnixNano() || p.seq+1 < info.State.FirstSeq || p.seq > info.State.LastSeq {
			continue
		}
		missed, err := j.after(ctx, log, namespace, p)
		if missed == nil || err != nil {
			return nil, nil, err
		}
		return &adapter.Session{
			Namespace: namespace, PID: pid, SocketID: kept.SocketID, Rooms: kept.Rooms, Offset: offset,
			Data: parser.Encoded{Text: kept.Data, Attachments: kept.Attachments},
		}, missed, nil
	}
	return nil, nil, nil
}

// after returns the events of a namespace after a place in the log. It returns
// nil if there are too many.
func (j *JetStream) after(ctx context.Context, log jetstream.Stream, namespace string, p place) ([]*adapter.Message, error) {
	subjects := j.Adapter.opts.subjects(namespace)
	c, err := j.consumer(ctx, log, p.seq, subjects.log(&adapter.Message{Type: adapter.Broadcast}))
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	defer func() { _ = j.js.DeleteConsumer(ctx, j.name(), c.CachedInfo().Name) }()
	pending := c.CachedInfo().NumPending
	if pending > maxReplay {
		return nil, nil
	}
	missed := make([]*adapter.Message, 0, pending)
	for uint64(len(missed)) < pending {
		batch, err := c.Fetch(int(min(pending-uint64(len(missed)), followBatch)), jetstream.FetchMaxWait(answerTime))
		if err != nil {
			return nil, fmt.Errorf("nats: %w", err)
		}
		before := len(missed)
		for in := range batch.Messages() {
			m, err := decode(in.Data())
			meta, err2 := in.Metadata()
			if err := errors.Join(err, err2); err != nil {
				return nil, fmt.Errorf("nats: %w", err)
			}
			p.seq = meta.Sequence.Stream
			m.Offset = p.String()
			missed = append(missed, m)
		}
		if len(missed) == before {
			return nil, fmt.Errorf("nats: the log does not yield what it contains: %w", errors.Join(batch.Error(), ctx.Err()))
		}
	}
	return missed, nil
}

// takeSession removes a session from the bucket. It returns nil if the bucket
// does not contain it, or another server has taken it.
func (j *JetStream) takeSession(ctx context.Context, namespace, pid string) (taken *session, err error) {
	key := sessionKey(namespace, pid)
	err = j.withSessions(ctx, func(kv jetstream.KeyValue) error {
		entry, err := kv.Get(ctx, key)
		if err != nil {
			return err
		}
		if err := kv.Purge(ctx, key, jetstream.LastRevision(entry.Revision())); err != nil {
			return err
		}
		s := new(session)
		if err := json.Unmarshal(entry.Value(), s); err != nil {
			return err
		}
		if time.Now().UnixMilli() < s.Until {
			taken = s
		}
		return nil
	})
	var api *jetstream.APIError
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil, nil
	}
	return taken, err
}

// sessionKey returns the key of a session in the bucket.
func sessionKey(namespace, pid string) string { return token(namespace) + "." + token(pid) }

// withSessions calls f with the bucket, and creates it if it does not exist.
func (j *JetStream) withSessions(ctx context.Context, f func(kv jetstream.KeyValue) error) error {
	if err := j.away(); err != nil {
		return err
	}
	kv, err := j.bucket(ctx)
	if err == nil {
		err = f(kv)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrBucketNotFound) {
		j.mu.Lock()
		j.sessions = nil // NATS has lost it
		j.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	return nil
}

func (j *JetStream) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	j.mu.Lock()
	kv := j.sessions
	j.mu.Unlock()
	if kv != nil {
		return kv, nil
	}
	kv, err := j.js.KeyValue(ctx, j.name()+"_sessions")
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = j.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: j.name() + "_sessions", TTL: j.opts.MaxAge, Replicas: j.opts.Replicas, Storage: j.storage(),
		})
	}
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sessions = kv
	return kv, nil
}
