package main

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/goroomcast/socketio/parser"
)

// CBOR is a parser whose packets are one binary message each, the CBOR (RFC 8949) of {type, nsp, id, data}; cbor.mjs is
// the same for clients. Struct tags of encoding/json hold, its marshalers do not.
//
// It is for one server: to share rooms by Options.Adapter, Args.Decode must give a json.RawMessage its JSON as well.
type CBOR struct{}

var _ parser.Parser = CBOR{}

type packet struct {
	Type parser.Type     `cbor:"type"`
	Nsp  string          `cbor:"nsp"`
	ID   *uint64         `cbor:"id,omitempty"`
	Data cbor.RawMessage `cbor:"data,omitempty"`
}

var (
	encoding = must(cbor.EncOptions{Time: cbor.TimeUnixDynamic, TimeTag: cbor.EncTagRequired}.EncMode())
	decoding = must(cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode())
)

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// Encode returns an attachment without a text.
func (CBOR) Encode(_ []byte, h *parser.Header, values ...any) (parser.Encoded, error) {
	p := packet{Type: h.Type, Nsp: h.Namespace}
	if p.Nsp == "" {
		p.Nsp = "/"
	}
	if h.HasID {
		p.ID = &h.ID
	}
	var err error
	switch h.Type {
	case parser.Event:
		p.Data, err = encoding.Marshal(append([]any{h.Event}, values...))
	case parser.Ack:
		p.Data, err = encoding.Marshal(append([]any{}, values...))
	default: // CONNECT and CONNECT_ERROR have one value, DISCONNECT none
		if len(values) > 0 {
			p.Data, err = encoding.Marshal(values[0])
		}
	}
	if err != nil {
		return parser.Encoded{}, fmt.Errorf("encode %v: %w", h.Type, err)
	}
	message, err := encoding.Marshal(p)
	return parser.Encoded{Attachments: [][]byte{message}}, err
}

// NewDecoder returns a decoder, which keeps nothing between packets.
func (CBOR) NewDecoder() parser.Decoder { return decoder{} }

type decoder struct{}

func (decoder) Text([]byte) (*parser.Packet, error) {
	return nil, fmt.Errorf("%w: text where CBOR is awaited", parser.ErrInvalidPacket)
}

func (decoder) Binary(data []byte) (*parser.Packet, error) {
	var p packet
	err := decoding.Unmarshal(data, &p) // which copies what it takes
	result := &parser.Packet{Header: parser.Header{Type: p.Type, Namespace: p.Nsp}}
	if err == nil {
		err = p.open(result)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", parser.ErrInvalidPacket, err)
	}
	return result, nil
}

// open fills in the rest of a packet. The server checks what the protocol does not allow in its header.
func (p *packet) open(result *parser.Packet) error {
	if p.ID != nil {
		result.ID, result.HasID = *p.ID, true
	}
	switch p.Type {
	case parser.Connect:
		return p.auth(result)
	case parser.Disconnect:
		return nil
	case parser.Event, parser.Ack:
		return p.values(result)
	}
	return fmt.Errorf("unexpected type %v", p.Type) // what only servers send, and JSON's types of binary
}

func (p *packet) auth(result *parser.Packet) error {
	if len(p.Data) == 0 {
		return nil
	}
	result.Args = args{p.Data}
	var object map[string]cbor.RawMessage
	return decoding.Unmarshal(p.Data, &object)
}

func (p *packet) values(result *parser.Packet) error {
	var values args
	if err := decoding.Unmarshal(p.Data, &values); err != nil {
		return err
	}
	if p.Type == parser.Event {
		if len(values) == 0 {
			return errors.New("event without a name")
		}
		if err := decoding.Unmarshal(values[0], &result.Event); err != nil {
			return err
		}
		values = values[1:]
	}
	if len(values) > 0 {
		result.Args = values
	}
	return nil
}

// args are decoded when a handler's type is known.
type args []cbor.RawMessage

func (a args) Len() int { return len(a) }

// Values is for socketio.Event.Args: the server sends the arguments on as they are.
func (a args) Values() ([]any, error) {
	values := make([]any, len(a))
	for i, arg := range a {
		values[i] = arg
	}
	return values, nil
}

func (a args) Decode(into ...any) error {
	if len(into) > len(a) {
		return fmt.Errorf("%w: %d instead of %d", parser.ErrTooFewArgs, len(a), len(into))
	}
	for i, target := range into {
		if err := decoding.Unmarshal(a[i], target); err != nil {
			return fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return nil
}
