package socketio

// PendingAcks returns how many replies the socket's client still owes.
func (s *Socket) PendingAcks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks)
}

// Children returns how many namespaces a parent has.
func (s *Server) Children(parent *Namespace) int { return len(parent.audience()) }

// HandleEvent returns a function that has an event without arguments handled,
// as the mailbox does.
func (s *Socket) HandleEvent(name string) func() {
	e := &Event{socket: s, name: name}
	return func() { s.handle(e) }
}

// Kept returns how many sessions and events the main namespace keeps, and
// whether a timer is set that will forget them.
func (s *Server) Kept() (sessions, events int, timer bool) {
	r := s.recovery
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions.byPID), len(r.log.entries), r.timer != nil
}
