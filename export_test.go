package socketio

// PendingAcks returns how many replies the socket's client still owes.
func (s *Socket) PendingAcks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks)
}

// MaxInbox is the limit of events that wait for their handlers, in bytes.
const MaxInbox = maxInbox

// Children returns how many namespaces a parent has.
func (s *Server) Children(parent *Namespace) int { return len(parent.audience()) }

// HandleEvent returns a function that has an event without arguments handled,
// as the mailbox does.
func (s *Socket) HandleEvent(name string) func() {
	e := &Event{socket: s, name: name}
	return func() { s.handle(e) }
}
