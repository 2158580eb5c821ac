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
	subscribers map[string][]*subscription // by namespace
}

// Publish implements Adapter.
func (l *Loopback) Publish(_ context.Context, batch []*Message) []error {
	return Each(batch, l.publish)
}

func (l *Loopback) publish(m *Message) error {
	encoded, err := m.Encode()
	if err != nil {
		return err
	}
	l.mu.Lock() // until it is queued for all, so that all see one order
	defer l.mu.Unlock()
	for _, s := range l.subscribers[m.Namespace] {
		if uid := s.UID(); uid != m.UID && (m.To == "" || m.To == uid) {
			s.put(encoded)
		}
	}
	return nil
}

// Subscribe implements Adapter.
func (l *Loopback) Subscribe(ctx context.Context, to Subscriber) error {
	s := &subscription{Subscriber: to}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subscribers == nil {
		l.subscribers = make(map[string][]*subscription)
	}
	l.subscribers[to.Namespace()] = append(l.subscribers[to.Namespace()], s)
	context.AfterFunc(ctx, func() { l.unsubscribe(to.Namespace(), s) })
	return nil
}

func (l *Loopback) unsubscribe(namespace string, s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := slices.DeleteFunc(l.subscribers[namespace], func(other *subscription) bool { return other == s })
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

// A subscription is a server that gets the messages of a namespace.
type subscription struct {
	Subscriber
	queue jobs.Queue
}

func (s *subscription) put(encoded parser.Encoded) {
	s.queue.Put(0, func() {
		if m, err := Decode(encoded); err == nil { // always: it has been encoded here
			s.Deliver(m)
		}
	})
}
