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

	mu    sync.Mutex
	slots [wheelSlots]beat // heads of rings
	hand  int
	count int
	timer *time.Timer
}

const wheelSlots = 64

// A beat is a session's place in the wheel, guarded by heart.mu.
type beat struct {
	session    *Session
	next, prev *beat

	due     time.Time
	waiting bool // for a PONG, not for the time to send a PING
}

func newHeart(interval, timeout time.Duration) *heart {
	h := &heart{
		tick:     min(max(min(interval, timeout)/32, time.Millisecond), time.Second),
		interval: interval,
		timeout:  timeout,
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
	h.expectPing(&s.beat, time.Now())
	h.count++
	if h.count > 1 {
		return
	}
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

// pong takes a client's answer to a PING.
func (h *heart) pong(b *beat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b.next != nil {
		b.unlink()
		h.expectPing(b, time.Now())
	}
}

// expectPing has the next PING sent up to a tick early. As time-outs are
// noticed up to a tick late, a silent client is closed within
// PingInterval + PingTimeout, and none before its time.
func (h *heart) expectPing(b *beat, now time.Time) {
	b.waiting = false
	h.schedule(b, now, h.interval-h.tick)
}

func (h *heart) expectPong(b *beat, now time.Time) {
	b.waiting = true
	h.schedule(b, now, h.timeout)
}

func (h *heart) schedule(b *beat, now time.Time, delay time.Duration) {
	b.due = now.Add(delay)
	h.link(b, delay)
}

// link puts b where the hand will be after delay, or as far ahead as the
// wheel reaches.
func (h *heart) link(b *beat, delay time.Duration) {
	ticks := min(max(int((delay+h.tick-1)/h.tick), 1), wheelSlots-1)
	head := &h.slots[(h.hand+ticks)%wheelSlots]
	b.next, b.prev = head, head.prev
	b.prev.next, head.prev = b, b
}

func (b *beat) unlink() {
	b.prev.next, b.next.prev = b.next, b.prev
	b.next, b.prev = nil, nil
}

// turn moves the hand by one slot and does what is due there.
func (h *heart) turn() {
	var ping, gone []*Session
	now := time.Now()
	h.mu.Lock()
	if h.count == 0 {
		h.mu.Unlock()
		return
	}
	h.timer.Reset(h.tick)
	h.hand = (h.hand + 1) % wheelSlots
	head := &h.slots[h.hand]
	for b := head.next; b != head; {
		next := b.next
		b.unlink()
		switch {
		case now.Before(b.due):
			h.link(b, b.due.Sub(now))
		case !b.waiting:
			ping = append(ping, b.session)
			h.expectPong(b, now)
		case b.session.delivering.Load():
			h.expectPong(b, now) // it is we who do not read
		default:
			gone = append(gone, b.session)
			h.link(b, h.timeout)
		}
		b = next
	}
	h.mu.Unlock()

	for _, s := range ping {
		s.SendLater(pingPacket)
	}
	for _, s := range gone {
		s.abort(ReasonPingTimeout)
	}
}
