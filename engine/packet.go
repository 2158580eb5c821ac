package engine

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

// Packet types, the first character of a packet's text.
const (
	packetOpen    = '0'
	packetClose   = '1'
	packetPing    = '2'
	packetPong    = '3'
	packetMessage = '4'
	packetUpgrade = '5'
	packetNoop    = '6'
	packetBinary  = 'b' // long-polling only: a binary message in base64
)

var errPacket = errors.New("engine: not an Engine.IO packet")

// A packet is one decoded packet. Binary messages have kind packetBinary.
type packet struct {
	kind byte
	data []byte
}

// decodePacket splits a packet's text; data stays in it.
func decodePacket(text []byte) (packet, error) {
	if len(text) == 0 || text[0] < packetOpen || text[0] > packetNoop {
		return packet{}, errPacket
	}
	return packet{text[0], text[1:]}, nil
}

func openPacket(sid string, upgrades []string, o *Options) []byte {
	data, err := json.Marshal(struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int      `json:"maxPayload"`
	}{sid, upgrades, milliseconds(o.PingInterval), milliseconds(o.PingTimeout), o.MaxPayload})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return append([]byte{packetOpen}, data...)
}

func milliseconds(d time.Duration) int64 { return d.Milliseconds() }

// payloadSeparator stands between the packets of a long-polling body.
const payloadSeparator = '\x1e'

// nextPacket cuts the first packet off a long-polling body, decoding base64
// in place, and returns what follows it.
func nextPacket(payload []byte) (p packet, rest []byte, err error) {
	end := len(payload)
	for i, c := range payload {
		if c == payloadSeparator {
			end = i
			rest = payload[i+1:]
			if len(rest) == 0 {
				return p, nil, errPacket // a separator separates two packets
			}
			break
		}
	}
	text := payload[:end]
	if len(text) > 0 && text[0] == packetBinary {
		data := text[1:]
		n, err := base64.StdEncoding.Decode(data, data)
		if err != nil {
			return p, nil, errPacket
		}
		return packet{packetBinary, data[:n]}, rest, nil
	}
	p, err = decodePacket(text)
	return p, rest, err
}

// appendPayload appends a message's packets to a long-polling body.
func appendPayload(dst []byte, m *Message) []byte {
	if text := m.text(); text != nil {
		dst = appendSeparator(dst)
		dst = append(dst, text...)
	}
	for i := range m.binaries {
		dst = appendSeparator(dst)
		dst = append(dst, packetBinary)
		dst = base64.StdEncoding.AppendEncode(dst, m.binary(i))
	}
	return dst
}

func appendSeparator(dst []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, payloadSeparator)
	}
	return dst
}
