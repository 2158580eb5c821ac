package socketio

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// A budget bounds what waits of one client, in all its namespaces together:
// Options.Limits.Inbox bytes. Each kind has a share of its own, so that one kind
// never waits for room that only another can make: half is for events, a quarter
// for replies, because the handler of an event may wait for a reply, and a
// quarter for auth, which stays as long as its socket.
//
// The goroutine that receives takes from the budget. The goroutine that has
// finished with a packet gives back.
type budget struct {
	limit   int64
	events  atomic.Int64 // bytes of events that wait or are being handled
	replies atomic.Int64 // likewise of replies

	waiting atomic.Bool
	space   chan struct{} // gets a value when there may be room; made before the first wait
}

// overhead is what an event, an attachment or a reply costs beside its bytes.
const overhead = 128

// minAuth is how much auth there may be in any case: a client that connects
// again has that of its former socket, too, until the handlers of this one are
// done.
const minAuth = 64 << 10

// A share is a part of the budget.
type share struct {
	held *atomic.Int64
	size int64 // how much of it there may be
}

func (b *budget) forEvents() share { return share{&b.events, b.limit / 2} }

func (b *budget) forReplies() share { return share{&b.replies, b.limit / 4} }

func (b *budget) forAuth() int { return max(int(b.limit/4), minAuth) }

// take takes so many bytes of a share. If there is no room it takes nothing and
// returns a channel that has a value when to try again.
func (b *budget) take(s share, bytes int) (full <-chan struct{}) {
	if full := b.room(s, bytes); full != nil {
		return full
	}
	s.held.Add(int64(bytes))
	return nil
}

// room is take without taking.
func (b *budget) room(s share, bytes int) (full <-chan struct{}) {
	if b.fits(s, bytes) {
		return nil
	}
	if b.space == nil {
		b.space = make(chan struct{}, 1)
	}
	b.waiting.Store(true)
	if b.fits(s, bytes) { // there is room by now, and nobody may have noticed
		return nil
	}
	return b.space
}

// fits reports whether there is room. Where nothing else waits there is, for one
// packet of any size.
func (b *budget) fits(s share, bytes int) bool {
	return s.held.Load()+int64(bytes) <= s.size || b.events.Load() == 0 && b.replies.Load() == 0
}

// give gives back what has been taken.
func (b *budget) give(events, replies int) {
	if events > 0 {
		b.events.Add(-int64(events))
	}
	if replies > 0 {
		b.replies.Add(-int64(replies))
	}
	b.wake()
}

// wake has the goroutine that receives look again, if it waits.
func (b *budget) wake() {
	if b.waiting.Load() {
		select {
		case b.space <- struct{}{}:
		default: // it has yet to look
		}
	}
}

// An EventRate limits how fast one connection may send events, in all its
// namespaces together. It is a token bucket. The zero value is no limit.
type EventRate struct {
	// PerSecond is how many events per second are allowed on average.
	PerSecond float64

	// Burst is how many events may arrive at once. Defaults to PerSecond
	// rounded up.
	Burst int

	// Over says what the server does with events over the rate. Defaults to
	// RateWait.
	Over RatePolicy
}

// A RatePolicy says what the server does with events over an EventRate.
type RatePolicy int

// The policies. The server does not reply to an event that it drops.
const (
	RateWait       RatePolicy = iota // the server does not read from the client until the event is due
	RateDrop                         // the server drops the event
	RateDisconnect                   // the server closes the connection with ReasonForcedClose
)

// A bucket is the tokens of one connection. It belongs to the goroutine that
// receives.
type bucket struct {
	EventRate
	tokens float64
	filled time.Time
}

var errEventRate = errors.New("socketio: more events than Options.Limits.EventRate")

func newBucket(r EventRate) *bucket {
	if !(r.PerSecond > 0) { // NaN, too
		return nil
	}
	if r.Burst <= 0 {
		r.Burst = int(math.Ceil(min(r.PerSecond, math.MaxInt32)))
	}
	return &bucket{EventRate: r, tokens: float64(r.Burst), filled: time.Now()}
}

// take takes a token, if there is one.
func (b *bucket) take() bool {
	b.fill()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) fill() {
	now := time.Now()
	b.tokens = min(b.tokens+now.Sub(b.filled).Seconds()*b.PerSecond, float64(b.Burst))
	b.filled = now
}

// due returns how long it takes until there is a token.
func (b *bucket) due() time.Duration {
	const longest = 1 << 62
	return time.Duration(min((1-b.tokens)/b.PerSecond*float64(time.Second), longest))
}
