package msgpack

import (
	"encoding/hex"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

// wire returns the bytes of a message: hexadecimal, with text between quotes.
func wire(t testing.TB, notation string) []byte {
	t.Helper()
	var message []byte
	for i, part := range strings.Split(notation, "'") {
		if i%2 == 1 {
			message = append(message, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		message = append(message, b...)
	}
	return message
}

// packet returns the notation of {type, data, nsp: "/"}.
func packet(typ, data string) string {
	return "83 a4'type'" + typ + "a4'data'" + data + "a3'nsp' a1'/'"
}

// event returns the notation of an event of name "a" with one argument.
func event(arg string) string { return packet("02", "92 a1'a'"+arg) }

func nested(depth int) string { return strings.Repeat("91", depth-1) + "90" }

// What no encoder of ours writes and a decoder has to know all the same.
func TestDecodeOnly(t *testing.T) {
	long := "/" + strings.Repeat("n", parser.MaxNamespace-1)
	longName := strings.Repeat("a", 99)
	longestName := strings.Repeat("a", parser.MaxEventName)
	for _, tc := range []struct {
		behaviour, wire string
		header          parser.Header
		args            []any
	}{
		{"fields in any order", "84 a2'id' 07 a3'nsp' a2'/x' a4'data' 91 a1'a' a4'type' 02", parser.Header{Type: parser.Event, Namespace: "/x", ID: 7, HasID: true, Event: "a"}, nil},
		{"last field of a name", "84 a4'type' 03 a3'nsp' a2'/x' a4'type' 01 a3'nsp' a1'/'", parser.Header{Type: parser.Disconnect, Namespace: "/"}, nil},
		{"unknown fields", "84 a1'x' 81a0c0 a4'type' 01 a0 c401ff a3'nsp' a1'/'", parser.Header{Type: parser.Disconnect, Namespace: "/"}, nil},
		{"longest formats", "df00000003 db00000004'type' cf0000000000000002 da0004'data' dd00000002 d901'a' c600000001ff a3'nsp' a1'/'", eventA, []any{[]byte{0xff}}},
		{"signed formats of natural numbers", "84 a4'type' d003 a4'data' 90 a3'nsp' a1'/' a2'id' d1 0007", parser.Header{Type: parser.Ack, ID: 7, HasID: true}, nil},
		{"floats of natural numbers", "84 a4'type' ca40400000 a4'data' 90 a3'nsp' a1'/' a2'id' cb433fffffffffffff", parser.Header{Type: parser.Ack, ID: 1<<53 - 1, HasID: true}, nil},
		{"missing fields as Python has them", "84 a4'type' 01 a4'data' c0 a3'nsp' a1'/' a2'id' c0", parser.Header{Type: parser.Disconnect}, nil},
		{"id of a disconnection", "83 a4'type' 01 a3'nsp' a1'/' a2'id' 0c", parser.Header{Type: parser.Disconnect, ID: 12, HasID: true}, nil},
		{"ack without id", packet("03", "9101"), parser.Header{Type: parser.Ack}, []any{1.0}},
		{"longest event name", packet("02", "91 da0400'"+longestName+"'"), parser.Header{Type: parser.Event, Event: longestName}, nil},
		{"longest namespace", "82 a4'type' 00 a3'nsp' da0200'" + long + "'", parser.Header{Namespace: long}, nil},
		{"integer as event name", packet("02", "92 01 a1'a'"), parser.Header{Type: parser.Event, Event: "1"}, []any{"a"}},
		{"negative number as event name", packet("02", "91 e0"), parser.Header{Type: parser.Event, Event: "-32"}, nil},
		{"float as event name", packet("02", "91 cb 3ff8000000000000"), parser.Header{Type: parser.Event, Event: "1.5"}, nil},
		{"long event name", packet("02", "91 d963'"+longName+"'"), parser.Header{Type: parser.Event, Event: longName}, nil},
		{"no event name", packet("02", "91 a0"), parser.Header{Type: parser.Event}, nil},
		{"float32", event("ca 3fc00000"), eventA, []any{1.5}},
		{"last member of a name", event("82 a1'a' 01 a1'a' 02"), eventA, []any{map[string]any{"a": 2.0}}},
		{"ArrayBuffer of 64 KB", event("c900010000 00 '" + strings.Repeat("x", 1<<16) + "'"), eventA, []any{[]byte(strings.Repeat("x", 1<<16))}},
		{"deepest nesting", event(nested(maxDepth - 1)), eventA, []any{nestedValue(maxDepth - 1)}},
	} {
		t.Run(tc.behaviour+" "+tc.wire[:min(len(tc.wire), 60)], func(t *testing.T) {
			p, err := receive(wire(t, tc.wire))
			if err != nil {
				t.Fatal(err)
			}
			if tc.header.Namespace == "" {
				tc.header.Namespace = "/"
			}
			if p.Header != tc.header {
				t.Errorf("header: got %+v, want %+v", p.Header, tc.header)
			}
			if got := decodeAll(t, p); !reflect.DeepEqual(got, tc.args) {
				t.Errorf("arguments: got %v, want %v", got, tc.args)
			}
		})
	}
}

func nestedValue(depth int) any {
	v := []any{}
	for range depth - 1 {
		v = []any{v}
	}
	return v
}

func TestDecodeInvalid(t *testing.T) {
	for behaviour, wires := range map[string][]string{
		"no map":                       {"", "c0", "90", "02", "a1'2'", "c1", "'2[\"a\"]'"},
		"announced length":             {"df ffffffff", "81 a0 dd ffffffff", "81 a0 dc ffff", "81 a0 df 80000000 00", "81 a0 de 0002 a0c0a0", "81 a0 db ffffffff", "81 a0 da ffff 00", "81 a0 d9 02 61", "81 a0 c6 ffffffff", "81 a0 c5 0001", "81 a0 c4 ff", "81 a0 c9 ffffffff 00", "81 a0 c8 0001 00", "81 a0 c7 ff 00", "81 a0 c7", "81 a0 c7 00", "81 a0 cf 00000000000000", "81 a0 d4", "81 a0 d4 00", "81 a0 d7 00 00000000000000", "81 a0 d6 ff 000000", "81 a0 c7 0c ff 0000000000000000000000", "81 a0 9f c0", "81 a0 8f c0c0", "81 a0 bf 61", "81 a0 99 99 99 99"},
		"unused format":                {event("c1")},
		"extension":                    {event("d4 ff 00"), event("d5 ff 0000"), event("d8 ff 00000000000000000000000000000000"), event("c7 04 ff 00000000"), event("c7 08 ff 0000000000000000"), event("d6 fe 00000000"), event("d4 01 00"), event("d5 00 0000"), event("d6 00 00000000"), event("d8 00 00000000000000000000000000000000"), event("c7 01 05 00")},
		"key no text":                  {"81 01 02", "81 c0 c0", event("81 01 02"), event("81 c4 01 61 02"), event("81 90 02")},
		"not UTF-8":                    {event("a1 ff"), event("81 a1 ff c0"), "81 a1 ff c0", event("a3 eda080"), packet("02", "91 a1 c0")},
		"more than a packet":           {packet("02", "91 a1'a'") + "c0", packet("02", "91 a1'a'") + packet("02", "91 a1'a'")},
		"unknown type":                 {"82 a4'data' 91a1'a' a3'nsp' a1'/'", packet("05", "91 a1'a'"), packet("06", "90"), packet("ff", "90"), packet("a1'2'", "91 a1'a'"), packet("c0", "90"), packet("cb 4000000000000001", "91 a1'a'"), packet("cb 7ff8000000000000", "91 a1'a'"), packet("cf ffffffffffffff02", "91 a1'a'"), packet("d2 ffffff02", "90")},
		"namespace":                    {"81 a4'type' 00", "82 a4'type' 00 a3'nsp' a0", "82 a4'type' 00 a3'nsp' a5'admin'", "82 a4'type' 00 a3'nsp' c0", "82 a4'type' 00 a3'nsp' 01", "82 a4'type' 00 a3'nsp' c401'/'", "82 a4'type' 00 a3'nsp' da0201'/" + strings.Repeat("n", parser.MaxNamespace) + "'"},
		"ack id":                       {"84 a4'type' 03 a4'data' 90 a3'nsp' a1'/' a2'id' ff", "84 a4'type' 03 a4'data' 90 a3'nsp' a1'/' a2'id' cf0020000000000000", "84 a4'type' 03 a4'data' 90 a3'nsp' a1'/' a2'id' a1'1'", "84 a4'type' 03 a4'data' 90 a3'nsp' a1'/' a2'id' cb3fe0000000000000", "84 a4'type' 03 a4'data' 90 a3'nsp' a1'/' a2'id' cb4340000000000000", "84 a4'type' 03 a4'data' 90 a3'nsp' a1'/' a2'id' cbbff0000000000000"},
		"CONNECT payload no object":    {packet("00", "a0"), packet("00", "90"), packet("00", "c3"), packet("00", "c400"), packet("00", "d7000000000000000000")},
		"DISCONNECT with a payload":    {packet("01", "80"), packet("01", "a1'x'"), packet("01", "90")},
		"EVENT payload no array":       {packet("02", "80"), packet("02", "a1'a'"), packet("02", "c0"), packet("02", "d40000"), "82 a4'type' 02 a3'nsp' a1'/'"},
		"EVENT without a name":         {packet("02", "90")},
		"event name of the wrong type": {packet("02", "91 c3"), packet("02", "91 c0"), packet("02", "91 80"), packet("02", "91 91 a1'a'"), packet("02", "91 c401'a'"), packet("02", "91 cb 7ff8000000000000"), packet("02", "91 d40000")},
		"reserved event name":          {packet("02", "91 a7'connect'"), packet("02", "91 ad'connect_error'"), packet("02", "91 aa'disconnect'"), packet("02", "91 ad'disconnecting'"), packet("02", "91 ab'newListener'"), packet("02", "91 ae'removeListener'")},
		"event name too long":          {packet("02", "91 da0401'"+strings.Repeat("a", parser.MaxEventName+1)+"'")},
		"ACK payload no array":         {packet("03", "80"), packet("03", "a1'a'"), packet("03", "c0"), "82 a4'type' 03 a3'nsp' a1'/'"},
		"CONNECT_ERROR payload":        {packet("04", "90"), packet("04", "c0"), packet("04", "01"), "82 a4'type' 04 a3'nsp' a1'/'"},
		"nesting too deep":             {event(nested(maxDepth)), packet("00", "81 a0"+nested(maxDepth-1)), "81 a0" + nested(maxDepth+1), event(strings.Repeat("81 a0", 1e5) + "c0")},
	} {
		for _, notation := range wires {
			t.Run(behaviour+" "+notation[:min(len(notation), 60)], func(t *testing.T) {
				d := Parser{}.NewDecoder()
				p, err := d.Binary(wire(t, notation))
				if p != nil || !errors.Is(err, parser.ErrInvalidPacket) {
					t.Fatalf("got %+v, %v; want %v", p, err, parser.ErrInvalidPacket)
				}
				if len(err.Error()) > 100 {
					t.Errorf("long error: %v", err)
				}
				if p, err := d.Binary(wire(t, packet("02", "91 a1'a'"))); err != nil || p.Event != "a" {
					t.Errorf("next packet: %v, %v", p, err)
				}
			})
		}
	}
}

// Every beginning of a message is an error.
func TestDecodeCutShort(t *testing.T) {
	for name, message := range goldenMessages(t) {
		for n := range len(message) {
			if p, err := receive(message[:n]); p != nil || !errors.Is(err, parser.ErrInvalidPacket) {
				t.Errorf("%s: %x: got %v, %v", name, message[:n], p, err)
			}
		}
	}
}

func TestDecodeText(t *testing.T) {
	p, err := Parser{}.NewDecoder().Text([]byte(`2["a"]`))
	if p != nil || !errors.Is(err, parser.ErrInvalidPacket) {
		t.Errorf("got %+v, %v; want %v", p, err, parser.ErrInvalidPacket)
	}
}

func TestDecodeTooManyBinaries(t *testing.T) {
	binaries := func(n int) []byte {
		message := arrayFormats.append(wire(t, "83 a4'type' 03 a3'nsp' a1'/' a4'data'"), n)
		return append(message, strings.Repeat("\xc4\x00", n)...)
	}
	if p, err := receive(binaries(maxBinaries)); err != nil || p.Args.Len() != maxBinaries {
		t.Errorf("as many as may be: %v", err)
	}
	if p, err := receive(binaries(maxBinaries + 1)); p != nil || !errors.Is(err, parser.ErrTooManyAttachments) {
		t.Errorf("one more: got %v, want %v", err, parser.ErrTooManyAttachments)
	}
}

// Each packet keeps its own namespace and name, though the decoder uses them
// again.
func TestDecodeRepeatedNames(t *testing.T) {
	d := Parser{}.NewDecoder()
	var got []string
	for _, h := range []parser.Header{{Namespace: "/a", Event: "x"}, {Namespace: "/a", Event: "x"}, {Namespace: "/b", Event: "x"}, {Event: "y"}, {Namespace: "/b", Event: "y"}} {
		h.Type = parser.Event
		message := encode(t, &h)
		p, err := d.Binary(message)
		if err != nil {
			t.Fatal(err)
		}
		clear(message)
		got = append(got, p.Namespace+" "+p.Event)
	}
	if want := []string{"/a x", "/a x", "/b x", "/ y", "/b y"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Nothing is allocated for a length that a few bytes announce.
func TestDecodeAllocation(t *testing.T) {
	for _, notation := range []string{
		"df ffffffff", event("dd ffffffff"), event("df 7fffffff"), event("db ffffffff"), event("c6 ffffffff"), event("c9 ffffffff 00"),
		event("dd ffffffff" + strings.Repeat("dd ffffffff", 100)), packet("02", "dd ffffffff"),
	} {
		t.Run(notation[:min(len(notation), 60)], func(t *testing.T) {
			message := wire(t, notation)
			if got := allocated(func() { _, _ = receive(message) }); got > 64<<10 {
				t.Errorf("%d bytes", got)
			}
		})
	}
}

// allocated returns how many bytes f allocates, and whatever else runs
// meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
