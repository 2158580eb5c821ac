package adapter

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

// broadcasts are plain ones and others.
var broadcasts = []Message{
	{Packet: packet(`["e"]`)},
	{UID: "0123456789abcdef", Namespace: "/", Packet: packet(`["e",1,{"a":[1,"]}\"\\"],"b":"[\\"}]`)},
	{UID: "u", Namespace: "/chat", Opts: Selection{Rooms: []string{"a", "b,"}, Except: []string{"c<&>"}}, Packet: packet(`["<e>","é\u2028"]`)},
	{Packet: packet(`["e",{"_placeholder":true,"num":0}]`, []byte{1, 2})},
	{Packet: packet(` [ "e" , [ ] ] `)},
	{Packet: packet("[\"e\",\"\xff\"]")},
	{Packet: packet(`["e",`)},
	{Packet: packet(`7`)},
	{},
	{UID: "é", Packet: packet(`["e"]`)},
	{Namespace: `/"`, Packet: packet(`["e"]`)},
	{Opts: Selection{Rooms: []string{"a\n"}}, Packet: packet(`["e"]`)},
	{Opts: Selection{Except: []string{"ä"}}, Packet: packet(`["e"]`)},
	{Opts: Selection{Rooms: []string{""}, Volatile: true}, Packet: packet(`["e"]`)},
	{Opts: Selection{Plain: true}, Packet: packet(`["e"]`)},
	{Opts: Selection{Timeout: 100}, RequestID: "r", Packet: packet(`["e"]`)},
}

// A plain broadcast has the text that encoding/json writes.
func TestPlainBroadcastsAreWrittenAlike(t *testing.T) {
	written := 0
	for _, m := range broadcasts {
		m.Type = Broadcast
		written += compareWritten(t, m)
	}
	if written != 6 {
		t.Errorf("%d messages were plain", written)
	}
}

// compareWritten returns whether the message was plain, as a number.
func compareWritten(t *testing.T, m Message) (plain int) {
	t.Helper()
	data, attachments := m.data()
	for enveloped, in := range map[bool]any{true: envelope{m.Type, data, m.UID, m.Namespace}, false: data} {
		got := m.plain(enveloped)
		if got == nil {
			return 0
		}
		want, err := m.encoded(in, attachments)
		if err != nil || !bytes.Equal(got, want.Text) {
			t.Errorf("%q, want %q (%v)", got, want.Text, err)
		}
	}
	return 1
}

// A text of a plain broadcast is read as encoding/json reads it. A space in front
// of it is what makes it go there.
func TestPlainBroadcastsAreReadAlike(t *testing.T) {
	read := 0
	for _, m := range broadcasts {
		m.Type = Broadcast
		if e, err := m.Encode(); err == nil {
			read += compareRead(t, e.Text)
		}
	}
	for _, text := range []string{
		`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["a",],"except":[],"flags":{}}},"uid":"u","nsp":"/"}`,
		`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["a"],"except":[],"flags":{}}},"uid":"u","nsp":"/"}]`,
		`{"type":3,"data":{"packet":{"type":2,"data":["e"}},"opts":{"rooms":["a"],"except":[],"flags":{}}},"uid":"u","nsp":"/"}`,
		`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":[,"a"],"except":[],"flags":{}}},"uid":"u","nsp":"/"}`,
		`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["\u0061"],"except":[],"flags":{}}},"uid":"u","nsp":"/"}`,
		`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["a""b"],"except":[],"flags":{}}},"uid":"u","nsp":"/"}`,
	} {
		if compareRead(t, []byte(text)) != 0 {
			t.Errorf("taken for plain: %s", text)
		}
	}
	if read != 6 {
		t.Errorf("%d texts were plain", read)
	}
}

// compareRead returns whether the text was plain, as a number.
func compareRead(t *testing.T, text []byte) (plain int) {
	t.Helper()
	encoded := parser.Encoded{Text: text, Attachments: [][]byte{{1}}}
	m := &Message{Offset: "kept"}
	if !m.setPlain(encoded, true) {
		if !reflect.DeepEqual(m, &Message{Offset: "kept"}) {
			t.Errorf("%s: changed to %+v", text, m)
		}
		return 0
	}
	m.Offset = ""
	encoded.Text = append([]byte(" "), text...)
	if want, err := Decode(encoded); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%s: read as %+v, want %+v (%v)", text, m, want, err)
	}
	return 1
}

func FuzzPlainBroadcast(f *testing.F) {
	for _, m := range broadcasts {
		m.Type = Broadcast
		if e, err := m.Encode(); err == nil {
			f.Add(e.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		compareRead(t, text)
		if m, err := Decode(parser.Encoded{Text: text}); err == nil && m.Type == Broadcast && json.Valid(m.Packet.Text) {
			compareWritten(t, *m)
		}
	})
}

// Plain broadcasts are most of what servers say to each other.
func BenchmarkPlainBroadcast(b *testing.B) {
	m := &Message{Type: Broadcast, UID: "0123456789abcdef", Namespace: "/", Opts: Selection{Rooms: []string{"room"}},
		Packet: packet(`["e",1764384192012.123,"a text of some length, as in a chat"]`)}
	encoded, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = m.Encode()
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = Decode(encoded)
		}
	})
}
