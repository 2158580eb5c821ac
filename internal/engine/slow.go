package engine

import "time"

// A client is slow if more than MaxBuffered bytes would wait for it because it
// has not read anything for as long as a round. The server closes its session,
// or with Options.DropOldest drops messages: the oldest that may be dropped, or
// the new one if all others must stay or are being written already.

// admit queues a message. It reports true if it has queued the message, or
// dropped the message itself. During a trial twice as much may wait. s.mu is
// locked.
func (s *Session) admit(m *Message) bool {
	limit := s.server.opts.MaxBuffered
	onTrial := s.out.turn.trial != nil && s.out.fits(m, twice(limit))
	if s.out.admits(m, limit) || !s.clientsTurn() || onTrial {
		s.out.push(m)
		return true
	}
	return s.out.turn.stalled && s.displace(m)
}

// displace queues a message in place of older ones, or drops it, where
// Options.DropOldest allows that. It reports false if neither may be. s.mu is
// locked.
func (s *Session) displace(m *Message) bool {
	if !s.server.opts.DropOldest {
		return false
	}
	dropped := s.out.makeRoom(m, s.server.opts.MaxBuffered)
	switch {
	case dropped.packets > 0:
		s.out.push(m)
	case m.droppable:
		dropped = loss{int(m.packets), m.Size()}
	default:
		return false
	}
	s.out.lost.packets += dropped.packets
	s.out.lost.bytes += dropped.bytes
	return true
}

// overdue reports whether more is queued than may wait for the client, because
// we are late. s.mu is locked.
func (s *Session) overdue() bool {
	return s.out.bytes > s.server.opts.MaxBuffered && s.lifecycle() == stateOpen && !s.clientsTurn()
}

// catchUp slows a sender down to what the server gets done. It writes itself what
// waits for a flusher, and otherwise waits for the one at work, for a tenth of a
// second at most: that may be its own caller.
func (s *Session) catchUp() {
	for range 100 {
		s.mu.Lock()
		switch {
		case !s.overdue():
			s.mu.Unlock()
			return
		case s.out.idle:
			s.out.idle = false
			s.mu.Unlock()
			s.drain()
			return
		case s.out.cork > 0 && !s.out.draining:
			s.mu.Unlock()
			s.Flush()
			return
		}
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// A loss is what has been dropped.
type loss struct{ packets, bytes int }

func (o *outbox) takeLoss() loss {
	lost := o.lost
	o.lost = loss{}
	return lost
}

// tellLoss tells of dropped packets, if there are any.
func (s *Session) tellLoss(lost loss) {
	if lost.packets == 0 {
		return
	}
	s.server.log.Warn("messages to a slow client dropped: more than Options.Limits.Buffered bytes wait for it",
		"conn", s.publicID, "limit", s.server.opts.MaxBuffered)
	if f := s.server.trace.Dropped; f != nil {
		f(s, lost.packets, lost.bytes)
	}
}

// dropSlow closes the session, unless it is closed already.
func (s *Session) dropSlow() {
	if s.lifecycle() != stateOpen {
		return
	}
	s.server.log.Warn("slow client dropped: more than Options.Limits.Buffered bytes wait for it",
		"conn", s.publicID, "limit", s.server.opts.MaxBuffered)
	s.abort(ReasonSlowClient)
}

// makeRoom drops as many of the oldest messages as necessary to admit m. If
// that does not suffice, it drops no message. The others keep their order. It
// returns the loss.
func (o *outbox) makeRoom(m *Message, limit int) (gone loss) {
	after, end, fits := *o, o.head, false // after: as if those before end were gone
	for ; !fits && end < len(o.queue); end++ {
		if old := o.queue[end]; old.droppable {
			after.bytes -= old.Size()
			after.head++
			gone.packets += int(old.packets)
			fits = after.fits(m, limit)
		}
	}
	if !fits {
		return loss{}
	}
	gone.bytes = o.bytes - after.bytes
	kept := end
	for i := end - 1; i >= o.head; i-- {
		if old := o.queue[i]; !old.droppable {
			kept--
			o.queue[kept] = old
		}
	}
	clear(o.queue[o.head:kept])
	o.head, o.bytes = kept, after.bytes
	return gone
}
