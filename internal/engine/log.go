package engine

import (
	"net/http"
	"strings"
)

// logRefusal writes the line of a refused request. A mistake in the program, or in
// a proxy in front of it, is a warning that says what to do. So is a refusal by a
// limit or by the program itself. A mistake that only a client makes is logged at
// level Debug.
func (srv *Server) logRefusal(r *http.Request, e Refusal) {
	log, o := srv.log, &srv.opts
	if e.Context == errPanic.Error() {
		return // the panic has its line
	}
	switch e.Cause {
	case CauseTransport:
		if e.Context == Polling || e.Context == WebSocket {
			log.About(e.Context).Warn("transport refused: it is not in Options.Transports",
				"transport", e.Context, "Options.Transports", o.Transports, "address", r.RemoteAddr)
			return
		}
		log.Debug("request refused: unknown transport", "transport", e.Context, "url", r.URL.Path, "address", r.RemoteAddr)
	case CauseSession:
		if srv.hasEnded(e.Context) {
			log.Debug("request refused: its session has ended", "transport", r.URL.Query().Get("transport"), "address", r.RemoteAddr)
			return
		}
		log.Warn("unknown session id: has the server been restarted, or are there several without sticky sessions?",
			"transport", r.URL.Query().Get("transport"), "address", r.RemoteAddr)
	case CauseMethod:
		log.Debug("request refused: bad method", "method", e.Context, "address", r.RemoteAddr)
	case CauseOrigin:
		srv.logOrigin(r, e)
	case CauseVersion:
		if e.Code == codeBadRequest {
			log.Debug("request refused: the session has another revision", "EIO", e.Context, "address", r.RemoteAddr)
			return
		}
		srv.logVersion(e.Context, r.RemoteAddr)
	case CauseAllowRequest:
		log.About(e.Context).Warn("client refused by Options.AllowRequest", "err", e.Context, "address", r.RemoteAddr)
	case CauseID:
		log.About(e.Context).Warn("client refused: Options.GenerateID does not return a new id", "err", e.Context, "address", r.RemoteAddr)
	case CauseMismatch:
		log.Debug("request refused: the session has another transport", "transport", e.Context, "address", r.RemoteAddr)
	case CauseConcurrent:
		log.Debug("closing a session: two requests at the same time", "method", e.Context, "address", r.RemoteAddr)
	case CausePayload:
		log.Debug("closing a session: bad payload", "err", e.Context, "address", r.RemoteAddr)
	case CauseTooLarge:
		srv.logTooLarge(srv.publicID(r), Polling)
	case CauseHandshake:
		srv.logHandshake(r, e)
	case CauseTimeout:
		log.Warn("slow POST refused: its body took longer than Options.PingTimeout",
			"conn", srv.publicID(r), "limit", o.PingTimeout)
	case CauseConnections:
		if e.Context == "" {
			log.Warn("connection over Options.Limits.Connections refused", "limit", o.MaxConnections)
			return
		}
		log.Warn("connection over Options.Limits.ConnectionsPerAddress refused", "address", e.Context, "limit", o.MaxConnectionsPerAddress)
	case CauseShutdown:
		log.Debug("client refused: the server is shutting down", "address", r.RemoteAddr)
	}
}

// logOrigin leaves it to a CheckOrigin of the program's own to say what it
// refuses.
func (srv *Server) logOrigin(r *http.Request, e Refusal) {
	switch {
	case !validOrigin(e.Context):
		srv.log.Debug("request refused: malformed Origin header", "origin", e.Context, "address", r.RemoteAddr)
	case srv.own:
		srv.log.About(e.Context).Warn("origin refused: it is not the server's own; to allow others, set Options.CheckOrigin",
			"origin", e.Context, "host", r.Host)
	}
}

func (srv *Server) logVersion(revision, address string) {
	if revision == "3" && !srv.opts.AllowEIO3 {
		srv.log.Warn("client refused: it speaks Engine.IO 3, as socket.io-client 2 does; to allow it, set Options.AllowEIO3",
			"EIO", revision, "address", address)
		return
	}
	srv.log.Warn("client refused: it does not speak Engine.IO 4; socket.io-client 3 or later does", "EIO", revision, "address", address)
}

func (srv *Server) logHandshake(r *http.Request, e Refusal) {
	switch {
	case e.Status == http.StatusNotImplemented:
		srv.log.Warn("WebSocket is not possible: the http.ResponseWriter has no Hijack; "+
			"a middleware that wraps it needs an Unwrap method", "err", e.Context)
	case e.Context == noUpgrade:
		srv.log.Warn("WebSocket refused: the request does not ask for it; a proxy in front must pass the headers Upgrade and Connection on",
			"method", r.Method, "proto", r.Proto, "address", r.RemoteAddr)
	default:
		srv.log.Debug("WebSocket refused: bad header", "header", e.Context, "address", r.RemoteAddr)
	}
}

func (srv *Server) logTooLarge(conn, transport string) {
	srv.log.Warn("payload over Options.Limits.Payload refused", "conn", conn, "transport", transport, "limit", srv.opts.MaxPayload)
}

// publicID names the session of a request in log lines.
func (srv *Server) publicID(r *http.Request) string {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	if s := srv.sessions[r.URL.Query().Get("sid")]; s != nil {
		return s.publicID
	}
	return ""
}

// refusePath answers a request for a path that is not the server's. Such a request
// of a Socket.IO client shows a mistake in the program, and is logged.
func (srv *Server) refusePath(w http.ResponseWriter, r *http.Request) {
	const text = "request for another path than Options.Path refused; mount the server at Options.Path without http.StripPrefix, " +
		"or set Options.Path to the path that arrives"
	args := []any{"path", r.URL.Path, "Options.Path", srv.opts.Path + "/", "address", r.RemoteAddr}
	if r.URL.Query().Has("EIO") || strings.HasSuffix(r.URL.Path, ".js") { // a client, or its script
		srv.log.About(r.URL.Path).Warn(text, args...)
	} else {
		srv.log.Debug(text, args...)
	}
	http.Error(w, "404: Engine.IO is served at "+srv.opts.Path+"/ (see Options.Path)", http.StatusNotFound)
}
