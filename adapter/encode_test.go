package adapter

import (
	"reflect"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

func packet(text string, attachments ...[]byte) parser.Encoded {
	return parser.Encoded{Text: []byte(text), Attachments: attachments}
}

// What the JavaScript server's ClusterAdapter says: which keys there are, also
// when they are empty or zero.
func TestEncode(t *testing.T) {
	const head, tail = `{"type":`, `,"uid":"u","nsp":"/"}`
	for wire, m := range map[string]Message{
		head + `1` + tail:  {Type: InitialHeartbeat},
		head + `2` + tail:  {Type: Heartbeat},
		head + `13` + tail: {Type: Close},
		head + `3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":[],"except":[],"flags":{}}}` + tail: {
			Type: Broadcast, Packet: packet(`["e"]`)},
		head + `3,"data":{"packet":{"type":2,"data":["e","<&>"]},"opts":{"rooms":["a"],"except":["b"],"flags":{"volatile":true}}}` + tail: {
			Type: Broadcast, Opts: Selection{Rooms: []string{"a"}, Except: []string{"b"}, Volatile: true}, Packet: packet(`["e","<&>"]`)},
		head + `3,"data":{"packet":{"type":2,"data":["e",{"_placeholder":true,"num":0}]},"requestId":"r","opts":{"rooms":[],"except":[],"flags":{"timeout":500,"compress":false}}}` + tail: {
			Type: Broadcast, RequestID: "r", Opts: Selection{Plain: true, Timeout: 500}, Packet: packet(`["e",{"_placeholder":true,"num":0}]`, []byte{1})},
		head + `4,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"rooms":[]}` + tail: {Type: SocketsJoin},
		head + `5,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"rooms":["<a>"]}` + tail: {
			Type: SocketsLeave, Rooms: []string{"<a>"}},
		head + `6,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"close":false}` + tail:   {Type: DisconnectSockets},
		head + `6,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"close":true}` + tail:    {Type: DisconnectSockets, Close: true},
		head + `7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"r"}` + tail: {Type: FetchSockets, RequestID: "r"},
		head + `8,"data":{"requestId":"r","sockets":[]}` + tail:                               {Type: FetchSocketsResponse, RequestID: "r"},
		head + `8,"data":{"requestId":"r","sockets":[{"id":"s","handshake":{},"rooms":["s"],"data":{}}]}` + tail: {
			Type: FetchSocketsResponse, RequestID: "r",
			Sockets: []Socket{{"s", packet("{}"), []string{"s"}, packet("{}")}}},
		head + `9,"data":{"packet":["e",1]}` + tail:                 {Type: ServerSideEmit, Packet: packet(`["e",1]`)},
		head + `9,"data":{"requestId":"r","packet":["e"]}` + tail:   {Type: ServerSideEmit, RequestID: "r", Packet: packet(`["e"]`)},
		head + `10,"data":{"requestId":"r","packet":1}` + tail:      {Type: ServerSideEmitResponse, RequestID: "r", Packet: packet(`1`)},
		head + `10,"data":{"requestId":"r"}` + tail:                 {Type: ServerSideEmitResponse, RequestID: "r"},
		head + `11,"data":{"requestId":"r","clientCount":0}` + tail: {Type: ClientCount, RequestID: "r"},
		head + `12,"data":{"requestId":"r","packet":null}` + tail:   {Type: Ack, RequestID: "r", Packet: packet(`null`)},
		head + `12,"data":{"requestId":"r","sid":"s"}` + tail:       {Type: Ack, RequestID: "r", SocketID: "s"},
		head + `64,"data":{"requestId":"r","sid":"s"}` + tail:       {Type: NoAck, RequestID: "r", SocketID: "s"},
		head + `65,"data":{"requestId":"r"}` + tail:                 {Type: CancelCall, RequestID: "r"},
	} {
		m.UID, m.Namespace = "u", "/"
		encoded, err := m.Encode()
		if err != nil || string(encoded.Text) != wire || !reflect.DeepEqual(encoded.Attachments, m.Packet.Attachments) {
			t.Errorf("encoded %s, %q, %v\nwant %s", encoded.Text, encoded.Attachments, err, wire)
		}
		decoded, err := Decode(encoded)
		if err != nil {
			t.Errorf("%s: %v", wire, err)
			continue
		}
		again, err := decoded.Encode()
		if err != nil || !reflect.DeepEqual(again, encoded) {
			t.Errorf("encoded again %s, %v\nwant %s", again.Text, err, wire)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Run("rooms that are numbers, and what is not known", func(t *testing.T) {
		m, err := Decode(packet(`{"uid":"u","type":3,"nsp":"/","more":1,"data":{"opts":{"rooms":[1,"a",2.5],"except":[],` +
			`"flags":{"compress":false,"expectSingleResponse":true}},"packet":{"type":2,"data":["e"],"nsp":"/","options":{}}}}`))
		if err != nil || !reflect.DeepEqual(m.Opts, Selection{Rooms: []string{"1", "a", "2.5"}, Except: []string{}, Plain: true}) || string(m.Packet.Text) != `["e"]` {
			t.Errorf("decoded %+v, %v", m, err)
		}
	})
	t.Run("an unknown type", func(t *testing.T) {
		m, err := Decode(packet(`{"uid":"u","type":99,"nsp":"/","data":{}}`))
		if err != nil || m.Type != 99 || m.UID != "u" {
			t.Errorf("decoded %+v, %v", m, err)
		}
	})
	t.Run("time-outs as JavaScript has them", func(t *testing.T) {
		for ms, want := range map[string]int{"1500.5": 1500, "-1": 0, "1e300": 1<<31 - 1, "null": 0} {
			m, err := Decode(packet(`{"type":3,"data":{"opts":{"rooms":[],"except":[],"flags":{"timeout":` + ms + `}},"packet":{"type":2,"data":["e"]}}}`))
			if err != nil || m.Opts.Timeout != want {
				t.Errorf("%s decoded as %+v, %v", ms, m, err)
			}
		}
	})
	for _, wrong := range []string{
		`{"type":1.5}`, `{"type":1e300}`, `{"type":11,"data":{"clientCount":1e300}}`, `{"type":4,"data":{"rooms":[[1]]}}`,
		`{"type":4,"data":{"rooms":[{"a":1}]}}`, `{"type":4,"data":{"rooms":[null]}}`, `{"type":4,"data":{"rooms":[true]}}`,
		``, `[]`, `{"type":"3"}`, `{"type":3,"data":[]}`, `{"type":3,"data":{"opts":{"rooms":"a"}}}`, `{"type":3,"data":{"packet":1}}`,
		`{"type":3,"data":{}}`, `{"type":4,"data":{"rooms":[`, `{"type":8,"data":{"sockets":{}}}`,
	} {
		if m, err := Decode(packet(wrong)); err == nil {
			t.Errorf("%s decoded as %+v", wrong, m)
		}
	}
}

func TestEncodeInvalid(t *testing.T) {
	for _, m := range []Message{
		{Type: Broadcast, Packet: packet(`[`)},
		{Type: Ack, Packet: packet(`]`)},
		{Type: FetchSocketsResponse, Sockets: []Socket{{Data: packet("x")}}},
	} {
		if encoded, err := m.Encode(); err == nil {
			t.Errorf("encoded as %s", encoded.Text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"uid":"u","type":3,"nsp":"/","data":{"opts":{"rooms":[1],"except":[],"flags":{}},"packet":{"type":2,"data":["e"]}}}`))
	f.Add([]byte(`{"type":8,"data":{"sockets":[{"id":"s","rooms":[1]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Decode(parser.Encoded{Text: text})
		if err != nil {
			return
		}
		encoded, err := m.Encode()
		if err != nil {
			return // keys that its type needs are missing
		}
		if _, err := Decode(encoded); err != nil {
			t.Errorf("decodes, but not again as %s: %v", encoded.Text, err)
		}
	})
}
