package cluster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

const (
	// maxOutgoing is how many bytes of messages may wait for the adapter; one
	// message of any size may wait alone.
	maxOutgoing = 64 << 20

	// maxBatch and maxBatchBytes limit what the adapter gets at a time.
	maxBatch      = 512
	maxBatchBytes = 4 << 20

	// messageOverhead is what a message costs beside its bytes.
	messageOverhead = 400
)

// A Bus is a server's way to the others: the adapter, and the queue in front of
// it. Nobody waits for the adapter but one goroutine, which exists while there
// are messages. What cannot be sent is lost and counted.
type Bus struct {
	adapter adapter.Adapter
	host    Surroundings
	ctx     context.Context
	close   context.CancelCauseFunc
	away    atomic.Bool // since messages are lost; false again when all has been sent

	mu      sync.Mutex
	waiting []*sending
	bytes   int           // of those that wait
	idle    chan struct{} // closed when the goroutine ends; nil while there is none
	lost    int           // since the bus is away
}

// Surroundings are what a Bus and its Members need of their server. The methods
// are called concurrently.
type Surroundings interface {
	// Guard calls f, which calls code that is not ours. If f panics, Guard logs
	// the panic and returns false.
	Guard(what string, f func()) (ok bool)

	// Log logs a line.
	Log(level slog.Level, text string, args ...any)
}

// A sending is a message on its way to the adapter.
type sending struct {
	*adapter.Message
	size int
	own  *flight     // of an event that comes back
	sent func(error) // is told what has become of the message, unless nil; does not wait
}

// NewBus returns a Bus for an adapter, or nil without an adapter.
func NewBus(a adapter.Adapter, s Surroundings) *Bus {
	if a == nil {
		return nil
	}
	b := &Bus{adapter: a, host: s}
	b.ctx, b.close = context.WithCancelCause(context.Background())
	return b
}

var (
	errClosed = errors.New("socketio: server closed")
	errFull   = errors.New("too many messages wait")
)

// put queues a message. An error says that the message is lost.
func (b *Bus) put(s *sending) error {
	s.size = sizeOf(s.Message)
	b.mu.Lock()
	full := b.bytes > 0 && b.bytes+s.size > maxOutgoing
	switch {
	case b.ctx.Err() != nil:
		b.mu.Unlock()
		return errClosed
	case full:
		b.lost++
		went := !b.away.Swap(true)
		b.mu.Unlock()
		if went {
			b.tellAway(errFull)
		}
		return errFull
	}
	b.waiting = append(b.waiting, s)
	b.bytes += s.size
	if b.idle == nil {
		b.idle = make(chan struct{})
		go b.work()
	}
	b.mu.Unlock()
	return nil
}

// sizeOf returns about how many bytes a message keeps in memory.
func sizeOf(m *adapter.Message) int {
	n := messageOverhead + len(m.Packet.Text)
	for _, a := range m.Packet.Attachments {
		n += len(a)
	}
	for _, s := range m.Sockets {
		n += messageOverhead + len(s.Handshake.Text) + len(s.Data.Text)
	}
	for _, names := range [][]string{m.Opts.Rooms, m.Opts.Except, m.Rooms} {
		for _, name := range names {
			n += len(name)
		}
	}
	return n
}

// work publishes until nothing waits.
func (b *Bus) work() {
	finished := false
	defer func() {
		if !finished { // the adapter has ended the goroutine
			go b.work()
		}
	}()
	for batch := b.take(); batch != nil; batch = b.take() {
		b.publish(batch)
	}
	finished = true
}

// take returns the messages to publish next, or nil.
func (b *Bus) take() (batch []*sending) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.waiting = nil
		close(b.idle)
		b.idle = nil
		return nil
	}
	n, bytes := 0, 0
	for n < len(b.waiting) && n < maxBatch && (n == 0 || bytes+b.waiting[n].size <= maxBatchBytes) {
		bytes += b.waiting[n].size
		n++
	}
	batch, b.waiting = b.waiting[:n:n], b.waiting[n:]
	b.bytes -= bytes
	return batch
}

// publish has the adapter send a batch, and tells what has become of it.
func (b *Bus) publish(batch []*sending) {
	messages := make([]*adapter.Message, len(batch))
	for i, s := range batch {
		messages[i] = s.Message
		s.own.begin()
	}
	var errs []error
	err := guard(b.ctx, b.host, "Publish", func(ctx context.Context) error {
		errs = b.adapter.Publish(ctx, messages)
		return nil
	})
	if err != nil {
		errs = slices.Repeat([]error{err}, len(batch))
	}
	failed := 0
	var last error
	for i, s := range batch {
		var err error
		if i < len(errs) {
			err = errs[i]
		}
		if last = err; err != nil {
			failed++
		}
		s.own.end(err)
		if s.sent != nil {
			s.sent(err)
		}
	}
	if last != nil { // the bus has gone, perhaps while the batch was sent
		b.failed(failed, last)
		return
	}
	if failed > 0 {
		b.refused(failed, errors.Join(errs...))
	}
	b.succeeded()
}

// refused notes that messages are lost, but that one after them was sent.
func (b *Bus) refused(lost int, err error) {
	b.mu.Lock()
	b.lost += lost
	b.mu.Unlock()
	if !b.away.Load() {
		b.host.Log(slog.LevelError, "a message cannot be sent to the other servers", "err", err)
	}
}

// failed notes that messages are lost. Events that still wait are not held back
// from the sockets here.
func (b *Bus) failed(lost int, err error) {
	b.mu.Lock()
	b.lost += lost
	went := !b.away.Swap(true)
	waiting := slices.Clone(b.waiting)
	b.mu.Unlock()
	if went {
		b.tellAway(err)
	}
	for _, s := range waiting {
		s.own.land(true)
	}
}

func (b *Bus) tellAway(err error) {
	if b.ctx.Err() == nil {
		b.host.Log(slog.LevelError, "cannot send to the other servers", "err", err)
	}
}

// succeeded notes that a batch has been sent. The bus is back when nothing else
// waits.
func (b *Bus) succeeded() {
	if !b.away.Load() {
		return
	}
	b.mu.Lock()
	back := len(b.waiting) == 0
	lost := b.lost
	if back {
		b.lost = 0
		b.away.Store(false)
	}
	b.mu.Unlock()
	if back {
		b.host.Log(slog.LevelInfo, "sending to the other servers again", "lost", lost)
	}
}

// Close waits for up to a second until all has been sent, then gives up the
// rest.
func (b *Bus) Close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	if idle != nil {
		late := time.NewTimer(goodbyeTime)
		defer late.Stop()
		select {
		case <-idle:
		case <-late.C:
		}
	}
	b.close(errClosed)
}
