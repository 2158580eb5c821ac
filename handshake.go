package socketio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// A Handshake contains the data of a client's CONNECT and of the first request
// of its connection. The program must not modify it.
type Handshake struct {
	Header      http.Header // of the connection's first request
	Host        string      // the Host header of that request: the host name that the client used
	URL         string      // path and query of that request
	Address     string      // host:port of the client, or of a proxy in front of the server
	Time        time.Time   // of the CONNECT
	Secure      bool        // the connection came over TLS
	CrossDomain bool        // that request has an Origin header, whichever origin it names

	auth  parser.Args
	guard guard
}

// Query returns the query of the connection's first request. It contains the
// query option of the client and the parameters of the protocol.
func (h *Handshake) Query() url.Values {
	_, query, _ := strings.Cut(h.URL, "?")
	values, _ := url.ParseQuery(query) // what can be read of it
	return values
}

// DecodeAuth decodes the client's auth option into the value pointed to. If the
// client has sent no auth, DecodeAuth returns nil and leaves the value as it
// is. The server drops the auth after the socket's OnDisconnect functions; from
// then on DecodeAuth returns [ErrDisconnected].
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

// What Socket.IO 2 clients, which speak Engine.IO 3, do differently: they are
// in the main namespace without asking, connect to others with a query in
// place of auth, and derive the ids of their sockets from the session's.

// splitQuery moves the query of a packet's namespace to its arguments.
func splitQuery(p *parser.Packet) {
	name, query, found := strings.Cut(p.Namespace, "?")
	p.Namespace = name
	if found && p.Type == parser.Connect {
		p.Args = queryAuth(query)
	}
}

// queryAuth is a query as an auth object whose values are strings. Of several
// with one name the last counts.
type queryAuth string

func (q queryAuth) Len() int { return 1 }

func (q queryAuth) Decode(into ...any) error {
	if len(into) > 1 {
		return parser.ErrTooFewArgs
	}
	values, _ := url.ParseQuery(string(q)) // what can be read of it
	object := make(map[string]string, len(values))
	for name, list := range values {
		object[name] = list[len(list)-1]
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	for _, v := range into {
		if err := json.Unmarshal(text, v); err != nil {
			return err
		}
	}
	return nil
}

// share returns the handshake as other servers get it.
func (h *Handshake) share() (parser.Encoded, error) {
	shared := adapter.Handshake{
		Header:      h.Header,
		Host:        h.Host,
		Time:        h.Time,
		Address:     h.Address,
		CrossDomain: h.CrossDomain,
		Secure:      h.Secure,
		URL:         h.URL,
		Query:       h.Query(),
	}
	var auth parser.Encoded
	if h.auth != nil {
		if encoded, err := values.EncodeValue(nil, h.guard.sentOn(h.auth)[0]); err == nil { // or the socket has left
			auth = ownAttachments(encoded)
			shared.Auth = auth.Text
		}
	}
	e, err := values.EncodeValue(nil, shared)
	e.Attachments = auth.Attachments
	return e, err
}

// handshakeOf returns the handshake of a socket of another server.
func handshakeOf(g guard, shared parser.Encoded) Handshake {
	var d adapter.Handshake
	_ = json.Unmarshal(shared.Text, &d) // what does not fit stays empty
	h := Handshake{
		Header:      d.Header,
		Host:        d.Host,
		URL:         d.URL,
		Address:     d.Address,
		Time:        d.Time,
		Secure:      d.Secure,
		CrossDomain: d.CrossDomain,
		guard:       g,
	}
	if d.Auth != nil {
		h.auth, _ = decodeReply(parser.Encoded{Text: d.Auth, Attachments: shared.Attachments}) // without auth if it is invalid
	}
	return h
}
