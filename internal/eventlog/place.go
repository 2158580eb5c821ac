package eventlog

import (
	"slices"
	"time"
)

// A Place is where in the log a client has begun, whatever events it says it
// has.
type Place struct {
	Start  uint64    // the log's end when the client connected for the first time
	Origin string    // in the log of an adapter: an offset not after that
	Since  time.Time // when the client connected for the last time
}

// Begin returns the place of a client that connects for the first time.
func (l *Log[M]) Begin(now time.Time) Place {
	return Place{Start: l.End(), Origin: l.latest(), Since: now}
}

// latest returns the offset of the last event, or "" before the first event.
func (l *Log[M]) latest() string {
	if n := len(l.entries); n > 0 {
		return l.entries[n-1].Offset
	}
	return l.lost.Offset
}

// After returns the position after the last event that a client has, by its
// offset. The client has begun at position start, and has all events from
// before the time heard that it was sent. Known is false if it may have missed
// events that the log contains no longer.
func (l *Log[M]) After(offset string, start uint64, heard time.Time) (position uint64, known bool) {
	if last, found := l.position(offset); found {
		return max(start, last+1), true
	}
	if n, ours, ok := l.number(offset); offset != "" && (!ok || ours && n > l.offsets.Load()) {
		return 0, false
	}
	// The client has not received any event of the log.
	return max(start, l.first), start >= l.first || l.lost.At.Before(heard)
}

// position returns the position of an event that is there.
func (l *Log[M]) position(offset string) (position uint64, found bool) {
	for i, e := range slices.Backward(l.entries) { // clients miss the latest ones
		if e.Offset == offset {
			return l.first + uint64(i), true
		}
	}
	return 0, false
}

// OffsetBefore returns the latest offset before all events that a client may
// have missed, which has all that it was sent before the time heard. It returns
// "" if that offset is not known.
func (l *Log[M]) OffsetBefore(p Place, heard time.Time) string {
	if !p.Since.Before(heard) {
		return p.Origin
	}
	for _, e := range slices.Backward(l.entries) {
		if e.At.Before(heard) {
			return e.Offset
		}
	}
	switch {
	case l.first == 0:
		return p.Origin
	case l.lost.At.Before(heard):
		return l.lost.Offset
	}
	return ""
}
