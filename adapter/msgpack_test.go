package adapter

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/golden"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

func TestMsgpack(t *testing.T) {
	t.Run("every type", func(t *testing.T) {
		bin := packet(`["e",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]`, []byte("one"), []byte{})
		for _, m := range []Message{
			{Type: InitialHeartbeat}, {Type: Heartbeat}, {Type: Close},
			{Type: Broadcast, RequestID: "r", Opts: Selection{Rooms: []string{"a"}, Except: []string{"b"}, Plain: true, Timeout: 9, Volatile: true}, Packet: bin},
			{Type: SocketsJoin, Opts: all, Rooms: []string{"a", "b"}},
			{Type: SocketsLeave, Opts: all, Rooms: []string{}},
			{Type: DisconnectSockets, Opts: all, Close: true},
			{Type: FetchSockets, Opts: all, RequestID: "r"},
			{Type: FetchSocketsResponse, RequestID: "r", Sockets: []Socket{}},
			{Type: ServerSideEmit, RequestID: "r", Packet: bin},
			{Type: ServerSideEmitResponse, RequestID: "r", Packet: packet(`{"_placeholder":true,"num":0}`, []byte("one"))},
			{Type: ClientCount, RequestID: "r", Count: 70000},
			{Type: Ack, RequestID: "r", SocketID: "s", Packet: packet(`1`)},
			{Type: NoAck, RequestID: "r", SocketID: "s"},
			{Type: CancelCall, RequestID: "r"},
		} {
			m.UID, m.Namespace = "u", "/n"
			encoded, err := m.EncodeMsgpack()
			if err != nil {
				t.Fatalf("type %d: %v", m.Type, err)
			}
			if got, err := DecodeMsgpack(encoded); err != nil || !reflect.DeepEqual(*got, m) {
				t.Errorf("%+v arrived as %+v, %v", m, got, err)
			}
		}
	})
	t.Run("an empty response and a null", func(t *testing.T) {
		for _, text := range []string{"", "null"} {
			m := Message{Type: Ack, UID: "u", Namespace: "/", RequestID: "r", Packet: packet(text)}
			encoded, err := m.EncodeMsgpack()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := DecodeMsgpack(encoded); err != nil || string(got.Packet.Text) != text {
				t.Errorf("%q arrived as %q, %v", text, got.Packet.Text, err)
			}
		}
	})
	t.Run("a client's deepest value passes through", func(t *testing.T) {
		deepest := `["e",` + strings.Repeat("[", 511) + `{"_placeholder":true,"num":0}` + strings.Repeat("]", 512)
		m := Message{Type: Broadcast, Packet: packet(deepest, []byte{1})}
		encoded, err := m.EncodeMsgpack()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeMsgpack(encoded); err != nil || string(got.Packet.Text) != deepest {
			t.Errorf("got %v", err)
		}
	})
	t.Run("dates and numbers of rooms", func(t *testing.T) {
		message, _ := hex.DecodeString("83a47479706503a46461746182a67061636b657482a47479706502a46461746192a165d7ff1d5353006553f100a46f70747383a5726f6f6d73912aa665786365707490a5666c61677380a3756964a175")
		m, err := DecodeMsgpack(message)
		if err != nil || string(m.Packet.Text) != `["e","2023-11-14T22:13:20.123Z"]` || !reflect.DeepEqual(m.Opts.Rooms, []string{"42"}) || m.Namespace != "" {
			t.Errorf("got %+v, %v", m, err)
		}
	})
	t.Run("invalid", func(t *testing.T) {
		for _, wrong := range []string{"", "c1", "90", "81a474797065a133", "81a474797065cb3ff8000000000000", "82a47479706503a46461746180", "81a474797065"} {
			message, _ := hex.DecodeString(wrong)
			if m, err := DecodeMsgpack(message); err == nil {
				t.Errorf("%s decoded as %+v", wrong, m)
			}
		}
		for _, m := range []Message{
			{Type: Broadcast, Packet: packet(`[`)},
			{Type: Broadcast, Packet: packet(`["e"]`, []byte{1})},
		} {
			if encoded, err := m.EncodeMsgpack(); err == nil {
				t.Errorf("encoded as %x", encoded)
			}
		}
	})
}

var all = Selection{Rooms: []string{}, Except: []string{}}

func FuzzDecodeMsgpack(f *testing.F) {
	for _, l := range golden.Read(f, "redis-streams") {
		if l.Encoding == "msgpack" {
			f.Add(l.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := DecodeMsgpack(message)
		if err != nil {
			return
		}
		encoded, err := m.EncodeMsgpack()
		if err != nil {
			return // keys that its type needs are missing
		}
		if _, err := DecodeMsgpack(encoded); err != nil {
			t.Errorf("%x decodes, but not again as %x: %v", message, encoded, err)
		}
	})
}

func FuzzDecodeData(f *testing.F) {
	for _, l := range golden.Read(f, "redis-streams") {
		if l.Command == "XADD" && l.Encoding == "json" {
			f.Add(3, l.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, typ int, text []byte) {
		data := parser.Encoded{Text: text}
		if asJSON, err := msgpack.ToJSON(text); err == nil {
			data = asJSON
		}
		m := Message{Type: Type(typ)}
		if m.DecodeData(data) != nil {
			return
		}
		encoded, err := m.EncodeData()
		if err != nil || encoded.Text == nil {
			return
		}
		again := Message{Type: m.Type}
		if err := again.DecodeData(encoded); err != nil {
			t.Errorf("%q decodes, but not again as %s: %v", text, encoded.Text, err)
		}
	})
}
