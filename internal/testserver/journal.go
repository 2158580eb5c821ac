package testserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A Journal is a Loopback with a log and sessions.
type Journal struct {
	adapter.Loopback

	mu       sync.Mutex
	log      []*adapter.Message
	trimmed  int
	sessions map[string]*adapter.Session
	expiry   map[string]time.Time
	late     chan struct{} // if not nil, what another server publishes arrives only when it is closed
	fail     error
}

var _ adapter.SessionStore = (*Journal)(nil)

// NewJournal returns an empty Journal.
func NewJournal() *Journal {
	return &Journal{sessions: make(map[string]*adapter.Session), expiry: make(map[string]time.Time)}
}

// A message that is in the log passes the Loopback with its offset as RequestID,
// and with another UID, so that its sender gets it, too.
const (
	atOffset = "offset:"
	logged   = "logged:"
)

// Publish implements adapter.Adapter.
func (j *Journal) Publish(ctx context.Context, batch []*adapter.Message) []error {
	return adapter.Each(batch, func(m *adapter.Message) error { return j.publish(ctx, m) })
}

func (j *Journal) publish(ctx context.Context, m *adapter.Message) error {
	sent := *m
	if m.Type == adapter.Broadcast && m.RequestID == "" {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.fail != nil {
			return j.fail
		}
		entry := *m
		entry.Offset = fmt.Sprintf("%d-0", j.trimmed+len(j.log)+1)
		j.log = append(j.log, &entry)
		sent.RequestID, sent.UID = atOffset+entry.Offset, logged+m.UID
	}
	return errors.Join(j.Loopback.Publish(ctx, []*adapter.Message{&sent})...)
}

// Subscribe implements adapter.Adapter.
func (j *Journal) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	return j.Loopback.Subscribe(ctx, reader{s, j})
}

// A reader is a subscriber of a Journal.
type reader struct {
	adapter.Subscriber
	journal *Journal
}

func (r reader) Deliver(m *adapter.Message) {
	if offset, is := strings.CutPrefix(m.RequestID, atOffset); is {
		m.RequestID, m.Offset = "", offset
		m.UID = strings.TrimPrefix(m.UID, logged)
		r.journal.mu.Lock()
		late := r.journal.late
		r.journal.mu.Unlock()
		if late != nil && m.UID != r.UID() {
			<-late
		}
	}
	r.Subscriber.Deliver(m)
}

// PersistSession implements adapter.SessionStore.
func (j *Journal) PersistSession(_ context.Context, s *adapter.Session, maxAge time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sessions[s.Namespace+s.PID], j.expiry[s.Namespace+s.PID] = s, time.Now().Add(maxAge)
	return j.fail
}

// RestoreSession implements adapter.SessionStore.
func (j *Journal) RestoreSession(_ context.Context, namespace, pid, offset string) (*adapter.Session, []*adapter.Message, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.sessions[namespace+pid]
	if s == nil || time.Now().After(j.expiry[namespace+pid]) || j.fail != nil {
		return nil, nil, j.fail
	}
	for _, from := range []string{offset, s.Offset} {
		i := number(from) - j.trimmed - 1
		if i < 0 || i >= len(j.log) || j.log[i].Offset != from {
			continue
		}
		delete(j.sessions, namespace+pid)
		restored := *s
		restored.Offset = from
		missed := slices.DeleteFunc(slices.Clone(j.log[i+1:]), func(m *adapter.Message) bool { return m.Namespace != namespace })
		return &restored, missed, nil
	}
	return nil, nil, nil
}

// DeleteSession implements adapter.SessionStore.
func (j *Journal) DeleteSession(_ context.Context, namespace, pid string) (had bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, had = j.sessions[namespace+pid]
	delete(j.sessions, namespace+pid)
	return had, j.fail
}

// Compare implements adapter.SessionStore.
func (j *Journal) Compare(a, b string) int { return number(a) - number(b) }

// number returns the number that an offset begins with.
func number(offset string) (n int) {
	fmt.Sscanf(offset, "%d-0", &n)
	return n
}

// Trim forgets the log's first messages.
func (j *Journal) Trim(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log = j.log[n:]
	j.trimmed += n
}

// Hold delays what is published for the other servers until release is called,
// which may be called several times.
func (j *Journal) Hold() (release func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	late := make(chan struct{})
	j.late = late
	return sync.OnceFunc(func() {
		j.mu.Lock()
		j.late = nil
		j.mu.Unlock()
		close(late)
	})
}

// Refuse has the Journal fail with an error, or work again with nil.
func (j *Journal) Refuse(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = err
}

// Sessions returns how many sessions the Journal has.
func (j *Journal) Sessions() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.sessions)
}

// Has reports whether the Journal has the session of this pid in "/".
func (j *Journal) Has(pid string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, has := j.sessions["/"+pid]
	return has
}
