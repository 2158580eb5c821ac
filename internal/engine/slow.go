package engine

// A slow client is one for which more than MaxBuffered bytes would wait. It is
// closed, or with Options.DropOldest loses messages: the oldest that may be
// dropped, or the new one where the room is taken by what may not be, or is
// being written already.

// admit queues a message, and reports whether it could, or has been dropped
// itself. s.mu is locked.
func (s *Session) admit(m *Message) bool {
	limit := s.server.opts.MaxBuffered
	if s.out.admits(m, limit) {
		s.out.push(m)
		return true
	}
	if !s.server.opts.DropOldest {
		return false
	}
	dropped := s.out.makeRoom(m, limit)
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

// A loss is what has been dropped.
type loss struct{ packets, bytes int }

func (o *outbox) takeLoss() loss {
	lost := o.lost
	o.lost = loss{}
	return lost
}

// tellLoss tells of what has been dropped, if anything.
func (s *Session) tellLoss(lost loss) {
	if lost.packets == 0 {
		return
	}
	s.server.log.Warn("messages to a slow client dropped: more than Options.MaxBuffered bytes wait for it",
		"sid", s.id, "limit", s.server.opts.MaxBuffered)
	if f := s.server.trace.Dropped; f != nil {
		f(s, lost.packets, lost.bytes)
	}
}

// dropSlow closes the session.
func (s *Session) dropSlow() {
	s.server.log.Warn("slow client dropped: more than Options.MaxBuffered bytes wait for it",
		"sid", s.id, "limit", s.server.opts.MaxBuffered)
	s.abort(ReasonSlowClient)
}

// makeRoom drops as many of the oldest messages as it takes for m to be
// admitted, and none if that does not do. What stays keeps its order. It
// returns what is gone.
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
