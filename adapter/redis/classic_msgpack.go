package redis

import (
	"encoding/binary"
	"strconv"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// Nearly all messages are broadcasts, so what is around the event is written as
// MessagePack at once, and only the event is converted from JSON.

// encodeBroadcast encodes an event that wants no acknowledgements: an array of
// the sender, the packet and the options.
func encodeBroadcast(m *adapter.Message) ([]byte, error) {
	size := 128 + len(m.Packet.Text)
	for _, a := range m.Packet.Attachments {
		size += len(a)
	}
	out := append(make([]byte, 0, size), 0x93) // an array of three
	out = appendString(out, m.UID)
	out = append(out, "\x83\xa4type\x02\xa4data"...) // a map of three
	out, err := msgpack.FromJSON(out, m.Packet)
	if err != nil {
		return nil, err
	}
	out = appendString(append(out, "\xa3nsp"...), m.Namespace)
	out = appendStrings(append(out, "\x83\xa5rooms"...), m.Opts.Rooms) // a map of three
	if m.UID == emitterUID {                                           // npm's emitter has another order
		out = appendFlags(append(out, "\xa5flags"...), m.Opts)
		return appendStrings(append(out, "\xa6except"...), m.Opts.Except), nil
	}
	out = appendStrings(append(out, "\xa6except"...), m.Opts.Except)
	return appendFlags(append(out, "\xa5flags"...), m.Opts), nil
}

func appendFlags(out []byte, s adapter.Selection) []byte {
	const emptyMap = 0x80
	start := len(out)
	out = append(out, emptyMap)
	if s.Timeout > 0 {
		out[start]++
		out = append(out, "\xa7timeout"...)
		out, _ = msgpack.FromJSON(out, parser.Encoded{Text: strconv.AppendInt(nil, int64(s.Timeout), 10)})
	}
	if s.Plain {
		out[start]++
		out = append(out, "\xa8compress\xc2"...)
	}
	if s.Volatile {
		out[start]++
		out = append(out, "\xa8volatile\xc3"...)
	}
	return out
}

func appendStrings(out []byte, list []string) []byte {
	switch n := len(list); {
	case n < 16:
		out = append(out, 0x90|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0xdc), uint16(n))
	default:
		out = binary.BigEndian.AppendUint32(append(out, 0xdd), uint32(n))
	}
	for _, s := range list {
		out = appendString(out, s)
	}
	return out
}

func appendString(out []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		out = append(out, 0xa0|byte(n))
	case n < 1<<8:
		out = append(out, 0xd9, byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0xda), uint16(n))
	default:
		out = binary.BigEndian.AppendUint32(append(out, 0xdb), uint32(n))
	}
	return append(out, s...)
}
