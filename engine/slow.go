package engine

// A slow client is one for which more than MaxBuffered bytes would wait. It is
// closed, or with Options.DropOldest loses messages: the oldest that may be
// dropped, or the new one where the room is taken by what may not be, or is
// being written already.

// overflow deals with a message that the outbox does not admit and returns
// what send does. It is called with s.mu locked, and unlocks it.
func (s *Session) overflow(m *Message, later bool) error {
	packets, bytes := 0, 0
	if s.server.opts.DropOldest {
		packets, bytes = s.out.makeRoom(m, s.server.opts.MaxBuffered)
	}
	switch {
	case packets > 0:
		s.out.push(m)
		s.kick(later)
	case s.server.opts.DropOldest && m.droppable:
		packets, bytes = int(m.packets), m.Size()
		s.mu.Unlock()
	default:
		s.mu.Unlock()
		s.server.refused("slow", "slow client dropped: more than Options.MaxBuffered bytes wait for it",
			"sid", s.id, "limit", s.server.opts.MaxBuffered)
		s.abort(ReasonSlowClient)
		return ErrClosed
	}
	s.server.refused("dropping", "messages to a slow client dropped: more than Options.MaxBuffered bytes wait for it",
		"sid", s.id, "limit", s.server.opts.MaxBuffered)
	if f := s.server.trace.Dropped; f != nil {
		f(s, packets, bytes)
	}
	return nil
}

// makeRoom drops as many of the oldest messages as it takes for m to be
// admitted, and none if that does not do. What stays keeps its order. It
// returns what is gone.
func (o *outbox) makeRoom(m *Message, limit int) (packets, bytes int) {
	after, end, fits := *o, o.head, false // after: as if those before end were gone
	for ; !fits && end < len(o.queue); end++ {
		if old := o.queue[end]; old.droppable {
			after.bytes -= old.Size()
			after.head++
			packets += int(old.packets)
			fits = after.admits(m, limit)
		}
	}
	if !fits {
		return 0, 0
	}
	bytes = o.bytes - after.bytes
	kept := end
	for i := end - 1; i >= o.head; i-- {
		if old := o.queue[i]; !old.droppable {
			kept--
			o.queue[kept] = old
		}
	}
	clear(o.queue[o.head:kept])
	o.head, o.bytes = kept, after.bytes
	return packets, bytes
}
