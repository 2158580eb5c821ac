package redis

import (
	"encoding/json"
	"errors"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// The types of requests and responses of npm's adapter. Close, NoAck and
// CancelCall, which npm's adapter ignores, have the numbers of package adapter.
const (
	sockets adapter.Type = iota
	allRooms
	remoteJoin
	remoteLeave
	remoteDisconnect
	remoteFetch
	serverSideEmit
	broadcast
	broadcastClientCount
	broadcastAck
)

// A request asks the other servers for something, or tells them what to do. The
// keys have the order of npm's adapter; those that a type does not have are
// absent.
type request struct {
	UID       string          `json:"uid,omitempty"`
	RequestID string          `json:"requestId,omitempty"`
	Type      adapter.Type    `json:"type"`
	Packet    *packet         `json:"packet,omitempty"`
	Options   *options        `json:"opts,omitempty"`
	Rooms     *rooms          `json:"rooms,omitempty"`
	Close     *bool           `json:"close,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`

	// Versions of npm's adapter before 6 name one socket and one room.
	SocketID string `json:"sid,omitempty"`
	Room     room   `json:"room,omitempty"`
}

// A response answers a request. The last two keys come from servers of this
// package only; others ignore them.
type response struct {
	Type      *adapter.Type   `json:"type,omitempty"`
	RequestID string          `json:"requestId"`
	Sockets   any             `json:"sockets,omitempty"` // []socket, or ids
	Rooms     *rooms          `json:"rooms,omitempty"`
	Count     *int            `json:"clientCount,omitempty"`
	Packet    json.RawMessage `json:"packet,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	SocketID  string          `json:"sid,omitempty"`
	UID       string          `json:"uid,omitempty"`
}

// A receivedResponse is a response to one of several requests.
type receivedResponse struct {
	Type      *adapter.Type   `json:"type"`
	RequestID string          `json:"requestId"`
	Sockets   json.RawMessage `json:"sockets"`
	Count     int             `json:"clientCount"`
	Packet    json.RawMessage `json:"packet"`
	Data      json.RawMessage `json:"data"`
	SocketID  string          `json:"sid"`
	UID       string          `json:"uid"`
}

type socket struct {
	ID        string          `json:"id"`
	Handshake json.RawMessage `json:"handshake"`
	Rooms     rooms           `json:"rooms"`
	Data      json.RawMessage `json:"data"`
}

func packetOf(m *adapter.Message) *packet {
	return &packet{parser.Event, m.Packet.Text, m.Namespace}
}

func encodeMsgpack(v any, attachments [][]byte) ([]byte, error) {
	text, err := appendJSON(v)
	if err != nil {
		return nil, err
	}
	return msgpack.FromJSON(nil, parser.Encoded{Text: text, Attachments: attachments})
}

// encodeRequest encodes a message for all servers that is not a plain event.
func encodeRequest(m *adapter.Message) ([]byte, error) {
	r := request{UID: m.UID, RequestID: m.RequestID, Options: optionsOf(m.Opts)}
	switch m.Type {
	case adapter.Broadcast:
		r.Type, r.Packet, r.Options.Flags = broadcast, packetOf(m), flagsOf(m.Opts)
		return encodeMsgpack(r, m.Packet.Attachments)
	case adapter.SocketsJoin:
		joined := roomsOf(m.Rooms)
		r.Type, r.Rooms = remoteJoin, &joined
	case adapter.SocketsLeave:
		left := roomsOf(m.Rooms)
		r.Type, r.Rooms = remoteLeave, &left
	case adapter.DisconnectSockets:
		r.Type, r.Close = remoteDisconnect, &m.Close
	case adapter.FetchSockets:
		r.Type = remoteFetch
	case adapter.ServerSideEmit:
		r.Type, r.Options, r.Data = serverSideEmit, nil, withBuffers(m.Packet)
	default:
		r.Type, r.Options = m.Type, nil
	}
	if m.UID == emitterUID && r.Options != nil {
		r.UID = "" // as npm's emitter
	}
	return appendJSON(r)
}

// encodeResponse encodes an answer to one server.
func encodeResponse(m *adapter.Message) ([]byte, error) {
	typ := m.Type
	r := response{Type: &typ, RequestID: m.RequestID, SocketID: m.SocketID, UID: m.UID}
	switch m.Type {
	case adapter.FetchSocketsResponse:
		described := make([]socket, len(m.Sockets))
		for i, s := range m.Sockets {
			described[i] = socket{s.ID, withBuffers(s.Handshake), roomsOf(s.Rooms), withBuffers(s.Data)}
		}
		r.Type, r.Sockets = nil, described
	case adapter.ServerSideEmitResponse:
		typ, r.Data = serverSideEmit, withBuffers(m.Packet)
	case adapter.ClientCount:
		typ, r.Count = broadcastClientCount, &m.Count
	case adapter.Ack:
		typ, r.Packet = broadcastAck, m.Packet.Text
		return encodeMsgpack(r, m.Packet.Attachments)
	case adapter.NoAck:
		r.Packet = m.Packet.Text
	}
	return appendJSON(r)
}

// decodeBroadcast is the inverse of encodeBroadcast.
func decodeBroadcast(encoded []byte) (*adapter.Message, error) {
	decoded, err := msgpack.ToJSON(encoded)
	if err != nil {
		return nil, err
	}
	m := &adapter.Message{Type: adapter.Broadcast}
	var p *packet
	var o *options
	if err := json.Unmarshal(decoded.Text, &[3]any{&m.UID, &p, &o}); err != nil {
		return nil, err
	}
	if p == nil || o == nil {
		return nil, errors.New("a part is missing")
	}
	m.Opts = o.selection()
	setPacket(m, p, decoded.Attachments)
	return m, nil
}

func setPacket(m *adapter.Message, p *packet, attachments [][]byte) {
	m.Packet = parser.Encoded{Text: p.Data, Attachments: attachments}
	if m.Namespace = p.Namespace; m.Namespace == "" {
		m.Namespace = "/"
	}
}

// decodeAny decodes JSON, or else MessagePack, and returns the attachments of
// the latter.
func decodeAny(encoded []byte, into any) (attachments [][]byte, err error) {
	text := encoded
	if len(encoded) == 0 || encoded[0] != '{' {
		decoded, err := msgpack.ToJSON(encoded)
		if err != nil {
			return nil, err
		}
		text, attachments = decoded.Text, decoded.Attachments
	}
	return attachments, json.Unmarshal(text, into)
}

// message returns a request as a message, or nil if its type is unknown.
func (r *request) message(attachments [][]byte) (*adapter.Message, error) {
	m := &adapter.Message{UID: r.UID, RequestID: r.RequestID}
	if r.Options != nil {
		m.Opts = r.Options.selection()
	}
	if r.Rooms != nil {
		m.Rooms = r.Rooms.names()
	}
	switch r.Type {
	case remoteJoin:
		m.Type = adapter.SocketsJoin
	case remoteLeave:
		m.Type = adapter.SocketsLeave
	case remoteDisconnect:
		m.Type, m.Close = adapter.DisconnectSockets, r.Close != nil && *r.Close
	case remoteFetch:
		m.Type = adapter.FetchSockets
	case serverSideEmit:
		m.Type, m.Packet = adapter.ServerSideEmit, withoutBuffers(r.Data)
	case broadcast:
		if r.Packet == nil {
			return nil, errors.New("no packet")
		}
		m.Type = adapter.Broadcast
		setPacket(m, r.Packet, attachments)
	case adapter.Close, adapter.CancelCall:
		m.Type = r.Type
	default:
		return nil, nil
	}
	return m, nil
}

// message returns a response as a message, or nil if it answers a request that
// servers of this package do not make.
func (r *receivedResponse) message(attachments [][]byte) *adapter.Message {
	m := &adapter.Message{UID: r.UID, RequestID: r.RequestID, SocketID: r.SocketID}
	if r.Type == nil {
		var described []socket
		if r.Sockets == nil || json.Unmarshal(r.Sockets, &described) != nil {
			return nil
		}
		m.Type = adapter.FetchSocketsResponse
		for _, s := range described {
			m.Sockets = append(m.Sockets, adapter.Socket{
				ID: s.ID, Handshake: withoutBuffers(s.Handshake), Rooms: s.Rooms.names(), Data: withoutBuffers(s.Data),
			})
		}
		return m
	}
	switch *r.Type {
	case serverSideEmit:
		m.Type, m.Packet = adapter.ServerSideEmitResponse, withoutBuffers(r.Data)
	case broadcastClientCount:
		m.Type, m.Count = adapter.ClientCount, r.Count
	case broadcastAck:
		m.Type, m.Packet = adapter.Ack, parser.Encoded{Text: r.Packet, Attachments: attachments}
	case adapter.NoAck:
		m.Type, m.Packet = adapter.NoAck, parser.Encoded{Text: r.Packet}
	default:
		return nil
	}
	return m
}
