package redis

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// A session is what Redis has of a client that may come back: the base64 of this
// in MessagePack. The last two keys are of this package alone. npm's adapter
// ignores them; it always has data.
type session struct {
	SocketID  string          `json:"sid"`
	PID       string          `json:"pid"`
	Rooms     rooms           `json:"rooms"`
	Data      json.RawMessage `json:"data"`
	Namespace string          `json:"nsp,omitempty"`
	Offset    string          `json:"offset,omitempty"`
}

// noData is the data of a session without data.
const noData = "{}"

func encodeSession(s *adapter.Session) (string, error) {
	data := s.Data
	if data.Text == nil {
		data.Text = []byte(noData)
	}
	text, err := json.Marshal(session{s.SocketID, s.PID, roomsOf(s.Rooms), data.Text, s.Namespace, s.Offset})
	if err != nil {
		return "", err
	}
	packed, err := msgpack.FromJSON(nil, parser.Encoded{Text: text, Attachments: data.Attachments})
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed), nil
}

func decodeSession(text string) (*adapter.Session, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("redis: session: %w", err)
	}
	encoded, err := msgpack.ToJSON(packed)
	if err != nil {
		return nil, fmt.Errorf("redis: session: %w", err)
	}
	var s session
	if err := json.Unmarshal(encoded.Text, &s); err != nil {
		return nil, fmt.Errorf("redis: session: %w", err)
	}
	kept := &adapter.Session{Namespace: s.Namespace, PID: s.PID, SocketID: s.SocketID, Rooms: s.Rooms.names(), Offset: s.Offset}
	if data := string(s.Data); data != noData && data != "null" && data != "" {
		kept.Data = parser.Encoded{Text: s.Data, Attachments: encoded.Attachments}
	}
	return kept, nil
}

// PersistSession implements adapter.SessionStore.
func (s *Streams) PersistSession(ctx context.Context, kept *adapter.Session, maxAge time.Duration) error {
	text, err := encodeSession(kept)
	if err != nil {
		return err
	}
	return s.client.Do(ctx, s.client.B().Set().Key(s.sessionKey(kept.PID)).Value(text).PxMilliseconds(maxAge.Milliseconds()).Build()).Error()
}

func (s *Streams) sessionKey(pid string) string { return s.opts.SessionKeyPrefix + pid }

// DeleteSession implements adapter.SessionStore.
func (s *Streams) DeleteSession(ctx context.Context, _, pid string) (had bool, err error) {
	n, err := s.client.Do(ctx, s.client.B().Del().Key(s.sessionKey(pid)).Build()).AsInt64()
	return n > 0, err
}

// RestoreSession implements adapter.SessionStore. JavaScript servers do not keep
// the namespace of a session, so that a client may take one of theirs into
// another namespace, as it may there.
func (s *Streams) RestoreSession(ctx context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	text, err := s.takeSession(ctx, pid)
	if err != nil || text == "" {
		return nil, nil, err
	}
	kept, err := decodeSession(text)
	if err != nil {
		return nil, nil, err
	}
	if kept.Namespace != "" && kept.Namespace != namespace {
		return nil, nil, nil
	}
	kept.Namespace = namespace
	for _, from := range []string{offset, kept.Offset} {
		id, ok := parseStreamID(from)
		if !ok {
			continue
		}
		entries, err := s.since(ctx, s.log(namespace).name, id)
		if err != nil {
			return nil, nil, err
		}
		if entries != nil {
			kept.Offset = from
			return kept, broadcastsOf(entries[1:], namespace), nil
		}
	}
	return nil, nil, nil
}

// takeSession gets and deletes a session in one transaction. It returns "" if
// there is none.
func (s *Streams) takeSession(ctx context.Context, pid string) (text string, err error) {
	key := s.sessionKey(pid)
	err = s.client.Dedicated(func(c rueidis.DedicatedClient) error {
		b := c.B()
		replies := c.DoMulti(ctx, b.Multi().Build(), b.Get().Key(key).Build(), b.Del().Key(key).Build(), b.Exec().Build())
		for _, reply := range replies {
			if err := reply.Error(); err != nil {
				return err
			}
		}
		results, err := replies[3].ToArray()
		if err != nil || len(results) != 2 || results[0].IsNil() {
			return err
		}
		text, err = results[0].ToString()
		return err
	})
	return text, err
}

// broadcastsOf returns the events of a namespace among entries.
func broadcastsOf(entries []rueidis.XRangeSlice, namespace string) (missed []*adapter.Message) {
	for _, raw := range entries {
		e, data, err := decodeEntry(raw)
		if err != nil || e.Namespace != namespace || e.Type != adapter.Broadcast {
			continue
		}
		if err := e.decodeData(data); err != nil || e.RequestID != "" {
			continue
		}
		missed = append(missed, e.Message)
	}
	return missed
}

// Compare implements adapter.SessionStore.
func (s *Streams) Compare(a, b string) int {
	idA, _ := parseStreamID(a)
	idB, _ := parseStreamID(b)
	return idA.compare(idB)
}
