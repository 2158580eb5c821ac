package socketio

import (
	"errors"
	"math"
	"time"
)

// An EventRate bounds how fast the events of one connection come, those for
// all its namespaces together, by a token bucket. The zero value is no bound.
type EventRate struct {
	// PerSecond is how many events a second there may be in the long run.
	PerSecond float64

	// Burst is how many may come at once, PerSecond rounded up by default.
	Burst int

	// Over says what becomes of the others.
	Over RatePolicy
}

// A RatePolicy says what becomes of events beyond an EventRate.
type RatePolicy int

// The policies. A dropped event gets no reply.
const (
	RateWait       RatePolicy = iota // the client is not read until they are due
	RateDrop                         // they are dropped
	RateDisconnect                   // the connection is closed, with ReasonForcedClose
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
	if r.PerSecond <= 0 {
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
