package parser

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// latin1 writes a text that is not UTF-8, as a TextMarshaler and as the key of
// a map.
type latin1 struct{}

func (latin1) MarshalText() ([]byte, error) { return []byte("caf\xe9"), nil }

// What marshalers write is made UTF-8, in every kind of packet and place, as
// encoding/json does with strings.
func TestEncodeMakesUTF8(t *testing.T) {
	const cafe = "caf\ufffd"
	raw := json.RawMessage("\"caf\xe9\"")
	for name, tc := range map[string]struct {
		h    Header
		args []any
		want string
	}{
		"RawMessage":                     {Header{Type: Event, Event: "e"}, []any{raw}, `2["e","` + cafe + `"]`},
		"MarshalJSON":                    {Header{Type: Event, Event: "e"}, []any{written("{\"caf\xe9\":\"\xff\xfe\"}")}, `2["e",{"` + cafe + `":"` + "\ufffd\ufffd" + `"}]`},
		"MarshalText":                    {Header{Type: Event, Event: "e"}, []any{latin1{}}, `2["e","caf\ufffd"]`},
		"key by MarshalText":             {Header{Type: Event, Event: "e"}, []any{map[latin1]int{{}: 1}}, `2["e",{"caf\ufffd":1}]`},
		"beside what is UTF-8":           {Header{Type: Event, Event: "é"}, []any{"è", raw, "ê", []any{raw, "ë"}}, `2["é","è","` + cafe + `","ê",["` + cafe + `","ë"]]`},
		"a character cut short":          {Header{Type: Event, Event: "e"}, []any{written("\"\xe2\x82\"")}, `2["e","` + "\ufffd\ufffd" + `"]`},
		"a surrogate":                    {Header{Type: Event, Event: "e"}, []any{written("\"\xed\xa0\x80\"")}, `2["e","` + "\ufffd\ufffd\ufffd" + `"]`},
		"U+FFFD itself":                  {Header{Type: Event, Event: "e"}, []any{written("\"\ufffd\"")}, `2["e","` + "\ufffd" + `"]`},
		"with binary":                    {Header{Type: Event, Event: "e"}, []any{raw, []byte("\xe9"), map[string]any{"a": raw, "b": []byte{1}}}, `52-["e","` + cafe + `",{"_placeholder":true,"num":0},{"a":"` + cafe + `","b":{"_placeholder":true,"num":1}}]`},
		"string":                         {Header{Type: Event, Event: "e"}, []any{"caf\xe9"}, `2["e","caf\ufffd"]`},
		"name of an event":               {Header{Type: Event, Event: "caf\xe9"}, nil, `2["caf\ufffd"]`},
		"namespace":                      {Header{Type: Event, Namespace: "/caf\xe9", Event: "e"}, nil, `2/` + cafe + `,["e"]`},
		"reply":                          {Header{Type: Ack, ID: 7, HasID: true}, []any{raw}, `37["` + cafe + `"]`},
		"CONNECT":                        {Header{Type: Connect}, []any{map[string]any{"a": raw}}, `0{"a":"` + cafe + `"}`},
		"CONNECT_ERROR":                  {Header{Type: ConnectError, Namespace: "/caf\xe9"}, []any{map[string]any{"message": "caf\xe9", "data": raw}}, `4/` + cafe + `,{"data":"` + cafe + `","message":"caf\ufffd"}`},
		"DISCONNECT from this namespace": {Header{Type: Disconnect, Namespace: "/caf\xe9"}, nil, `1/` + cafe + `,`},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := JSON{}.Encode([]byte("before "), &tc.h, tc.args...)
			if err != nil || !utf8.Valid(encoded.Text) || string(encoded.Text) != "before "+tc.want {
				t.Errorf("got %q, %v; want %q", encoded.Text, err, tc.want)
			}
		})
	}
}
