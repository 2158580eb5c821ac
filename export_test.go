package socketio

// PendingAcks returns how many replies the socket's client still owes.
func (s *Socket) PendingAcks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks)
}

// MaxInbox is the limit of events that wait for their handlers, in bytes.
const MaxInbox = maxInbox
