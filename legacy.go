package socketio

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// What Socket.IO 2 clients, which speak Engine.IO 3, do differently: they are
// in the main namespace without asking, connect to others with a query in
// place of auth, and derive the ids of their sockets from the session's.

// legacy reports whether a connection is one of Options.AllowEIO3.
func (c *conn) legacy() bool { return c.session.Protocol() == 3 }

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

// newID returns the id of a new socket.
func (c *conn) newID(n *Namespace) string {
	switch {
	case !c.legacy():
		return engine.NewID()
	case n.name == "/":
		return c.session.ID()
	}
	return n.name + "#" + c.session.ID()
}

// connectReply returns the payload of the answer to a CONNECT.
func (c *conn) connectReply(s *Socket) []any {
	if c.legacy() {
		return nil
	}
	reply := connectReply{SID: s.id}
	if s.seat != nil {
		reply.PID = s.seat.pid
	}
	return []any{reply}
}

// connectError returns the payload of the refusal of a CONNECT: for legacy
// clients the data, or else the message.
func (c *conn) connectError(message string, data any) any {
	switch {
	case !c.legacy():
		return connectError{message, data}
	case data != nil:
		return data
	}
	return message
}
