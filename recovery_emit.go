package socketio

import "time"

// logs reports whether events to the selected sockets get a place in this
// server's own log. It is right for nil too, and so is stores.
func (r *recovery) logs(b Broadcast) bool { return r != nil && r.store == nil && !b.volatile }

// stores reports whether the place of events in the adapter's log becomes
// their offset.
func (r *recovery) stores(b Broadcast) bool {
	return r != nil && r.store != nil && !b.volatile && !b.local
}

// queue logs an event and queues it for the selected sockets that can come
// back, which must be released. It returns all selected sockets, and nil in
// place of those that are gone or have got the event on another server. An
// event without a message is neither logged nor queued.
//
// Events that were encoded at the same time may be logged in another order
// than that of their offsets, but always in the order in which they are sent.
func (r *recovery) queue(b Broadcast, e *loggedEvent) (targets *[]*Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Message != nil && r.wanted() {
		r.log.Add(e)
		r.arm()
	}
	targets = b.targets()
	for i, s := range *targets {
		switch {
		case !s.connected(), s.seat != nil && r.hasHad(s.seat, e):
			(*targets)[i] = nil
		case s.seat != nil && e.Message != nil:
			s.conn.session.Queue(e.Message, nil)
		}
	}
	return targets
}

// wanted reports whether there is anybody who may come back. r.mu is locked.
func (r *recovery) wanted() bool {
	return !r.closed && (len(r.seats) > 0 || r.sessions.Len() > 0 || r.store != nil)
}

// takesEvents reports whether the socket is connected or its client may come
// back.
func (s *Socket) takesEvents() bool {
	return s.connected() || s.seat != nil && s.mayComeBack()
}

func (s *Socket) mayComeBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == "" && s.status.Load() == statusDisconnected {
		return true // the reason is about to be known, and until then it may be any
	}
	return recoverable[s.reason] && time.Since(s.until) <= s.namespace.recovery.MaxAge
}
