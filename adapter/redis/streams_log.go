package redis

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
)

const (
	// holdTime is how long a request waits at most for an entry that precedes it.
	// It takes longer only if the stream cannot be read.
	holdTime = time.Second

	// maxHeld is how many requests may wait.
	maxHeld = 10_000
)

// A streamLog is one stream as the server reads it.
type streamLog struct {
	name string

	// mu is held while messages are delivered, so that they come one at a time.
	mu      sync.Mutex
	members map[string]*streamMember // by namespace
	reached streamID                 // the last entry that has been read
	held    []heldMessage            // requests and answers, in the order of arrival

	progress chan struct{} // gets a value when own has become shorter

	writing sync.Mutex // a leaf, for what follows
	last    streamID   // the last entry of this server
	lastAt  time.Time
	read    streamID // reached, a little later
	readAt  time.Time
	own     []entry // events of this server that Redis has taken, and that have not been read yet
}

func newStreamLog(name string) *streamLog {
	return &streamLog{name: name, members: make(map[string]*streamMember), progress: make(chan struct{}, 1)}
}

// A heldMessage waits until the entry after has been read.
type heldMessage struct {
	member  *streamMember
	message *adapter.Message
	after   streamID
	until   time.Time
}

func (l *streamLog) enter(m *streamMember) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members[m.Namespace()] = m
}

// leave removes a member, unless another has replaced it.
func (l *streamLog) leave(m *streamMember) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.members[m.Namespace()] == m {
		delete(l.members, m.Namespace())
	}
}

// take delivers a request or an answer after the entry that precedes it, and
// after those that came before.
func (l *streamLog) take(m *streamMember, message *adapter.Message, after streamID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) == maxHeld || len(l.held) == 0 && after.compare(l.reached) <= 0 {
		m.Deliver(message)
		return
	}
	l.held = append(l.held, heldMessage{m, message, after, time.Now().Add(holdTime)})
	if len(l.held) == 1 {
		time.AfterFunc(holdTime, l.expire)
	}
}

// expire delivers what has waited long enough.
func (l *streamLog) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deliverHeld(time.Now())
	if len(l.held) > 0 {
		time.AfterFunc(time.Until(l.held[0].until), l.expire)
	}
}

// deliverHeld delivers the messages that need not wait any longer. l.mu is
// locked.
func (l *streamLog) deliverHeld(now time.Time) {
	n := 0
	for _, h := range l.held {
		if h.after.compare(l.reached) > 0 && now.Before(h.until) {
			break
		}
		h.member.Deliver(h.message)
		n++
	}
	l.held = slices.Delete(l.held, 0, n)
}

// deliver delivers entries, and then the requests that have waited for them. It
// stops if stopped reports true, and calls invalid for entries that cannot be
// decoded.
func (l *streamLog) deliver(entries []rueidis.XRangeSlice, stopped func() bool, invalid func(id string, err error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, raw := range entries {
		if stopped() {
			return
		}
		if err := l.readEntry(raw); err != nil {
			invalid(raw.ID, err)
		}
	}
	if len(l.held) > 0 {
		l.deliverHeld(time.Now())
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	l.read, l.readAt = l.reached, time.Now()
	l.own = slices.DeleteFunc(l.own, func(e entry) bool { return e.id.compare(l.read) <= 0 })
	select {
	case l.progress <- struct{}{}:
	default:
	}
}

// readEntry delivers an entry if it is for a namespace of this server. l.mu is
// locked.
func (l *streamLog) readEntry(raw rueidis.XRangeSlice) error {
	e, data, err := decodeEntry(raw)
	if e.id.compare(l.reached) > 0 {
		l.reached = e.id
	}
	if err != nil {
		return err
	}
	m := l.members[e.Namespace]
	if m == nil {
		return nil
	}
	if err := e.decodeData(data); err != nil {
		return err
	}
	m.Deliver(e.Message)
	return nil
}

// maxOwn is how many events of this server are kept until they have been read.
const maxOwn = 10_000

// added notes a message of this server that has been added, or returns the error.
func (l *streamLog) added(m *adapter.Message, reply rueidis.RedisResult, now time.Time) error {
	text, err := reply.ToString()
	if id, ok := parseStreamID(text); ok {
		l.writing.Lock()
		defer l.writing.Unlock()
		l.last, l.lastAt = id, now
		if m.Type == adapter.Broadcast && id.compare(l.read) > 0 && len(l.own) < maxOwn {
			l.own = append(l.own, entry{m, id})
		}
	}
	return err
}

// stuckTime is how long nothing has been read when the stream cannot be read.
const stuckTime = time.Second

// pace waits while more than a number of this server's events have not been
// read, so that a burst does not push entries out of the stream before servers
// that are as fast as this one have read them. While the stream cannot be read,
// pace does not wait.
func (l *streamLog) pace(ctx context.Context, ahead int) {
	for {
		l.writing.Lock()
		left := stuckTime - time.Since(l.readAt)
		waits := len(l.own) > ahead && left > 0
		l.writing.Unlock()
		if !waits {
			return
		}
		limited, cancel := context.WithTimeout(ctx, left)
		select {
		case <-l.progress:
		case <-limited.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
	}
}

// unread returns the events of this server that have not been read yet.
func (l *streamLog) unread() []entry {
	l.writing.Lock()
	defer l.writing.Unlock()
	return slices.Clone(l.own)
}

// forgo delivers events of this server that cannot be read any longer, to this
// server only and without a place in the log.
func (l *streamLog) forgo(lost []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range lost {
		l.writing.Lock()
		i := slices.IndexFunc(l.own, func(own entry) bool { return own.id == e.id })
		if i >= 0 {
			l.own = slices.Delete(l.own, i, i+1)
		}
		l.writing.Unlock()
		if m := l.members[e.Namespace]; m != nil && i >= 0 && m.UID() == e.UID {
			again := *e.Message
			m.Deliver(&again)
		}
	}
}

// orderTime is how long after an entry a request still names it. The other
// servers have read the entry by then.
const orderTime = 10 * time.Second

// precedes returns the last entry of this server, if the others may not have read
// it yet.
func (l *streamLog) precedes(now time.Time) streamID {
	l.writing.Lock()
	defer l.writing.Unlock()
	if now.Sub(l.lastAt) > orderTime {
		return streamID{}
	}
	return l.last
}
