package socketio

// Stats are a Server's load at one moment.
type Stats struct {
	Polling, WebSocket int // connections by transport
	Queued             int // bytes that wait for clients

	// Namespaces have the load of each namespace under its Group.
	Namespaces map[string]NamespaceStats
}

// NamespaceStats are the load of a namespace, or of several of one group.
type NamespaceStats struct {
	Sockets int // also those that middleware has not decided on
	Rooms   int // without those that are the sockets' ids
	Acks    int // replies that clients owe
	Inbox   int // bytes of events and replies that wait for handlers
}

// Stats returns the server's load, for metrics. It visits each socket, which
// takes some ten milliseconds where there are 100,000; they go on meanwhile.
func (s *Server) Stats() Stats {
	connections := s.engine.Stats()
	all := Stats{
		Polling:    connections.Polling,
		WebSocket:  connections.WebSocket,
		Queued:     connections.Queued,
		Namespaces: make(map[string]NamespaceStats),
	}
	for _, n := range s.allNamespaces() {
		group := n.Group()
		sum := all.Namespaces[group]
		n.addStats(&sum)
		all.Namespaces[group] = sum
	}
	return all
}

func (n *Namespace) addStats(sum *NamespaceStats) {
	sum.Rooms += n.rooms.len()
	sockets := n.everybody.targets()
	defer putTargets(sockets)
	sum.Sockets += len(*sockets)
	for _, s := range *sockets {
		s.mu.Lock()
		sum.Acks += len(s.acks)
		s.mu.Unlock()
		s.mailbox.mu.Lock()
		sum.Inbox += s.mailbox.bytes
		s.mailbox.mu.Unlock()
	}
}
