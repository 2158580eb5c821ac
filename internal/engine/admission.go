package engine

import (
	"net"
	"net/http"
	"net/netip"
)

// Options.MaxConnections and MaxConnectionsPerAddress count sessions from
// their handshake, before any function of the program is asked, until they are
// forgotten.

// An admission is a session's, or a handshake's, place among those that there
// may be. It is guarded by Server.mu.
type admission struct {
	counted bool
	address string
}

// admissions are all places taken.
type admissions struct {
	total     int
	byAddress map[string]int // nil unless they are limited
}

// admit gives a handshake its place, or answers that all places are taken.
func (srv *Server) admit(w http.ResponseWriter, r *http.Request, a *admission) bool {
	address := network(r.RemoteAddr)
	srv.mu.Lock()
	full := srv.opts.MaxConnections > 0 && srv.admissions.total >= srv.opts.MaxConnections
	crowded := srv.opts.MaxConnectionsPerAddress > 0 && srv.admissions.byAddress[address] >= srv.opts.MaxConnectionsPerAddress
	if !full && !crowded {
		srv.admissions.take(a, address)
	}
	srv.mu.Unlock()
	switch {
	case crowded:
		srv.refuseForNow(w, r, Refusal{Cause: CauseConnections, Status: http.StatusTooManyRequests, Code: noCode,
			Message: "too many connections from your address", Context: address})
	case full:
		srv.refuseForNow(w, r, Refusal{Cause: CauseConnections, Status: http.StatusServiceUnavailable, Code: noCode,
			Message: "too many connections"})
	}
	return !full && !crowded
}

// refuseForNow answers what may succeed later.
func (srv *Server) refuseForNow(w http.ResponseWriter, r *http.Request, e Refusal) {
	w.Header().Set("Retry-After", "5")
	srv.refuse(w, r, e)
}

// dismiss takes the place of a handshake that has not become a session.
func (srv *Server) dismiss(s *Session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.sessions[s.id] != s {
		srv.admissions.release(&s.admission)
	}
}

func (all *admissions) take(a *admission, address string) {
	a.counted = true
	all.total++
	if all.byAddress != nil {
		a.address = address
		all.byAddress[address]++
	}
}

// release gives a place back, if that has not been done.
func (all *admissions) release(a *admission) {
	if !a.counted {
		return
	}
	a.counted = false
	all.total--
	if all.byAddress == nil {
		return
	}
	all.byAddress[a.address]--
	if all.byAddress[a.address] == 0 {
		delete(all.byAddress, a.address)
	}
}

// network returns what stands for one client in the RemoteAddr of a request:
// the address without its port, and of IPv6 the network of 64 bits, within
// which a client picks addresses as it likes.
func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if address = address.Unmap(); address.Is6() {
		prefix, _ := address.WithZone("").Prefix(64) // no IPv6 address is too short
		return prefix.String()
	}
	return address.String()
}
