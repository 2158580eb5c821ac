package socketio

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

// A logged event has been sent, and can be sent again to who has missed it.
type logged struct {
	offset  string
	at      time.Time
	message *engine.Message
	rooms   []string
	except  []string
}

// loggedOverhead is what an event costs beside its bytes.
const loggedOverhead = 128

func (e *logged) size() int { return e.message.Size() + loggedOverhead }

// concerns reports whether the event is for a member of the rooms in, which
// is in those of had too.
func (e *logged) concerns(in, had roomSet) bool {
	return !had.hasAny(e.except) && (len(e.rooms) == 0 || in.hasAny(e.rooms))
}

// A roomSet has rooms that many events are compared with.
type roomSet map[string]struct{}

func newRoomSet(rooms []string) roomSet {
	set := make(roomSet, len(rooms))
	for _, room := range rooms {
		set[room] = struct{}{}
	}
	return set
}

func (set roomSet) hasAny(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { _, has := set[room]; return has })
}

// An eventLog has the latest events of a namespace in the order in which they
// were sent. Clients know them by their offsets.
type eventLog struct {
	maxEvents, maxBytes int
	maxAge              time.Duration

	entries []*logged
	first   uint64 // the position of entries[0]
	bytes   int
	lost    *logged       // the one before entries[0], without its message
	epoch   string        // what offsets begin with that this log has made
	offsets atomic.Uint64 // made
}

func newEventLog(o *Recovery, maxAge time.Duration) *eventLog {
	return &eventLog{
		maxEvents: o.MaxEvents, maxBytes: o.MaxBytes, maxAge: maxAge,
		epoch: engine.NewID()[:epochLen] + ".",
	}
}

// epochLen is the length of the random part of offsets. A client may still
// have one from before the server was restarted.
const epochLen = 8

// newOffset returns the offset for a further event.
func (l *eventLog) newOffset() string { return l.epoch + strconv.FormatUint(l.offsets.Add(1), 36) }

// number returns the number in an offset, and whether it is from here. It is
// not ok if no log makes such offsets.
func (l *eventLog) number(offset string) (n uint64, ours, ok bool) {
	if len(offset) <= epochLen || offset[epochLen] != '.' {
		return 0, false, false
	}
	n, err := strconv.ParseUint(offset[epochLen+1:], 36, 64)
	return n, strings.HasPrefix(offset, l.epoch), err == nil
}

// end is the position of the next event.
func (l *eventLog) end() uint64 { return l.first + uint64(len(l.entries)) }

// latest returns the offset of the last event, "" if there has been none.
func (l *eventLog) latest() string {
	switch n := len(l.entries); {
	case n > 0:
		return l.entries[n-1].offset
	case l.lost != nil:
		return l.lost.offset
	}
	return ""
}

func (l *eventLog) add(e *logged) {
	l.entries = append(l.entries, e)
	l.bytes += e.size()
	l.prune(e.at)
}

// prune forgets what is too old or too much.
func (l *eventLog) prune(now time.Time) {
	for len(l.entries) > l.maxEvents || l.bytes > l.maxBytes || len(l.entries) > 0 && now.Sub(l.entries[0].at) >= l.maxAge {
		e := l.entries[0]
		l.lost = &logged{offset: e.offset, at: e.at}
		l.bytes -= e.size()
		l.entries[0] = nil
		l.entries = l.entries[1:]
		l.first++
	}
}

// clear forgets all events.
func (l *eventLog) clear() { l.first, l.entries, l.bytes = l.end(), nil, 0 }

// due returns when the oldest event is too old.
func (l *eventLog) due() (at time.Time, any bool) {
	if len(l.entries) == 0 {
		return time.Time{}, false
	}
	return l.entries[0].at.Add(l.maxAge), true
}

// from returns the events from a position on.
func (l *eventLog) from(position uint64) iter.Seq[*logged] {
	return slices.Values(l.entries[position-l.first:])
}

// sizeFor returns the bytes of the events that concern who is in these rooms.
func sizeFor(rooms roomSet, events iter.Seq[*logged]) (bytes int) {
	for e := range events {
		if e.concerns(rooms, rooms) {
			bytes += e.size()
		}
	}
	return bytes
}

// position returns that of an event that is there.
func (l *eventLog) position(offset string) (position uint64, found bool) {
	for i, e := range slices.Backward(l.entries) { // clients miss the latest ones
		if e.offset == offset {
			return l.first + uint64(i), true
		}
	}
	return 0, false
}

// after returns the position after the last event that a client has, by its
// offset. It has connected at position start and, whatever it was sent, all
// from before the time heard. Known is false if it may have missed events that
// are not there any more.
func (l *eventLog) after(offset string, start uint64, heard time.Time) (position uint64, known bool) {
	if last, found := l.position(offset); found {
		return max(start, last+1), true
	}
	if n, ours, ok := l.number(offset); offset != "" && (!ok || ours && n > l.offsets.Load()) {
		return 0, false
	}
	// It has none of those that are there.
	return max(start, l.first), start >= l.first || l.lost.at.Before(heard)
}
