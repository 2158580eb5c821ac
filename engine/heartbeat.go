package engine

import (
	"sync"
	"time"
)

// The heart is the one clock of all sessions' heartbeats: a hashed timing
// wheel, driven by one timer that runs only while there are sessions.
type heart struct {
	tick              time.Duration
	interval, timeout time.Duration
	silence           time.Duration // that ends a client of revision 3

	mu    sync.Mutex
	slots [wheelSlots]beat // heads of rings
	hand  int
	at    time.Time // when the hand got there
	count int
	timer *time.Timer
}

const wheelSlots = 128

// A beat is a session's place in the wheel, guarded by heart.mu.
type beat struct {
	session    *Session
	next, prev *beat

	due     time.Time
	waiting bool // for the client, not for the time to send a PING
	excused bool // the client was due while the receiver was at work
}

func newHeart(interval, timeout time.Duration) *heart {
	h := &heart{
		tick:     min(max(min(interval, timeout)/64, time.Millisecond), time.Second),
		interval: interval,
		timeout:  timeout,
		silence:  interval + timeout,
	}
	if h.silence < interval { // overflow
		h.silence = interval
	}
	for i := range h.slots {
		h.slots[i].next, h.slots[i].prev = &h.slots[i], &h.slots[i]
	}
	return h
}

// add begins the heartbeat of a session.
func (h *heart) add(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.beat.session = s
	now := time.Now()
	h.count++
	if h.count == 1 {
		h.start(now)
	}
	h.goOn(&s.beat, now)
}

func (h *heart) start(now time.Time) {
	h.at = now
	if h.timer == nil {
		h.timer = time.AfterFunc(h.tick, h.turn)
	} else {
		h.timer.Reset(h.tick)
	}
}

func (h *heart) remove(b *beat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b.next == nil {
		return
	}
	b.unlink()
	h.count--
	if h.count == 0 {
		h.timer.Stop()
	}
}

// heard takes a sign of life: a PONG, or the PING of a client of revision 3.
func (h *heart) heard(b *beat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b.next != nil {
		b.unlink()
		h.goOn(b, time.Now())
	}
}

// goOn begins the next round with a client that is there. One of revision 3
// pings by itself, at the interval it has been told.
func (h *heart) goOn(b *beat, now time.Time) {
	if b.session.dialect.has(revision3) {
		h.await(b, now, h.silence)
		return
	}
	h.expectPing(b, now)
}

// expectPing has the next PING sent one to two ticks early. As a PING leaves
// and a time-out is noticed up to a tick late, a silent client is closed
// within PingInterval + PingTimeout, and none before its time.
func (h *heart) expectPing(b *beat, now time.Time) {
	b.waiting = false
	h.schedule(b, now, h.interval-2*h.tick)
}

func (h *heart) await(b *beat, now time.Time, timeout time.Duration) {
	b.waiting, b.excused = true, false
	h.schedule(b, now, timeout)
}

func (h *heart) schedule(b *beat, now time.Time, delay time.Duration) {
	b.due = now.Add(delay)
	h.link(b)
}

// link puts b where the hand will be when it is due, or as far ahead as the
// wheel reaches.
func (h *heart) link(b *beat) {
	ticks := min(max(int((b.due.Sub(h.at)-1)/h.tick)+1, 1), wheelSlots-1)
	head := &h.slots[(h.hand+ticks)%wheelSlots]
	b.next, b.prev = head, head.prev
	b.prev.next, head.prev = b, b
}

func (b *beat) unlink() {
	b.prev.next, b.next.prev = b.next, b.prev
	b.next, b.prev = nil, nil
}

// turn moves the hand to where it belongs by now and does what is due there.
func (h *heart) turn() {
	ping, gone := h.collect()
	for _, s := range ping {
		_ = s.SendLater(pingPacket)
		s.Flush() // a cork may be there for long
	}
	for _, s := range gone {
		s.abort(ReasonPingTimeout)
	}
}

// collect returns the sessions to send a PING to, and those that are gone.
func (h *heart) collect() (ping, gone []*Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == 0 {
		return nil, nil
	}
	now := time.Now()
	for next := h.at.Add(h.tick); !now.Before(next); next = next.Add(h.tick) {
		h.at = next
		h.hand = (h.hand + 1) % wheelSlots
		head := &h.slots[h.hand]
		for b := head.next; b != head; b = head.next {
			b.unlink() // to be linked elsewhere
			switch {
			case now.Before(b.due):
				h.link(b)
			case !b.waiting:
				ping = append(ping, b.session)
				h.await(b, now, h.timeout)
			case b.session.delivering.Load(): // it is we who do not read
				b.excused = true
				h.schedule(b, now, h.tick)
			case b.excused:
				h.await(b, now, h.timeout)
			default:
				gone = append(gone, b.session)
				h.await(b, now, h.timeout) // its end removes it
			}
		}
	}
	h.timer.Reset(h.at.Add(h.tick).Sub(now))
	return ping, gone
}
