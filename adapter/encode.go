package adapter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/goroomcast/socketio/parser"
)

// An envelope is a message's JSON. All keys, nested ones too, have the JavaScript
// server's order. Keys that a type does not have are absent; those that it has
// are present also when they are empty or zero.
type envelope struct {
	Type      Type   `json:"type"`
	Data      any    `json:"data,omitempty"`
	UID       string `json:"uid"`
	Namespace string `json:"nsp"`
}

// broadcastData is the data of a Broadcast.
type broadcastData struct {
	Packet    event  `json:"packet"`
	RequestID string `json:"requestId,omitempty"`
	Opts      *opts  `json:"opts"`
}

// data is the data of the other types. The data of every type is decoded to it.
type data struct {
	Opts      *opts           `json:"opts,omitempty"`
	RequestID string          `json:"requestId,omitempty"`
	Rooms     *names          `json:"rooms,omitempty"`
	Close     *bool           `json:"close,omitempty"`
	Packet    json.RawMessage `json:"packet,omitempty"`
	Sockets   *[]socket       `json:"sockets,omitempty"`
	Count     *int            `json:"clientCount,omitempty"`
	SocketID  string          `json:"sid,omitempty"`
}

type opts struct {
	Rooms  names `json:"rooms"`
	Except names `json:"except"`
	Flags  flags `json:"flags"`
}

type flags struct {
	Timeout  timeout `json:"timeout,omitempty"`
	Compress *bool   `json:"compress,omitempty"` // true if absent
	Volatile bool    `json:"volatile,omitempty"`
}

// An event is the packet of a broadcast. The type is that of an EVENT.
type event struct {
	Type      parser.Type     `json:"type"`
	Data      json.RawMessage `json:"data"`
	Namespace string          `json:"nsp,omitempty"`
}

type socket struct {
	ID        string          `json:"id"`
	Handshake json.RawMessage `json:"handshake"`
	Rooms     names           `json:"rooms"`
	Data      json.RawMessage `json:"data"`
}

// names are rooms. JavaScript has numbers as rooms too; here they are their
// text.
type names []string

func (n names) MarshalJSON() ([]byte, error) {
	if n == nil {
		return []byte("[]"), nil
	}
	return appendJSON([]string(n))
}

func (n *names) UnmarshalJSON(text []byte) error {
	if string(text) == "[]" {
		*n = names{}
		return nil
	}
	if !bytes.Contains(text, []byte("null")) && json.Unmarshal(text, (*[]string)(n)) == nil {
		return nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*n = make(names, len(raw))
	for i, text := range raw {
		switch text[0] {
		case '"':
			if err := json.Unmarshal(text, &(*n)[i]); err != nil {
				return err
			}
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			(*n)[i] = string(text)
		default:
			return fmt.Errorf("room is neither a string nor a number")
		}
	}
	return nil
}

// A timeout is a number of milliseconds. JavaScript does not ask for a whole
// number, nor for one that is not negative.
type timeout int

func (t *timeout) UnmarshalJSON(text []byte) error {
	var ms float64
	if err := json.Unmarshal(text, &ms); err != nil {
		return err
	}
	*t = timeout(min(max(ms, 0), math.MaxInt32))
	return nil
}

// Encode returns the message as JSON with placeholders for binary, and that
// binary. Without binary the text equals that of the JavaScript server's
// adapters.
func (m *Message) Encode() (parser.Encoded, error) {
	if text := m.plain(true); text != nil {
		return parser.Encoded{Text: text, Attachments: m.Packet.Attachments}, nil
	}
	data, attachments := m.data()
	return m.encoded(envelope{m.Type, data, m.UID, m.Namespace}, attachments)
}

// EncodeData is Encode without the envelope of the type, the sender and the
// namespace. The text is empty if messages of this type consist of the envelope
// alone.
func (m *Message) EncodeData() (parser.Encoded, error) {
	if text := m.plain(false); text != nil {
		return parser.Encoded{Text: text, Attachments: m.Packet.Attachments}, nil
	}
	data, attachments := m.data()
	if data == nil {
		return parser.Encoded{}, nil
	}
	return m.encoded(data, attachments)
}

// data returns what is in the envelope, or nil, and the binary.
func (m *Message) data() (in any, attachments [][]byte) {
	d := data{RequestID: m.RequestID}
	switch m.Type {
	case InitialHeartbeat, Heartbeat, Close:
		return nil, nil
	case Broadcast:
		return &broadcastData{event{Type: parser.Event, Data: m.Packet.Text}, m.RequestID, m.opts()}, m.Packet.Attachments
	case SocketsJoin, SocketsLeave:
		d.Opts, d.Rooms = m.opts(), (*names)(&m.Rooms)
	case DisconnectSockets:
		d.Opts, d.Close = m.opts(), &m.Close
	case FetchSockets:
		d.Opts = m.opts()
	case FetchSocketsResponse:
		sockets, attachments := joinSockets(m.Sockets)
		d.Sockets = &sockets
		return &d, attachments
	case ServerSideEmit, ServerSideEmitResponse:
		d.Packet = m.Packet.Text
	case ClientCount:
		d.Count = &m.Count
	case Ack, NoAck:
		d.Packet, d.SocketID = m.Packet.Text, m.SocketID
	}
	return &d, m.Packet.Attachments
}

func (m *Message) encoded(v any, attachments [][]byte) (parser.Encoded, error) {
	text, err := appendJSON(v)
	if err != nil {
		return parser.Encoded{}, m.failed(err)
	}
	return parser.Encoded{Text: text, Attachments: attachments}, nil
}

func (m *Message) failed(err error) error {
	return fmt.Errorf("adapter: message of type %d: %w", m.Type, err)
}

func (m *Message) opts() *opts {
	f := flags{Volatile: m.Opts.Volatile, Timeout: timeout(m.Opts.Timeout)}
	if m.Opts.Plain {
		f.Compress = new(bool)
	}
	return &opts{m.Opts.Rooms, m.Opts.Except, f}
}

func (o *opts) selection() Selection {
	f := o.Flags
	plain := f.Compress != nil && !*f.Compress
	return Selection{Rooms: o.Rooms, Except: o.Except, Volatile: f.Volatile, Plain: plain, Timeout: int(f.Timeout)}
}

var errNoPacket = errors.New("no packet")

// Decode is the inverse of Encode. Of an unknown type only that and the sender
// are decoded.
func Decode(encoded parser.Encoded) (*Message, error) {
	if m := new(Message); m.setPlain(encoded, true) {
		return m, nil
	}
	var e struct {
		envelope
		Data *data `json:"data"`
	}
	if err := json.Unmarshal(encoded.Text, &e); err != nil {
		return nil, fmt.Errorf("adapter: invalid message: %w", err)
	}
	m := &Message{Type: e.Type, UID: e.UID, Namespace: e.Namespace}
	if e.Data == nil {
		return m, nil
	}
	if err := m.setData(e.Data, encoded.Attachments); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeData is the inverse of EncodeData. The message's Type must be set. After
// an error the message must not be used.
func (m *Message) DecodeData(encoded parser.Encoded) error {
	if m.Type == Broadcast { // in one pass
		if m.setPlain(encoded, false) {
			return nil
		}
		var d struct {
			Packet    *event `json:"packet"`
			RequestID string `json:"requestId"`
			Opts      opts   `json:"opts"`
		}
		if err := json.Unmarshal(encoded.Text, &d); err != nil || d.Packet == nil {
			return fmt.Errorf("adapter: invalid data of an event: %w", cmp.Or(err, errNoPacket))
		}
		m.RequestID, m.Opts = d.RequestID, d.Opts.selection()
		m.Packet = parser.Encoded{Text: d.Packet.Data, Attachments: encoded.Attachments}
		return nil
	}
	var d data
	if err := json.Unmarshal(encoded.Text, &d); err != nil {
		return fmt.Errorf("adapter: invalid data of a message: %w", err)
	}
	return m.setData(&d, encoded.Attachments)
}

func (m *Message) setData(d *data, attachments [][]byte) error {
	m.RequestID, m.SocketID = d.RequestID, d.SocketID
	if d.Opts != nil {
		m.Opts = d.Opts.selection()
	}
	if d.Rooms != nil {
		m.Rooms = *d.Rooms
	}
	if d.Count != nil {
		m.Count = *d.Count
	}
	m.Close = d.Close != nil && *d.Close
	if d.Sockets != nil {
		var err error
		if m.Sockets, err = splitSockets(*d.Sockets, attachments); err != nil {
			return fmt.Errorf("adapter: invalid message: %w", err)
		}
		attachments = nil
	}
	m.Packet = parser.Encoded{Text: d.Packet, Attachments: attachments}
	if m.Type == Broadcast {
		var p event
		if err := json.Unmarshal(d.Packet, &p); err != nil {
			return fmt.Errorf("adapter: invalid packet: %w", err)
		}
		m.Packet.Text = p.Data
	}
	return nil
}

// appendJSON is json.Marshal without its escaping of HTML, and with U+FFFD for
// bytes of a RawMessage that are not UTF-8.
func appendJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return text, err
}
