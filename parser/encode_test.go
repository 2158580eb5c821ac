package parser

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// packets are valid packets and their wire, in both directions, checked against
// socket.io-parser 4.2.7. The argument of Connect and ConnectError, and all
// others, are what decoding into an any gives.
var packets = []struct {
	behaviour   string
	wire        string
	header      Header
	args        []any
	attachments [][]byte
}{
	{
		behaviour: "connection to the main namespace has no namespace part",
		wire:      `0`,
		header:    Header{Type: Connect, Namespace: "/"},
	},
	{
		behaviour: "connection with payload",
		wire:      `0{"token":"1"}`,
		header:    Header{Type: Connect, Namespace: "/"},
		args:      []any{map[string]any{"token": "1"}},
	},
	{
		behaviour: "connection with namespace and payload",
		wire:      `0/woot,{"token":"123"}`,
		header:    Header{Type: Connect, Namespace: "/woot"},
		args:      []any{map[string]any{"token": "123"}},
	},
	{
		behaviour: "connection with a query, as revision 4 has it",
		wire:      `0/woot?token=123&x=y,`,
		header:    Header{Type: Connect, Namespace: "/woot?token=123&x=y"},
	},
	{
		behaviour: "disconnection",
		wire:      `1`,
		header:    Header{Type: Disconnect, Namespace: "/"},
	},
	{
		behaviour: "disconnection from a namespace",
		wire:      `1/woot,`,
		header:    Header{Type: Disconnect, Namespace: "/woot"},
	},
	{
		behaviour: "event on the main namespace has no namespace part",
		wire:      `2["a",1,{}]`,
		header:    Header{Type: Event, Namespace: "/", Event: "a"},
		args:      []any{1.0, map[string]any{}},
	},
	{
		behaviour: "event without arguments",
		wire:      `2["a"]`,
		header:    Header{Type: Event, Namespace: "/", Event: "a"},
	},
	{
		behaviour: "event with an empty name",
		wire:      `2[""]`,
		header:    Header{Type: Event, Namespace: "/"},
	},
	{
		behaviour: "event with a name that needs escapes",
		wire:      `2["\"a\"\n\\\u2028",true]`,
		header:    Header{Type: Event, Namespace: "/", Event: "\"a\"\n\\\u2028"},
		args:      []any{true},
	},
	{
		behaviour: "event whose text is neither ASCII nor HTML-escaped",
		wire:      `2["é✓","<&> 🎉 “x”"]`,
		header:    Header{Type: Event, Namespace: "/", Event: "é✓"},
		args:      []any{"<&> 🎉 “x”"},
	},
	{
		behaviour: "event with ack id and namespace",
		wire:      `2/test,1["a",1,{}]`,
		header:    Header{Type: Event, Namespace: "/test", ID: 1, HasID: true, Event: "a"},
		args:      []any{1.0, map[string]any{}},
	},
	{
		behaviour: "event with ack id 0",
		wire:      `20["a"]`,
		header:    Header{Type: Event, Namespace: "/", HasID: true, Event: "a"},
	},
	{
		behaviour: "event with the largest ack id",
		wire:      `29007199254740991["a"]`,
		header:    Header{Type: Event, Namespace: "/", ID: 1<<53 - 1, HasID: true, Event: "a"},
	},
	{
		behaviour: "ack",
		wire:      `3123["a",1,{}]`,
		header:    Header{Type: Ack, Namespace: "/", ID: 123, HasID: true},
		args:      []any{"a", 1.0, map[string]any{}},
	},
	{
		behaviour: "ack without arguments",
		wire:      `3/admin,456[]`,
		header:    Header{Type: Ack, Namespace: "/admin", ID: 456, HasID: true},
	},
	{
		behaviour: "connect error that is a string",
		wire:      `4"Unauthorized"`,
		header:    Header{Type: ConnectError, Namespace: "/"},
		args:      []any{"Unauthorized"},
	},
	{
		behaviour: "connect error that is an object",
		wire:      `4/admin,{"message":"Unauthorized"}`,
		header:    Header{Type: ConnectError, Namespace: "/admin"},
		args:      []any{map[string]any{"message": "Unauthorized"}},
	},
	{
		behaviour:   "binary argument becomes attachment 0",
		wire:        `51-/cool,23["a",{"_placeholder":true,"num":0}]`,
		header:      Header{Type: Event, Namespace: "/cool", ID: 23, HasID: true, Event: "a"},
		args:        []any{[]byte("abc")},
		attachments: [][]byte{[]byte("abc")},
	},
	{
		behaviour:   "nested binary",
		wire:        `51-["a",[{"b":[{"_placeholder":true,"num":0}]}]]`,
		header:      Header{Type: Event, Namespace: "/", Event: "a"},
		args:        []any{[]any{map[string]any{"b": []any{[]byte{1, 2, 3}}}}},
		attachments: [][]byte{{1, 2, 3}},
	},
	{
		behaviour: "binary at several depths with null beside it, in order, an empty one too",
		wire: `54-["a",{"a":"hi","b":{"why":{"_placeholder":true,"num":0}},"c":{"a":null,"b":{"_placeholder":true,"num":1}}},` +
			`null,{"_placeholder":true,"num":2},{"_placeholder":true,"num":3}]`,
		header: Header{Type: Event, Namespace: "/", Event: "a"},
		args: []any{
			map[string]any{"a": "hi", "b": map[string]any{"why": []byte{1}}, "c": map[string]any{"a": nil, "b": []byte{2, 3}}},
			nil, []byte{}, []byte{4},
		},
		attachments: [][]byte{{1}, {2, 3}, {}, {4}},
	},
	{
		behaviour:   "binary ack",
		wire:        `61-/back,127["a",{"_placeholder":true,"num":0},{}]`,
		header:      Header{Type: Ack, Namespace: "/back", ID: 127, HasID: true},
		args:        []any{"a", []byte("xxx"), map[string]any{}},
		attachments: [][]byte{[]byte("xxx")},
	},
	{
		behaviour:   "as many attachments as JavaScript admits",
		wire:        `510-["a",[` + strings.Join(placeholders(10), ",") + `]]`,
		header:      Header{Type: Event, Namespace: "/", Event: "a"},
		args:        []any{slices.Repeat([]any{[]byte{7}}, 10)},
		attachments: slices.Repeat([][]byte{{7}}, 10),
	},
	{
		behaviour: "a placeholder without attachments is data",
		wire:      `2["a",{"_placeholder":true,"num":9}]`,
		header:    Header{Type: Event, Namespace: "/", Event: "a"},
		args:      []any{map[string]any{"_placeholder": true, "num": 9.0}},
	},
}

func placeholders(n int) []string {
	var all []string
	for i := range n {
		all = append(all, string(appendPlaceholder(nil, i)))
	}
	return all
}

func TestEncode(t *testing.T) {
	for _, tc := range packets {
		t.Run(tc.behaviour+" "+tc.wire, func(t *testing.T) {
			got, err := JSON{}.Encode([]byte("before"), &tc.header, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if want := "before" + tc.wire; string(got.Text) != want {
				t.Errorf("text:\n got %s\nwant %s", got.Text, want)
			}
			if !reflect.DeepEqual(got.Attachments, tc.attachments) {
				t.Errorf("attachments: got %v, want %v", got.Attachments, tc.attachments)
			}
		})
	}
}

func TestEncodeTakesNoNamespaceForMain(t *testing.T) {
	got, err := JSON{}.Encode(nil, &Header{Type: Event, Event: "a"})
	if want := `2["a"]`; err != nil || string(got.Text) != want {
		t.Errorf("got %s, %v; want %s", got.Text, err, want)
	}
}

func TestEncodeErrors(t *testing.T) {
	type node struct {
		Next *node
		Data []byte
	}
	cyclic := &node{Data: []byte{1}}
	cyclic.Next = cyclic
	plain := map[string]any{}
	plain["self"] = plain
	var deep any = []byte{1}
	for range maxValueDepth {
		deep = []any{deep}
	}

	for name, tc := range map[string]struct {
		header Header
		args   []any
		want   string
	}{
		"circular map":                {Header{Type: Event}, []any{plain}, "cycle"},
		"circular struct with binary": {Header{Type: Event}, []any{cyclic}, "cycle"},
		"binary too deep":             {Header{Type: Event}, []any{deep}, errValueDepth.Error()},
		"value that JSON lacks":       {Header{Type: Ack}, []any{1, math.NaN()}, "argument 1: json: unsupported value"},
		"type that JSON lacks":        {Header{Type: Connect}, []any{func() {}}, "json: unsupported type"},
		"raw JSON that is none":       {Header{Type: Event}, []any{json.RawMessage(`{]`)}, "argument 0"},
		"binary and bad raw JSON":     {Header{Type: Event}, []any{[]any{[]byte{1}, json.RawMessage(`{]`)}}, "argument 0"},
		"two payloads":                {Header{Type: Connect}, []any{1, 2}, "CONNECT has 2"},
		"no payload":                  {Header{Type: ConnectError}, nil, "CONNECT_ERROR has 0"},
		"payload of a disconnection":  {Header{Type: Disconnect}, []any{1}, "DISCONNECT has 1"},
		"type of the wire":            {Header{Type: BinaryEvent}, nil, "BINARY_EVENT"},
		"no type":                     {Header{Type: 7}, nil, "Type(7)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := JSON{}.Encode(nil, &tc.header, tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v; want an error with %q", got.Text, err, tc.want)
			}
		})
	}
}

func TestEncodeTooManyAttachments(t *testing.T) {
	h := Header{Type: Event, Event: "a"}
	for _, tc := range []struct{ max, n int }{{0, 10}, {1, 1}, {300, 300}} {
		if _, err := (JSON{tc.max}).Encode(nil, &h, make([][]byte, tc.n)); err != nil {
			t.Errorf("limit %d, %d null: %v", tc.max, tc.n, err)
		}
		if _, err := (JSON{tc.max}).Encode(nil, &h, slices.Repeat([][]byte{{}}, tc.n)); err != nil {
			t.Errorf("limit %d, %d attachments: %v", tc.max, tc.n, err)
		}
		_, err := JSON{tc.max}.Encode(nil, &h, slices.Repeat([][]byte{{}}, tc.n+1))
		if !errors.Is(err, ErrTooManyAttachments) {
			t.Errorf("limit %d, %d attachments: got %v, want %v", tc.max, tc.n+1, err, ErrTooManyAttachments)
		}
	}
}

func TestEncodeAsEncodingJSON(t *testing.T) {
	for _, v := range []any{
		nil, true, false, 0, -1, math.MinInt, int64(math.MaxInt64), uint64(math.MaxUint64), uint8(7), 1.5, 1e21, 1e-7,
		float32(0.1), "", "plain", `"`, `\`, "\x00", "\x1f", "\x7f", "é", "\u2028", "\u2029", "a\xffb", "<&>", "🎉",
		"1234567\"", "12345678\n", strings.Repeat("x", 100) + "\t", json.Number("12"), json.RawMessage(` { "a" : [ ] } `),
		json.RawMessage(nil), []byte(nil), [3]byte{1, 2, 3}, []string{"a"}, map[int]bool{1: true}, struct{}{}, (*int)(nil),
	} {
		want, err := appendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		var w writer
		if err := w.arg(v); err != nil || w.attachments != nil || !bytes.Equal(w.text, want) {
			t.Errorf("%#v: got %s with %v, %v; want %s", v, w.text, w.attachments, err, want)
		}
	}
}

func TestTypeString(t *testing.T) {
	for typ, want := range map[Type]string{
		0: "CONNECT", 1: "DISCONNECT", 2: "EVENT", 3: "ACK", 4: "CONNECT_ERROR", 5: "BINARY_EVENT", 6: "BINARY_ACK", 7: "Type(7)",
	} {
		if got := typ.String(); got != want {
			t.Errorf("%d: got %s, want %s", byte(typ), got, want)
		}
	}
}
