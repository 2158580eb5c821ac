package adapter

import (
	"reflect"
	"testing"
)

// Each socket's data and handshake have attachments of their own.
func TestSocketsWithBinary(t *testing.T) {
	const lookalike = `{"a":{"_placeholder":true,"num":0}}`
	sockets := []Socket{
		{"one", packet(`{}`), []string{"one"}, packet(`{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1}}`, []byte("1a"), []byte("1b"))},
		{"two", packet(`{"auth":{"_placeholder":true,"num":0}}`, []byte("2h")), []string{"two"}, packet(`{}`)},
		{"three", packet(`{}`), []string{}, packet(lookalike)},
		{"four", packet(`{}`), []string{}, packet(`[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, []byte("4a"), []byte("4b"))},
	}
	m := Message{Type: FetchSocketsResponse, UID: "u", Namespace: "/", RequestID: "r", Sockets: sockets}
	encoded, err := m.Encode()
	if err != nil || len(encoded.Attachments) != 5 {
		t.Fatalf("%d attachments, %v", len(encoded.Attachments), err)
	}
	for name, decode := range map[string]func() (*Message, error){
		"JSON": func() (*Message, error) { return Decode(encoded) },
		"MessagePack": func() (*Message, error) {
			text, err := m.EncodeMsgpack()
			if err != nil {
				return nil, err
			}
			return DecodeMsgpack(text)
		},
	} {
		got, err := decode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// What looks like a placeholder is written in another way, and means the same.
		if text := string(got.Sockets[2].Data.Text); text != `{"a":{"\u005fplaceholder":true,"num":0}}` && text != lookalike || got.Sockets[2].Data.Attachments != nil {
			t.Errorf("%s: the lookalike is %s, %q", name, text, got.Sockets[2].Data.Attachments)
		}
		got.Sockets[2].Data = sockets[2].Data
		got.Sockets[3].Data.Text = nil // its attachments are in the order of the text now
		if want := [][]byte{[]byte("4b"), []byte("4a")}; !reflect.DeepEqual(got.Sockets[3].Data.Attachments, want) {
			t.Errorf("%s: attachments %q, want %q", name, got.Sockets[3].Data.Attachments, want)
		}
		got.Sockets[3].Data = sockets[3].Data
		if !reflect.DeepEqual(got.Sockets, sockets) {
			t.Errorf("%s: got %+v\nwant %+v", name, got.Sockets, sockets)
		}
	}
	encoded.Attachments = encoded.Attachments[:4]
	if m, err := Decode(encoded); err == nil {
		t.Errorf("decoded without an attachment: %+v", m)
	}
}
