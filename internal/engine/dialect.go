package engine

import (
	"encoding/base64"
)

// A dialect is what differs between clients on the wire, a set of flags. A
// session has its own from the handshake, and a WebSocket one with the b64
// parameter of its own request. The zero value is Engine.IO 4.
type dialect uint8

const (
	revision3 dialect = 1 << iota // Engine.IO 3
	textOnly                      // binary messages in base64, whatever the transport

	dialects = 1 << iota // how many there are
)

func (d dialect) has(flag dialect) bool { return d&flag != 0 }

// dialectOf returns the dialect of a request in a session of a revision.
func dialectOf(query query, revision dialect) dialect {
	if query.Get("b64") != "" {
		return revision | textOnly
	}
	return revision
}

// decodeText decodes a packet's text, which is UTF-8, base64 in place; data
// stays in it.
func (d dialect) decodeText(text []byte) (packet, error) {
	if len(text) == 0 || text[0] != packetBinary {
		return decodePacket(text)
	}
	data := text[1:]
	if d.has(revision3) {
		if len(data) == 0 || data[0] != packetMessage {
			return packet{}, errPacket
		}
		data = data[1:]
	}
	n, err := base64.StdEncoding.Decode(data, data)
	if err != nil {
		return packet{}, errPacket
	}
	return packet{packetBinary, data[:n]}, nil
}

// decodeBinary decodes a binary message of a WebSocket or a binary payload. In
// revision 3 the packet's type stands before the data, as a number.
func (d dialect) decodeBinary(data []byte) (packet, error) {
	if !d.has(revision3) {
		return packet{packetBinary, data}, nil
	}
	if len(data) == 0 || data[0] != binaryMessage {
		return packet{}, errPacket
	}
	return packet{packetBinary, data[1:]}, nil
}

const binaryMessage = packetMessage - '0'

// base64Len is the length of what appendBase64 appends.
func (d dialect) base64Len(data []byte) int {
	n := 1 + base64.StdEncoding.EncodedLen(len(data))
	if d.has(revision3) {
		n++
	}
	return n
}

// appendBase64 appends a binary message as a packet of text.
func (d dialect) appendBase64(dst, data []byte) []byte {
	dst = append(dst, packetBinary)
	if d.has(revision3) {
		dst = append(dst, packetMessage)
	}
	return base64.StdEncoding.AppendEncode(dst, data)
}

// appendBinaryFrame appends the WebSocket frame of a binary message.
func (d dialect) appendBinaryFrame(dst, data []byte) []byte {
	switch {
	case d.has(textOnly):
		return d.appendBase64(appendFrameHeader(dst, opText, d.base64Len(data)), data)
	case d.has(revision3):
		dst = append(appendFrameHeader(dst, opBinary, len(data)+1), binaryMessage)
	default:
		dst = appendFrameHeader(dst, opBinary, len(data))
	}
	return append(dst, data...)
}
