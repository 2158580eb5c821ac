package engine

// DisablePoller gives every connection of a server a goroutine, as on systems
// without epoll.
func DisablePoller(srv *Server) { srv.poller = nil }
