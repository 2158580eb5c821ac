// Package parser turns Socket.IO packets into the text and binary messages of
// the wire and back: revision 5 of the protocol,
// https://socket.io/docs/v4/socket-io-protocol/.
//
// It knows nothing of connections. A [Parser] encodes packets and makes one
// [Decoder] for each connection; [JSON] is the parser every client speaks by
// default. Arguments are encoded once and decoded late: a received [Packet]
// keeps them as bytes until their Go type is known.
package parser

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalidPacket means that the received text or binary is not a packet
	// of the protocol.
	ErrInvalidPacket = errors.New("parser: invalid packet")

	// ErrTooManyAttachments means that a packet, sent or received, has more
	// attachments than the parser admits.
	ErrTooManyAttachments = errors.New("parser: too many attachments")

	// ErrTooFewArgs means that Decode wants more arguments than were received.
	ErrTooFewArgs = errors.New("parser: too few arguments")
)

// A Type is the type of a packet; its value is the digit on the wire.
type Type byte

// The packet types of the protocol.
const (
	Connect Type = iota
	Disconnect
	Event
	Ack
	ConnectError
	BinaryEvent
	BinaryAck
)

var typeNames = [...]string{"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"}

// String returns the protocol's name of the type.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", byte(t))
}

// A Header contains everything of a packet except its arguments.
type Header struct {
	// Type is Event or Ack also for a packet with attachments; only the wire
	// uses the binary types.
	Type Type

	// Namespace begins with a slash; "/" is the main namespace, and Encode
	// takes "" for it too. Clients of protocol revision 4 may add "?query" when
	// they connect: it is kept.
	Namespace string

	// ID is the acknowledgement id where HasID says that there is one, at most
	// 2^53-1.
	ID    uint64
	HasID bool

	// Event is the name of the event, for packets of that type.
	// A number received as a name, which the protocol admits, is its JSON text.
	Event string
}

// A Packet is a received packet.
type Packet struct {
	Header

	// Args contains the arguments. It is nil if the packet contains no
	// arguments.
	Args Args
}

// Args are the arguments of a received packet, still encoded: those after the
// name for an Event, all for an Ack, the one payload for Connect and
// ConnectError. They are safe for concurrent use.
type Args interface {
	// Len returns the number of arguments, at least 1.
	Len() int

	// Decode decodes the leading arguments into the values pointed to, by the
	// rules of [encoding/json.Unmarshal], and ignores further arguments. With
	// fewer arguments than pointers it decodes nothing and returns an error
	// wrapping [ErrTooFewArgs]. Decode can be called again. The decoded values
	// belong to the caller.
	Decode(into ...any) error
}

// An Encoded is a packet ready to be sent: a text message, then each attachment
// as a binary message.
type Encoded struct {
	Text        []byte
	Attachments [][]byte
}

// A Parser encodes packets and makes decoders. It is safe for concurrent use.
type Parser interface {
	// Encode appends the text of a packet, which must be UTF-8, to dst.
	// Attachments are not copied: they are the caller's own bytes, not to be
	// modified until they are sent. The header and args are valid only during the
	// call.
	Encode(dst []byte, h *Header, args ...any) (Encoded, error)

	// NewDecoder returns a decoder for one connection.
	NewDecoder() Decoder
}

// A Decoder decodes the messages of one connection, in order. It is not safe
// for concurrent use.
//
// Text and Binary return a nil packet and no error while the packet still lacks
// attachments. They do not keep a reference to data. They need not check the
// packet's header, because the server does that by [Packet.Check]. An error
// wraps ErrInvalidPacket or ErrTooManyAttachments. After an error the decoder
// has dropped the unfinished packet, and the connection should be closed.
type Decoder interface {
	Text(data []byte) (*Packet, error)
	Binary(data []byte) (*Packet, error)
}

// invalid returns an error wrapping [ErrInvalidPacket] that says what is wrong.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalidPacket, fmt.Errorf(format, args...))
}
