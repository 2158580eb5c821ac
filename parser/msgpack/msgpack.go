// Package msgpack is the parser of clients that use the npm package
// socket.io-msgpack-parser: each packet is one binary message, the MessagePack
// (https://github.com/msgpack/msgpack/blob/master/spec.md) of {type, data, nsp,
// id}.
//
// Values keep the rules of [parser.JSON], struct tags and marshalers included,
// because that parser does the work: sent values come from its JSON, and
// received values become JSON when their Go type is known. So the same handlers
// serve clients of both parsers.
package msgpack

import (
	"fmt"

	"github.com/goroomcast/socketio/parser"
)

const (
	// maxDepth is how deep arrays and maps may be nested, the array of the
	// arguments included, as in JSON.
	maxDepth = 512

	// maxBinaries is how many binary values a packet may have. Each takes two
	// bytes at least, and some 150 while its argument is decoded.
	maxBinaries = 1 << 16
)

// A Parser encodes and decodes packets as version 3 of socket.io-msgpack-parser
// does. The zero value is ready to use.
//
// A []byte anywhere in the arguments of an Event or Ack is sent as
// MessagePack's binary type, inside the one message. Received integers of 64
// bits keep their value in Go integers, and so do floats with an integral
// value. In an empty interface every number is a float64, as with parser.JSON.
//
// A JavaScript value that JSON does not know arrives as JSON.stringify would
// write it. A Date becomes its ISO 8601 text. NaN, the infinities and undefined
// become null, but an undefined member of an object is left out. An ArrayBuffer
// is binary. MessagePack's timestamp is a Date. Other extensions are refused.
//
// A received packet may contain up to 65,536 binary values, and its arguments
// may be nested 511 deep.
type Parser struct{}

var _ parser.ValueParser = Parser{}

// values is the parser that does the work on Go values.
var values = parser.JSON{MaxAttachments: maxBinaries}

// NewDecoder returns a decoder for one connection.
func (Parser) NewDecoder() parser.Decoder { return new(decoder) }

// EncodesValues implements [parser.ValueParser].
func (Parser) EncodesValues() {}

// invalid returns an error wrapping [parser.ErrInvalidPacket] that says what is
// wrong.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", parser.ErrInvalidPacket, fmt.Errorf(format, args...))
}
