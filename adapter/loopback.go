package adapter

import (
	"context"
	"slices"
	"sync"

	"github.com/goroomcast/socketio/internal/jobs"
	"github.com/goroomcast/socketio/parser"
)

// A Loopback is an Adapter that connects servers of one process: for tests, and
// for programs with several servers. All these servers must use the same
// Loopback. Its zero value is ready to use.
type Loopback struct {
	mu          sync.Mutex
	subscribers map[string][]*subscriber // by namespace
}

// Publish implements Adapter.
func (l *Loopback) Publish(_ context.Context, m *Message) (offset string, err error) {
	encoded, err := m.Encode()
	if err != nil {
		return "", err
	}
	l.mu.Lock() // until it is queued for all, so that all see one order
	defer l.mu.Unlock()
	for _, s := range l.subscribers[m.Namespace] {
		if s.uid != m.UID && (m.To == "" || m.To == s.uid) {
			s.put(encoded)
		}
	}
	return "", nil
}

// Subscribe implements Adapter.
func (l *Loopback) Subscribe(ctx context.Context, namespace, uid string, deliver func(*Message)) error {
	s := &subscriber{uid: uid, deliver: deliver}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subscribers == nil {
		l.subscribers = make(map[string][]*subscriber)
	}
	l.subscribers[namespace] = append(l.subscribers[namespace], s)
	context.AfterFunc(ctx, func() { l.unsubscribe(namespace, s) })
	return nil
}

func (l *Loopback) unsubscribe(namespace string, s *subscriber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := slices.DeleteFunc(l.subscribers[namespace], func(other *subscriber) bool { return other == s })
	if l.subscribers[namespace] = rest; len(rest) == 0 {
		delete(l.subscribers, namespace)
	}
	s.queue.Stop()
}

// Servers implements Adapter.
func (l *Loopback) Servers(_ context.Context, namespace string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.subscribers[namespace]), nil
}

// A subscriber is a server that gets the messages of a namespace.
type subscriber struct {
	uid     string
	deliver func(*Message)
	queue   jobs.Queue
}

func (s *subscriber) put(encoded parser.Encoded) {
	s.queue.Put(0, func() {
		if m, err := Decode(encoded); err == nil { // always: it has been encoded here
			s.deliver(m)
		}
	})
}
