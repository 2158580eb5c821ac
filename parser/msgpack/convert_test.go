package msgpack

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

func TestConvert(t *testing.T) {
	for wire, value := range bothWays {
		t.Run(value.text, func(t *testing.T) {
			message := fromHex(t, wire)
			got, err := ToJSON(message)
			if want := value.encoded(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %s, %q, %v, want %s, %q", got.Text, got.Attachments, err, want.Text, want.Attachments)
			}
			again, err := FromJSON([]byte("before"), value.encoded())
			if err != nil || string(again) != "before"+string(message) {
				t.Errorf("got %x, %v, want %s behind other bytes", again, err, wire)
			}
		})
	}
}

type asJSON struct {
	text        string
	attachments []string
}

func (j asJSON) encoded() parser.Encoded {
	e := parser.Encoded{Text: []byte(j.text)}
	for _, a := range j.attachments {
		e.Attachments = append(e.Attachments, []byte(a))
	}
	return e
}

var bothWays = map[string]asJSON{
	"c0":                 {text: `null`},
	"c2":                 {text: `false`},
	"c3":                 {text: `true`},
	"00":                 {text: `0`},
	"7f":                 {text: `127`},
	"ff":                 {text: `-1`},
	"cd0190":             {text: `400`},
	"cfffffffffffffffff": {text: `18446744073709551615`},
	"d38000000000000000": {text: `-9223372036854775808`},
	"cb3ff8000000000000": {text: `1.5`},
	"a2c3bc":             {text: `"ü"`},
	"a3090a22":           {text: `"\u0009\u000a\""`},
	"92c40101c400":       {text: `[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, attachments: []string{"\x01", ""}},
	"82a161c40101a162ac5f706c616365686f6c646572": {text: `{"a":{"_placeholder":true,"num":0},"b":"_placeholder"}`, attachments: []string{"\x01"}},
	"92c4010182ac5f706c616365686f6c646572c3a36e756d00": {
		text: `[{"_placeholder":true,"num":0},{"\u005fplaceholder":true,"num":0}]`, attachments: []string{"\x01"}},
}

func TestToJSON(t *testing.T) {
	for wire, want := range map[string]string{
		"d6ff00000000":                   `"1970-01-01T00:00:00.000Z"`,
		"d6ffffffffff":                   `"2106-02-07T06:28:15.000Z"`,
		"d7ff1d5353006553f100":           `"2023-11-14T22:13:20.123Z"`,
		"c70cff075bca00ffffffffffffffff": `"1969-12-31T23:59:59.123Z"`,
		"c70cff00000000000007dba8218000": `"+275760-09-13T00:00:00.000Z"`,
		"c70cff00000000000007dba8218001": `null`,
		"c70cff000000007fffffffffffffff": `null`,
		"c70cff000000008000000000000000": `null`,
		"d700000001a2228ac61d":           `"2026-11-28T14:24:09.757Z"`,
		"d7007fffffffffffffff":           `null`,
		"d40000":                         `null`,
		"93d40000c0d40000":               `[null,null,null]`,
		"82a161d40000a16201":             `{"b":1}`,
		"93cb7ff8000000000000cb7ff0000000000000cbfff0000000000000": `[null,null,null]`,
		"cb43f0000000000000":                   `1.8446744073709552e+19`,
		"cb7e37e43c8800759c":                   `1e+300`,
		"a3eda080":                             "\"\uFFFD\"",
		"81a3eda08001":                         "{\"\uFFFD\":1}",
		"ca3fc00000":                           `1.5`,
		strings.Repeat("91", 519) + "90":       strings.Repeat("[", 520) + strings.Repeat("]", 520),
		"9f" + strings.Repeat("c0", 14) + "a0": "[" + strings.Repeat("null,", 14) + `""]`,
	} {
		got, err := ToJSON(fromHex(t, wire))
		if err != nil || string(got.Text) != want {
			t.Errorf("%s: got %s, %v, want %s", wire, got.Text, err, want)
		}
	}
	for _, wrong := range []string{
		"", "91", "c1", "0000", "a2c3", "81c0c0", "8101c0", "dd7fffffff", "df7fffffffc0", "dbffffffff", "c6ffffffff00", "d5ff0000", "d501ffff",
		strings.Repeat("91", 520) + "90", "dd 00010000" + strings.Repeat("c400", 1<<16) + "00",
		"dd 00010001" + strings.Repeat("c400", 1<<16+1),
	} {
		if got, err := ToJSON(fromHex(t, wrong)); !errors.Is(err, parser.ErrInvalidPacket) && !errors.Is(err, parser.ErrTooManyAttachments) {
			t.Errorf("%.40s: got %.40s, %v", wrong, got.Text, err)
		}
	}
}

func TestFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		" [ 1 , {\n\"a\" : 2 } ] ": "920181a16102",
		`18446744073709551616`:     "cb43f0000000000000",
		`-9223372036854775809`:     "cbc3e0000000000000",
		`1e300`:                    "cb7e37e43c8800759c",
		`1.0`:                      "cb3ff0000000000000",
		`"\ud83d\ude00\ud800"`:     "a7f09f9880efbfbd",
		"\"\xff\"":                 "a3efbfbd",
		`{"\u005fplaceholder":1}`:  "81ac5f706c616365686f6c64657201",
	} {
		got, err := FromJSON(nil, parser.Encoded{Text: []byte(text)})
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: got %x, %v, want %s", text, got, err, want)
		}
	}
	one, two := []byte{1}, []byte{2}
	for text, attachments := range map[string][][]byte{
		"": nil, "[": nil, `{"a"}`: nil, "1 2": nil, "01": nil, `1e999`: nil, `"\x"`: nil,
		"1": {one}, `{"_placeholder":true,"num":1}`: {one}, `{"_placeholder":true,"num":0}`: {one, two},
		`[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`: {one, two},
	} {
		if got, err := FromJSON(nil, parser.Encoded{Text: []byte(text), Attachments: attachments}); err == nil {
			t.Errorf("%s with %d attachments: got %x", text, len(attachments), got)
		}
	}
}

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzToJSON wants valid JSON or an error, for memory in proportion to the
// message, and the same value after another round.
func FuzzToJSON(f *testing.F) {
	for wire := range bothWays {
		f.Add(fromHex(f, wire))
	}
	for _, message := range goldenMessages(f) {
		f.Add(message)
	}
	f.Add(fromHex(f, "c70cff075bca00ffffffffffffffff"))
	f.Fuzz(func(t *testing.T, message []byte) {
		var value parser.Encoded
		var err error
		if n, limit := allocated(func() { value, err = ToJSON(message) }), 64<<10+100*uint64(len(message)); n > limit {
			t.Errorf("%d bytes allocated for %d received", n, len(message))
		}
		if err != nil {
			return
		}
		if !json.Valid(value.Text) {
			t.Fatalf("%x became %s", message, value.Text)
		}
		again, err := FromJSON(nil, value)
		if err != nil {
			t.Fatalf("%x became %s: %v", message, value.Text, err)
		}
		second, err := ToJSON(again)
		if err != nil || !bytes.Equal(second.Text, value.Text) || len(second.Attachments) != len(value.Attachments) {
			t.Errorf("%x became %s, and then %s, %v", message, value.Text, second.Text, err)
		}
	})
}

// FuzzFromJSON wants MessagePack of the same value, or an error.
func FuzzFromJSON(f *testing.F) {
	for _, value := range bothWays {
		f.Add([]byte(value.text), len(value.attachments))
	}
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		value := parser.Encoded{Text: text, Attachments: make([][]byte, min(max(n, 0), 10))}
		message, err := FromJSON(nil, value)
		if err != nil {
			return
		}
		if _, err := ToJSON(message); err != nil && !errors.Is(err, errDepth) {
			t.Errorf("%s became %x: %v", text, message, err)
		}
	})
}
