// Package eventlog keeps what a server needs so that clients can come back
// after they have lost their connection: the latest events, and the sessions
// of the clients that are away. Its caller serialises all calls except
// [Log.NewOffset].
package eventlog

import (
	"crypto/rand"
	"encoding/base64"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A Message is an encoded event.
type Message interface {
	Size() int // in bytes
}

// An Event has been sent, and can be sent again to a client that has missed it.
type Event[M Message] struct {
	Offset  string
	At      time.Time
	Message M
	Rooms   []string
	Except  []string
}

// overhead is what an event costs beside its bytes.
const overhead = 128

func (e *Event[M]) size() int { return e.Message.Size() + overhead }

// Concerns reports whether the event is for a client that is in the rooms in and
// was in the rooms had, a superset of in.
func (e *Event[M]) Concerns(in, had RoomSet) bool {
	return !had.hasAny(e.Except) && (len(e.Rooms) == 0 || in.hasAny(e.Rooms))
}

// A RoomSet contains rooms that many events are compared with.
type RoomSet map[string]struct{}

// NewRoomSet returns the set of these rooms.
func NewRoomSet(rooms []string) RoomSet {
	set := make(RoomSet, len(rooms))
	for _, room := range rooms {
		set[room] = struct{}{}
	}
	return set
}

func (set RoomSet) hasAny(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { _, has := set[room]; return has })
}

// Limits bound a log.
type Limits struct {
	Events int
	Bytes  int // of the messages, and 128 more for each
	Age    time.Duration
}

// A Log contains the latest events of a namespace in the order of sending. Clients know them by their offsets. The log counts events from 0
// on; the number of an event is its position.
type Log[M Message] struct {
	limits  Limits
	entries []*Event[M]
	first   uint64 // the position of entries[0]
	bytes   int
	lost    Event[M]      // the one before entries[0], if first is not 0; without its message
	epoch   string        // what offsets begin with that this log has made
	offsets atomic.Uint64 // made
}

// New returns an empty log.
func New[M Message](limits Limits) *Log[M] {
	var random [epochLen / 4 * 3]byte
	rand.Read(random[:]) // never fails
	return &Log[M]{limits: limits, epoch: base64.RawURLEncoding.EncodeToString(random[:]) + "."}
}

// epochLen is the length of the random part of offsets. A client may still
// have one from before the server was restarted.
const epochLen = 8

// NewOffset returns the offset for a further event. It may be called at any
// time.
func (l *Log[M]) NewOffset() string {
	var offset [epochLen + 1 + 13]byte // 13 digits are enough for any number
	return string(strconv.AppendUint(append(offset[:0], l.epoch...), l.offsets.Add(1), 36))
}

// number returns the number in an offset, and whether it is from here. It is
// not ok if no log makes such offsets.
func (l *Log[M]) number(offset string) (n uint64, ours, ok bool) {
	if len(offset) <= epochLen || offset[epochLen] != '.' {
		return 0, false, false
	}
	n, err := strconv.ParseUint(offset[epochLen+1:], 36, 64)
	return n, strings.HasPrefix(offset, l.epoch), err == nil
}

// Len returns how many events the log contains.
func (l *Log[M]) Len() int { return len(l.entries) }

// First returns the position of the first event that is kept.
func (l *Log[M]) First() uint64 { return l.first }

// End returns the position of the next event.
func (l *Log[M]) End() uint64 { return l.first + uint64(len(l.entries)) }

// Add adds an event that is sent now.
func (l *Log[M]) Add(e *Event[M]) {
	l.entries = append(l.entries, e)
	l.bytes += e.size()
	l.Prune(e.At)
}

// Prune forgets the oldest events while the log is beyond its limits.
func (l *Log[M]) Prune(now time.Time) {
	for len(l.entries) > l.limits.Events || l.bytes > l.limits.Bytes ||
		len(l.entries) > 0 && now.Sub(l.entries[0].At) >= l.limits.Age {
		l.drop()
	}
}

// Clear forgets all events.
func (l *Log[M]) Clear() {
	for len(l.entries) > 0 {
		l.drop()
	}
}

// drop forgets the oldest event.
func (l *Log[M]) drop() {
	e := l.entries[0]
	l.lost = Event[M]{Offset: e.Offset, At: e.At}
	l.bytes -= e.size()
	l.entries[0] = nil
	l.entries = l.entries[1:]
	l.first++
}

// Due returns when the oldest event is too old. It reports false if there are
// no events.
func (l *Log[M]) Due() (at time.Time, any bool) {
	if len(l.entries) == 0 {
		return time.Time{}, false
	}
	return l.entries[0].At.Add(l.limits.Age), true
}

// From returns the events from a position on, which is not before First.
func (l *Log[M]) From(position uint64) iter.Seq[*Event[M]] {
	return slices.Values(l.entries[position-l.first:])
}

// Size returns the bytes of the events that concern a client in these rooms.
func Size[M Message](rooms RoomSet, events iter.Seq[*Event[M]]) (bytes int) {
	for e := range events {
		if e.Concerns(rooms, rooms) {
			bytes += e.size()
		}
	}
	return bytes
}
