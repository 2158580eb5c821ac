package engine

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/goroomcast/socketio/internal/rarelog"
)

// A Server accepts Engine.IO clients. It is an http.Handler to be mounted at
// Options.Path. Its methods are safe for concurrent use.
type Server struct {
	opts     Options
	trace    Trace
	own      bool // Options.CheckOrigin is the default
	accept   func(*Session, *http.Request) Receiver
	heart    *heart
	flushers flushers
	rounds   rounds
	poller   *poller
	crew     *crew
	log      *rarelog.Logger
	departed departed
	shards   atomic.Uint32

	mu       sync.RWMutex
	sessions map[string]*Session
	claimed  map[string]bool // ids of handshakes under way
	closed   bool
	ended    ended
	gone     chan struct{} // closed when closed and no session is left

	admissions admissions // guarded by mu

	probed probedPolls
}

// NewServer returns a server that calls accept for each new session. The returned
// Receiver gets the session's messages. Accept may send; the request is valid only
// during the call. Options may be nil; mistakes in them panic.
func NewServer(o *Options, accept func(*Session, *http.Request) Receiver) *Server {
	opts := o.withDefaults()
	srv := &Server{
		opts:     opts,
		own:      o == nil || o.CheckOrigin == nil,
		accept:   accept,
		heart:    newHeart(opts.PingInterval, opts.PingTimeout),
		flushers: newFlushers(),
		poller:   &poller{},
		log:      rarelog.New(opts.Logger),
		sessions: make(map[string]*Session),
		gone:     make(chan struct{}),
	}
	srv.crew = newCrew(srv)
	srv.trace = opts.Trace.guarded(srv.log)
	if opts.MaxConnectionsPerAddress > 0 {
		srv.admissions.byAddress = make(map[string]int)
	}
	return srv
}

// Options returns the server's options with their defaults.
func (srv *Server) Options() Options { return srv.opts }

// Len returns the number of sessions.
func (srv *Server) Len() int {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	return len(srv.sessions)
}

// ServeHTTP handles the requests of Engine.IO clients: handshakes, polls,
// posts and upgrades.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := r.URL.Path; path != srv.opts.Path && !strings.HasPrefix(path, srv.opts.Path+"/") {
		srv.refusePath(w, r)
		return
	}
	query := queryOf(r)
	page := withOrigin(r, query)
	if !validOrigin(page.Header.Get("Origin")) {
		srv.reject(w, r, codeBadRequest, CauseOrigin, page.Header.Get("Origin"))
		return
	}
	if !srv.originAllowed(page) {
		srv.reject(w, r, codeForbidden, CauseOrigin, page.Header.Get("Origin"))
		return
	}
	transport := query.Get("transport")
	if !slices.Contains(srv.opts.Transports, transport) {
		srv.reject(w, r, codeUnknownTransport, CauseTransport, transport)
		return
	}
	if sid := query.Get("sid"); sid != "" {
		srv.serveSession(w, r, query, sid, transport)
	} else {
		srv.handshake(w, r, query, transport)
	}
}

func (srv *Server) originAllowed(r *http.Request) (allowed bool) {
	_ = srv.ask("Options.CheckOrigin", func() error { allowed = srv.opts.CheckOrigin(r); return nil })
	return allowed
}

// validOrigin refuses what no browser sends, before it gets into logs or
// headers.
func validOrigin(origin string) bool {
	return utf8.ValidString(origin) && !strings.ContainsFunc(origin, func(r rune) bool { return r < ' ' || r > '~' })
}

func (srv *Server) serveSession(w http.ResponseWriter, r *http.Request, query query, sid, transport string) {
	srv.mu.RLock()
	s := srv.sessions[sid]
	srv.mu.RUnlock()
	switch {
	case s == nil:
		srv.serveUnknown(w, r, query)
	case query.Get("EIO") != strconv.Itoa(s.Protocol()):
		srv.reject(w, r, codeBadRequest, CauseVersion, query.Get("EIO"))
	case transport == WebSocket && !isWebSocket(r):
		srv.reject(w, r, codeBadRequest, CauseHandshake, noUpgrade)
	case transport == WebSocket && r.Method == http.MethodGet:
		s.serveUpgrade(w, r, query)
	case transport == WebSocket:
		srv.reject(w, r, codeBadRequest, CauseMethod, r.Method)
	case r.Method == http.MethodGet:
		s.servePoll(w, r, query)
	case r.Method == http.MethodPost:
		s.servePost(w, r, query)
	default:
		srv.reject(w, r, codeBadRequest, CauseMethod, r.Method)
	}
}

func (srv *Server) handshake(w http.ResponseWriter, r *http.Request, query query, transport string) {
	switch {
	case r.Method != http.MethodGet:
		srv.reject(w, r, codeBadMethod, CauseMethod, r.Method)
		return
	case transport == WebSocket && !isWebSocket(r):
		srv.reject(w, r, codeBadRequest, CauseHandshake, noUpgrade)
		return
	case !srv.speaks(query.Get("EIO")):
		srv.reject(w, r, codeUnsupportedVersion, CauseVersion, query.Get("EIO"))
		return
	case srv.closing():
		w.Header().Set("Retry-After", "1")
		srv.refuse(w, r, Refusal{Cause: CauseShutdown, Status: http.StatusServiceUnavailable, Code: noCode, Message: "server shutting down"})
		return
	}
	s := &Session{server: srv, shard: srv.shards.Add(1)}
	if !srv.admit(w, r, &s.admission) {
		return
	}
	defer srv.dismiss(s)
	if refusal := srv.disallowed(r); refusal != nil {
		srv.refuse(w, r, *refusal)
		return
	}
	id, err := srv.claimID(r)
	if err != nil {
		srv.reject(w, r, codeBadRequest, CauseID, err.Error())
		return
	}
	defer srv.releaseID(id)
	s.id, s.publicID = id, NewID()
	if query.Get("EIO") == "3" {
		s.dialect = revision3
	}
	s.dialect = dialectOf(query, s.dialect)
	if transport == WebSocket {
		srv.openWebSocket(w, r, s)
	} else {
		srv.openPolling(w, r, query, s)
	}
}

// setCookie sends Options.Cookie with the answer that opens the session. Answers
// that refuse a handshake do not have it, because they open none.
func (s *Session) setCookie(w http.ResponseWriter) {
	if template := s.server.opts.Cookie; template != nil {
		cookie := *template
		cookie.Value = s.id
		http.SetCookie(w, &cookie)
	}
}

// disallowed asks the program whether a handshake may open a session. The
// result is nil if it may.
func (srv *Server) disallowed(r *http.Request) (refusal *Refusal) {
	if srv.opts.AllowRequest == nil {
		return nil
	}
	if err := srv.ask("Options.AllowRequest", func() error {
		if err := srv.opts.AllowRequest(r); err != nil {
			refusal = forbidden(err)
		}
		return nil
	}); err != nil {
		return forbidden(err)
	}
	return refusal
}

// speaks reports whether clients of a protocol revision are served.
func (srv *Server) speaks(revision string) bool {
	return revision == "4" || revision == "3" && srv.opts.AllowEIO3
}

func (srv *Server) openPolling(w http.ResponseWriter, r *http.Request, query query, s *Session) {
	upgrades := []string{}
	if slices.Contains(srv.opts.Transports, WebSocket) {
		upgrades = append(upgrades, WebSocket)
	}
	srv.begin(s, r)
	s.setCookie(w)
	p := newPayload(s.dialect, query)
	p.addText(openPacket(s.id, upgrades, &srv.opts))
	s.sent(p.packets, len(p.body))
	err := srv.writePayload(w, r, query, &p)
	s.took()
	if err != nil {
		s.abort(ReasonTransportError)
	}
}

func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request, s *Session) {
	ws := &wsConn{session: s, dialect: s.dialect, active: true}
	conn, answer := ws.accept(w, r)
	if conn == nil {
		return
	}
	ws.attach(conn)
	s.ws = ws
	s.inlet.Lock()
	first := newPacket(openPacket(s.id, []string{}, &srv.opts))
	first.frame = append([]byte(answer), first.frame...) // one write for both
	s.out.push(first)
	srv.begin(s, r)
	ws.start()
}

// begin makes a session known, and sends what its receiver had to say.
func (srv *Server) begin(s *Session, r *http.Request) {
	s.out.cork = 1
	if f := srv.trace.Opened; f != nil {
		f(s)
	}
	var receiver Receiver
	failed := srv.guard("accept", func() error { receiver = srv.accept(s, r); return nil })

	s.mu.Lock()
	s.receiver = receiver
	state, reason := s.lifecycle(), s.reason
	if state == stateOpen {
		srv.heart.add(s)
	}
	known := state != stateClosed && failed == nil && srv.remember(s)
	s.mu.Unlock()
	if state != stateOpen && receiver != nil { // accept has closed it
		s.tell(receiver, reason)
	}
	switch {
	case failed != nil:
		s.abort(ReasonForcedClose)
		return
	case !known:
		s.abort(ReasonServerShutdown)
		return
	}
	s.Uncork()
}

// remember makes a session known unless the server is closed.
func (srv *Server) remember(s *Session) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if !srv.closed {
		srv.sessions[s.id] = s
		if len(srv.sessions) == 1 {
			srv.crew.begin()
		}
	}
	return !srv.closed
}

// forget removes a session that is over.
func (srv *Server) forget(s *Session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if _, known := srv.sessions[s.id]; !known {
		return
	}
	delete(srv.sessions, s.id)
	srv.ended.add(s.id)
	if len(srv.sessions) == 0 {
		srv.crew.end()
	}
	srv.admissions.release(&s.admission)
	if srv.closed && len(srv.sessions) == 0 {
		close(srv.gone)
	}
}

func (srv *Server) closing() bool {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	return srv.closed
}

// refuseNew makes the server refuse new sessions and returns those it has.
func (srv *Server) refuseNew() []*Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if !srv.closed && len(srv.sessions) == 0 {
		close(srv.gone)
	}
	srv.closed = true
	sessions := make([]*Session, 0, len(srv.sessions))
	for _, s := range srv.sessions {
		sessions = append(sessions, s)
	}
	return sessions
}

// Close ends all sessions at once with ReasonServerShutdown and refuses new
// ones. Packets that are queued for clients are lost.
func (srv *Server) Close() {
	for _, s := range srv.refuseNew() {
		s.abort(ReasonServerShutdown)
	}
}
