package parser

import "unicode/utf8"

const (
	maxNamespaceLen = 512       // bytes, the query included
	maxEventLen     = 1024      // bytes
	maxID           = 1<<53 - 1 // the largest integer that JavaScript can count to without error
)

// Check returns an error wrapping [ErrInvalidPacket] if no client may send the packet: its type is none of [Header], its
// namespace has no slash at the beginning or more than 512 bytes, the name of an event is reserved or has more than 1,024
// bytes, one of both is not UTF-8, or the acknowledgement id is beyond 2^53-1. The server checks each packet that a [Decoder]
// returns, so that a parser need not.
func (p *Packet) Check() error {
	switch {
	case p.Type > ConnectError:
		return invalid("unknown type %v", p.Type)
	case p.Namespace == "" || p.Namespace[0] != '/':
		return invalid("namespace does not begin with a slash")
	case len(p.Namespace) > maxNamespaceLen:
		return invalid("namespace longer than %d bytes", maxNamespaceLen)
	case len(p.Event) > maxEventLen:
		return invalid("event name longer than %d bytes", maxEventLen)
	case !utf8.ValidString(p.Namespace) || !utf8.ValidString(p.Event):
		return invalid("name is not UTF-8")
	case p.Type == Event && isReserved(p.Event):
		return invalid("reserved event name %q", p.Event)
	case p.HasID && p.ID > maxID:
		return invalid("acknowledgement id beyond 2^53-1")
	case p.Args != nil && p.Args.Len() < 1:
		return invalid("arguments without any")
	}
	return nil
}

// isReserved reports whether clients and servers use an event name themselves, so that none may come over the wire.
func isReserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
