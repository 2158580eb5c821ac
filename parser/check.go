package parser

import "unicode/utf8"

// The limits of what names a packet may have, and the largest acknowledgement
// id.
const (
	MaxNamespace = 512       // bytes of a namespace's name and query
	MaxEventName = 1024      // bytes
	MaxID        = 1<<53 - 1 // the largest integer that JavaScript can count to without error
)

// Check returns an error wrapping ErrInvalidPacket if clients may not send such
// a packet. This is the case if the type is not one of Header, if the namespace
// does not begin with a slash or is longer than 512 bytes, if the event's name
// is reserved or longer than 1,024 bytes, if the namespace or the name is not
// UTF-8, or if the acknowledgement id exceeds 2^53-1. The server checks each
// packet that a Decoder returns, so a parser need not check it.
func (p *Packet) Check() error {
	switch {
	case p.Type > ConnectError:
		return invalid("unknown type %v", p.Type)
	case p.Namespace == "" || p.Namespace[0] != '/':
		return invalid("namespace does not begin with a slash")
	case len(p.Namespace) > MaxNamespace:
		return invalid("namespace longer than %d bytes", MaxNamespace)
	case len(p.Event) > MaxEventName:
		return invalid("event name longer than %d bytes", MaxEventName)
	case !utf8.ValidString(p.Namespace) || !utf8.ValidString(p.Event):
		return invalid("name is not UTF-8")
	case p.Type == Event && ReservedEvent(p.Event):
		return invalid("reserved event name %q", p.Event)
	case p.HasID && p.ID > MaxID:
		return invalid("acknowledgement id beyond 2^53-1")
	case p.Args != nil && p.Args.Len() < 1:
		return invalid("arguments without any")
	}
	return nil
}

// ReservedEvent reports whether clients and servers use an event name for
// themselves. No event may be sent under such a name.
func ReservedEvent(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
