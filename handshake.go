package socketio

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// A Handshake contains the data of a client's CONNECT and of its connection's
// first request. It must not be modified.
type Handshake struct {
	Header      http.Header // of the connection's first request
	Host        string      // likewise, the Host header: the name by which the client found the server
	URL         string      // likewise, path and query
	Address     string      // of the client or the proxy in front, host:port
	Time        time.Time
	Secure      bool // the connection came over TLS
	CrossDomain bool // the request has an Origin header

	auth  parser.Args
	guard guard
}

// Query returns the query of the connection's first request: the query option
// of the client, and parameters of the protocol.
func (h *Handshake) Query() url.Values {
	_, query, _ := strings.Cut(h.URL, "?")
	values, _ := url.ParseQuery(query) // what can be read of it
	return values
}

// DecodeAuth decodes the auth option of the client, by default an empty
// object, into the value pointed to. It returns [ErrDisconnected] after the
// socket's OnDisconnect functions: the auth is kept no longer.
func (h *Handshake) DecodeAuth(into any) error {
	if h.auth == nil {
		return nil
	}
	return h.guard.decode(h.auth, []any{into})
}

// A keptAuth is the auth of a CONNECT, which stays until its socket has left.
type keptAuth struct {
	size int

	mu   sync.Mutex
	args parser.Args // nil once the socket has left
}

// keepAuth returns the auth payload to keep, which may be nil. It returns an
// error if the payloads in all namespaces of the client together are too large.
// A single payload may have any size.
func (c *conn) keepAuth(args parser.Args, size int) (auth parser.Args, why error) {
	if args == nil {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auth > 0 && c.auth+size > c.budget.forAuth() {
		return nil, errAuth
	}
	c.auth += size
	return &keptAuth{size: size, args: args}, nil
}

// dropAuth forgets the auth of a socket that has left.
func (c *conn) dropAuth(auth parser.Args) {
	kept, is := auth.(*keptAuth)
	if !is {
		return
	}
	kept.mu.Lock()
	kept.args = nil
	kept.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.auth -= kept.size
}

// Len implements parser.Args.
func (a *keptAuth) Len() int { return 1 }

// Decode implements parser.Args.
func (a *keptAuth) Decode(into ...any) error {
	a.mu.Lock()
	args := a.args
	a.mu.Unlock()
	if args == nil {
		return ErrDisconnected
	}
	return args.Decode(into...)
}
