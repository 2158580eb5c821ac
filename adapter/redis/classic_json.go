package redis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// rooms are names of rooms. JavaScript has numbers as rooms too; here they are
// their text.
type rooms []room

type room string

func (r rooms) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("[]"), nil
	}
	return appendJSON([]room(r))
}

func (r *room) UnmarshalJSON(text []byte) error {
	if text[0] == '-' || '0' <= text[0] && text[0] <= '9' {
		*r = room(text)
		return nil
	}
	return json.Unmarshal(text, (*string)(r))
}

func roomsOf(names []string) rooms {
	r := make(rooms, len(names))
	for i, name := range names {
		r[i] = room(name)
	}
	return r
}

func (r rooms) names() []string {
	names := make([]string, len(r))
	for i, room := range r {
		names[i] = string(room)
	}
	return names
}

// options are the sockets that a message is for, and how to send to them.
type options struct {
	Rooms  rooms  `json:"rooms"`
	Except rooms  `json:"except"`
	Flags  *flags `json:"flags,omitempty"`
}

// flags are absent from what is no broadcast.
type flags struct {
	Timeout  float64 `json:"timeout,omitempty"`
	Compress *bool   `json:"compress,omitempty"` // true if absent
	Volatile bool    `json:"volatile,omitempty"`
}

func optionsOf(s adapter.Selection) *options {
	return &options{Rooms: roomsOf(s.Rooms), Except: roomsOf(s.Except)}
}

func flagsOf(s adapter.Selection) *flags {
	f := &flags{Timeout: float64(s.Timeout), Volatile: s.Volatile}
	if s.Plain {
		f.Compress = new(bool)
	}
	return f
}

func (o *options) selection() adapter.Selection {
	s := adapter.Selection{Rooms: o.Rooms.names(), Except: o.Except.names()}
	if f := o.Flags; f != nil {
		s.Volatile, s.Plain = f.Volatile, f.Compress != nil && !*f.Compress
		s.Timeout = int(min(max(f.Timeout, 0), math.MaxInt32))
	}
	return s
}

// A packet is the packet of an event.
type packet struct {
	Type      parser.Type     `json:"type"`
	Data      json.RawMessage `json:"data"`
	Namespace string          `json:"nsp,omitempty"`
}

// Where messages are JSON, binary is what JSON.stringify makes of a Buffer. Such
// text cannot be within a string, where the quotes have a backslash.
var (
	placeholder = regexp.MustCompile(`\{"_placeholder":true,"num":(\d+)\}`)
	buffer      = regexp.MustCompile(`\{"type":"Buffer","data":\[([\d,]*)\]\}`)
)

// withBuffers returns a value as JSON with its binary in it.
func withBuffers(value parser.Encoded) json.RawMessage {
	if len(value.Attachments) == 0 {
		return value.Text
	}
	return placeholder.ReplaceAllFunc(value.Text, func(match []byte) []byte {
		n, err := strconv.Atoi(string(placeholder.FindSubmatch(match)[1]))
		if err != nil || n >= len(value.Attachments) {
			return match
		}
		text := []byte(`{"type":"Buffer","data":[`)
		for i, b := range value.Attachments[n] {
			if i > 0 {
				text = append(text, ',')
			}
			text = strconv.AppendUint(text, uint64(b), 10)
		}
		return append(text, "]}"...)
	})
}

// withoutBuffers is the inverse of withBuffers.
func withoutBuffers(text json.RawMessage) parser.Encoded {
	if !bytes.Contains(text, []byte(`{"type":"Buffer","data":[`)) {
		return parser.Encoded{Text: text}
	}
	var attachments [][]byte
	replaced := buffer.ReplaceAllFunc(text, func(match []byte) []byte {
		content, ok := bytesOf(buffer.FindSubmatch(match)[1])
		if !ok {
			return match
		}
		attachments = append(attachments, content)
		return fmt.Appendf(nil, `{"_placeholder":true,"num":%d}`, len(attachments)-1)
	})
	return parser.Encoded{Text: replaced, Attachments: attachments}
}

// bytesOf reads numbers with commas between them.
func bytesOf(list []byte) (content []byte, ok bool) {
	content = make([]byte, 0, len(list)/2)
	for len(list) > 0 {
		number, rest, _ := bytes.Cut(list, []byte(","))
		b, err := strconv.ParseUint(string(number), 10, 8)
		if err != nil {
			return nil, false
		}
		content = append(content, byte(b))
		list = rest
	}
	return content, true
}

// appendJSON is json.Marshal without its escaping of HTML.
func appendJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}
