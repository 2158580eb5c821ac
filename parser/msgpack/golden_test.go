package msgpack

import (
	"encoding/hex"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

// golden are packets that the JavaScript package has encoded, by
// testdata/golden.js.
var golden = []struct {
	name   string
	header parser.Header
	args   []any
}{
	{"CONNECT", parser.Header{}, nil},
	{"CONNECT with payload", parser.Header{Namespace: "/admin"}, []any{map[string]any{"token": "abc"}}},
	{"DISCONNECT", parser.Header{Type: parser.Disconnect, Namespace: "/admin"}, nil},
	{"CONNECT_ERROR", parser.Header{Type: parser.ConnectError}, []any{map[string]any{"message": "Not authorized"}}},
	{"CONNECT_ERROR with a string", parser.Header{Type: parser.ConnectError}, []any{"no"}},
	{"EVENT", parser.Header{Type: parser.Event, Event: "message"}, []any{1.0, "2", map[string]any{"3": []any{true, false, nil}}}},
	{"EVENT with id", parser.Header{Type: parser.Event, Namespace: "/admin?x=1,2", ID: 456, HasID: true, Event: "a"}, nil},
	{"ACK", parser.Header{Type: parser.Ack, HasID: true}, nil},
	{"ACK with values", parser.Header{Type: parser.Ack, ID: parser.MaxID, HasID: true}, []any{nil, map[string]any{"a": []any{}}}},
	{"natural numbers", eventA, []any{0., 127., 128., 255., 256., 65535., 65536., 4294967295., 4294967296., float64(parser.MaxID)}},
	{"negative numbers", eventA, []any{-1., -32., -33., -128., -129., -32768., -32769., -2147483648., -2147483649., -float64(parser.MaxID)}},
	{"fractions", eventA, []any{0.5, -1.25, math.SmallestNonzeroFloat64, math.Pi}},
	{"text", eventA, []any{"", "é🎉\u2028\"\\\n\x00", strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 255), strings.Repeat("x", 256)}},
	{"binary", eventA, []any{[]byte{1, 2, 3}, map[string]any{"data": []any{[]byte{}, sevens(256)}}}},
	{"arrays", eventA, []any{ones(15), ones(16)}},
	{"objects", eventA, []any{map[string]any{}, members(15), members(16)}},
}

// fromJavaScript are packets for which Go has other bytes, or that it refuses
// to send.
var fromJavaScript = []struct {
	name   string
	header parser.Header
	args   []any
}{
	{"client's options", eventA, []any{1.0}},
	{"missing fields", parser.Header{}, nil},
	{"undefined", eventA, []any{nil, map[string]any{"b": 1.0}, []any{nil}}},
	{"integers beyond 2^53", eventA, []any{float64(1 << 60), -float64(1 << 60), -float64(1 << 63), float64(1 << 63)}},
	{"dates", eventA, []any{"1970-01-01T00:00:00.000Z", "2024-02-29T12:34:56.789Z", "1969-12-31T23:59:59.999Z", "+012345-01-01T00:00:00.000Z", "-000001-01-01T00:00:00.000Z"}},
	{"ArrayBuffer", eventA, []any{[]byte{0}, []byte{1, 2, 3}, []byte{2, 1}, make([]byte, 256)}},
	{"placeholder of one's own", eventA, []any{[]byte{1}, map[string]any{"_placeholder": true, "num": 7.0}}},
	{"not finite", eventA, []any{nil, nil, nil, map[string]any{"a": nil}}},
}

var eventA = parser.Header{Type: parser.Event, Event: "a"}

func sevens(n int) []byte {
	return []byte(strings.Repeat("\x07", n))
}

func ones(n int) []any {
	s := make([]any, n)
	for i := range s {
		s[i] = 1.0
	}
	return s
}

func members(n int) map[string]any {
	m := make(map[string]any)
	for i := range n {
		m["k"+string([]byte{'0' + byte(i/10), '0' + byte(i%10)})] = float64(i)
	}
	return m
}

// goldenMessages returns the messages by name.
func goldenMessages(t testing.TB) map[string][]byte {
	t.Helper()
	file, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	messages := make(map[string][]byte)
	for line := range strings.Lines(string(file)) {
		name, wire, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if messages[name], err = hex.DecodeString(wire); err != nil || wire == "" {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return messages
}

func TestGolden(t *testing.T) {
	messages := goldenMessages(t)
	if got, want := len(golden)+len(fromJavaScript), len(messages); got != want {
		t.Errorf("%d packets in the tables, %d in the file", got, want)
	}
	for i, tc := range append(golden, fromJavaScript...) {
		message := messages[tc.name]
		t.Run(tc.name+" "+clip(message), func(t *testing.T) {
			p, err := receive(message)
			if err != nil {
				t.Fatal(err)
			}
			header := tc.header
			if header.Namespace == "" {
				header.Namespace = "/"
			}
			if p.Header != header {
				t.Errorf("header: got %+v, want %+v", p.Header, header)
			}
			for range 2 { // it can be repeated
				if got := decodeAll(t, p); !reflect.DeepEqual(got, tc.args) {
					t.Errorf("arguments: got %v, want %v", got, tc.args)
				}
			}
			if i >= len(golden) {
				return
			}
			if got := encode(t, &tc.header, tc.args...); string(got) != string(message) {
				t.Errorf("encoded:\n got %x\nwant %x", got, message)
			}
		})
	}
}

func clip(message []byte) string {
	s := hex.EncodeToString(message)
	return s[:min(len(s), 60)]
}

// receive gives a message to a decoder, and overwrites it afterwards: a decoder
// may keep nothing of it.
func receive(message []byte) (*parser.Packet, error) {
	buf := append([]byte{}, message...)
	p, err := Parser{}.NewDecoder().Binary(buf)
	clear(buf)
	return p, err
}

// decodeAny decodes all arguments into empty interfaces.
func decodeAny(a parser.Args) ([]any, error) {
	if a == nil {
		return nil, nil
	}
	values := make([]any, a.Len())
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	return values, a.Decode(into...)
}

// decodeAll is decodeAny for arguments that are right.
func decodeAll(t *testing.T, p *parser.Packet) []any {
	t.Helper()
	values, err := decodeAny(p.Args)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// encode returns the one message that a packet is.
func encode(t testing.TB, h *parser.Header, args ...any) []byte {
	t.Helper()
	e, err := Parser{}.Encode([]byte("not used"), h, args...)
	if err != nil {
		t.Fatal(err)
	}
	if e.Text != nil || len(e.Attachments) != 1 {
		t.Fatalf("got text %q and %d attachments, want one attachment", e.Text, len(e.Attachments))
	}
	return e.Attachments[0]
}
