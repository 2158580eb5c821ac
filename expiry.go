package socketio

import (
	"time"
)

// ExpireAt has the socket disconnected at t with [ReasonExpired], as when the
// client's token runs out; its client does not reconnect by itself. Another
// call moves the time, and the zero Time takes it back. A time in the past
// disconnects at once. Middleware may call it: a client that expires before it
// is let in is disconnected right after. It is safe for concurrent use.
func (s *Socket) ExpireAt(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.reason != "":
		return
	case s.expiry == nil && t.IsZero():
		return
	case s.expiry == nil:
		s.expiry = &expiry{timer: time.AfterFunc(time.Until(t), s.expire)}
	case t.IsZero():
		s.expiry.timer.Stop()
	default:
		s.expiry.timer.Reset(time.Until(t))
	}
	s.expiry.at = t
}

// expire disconnects the socket unless its time has been moved meanwhile.
func (s *Socket) expire() {
	s.mu.Lock()
	at := s.expiry.at
	s.mu.Unlock()
	switch status := s.status.Load(); {
	case at.IsZero() || time.Now().Before(at):
	case status == statusConnected:
		s.leaveNamespace(ReasonExpired)
	case status != statusDisconnected:
		s.mailbox.put(s.expire) // behind the admission, which runs there
	}
}
