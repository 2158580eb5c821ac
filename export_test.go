package socketio

import (
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// PendingAcks returns how many replies the socket's client still owes.
func (s *Socket) PendingAcks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks)
}

// Takes returns the error for a packet that has been routed to the socket.
func (s *Socket) Takes(t parser.Type) error {
	_, err := s.takes(t)
	return err
}

// Children returns how many namespaces a parent has.
func (s *Server) Children(parent *Namespace) int { return len(parent.audience()) }

// HandleEvent returns a function that has an event without arguments handled,
// as the mailbox does.
func (s *Socket) HandleEvent(name string) func() {
	e := &Event{socket: s, packet: &parser.Packet{Header: parser.Header{Event: name}}}
	return func() { s.handle(e) }
}

// DecodeQueryAuth decodes the query of a legacy client's namespace.
func DecodeQueryAuth(query string, into any) error { return queryAuth(query).Decode(into) }

// RelayValues is what becomes of an array that another server has sent before
// it is sent on.
func RelayValues(array parser.Encoded) (parser.Encoded, error) {
	p, err := values.DecodePayload(parser.Ack, array)
	if err != nil {
		return parser.Encoded{}, err
	}
	return values.EncodePayload(nil, &parser.Header{Type: parser.Ack}, parser.ValuesOf(p.Args)...)
}

// Kept returns how many sessions and events the main namespace keeps, and
// whether a timer is set that will forget them.
func (s *Server) Kept() (sessions, events int, timer bool) {
	r := s.recovery
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions.Len(), r.log.Len(), r.timer != nil
}

// EngineOptions returns what the engine is configured with.
func (o *Options) EngineOptions() *engine.Options { return o.engine(new(origins)) }

// WritesLater reports whether a fan-out to so many sockets is now left to the
// flushers.
func (s *Server) WritesLater(targets int) bool {
	return new(outgoing).delivery(targets, s.batches.Load() > 0) == sendLater
}
