package parser

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

type (
	// marker looks like a placeholder by its fields.
	marker struct {
		Is  bool `json:"_placeholder"`
		Num int  `json:"num"`
	}

	// written looks like one by what it writes.
	written string

	// once writes that the first time only.
	once struct{ done *bool }
)

func (w written) MarshalJSON() ([]byte, error) { return []byte(w), nil }

func (o once) MarshalJSON() ([]byte, error) {
	if *o.done {
		return []byte("0"), nil
	}
	*o.done = true
	return []byte(`{"_placeholder":true,"num":0}`), nil
}

// What a receiver would take for the place of an attachment is refused in a
// packet with attachments, and data in any other.
func TestEncodeLookalike(t *testing.T) {
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	for name, lookalike := range map[string]any{
		"map":                         map[string]any{"_placeholder": true, "num": 0},
		"map of bools":                map[string]bool{"_placeholder": true},
		"map without a number":        map[string]any{"_placeholder": true},
		"map with more":               map[string]any{"_placeholder": true, "num": 99, "z": []any{1}, "a": "x"},
		"struct":                      marker{true, 0},
		"pointer to a struct":         &marker{true, 99},
		"RawMessage":                  raw(`{"_placeholder":true,"num":0}`),
		"RawMessage with white space": raw(" { \"_placeholder\" :\n true } "),
		"RawMessage with escapes":     raw(`{"\u005fplac\u0065holder":true,"num":0}`),
		"RawMessage with the last of two members": raw(`{"_placeholder":1,"num":0,"_placeholder":true}`),
		"RawMessage in an array":                  []any{1, []json.RawMessage{raw(`[{"_placeholder":true}]`)}},
		"RawMessage, deeply":                      raw(strings.Repeat("[", 5000) + `{"_placeholder":true}` + strings.Repeat("]", 5000)),
		"MarshalJSON":                             written(`{"a":{"num":1,"_placeholder":true}}`),
		"nested in a map":                         map[string]any{"a": []any{map[string]any{"_placeholder": true}}},
		"within another":                          raw(`{"_placeholder":true,"num":0,"more":{"_placeholder":true}}`),
		"beside binary of its own":                map[string]any{"a": []byte("y"), "b": marker{true, 0}},
		"around binary of its own":                map[string]any{"_placeholder": true, "num": []byte("y")},
	} {
		t.Run(name, func(t *testing.T) {
			for i, args := range [][]any{{lookalike, []byte("x")}, {[]byte("x"), lookalike}, {"_placeholder", `"_placeholder"`, lookalike, [][]byte{{1}, {2}}}} {
				for _, typ := range []Type{Event, Ack} {
					_, err := JSON{}.Encode(nil, &Header{Type: typ, Namespace: "/[{]}", Event: "_placeholder"}, args...)
					if want := fmt.Sprintf(`parser: argument %d: an object with "_placeholder":true would be taken for binary`, i); err == nil || err.Error() != want {
						t.Errorf("got %v, want %s", err, want)
					}
				}
			}
			if strings.Contains(name, "of its own") {
				return
			}
			if encoded, err := (JSON{}).Encode(nil, &Header{Type: Event, Event: "e"}, lookalike, "x"); err != nil || encoded.Text[0] != '2' {
				t.Errorf("without binary: got %s, %v", encoded.Text, err)
			}
		})
	}
	t.Run("in what encodes as no more than once", func(t *testing.T) {
		_, err := JSON{}.Encode(nil, &Header{Type: Event, Event: "e"}, once{new(bool)}, []byte("x"))
		if want := `parser: an object with "_placeholder":true would be taken for binary`; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// What no receiver takes for a placeholder may stand beside binary.
func TestEncodeNoLookalike(t *testing.T) {
	for _, text := range []string{
		`{"_placeholder":false,"num":0}`, `{"_placeholder":"true"}`, `{"_placeholder":1}`, `{"_placeholder":null}`,
		`{"_placeholder":[true]}`, `{"_placeholder":{"a":true}}`, `{"_placeholder":true,"_placeholder":false}`,
		`{"_placeholder2":true}`, `{"a_placeholder":true}`, `{"\\u005fplaceholder":true}`, `{"\"_placeholder":true}`,
		`"_placeholder"`, `["_placeholder",true]`, `{"a":"_placeholder","b":true}`, `{"a":"\"_placeholder\":true"}`,
		`{"\u0041":true,"num":0}`, `"{\"_placeholder\":true}"`, `"\u0000"`, `{"":true}`, `{}`, `[]`,
	} {
		t.Run(text, func(t *testing.T) {
			encoded, err := JSON{}.Encode(nil, &Header{Type: Event, Event: "e"}, json.RawMessage(text), []byte("x"), map[string]any{"in": []byte("y")})
			if err != nil {
				t.Fatal(err)
			}
			want := `52-["e",` + text + `,{"_placeholder":true,"num":0},{"in":{"_placeholder":true,"num":1}}]`
			if string(encoded.Text) != want {
				t.Errorf("got %s, want %s", encoded.Text, want)
			}
		})
	}
}

// naivePlaceholders is countPlaceholders for values that have been decoded.
func naivePlaceholders(v any) (n int) {
	switch v := v.(type) {
	case []any:
		for _, elem := range v {
			n += naivePlaceholders(elem)
		}
	case map[string]any:
		if v["_placeholder"] == true {
			n = 1
		}
		for _, elem := range v {
			n += naivePlaceholders(elem)
		}
	}
	return n
}

// FuzzCountPlaceholders compares with what encoding/json decodes, where no
// object has two members of one name.
func FuzzCountPlaceholders(f *testing.F) {
	f.Add(`[{"_placeholder":true,"num":0},{"\u005fplaceholder":true,"a":[{"_placeholder":true}]},"\"_placeholder\":true"]`)
	f.Add(`{"_placeholder":{"_placeholder":true},"b":"]"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			t.Skip()
		}
		text2, err := appendJSON(nil, v) // without white space and second members
		if err != nil {
			t.Skip()
		}
		if got, want := countPlaceholders(text2), naivePlaceholders(v); got != want {
			t.Errorf("%s: got %d, want %d", text2, got, want)
		}
	})
}
