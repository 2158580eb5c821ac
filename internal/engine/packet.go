package engine

import (
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
	packetBinary  = 'b' // a binary message in base64
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
