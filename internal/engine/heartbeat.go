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
	patience          time.Duration // how long one of revision 3 is left without a PONG

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
	signed  time.Time // when a client of revision 3 was last heard
	sent    time.Time // the last PING, or PONG in revision 3
	waiting bool      // for the client, not for the time to send a PING
	excused bool      // the client was due while the receiver was at work
}

func newHeart(interval, timeout time.Duration) *heart {
	h := &heart{
		tick:     min(max(min(interval, timeout)/64, time.Millisecond), time.Second),
		interval: interval,
		timeout:  timeout,
		silence:  interval + timeout,
		patience: interval + timeout/2,
	}
	if h.silence < interval { // overflow
		h.silence, h.patience = interval, interval
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

// sign takes a sign of life that may have been a PONG or PING which waits
// behind messages, while the receiver does not take them.
func (h *heart) sign(b *beat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case b.next == nil:
	case b.session.dialect.has(revision3):
		b.signed = time.Now()
	case b.waiting:
		b.unlink()
		h.goOn(b, time.Now())
	}
}

// goOn begins the next round with a client that is there. One of revision 3
// pings by itself, at the interval it has been told.
func (h *heart) goOn(b *beat, now time.Time) {
	if b.session.dialect.has(revision3) {
		b.signed, b.sent, b.excused = now, now, false
		h.schedule(b, now, h.patience)
		return
	}
	h.schedulePing(b, now)
}

// schedulePing has the next PING sent one to two ticks early. As a PING leaves
// and a time-out is noticed up to a tick late, a silent client is closed
// within PingInterval + PingTimeout, and never before its time.
func (h *heart) schedulePing(b *beat, now time.Time) {
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
	due, silent := h.collect()
	for _, q := range silent {
		if q.unheard(q.sent) {
			h.excuse(&q.beat)
			due = append(due, q.Session)
		} else {
			q.abort(ReasonPingTimeout)
		}
	}
	for _, s := range due {
		packet := pingPacket
		if s.dialect.has(revision3) {
			packet = pongPacket
		}
		_ = s.SendLater(packet)
		s.Flush() // a cork may be there for long
	}
}

// collect returns the sessions to send a PING to, or a PONG in revision 3, and
// those that are silent.
func (h *heart) collect() (due []*Session, silent []quiet) {
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
			if now.Before(b.due) {
				h.link(b)
				continue
			}
			speak, over := h.judge(b, now)
			if speak {
				b.sent = now
				due = append(due, b.session)
			}
			if over {
				silent = append(silent, quiet{b.session, b.sent})
			}
		}
	}
	h.timer.Reset(h.at.Add(h.tick).Sub(now))
	return due, silent
}

// A quiet session has not been heard since it was sent something.
type quiet struct {
	*Session
	sent time.Time
}

// excuse lets a silent client live on, which is sent something now.
func (h *heart) excuse(b *beat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	b.signed, b.sent = now, now
}

// judge says what comes of a client that is due, and schedules it anew: it is
// sent a PING or PONG, or has been silent for too long. While the receiver is
// at work, but not in Hold, the silence is the server's: it does not read.
func (h *heart) judge(b *beat, now time.Time) (speak, silent bool) {
	held := b.session.held.Load()
	atWork := !held && b.session.delivering.Load()
	if b.session.dialect.has(revision3) {
		patience := b.sent.Add(h.patience).Sub(now)
		if speak = held && patience <= 0; patience <= 0 {
			patience = h.patience
		}
		if end := b.signed.Add(h.silence).Sub(now); end > 0 {
			h.schedule(b, now, min(end, patience))
			return speak, false
		}
	} else if !b.waiting {
		h.await(b, now, h.timeout)
		return true, false
	}
	switch {
	case atWork:
		b.excused = true
		h.schedule(b, now, h.tick)
	case b.excused && !held:
		h.await(b, now, h.timeout)
	default:
		h.await(b, now, h.timeout) // its end removes it
		silent = true
	}
	return speak, silent
}
