package engine

import (
	"net/http"
	"slices"
	"sync"
)

// departed has the sessions that their clients have closed last over polling
// while no poll waited. Poll and CLOSE are requests of two connections: a poll
// that the client sent first may come second, and is answered as if it had
// come first. The sessions themselves are over.
type departed struct {
	mu   sync.Mutex
	last [256]departure
	next int
}

type departure struct {
	id      string
	dialect dialect
}

func (d *departed) add(s *Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.next] = departure{s.id, s.dialect}
	d.next = (d.next + 1) % len(d.last)
}

// take returns the dialect of a session that is there, once.
func (d *departed) take(id string) (dialect, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.last {
		if found := d.last[i]; found.id == id {
			d.last[i] = departure{}
			return found.dialect, true
		}
	}
	return 0, false
}

// ended has the ids of the sessions that have ended last. A request of such a
// session is late, and no sign that the server has been restarted.
type ended struct {
	last [256]string
	next int
}

func (e *ended) add(id string) {
	e.last[e.next] = id
	e.next = (e.next + 1) % len(e.last)
}

// hasEnded reports whether a session that is not open was one of this server's a
// while ago.
func (srv *Server) hasEnded(id string) bool {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	_, ending := srv.sessions[id]
	return ending || id != "" && slices.Contains(srv.ended.last[:], id)
}

// serveUnknown answers a request of a session that is not there.
func (srv *Server) serveUnknown(w http.ResponseWriter, r *http.Request, query query) {
	sid := query.Get("sid")
	if r.Method == http.MethodGet && query.Get("transport") == Polling {
		if d, ok := srv.departed.take(sid); ok {
			p := newPayload(d, query)
			p.addText([]byte{packetNoop})
			_ = srv.writePayload(w, r, query, &p)
			return
		}
	}
	srv.reject(w, r, codeUnknownSession, CauseSession, sid)
}
