package chat

import (
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// rates are the token buckets of users. A full bucket is not kept.
type rates struct {
	mu      sync.Mutex
	buckets map[rateKey]bucket
}

// A rateKey names a bucket: that of a user and a command, perhaps in a room.
type rateKey struct{ user, command, room string }

type bucket struct {
	rate  Rate
	lacks float64 // tokens, at that time
	asOf  time.Time
}

// now returns how many tokens a bucket lacks.
func (b *bucket) now() float64 {
	if passed := time.Since(b.asOf).Seconds(); passed > 0 {
		return max(b.lacks-passed*b.rate.PerSecond, 0)
	}
	return b.lacks
}

// take takes a token, and returns how long the caller must wait for it. If that
// is longer than patience, it takes no token.
func (r *rates) take(k rateKey, rate Rate, patience time.Duration) (wait time.Duration, taken bool) {
	const longest = float64(100 * 365 * 24 * time.Hour)
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.buckets[k]
	lacks := b.now() + 1
	wait = time.Duration(min((lacks-float64(max(rate.Burst, 1)))/rate.PerSecond*float64(time.Second), longest))
	if wait > patience {
		return wait - patience, false
	}
	if r.buckets == nil {
		r.buckets = make(map[rateKey]bucket)
	}
	r.buckets[k] = bucket{rate, lacks, time.Now()}
	return max(wait, 0), true
}

// sweep forgets the buckets that are full.
func (r *rates) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, b := range r.buckets {
		if b.now() == 0 {
			delete(r.buckets, k)
		}
	}
}

func rateLimited(wait time.Duration) error {
	return &Error{Code: store.RateLimited, Text: "too many requests", After: wait.Milliseconds() + 1}
}
