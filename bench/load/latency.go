package load

import (
	"math/bits"
	"time"
)

// fine is how many steps a latency histogram has for each power of two: its
// figures are exact within 1/fine.
const fine = 16

// A latencies is a histogram of durations.
type latencies struct {
	counts [64 * fine]int
	total  int
}

func (l *latencies) add(d time.Duration) {
	l.counts[bucket(uint64(max(d, 0)))]++
	l.total++
}

// quantile returns the duration that a part q of all does not exceed.
func (l *latencies) quantile(q float64) time.Duration {
	need := int(q*float64(l.total) + 0.5)
	for i, n := range l.counts {
		if need -= n; need <= 0 && n > 0 {
			return time.Duration(limit(i))
		}
	}
	return 0
}

// bucket numbers the durations: exact below fine, then fine per power of two.
func bucket(ns uint64) int {
	if ns < fine {
		return int(ns)
	}
	power := bits.Len64(ns) - 1
	return (power-3)*fine + int(ns>>(power-4))%fine
}

// limit is the largest duration of a bucket.
func limit(bucket int) uint64 {
	if bucket < fine {
		return uint64(bucket)
	}
	power := bucket/fine + 3
	return (uint64(fine+bucket%fine)+1)<<(power-4) - 1
}
