package chat

import (
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// A pace holds the changes of a busy room for a moment, so that several are sent
// as one range: sending to many followers costs much more than a change. Acks do
// not wait for it.
type pace struct {
	held   *store.Changes // not sent yet; begins at head
	timer  *time.Timer
	second time.Time // the present second
	before int       // changes in the second before
	now    int       // and in this one
}

const (
	holdTime  = 50 * time.Millisecond
	busyRoom  = 20   // changes per second
	crowdRoom = 1000 // followers
)

// busy counts a change, and reports whether it should wait for others.
func (p *pace) busy(followers int) bool {
	now := time.Now().Truncate(time.Second)
	if !now.Equal(p.second) {
		if now.Sub(p.second) > time.Second {
			p.now = 0
		}
		p.second, p.before, p.now = now, p.now, 0
	}
	p.now++
	return followers > crowdRoom || p.before > busyRoom || p.now > busyRoom
}

// tail returns up to where changes were sent or are held. mu is locked.
func (l *live) tail() int64 {
	if l.pace.held != nil {
		return l.pace.held.To
	}
	return l.head
}

// deliver sends a range that begins at tail, or holds it. mu is locked.
func (l *live) deliver(ch *store.Changes) {
	p := &l.pace
	switch {
	case p.held != nil:
		p.held = merge(p.held, ch)
	case p.busy(l.followers()):
		p.held = ch
		p.timer = time.AfterFunc(holdTime, l.letGo)
	default:
		l.send(ch)
	}
}

func (l *live) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

// flush sends what is held. mu is locked.
func (l *live) flush() {
	p := &l.pace
	if p.held == nil {
		return
	}
	ch := p.held
	p.held = nil
	p.timer.Stop()
	if !l.dead && ch.Room.Epoch == l.epoch && ch.To > l.head {
		l.send(above(ch, l.head))
	}
}

// followers returns how many sockets follow, or are about to.
func (l *live) followers() int {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return l.refs
}
