package engine

// Stats are a Server's load at one moment.
type Stats struct {
	Polling, WebSocket int // sessions by transport
	Queued             int // bytes that wait for clients
}

// Stats returns the server's load. It visits each session, which takes some
// milliseconds where there are 100,000.
func (srv *Server) Stats() Stats {
	srv.mu.RLock()
	sessions := make([]*Session, 0, len(srv.sessions))
	for _, s := range srv.sessions {
		sessions = append(sessions, s)
	}
	srv.mu.RUnlock()
	var all Stats
	for _, s := range sessions {
		s.mu.Lock()
		if s.ws != nil {
			all.WebSocket++
		} else {
			all.Polling++
		}
		all.Queued += s.out.bytes
		s.mu.Unlock()
	}
	return all
}
