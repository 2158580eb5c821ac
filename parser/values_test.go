package parser

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var manyAttachments = JSON{MaxAttachments: 1 << 20}

// sameEncoded reports whether both have the same text and attachments.
func sameEncoded(a, b Encoded) bool {
	return string(a.Text) == string(b.Text) && strings.Join(asStrings(a.Attachments), "\x00") == strings.Join(asStrings(b.Attachments), "\x00") &&
		len(a.Attachments) == len(b.Attachments)
}

func show(e Encoded) string { return fmt.Sprintf("%s %q", e.Text, e.Attachments) }

// checkSentOn checks that what a packet contains can be sent on as it is, any
// number of times.
func checkSentOn(t *testing.T, p *Packet) {
	t.Helper()
	h := Header{Type: Ack}
	first, err := manyAttachments.EncodePayload(nil, &h, ValuesOf(p.Args)...)
	if errors.Is(err, errLookalike) {
		return
	}
	if err != nil {
		t.Fatalf("%+v: %v", p, err)
	}
	again, err := manyAttachments.DecodePayload(Ack, first)
	if err != nil {
		t.Fatalf("%s: %v", show(first), err)
	}
	second, err := manyAttachments.EncodePayload(nil, &h, ValuesOf(again.Args)...)
	if err != nil || !sameEncoded(first, second) {
		t.Errorf("got %s, %v; want %s", show(second), err, show(first))
	}
	want, wantErr := decodeAny(p)
	got, err := decodeAny(again)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v, %v", got, err, want, wantErr)
	}
}

// A payload is a packet without its head, in both directions.
func TestPayload(t *testing.T) {
	for _, tc := range packets {
		t.Run(tc.behaviour, func(t *testing.T) {
			whole, err := JSON{}.Encode([]byte("before"), &tc.header, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := JSON{}.EncodePayload([]byte("before"), &tc.header, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := strings.CutPrefix(string(payload.Text), "before")
			if !strings.HasSuffix(string(whole.Text), text) || len(payload.Attachments) != len(whole.Attachments) {
				t.Errorf("got %s of %s", show(payload), show(whole))
			}
			payload.Text = []byte(text)
			p, err := JSON{}.DecodePayload(tc.header.Type, payload)
			clear(payload.Text)
			if err != nil {
				t.Fatal(err)
			}
			if got := decodeAll(t, p); p.Event != tc.header.Event || !reflect.DeepEqual(got, tc.args) {
				t.Errorf("got %q %v, want %q %v", p.Event, got, tc.header.Event, tc.args)
			}
			checkSentOn(t, p)
		})
	}
}

func TestDecodePayloadInvalid(t *testing.T) {
	for _, tc := range []struct {
		text        string
		attachments [][]byte
		want        error
	}{
		{"", nil, ErrInvalidPacket},
		{"2", nil, ErrInvalidPacket},
		{`{}`, nil, ErrInvalidPacket},
		{`[]`, nil, ErrInvalidPacket},
		{`["disconnect"]`, nil, ErrInvalidPacket},
		{`["a"]x`, nil, ErrInvalidPacket},
		{"[\"a\xff\"]", nil, ErrInvalidPacket},
		{`["a",{"_placeholder":true,"num":1}]`, [][]byte{{1}}, ErrInvalidPacket},
		{`["a"]`, make([][]byte, 11), ErrTooManyAttachments},
	} {
		if _, err := (JSON{}).DecodePayload(Event, Encoded{Text: []byte(tc.text), Attachments: tc.attachments}); !errors.Is(err, tc.want) {
			t.Errorf("%q: got %v, want %v", tc.text, err, tc.want)
		}
	}
}

func TestOneValue(t *testing.T) {
	for _, v := range []any{nil, true, 1.5, "a", []any{1.0, "b"}, []byte("x"), map[string]any{"data": []any{[]byte("x"), []byte("")}}} {
		e, err := JSON{}.EncodeValue(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		e.Text = append(append([]byte(" "), e.Text...), '\n')
		args, err := JSON{}.DecodeValue(e)
		clear(e.Text)
		if err != nil {
			t.Fatal(err)
		}
		if got := decodeAll(t, &Packet{Args: args}); !reflect.DeepEqual(got, []any{v}) {
			t.Errorf("got %v, want %v", got, v)
		}
	}
	for _, text := range []string{"", " ", "1 2", "[", "1,2", "\"\xff\"", strings.Repeat("[", 600)} {
		if _, err := (JSON{}).DecodeValue(Encoded{Text: []byte(text)}); !errors.Is(err, ErrInvalidPacket) {
			t.Errorf("%.20q: got %v", text, err)
		}
	}
	if _, err := (JSON{}).EncodeValue(nil, make([][]byte, 0)); err != nil {
		t.Error(err)
	}
	if _, err := (JSON{}).EncodeValue(nil, [11][]byte{0: {}, 1: {}, 2: {}, 3: {}, 4: {}, 5: {}, 6: {}, 7: {}, 8: {}, 9: {}, 10: {}}); !errors.Is(err, ErrTooManyAttachments) {
		t.Errorf("got %v, want %v", err, ErrTooManyAttachments)
	}
	if _, err := (JSON{}).EncodeValue(nil, func() {}); err == nil {
		t.Error("a function is encoded")
	}
}

// counted counts how often it is encoded.
type counted struct{ n *int }

func (c counted) MarshalJSON() ([]byte, error) { *c.n++; return []byte(`{"n": 1}`), nil }

type envelope struct {
	From  string
	Value any
	Same  *Value
	More  map[string]any
}

// A value that has been encoded goes wherever the value itself may go.
func TestEncodeOnce(t *testing.T) {
	n := 0
	given := []any{1, "a\n", []byte("first"), map[string]any{"b": []byte("second"), "c": []byte{}}, counted{&n}, nil, []byte(nil), [][]byte{[]byte("third")}}
	encoded, err := EncodeOnce(given...)
	if err != nil {
		t.Fatal(err)
	}
	h := Header{Type: Event, Event: "e", ID: 7, HasID: true, Namespace: "/chat"}
	for range 3 {
		got, err := JSON{}.Encode(nil, &h, encoded...)
		if err != nil {
			t.Fatal(err)
		}
		if n != 1 {
			t.Fatalf("encoded %d times", n)
		}
		want, err := JSON{}.Encode(nil, &h, given...)
		if err != nil || !sameEncoded(got, want) {
			t.Errorf("got %s, want %s", show(got), show(want))
		}
		n = 1
	}
	t.Run("twice is once", func(t *testing.T) {
		if again, err := EncodeOnce(encoded...); err != nil || !reflect.DeepEqual(again, encoded) {
			t.Errorf("got %v, %v", again, err)
		}
	})
	t.Run("within other values", func(t *testing.T) {
		for i, v := range encoded {
			value := v.(*Value)
			got, err := JSON{}.Encode(nil, &h, []byte("before"), envelope{"x", v, value, map[string]any{"k": *value}}, &[]any{v})
			if err != nil {
				t.Fatal(err)
			}
			g := given[i]
			type plain struct {
				From  string
				Value any
				Same  any
				More  map[string]any
			}
			want, err := JSON{}.Encode(nil, &h, []byte("before"), plain{"x", g, g, map[string]any{"k": g}}, &[]any{g})
			if err != nil || !sameEncoded(got, want) {
				t.Errorf("got %s, want %s", show(got), show(want))
			}
		}
	})
	t.Run("by encoding/json", func(t *testing.T) {
		for i, v := range encoded {
			got, err := json.Marshal(map[string]any{"pointer": v, "value": *v.(*Value)})
			if err != nil {
				t.Fatal(err)
			}
			want, _ := json.Marshal(map[string]any{"pointer": given[i], "value": given[i]})
			if string(got) != string(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
	t.Run("for other parsers", func(t *testing.T) {
		for i, v := range encoded {
			plain, err := v.(*Value).Plain()
			if err != nil {
				t.Fatal(err)
			}
			got, _ := JSON{}.EncodeValue(nil, plain)
			want, _ := JSON{}.EncodeValue(nil, given[i])
			if !sameEncoded(got, want) {
				t.Errorf("got %s, want %s", show(got), show(want))
			}
		}
	})
	t.Run("nothing", func(t *testing.T) {
		for _, v := range []any{(*Value)(nil), new(Value), Value{}} {
			if got, err := (JSON{}).EncodeValue(nil, v); err != nil || string(got.Text) != "null" {
				t.Errorf("%#v: got %s, %v", v, got.Text, err)
			}
			if got, err := json.Marshal(v); err != nil || string(got) != "null" {
				t.Errorf("%#v: got %s, %v", v, got, err)
			}
		}
		if plain, err := (*Value)(nil).Plain(); plain != nil || err != nil {
			t.Errorf("got %v, %v", plain, err)
		}
	})
	t.Run("an error names the argument", func(t *testing.T) {
		if _, err := EncodeOnce(1, func() {}); err == nil || !strings.HasPrefix(err.Error(), "parser: argument 1: ") {
			t.Errorf("got %v", err)
		}
	})
}

// What is received is sent on as it was written.
func TestValuesOf(t *testing.T) {
	for _, tc := range []struct{ received, sent string }{
		{`3[1152921504606846976,-0.0,1e400,1.50]`, `3[1152921504606846976,-0.0,1e400,1.50]`},
		{`3[{"b":1,"a":2,"b":3,"10":0,"9":0}]`, `3[{"b":1,"a":2,"b":3,"10":0,"9":0}]`},
		{`3["\u00e9\ud800é` + "\u2028" + `<&>"]`, `3["\u00e9\ud800é` + "\u2028" + `<&>"]`},
		{"3[ { \"a b\" : [ 1 ,\t\"x y\" ] } ,\r\n null ]", `3[{"a b":[1,"x y"]},null]`},
		{`3[{"_placeholder":true,"num":0}]`, `3[{"_placeholder":true,"num":0}]`},
		{`63-[{"z":{"num":1,"_placeholder":true},"a":12345678901234567890},{"_placeholder":true,"num":0},[ {"_placeholder":true,"num":2} ]]`,
			`63-[{"z":{"_placeholder":true,"num":0},"a":12345678901234567890},{"_placeholder":true,"num":1},[{"_placeholder":true,"num":2}]]`},
	} {
		t.Run(tc.received, func(t *testing.T) {
			attachments := map[string][][]byte{"6": {{0}, {1}, {2}}}[tc.received[:1]]
			p, err := receive(t, JSON{}.NewDecoder(), tc.received, attachments...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := JSON{}.Encode(nil, &p.Header, ValuesOf(p.Args)...)
			if err != nil || string(got.Text) != tc.sent {
				t.Errorf("got %s, %v; want %s", got.Text, err, tc.sent)
			}
			if attachments != nil && fmt.Sprint(got.Attachments) != "[[1] [0] [2]]" {
				t.Errorf("attachments %v", got.Attachments)
			}
		})
	}
	t.Run("of nothing", func(t *testing.T) {
		if got := ValuesOf(nil); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("of a parser that knows no Value", func(t *testing.T) {
		for _, text := range []string{`3[{"b":1,"a":[ ]}]`, `61-["x",{"_placeholder":true,"num":0}]`} {
			p, err := receive(t, JSON{}.NewDecoder(), text, map[string][][]byte{"6": {{1}}}[text[:1]]...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := JSON{}.Encode(nil, &p.Header, ValuesOf(struct{ Args }{p.Args})...)
			if want := strings.ReplaceAll(text, "[ ]", "[]"); err != nil || string(got.Text) != want {
				t.Errorf("got %s, %v; want %s", got.Text, err, want)
			}
		}
	})
	t.Run("of a parser that knows no JSON", func(t *testing.T) {
		got, err := JSON{}.EncodeValue(nil, ValuesOf(bytesAsRaw{})[0])
		if err != nil || fmt.Sprint(got.Attachments) != "[[1 2]]" {
			t.Errorf("got %s, %v", show(got), err)
		}
	})
	t.Run("that cannot be decoded", func(t *testing.T) {
		values := ValuesOf(undecodable{})
		if len(values) != 2 {
			t.Fatalf("got %v", values)
		}
		if _, err := (JSON{}).EncodeValue(nil, values[1]); !errors.Is(err, errUndecodable) {
			t.Errorf("got %v", err)
		}
		if _, err := (JSON{}).EncodeValue(nil, []any{values[1]}); !errors.Is(err, errUndecodable) {
			t.Errorf("within a value: got %v", err)
		}
		if _, err := values[1].(*Value).Plain(); !errors.Is(err, errUndecodable) {
			t.Errorf("plain: got %v", err)
		}
	})
}

// A string of a client that looks like what stands for an attachment does not
// become one of another packet.
func TestValuesOfForgedToken(t *testing.T) {
	d := JSON{}.NewDecoder()
	first, err := receive(t, d, `61-[{"_placeholder":true,"num":0}]`, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	token := string(first.Args.(*jsonArgs).text)
	for _, forged := range []string{
		`61-[{"_placeholder":true,"num":0},` + strings.Replace(token, token[21:25], "AAAB", 1) + `]`,
		`61-[{"_placeholder":true,"num":0},"x` + token[1:] + `]`,
		`61-[{"_placeholder":true,"num":0},` + token[:len(token)-1] + `x"]`,
		`61-[{"_placeholder":true,"num":0},` + token[:21] + `"]`,
	} {
		p, err := receive(t, d, forged, []byte("mine"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := JSON{}.Encode(nil, &p.Header, ValuesOf(p.Args)...)
		if !errors.Is(err, errToken) {
			t.Errorf("%s: got %s, %v", forged, show(got), err)
		}
	}
}

// bytesAsRaw takes a json.RawMessage for the []byte that it is.
type bytesAsRaw struct{}

func (bytesAsRaw) Len() int { return 1 }

func (bytesAsRaw) Decode(into ...any) error {
	switch p := into[0].(type) {
	case *json.RawMessage:
		*p = []byte{1, 2}
	case *any:
		*p = []byte{1, 2}
	}
	return nil
}

var errUndecodable = errors.New("undecodable")

type undecodable struct{}

func (undecodable) Len() int            { return 2 }
func (undecodable) Decode(...any) error { return errUndecodable }

// Whatever EncodePayload accepts, DecodePayload accepts, too.
func TestPayloadsAtTheLimits(t *testing.T) {
	nested := func(open, inner, end string, n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(open, n) + inner + strings.Repeat(end, n))
	}
	many := make([]map[string]string, 2*maxDepth)
	for i := range many {
		many[i] = map[string]string{"[{": "}]"}
	}
	for what, tc := range map[string]struct {
		h   Header
		arg any
		ok  bool
	}{
		"the longest name":          {Header{Type: Event, Event: strings.Repeat("e", MaxEventName)}, 1, true},
		"a name that is too long":   {Header{Type: Event, Event: strings.Repeat("e", MaxEventName+1)}, 1, false},
		"the deepest arrays":        {Header{Type: Event, Event: "e"}, nested("[", "", "]", maxDepth-1), true},
		"arrays too deep":           {Header{Type: Event, Event: "e"}, nested("[", "", "]", maxDepth), false},
		"the deepest objects":       {Header{Type: Ack}, nested(`{"a":`, "1", "}", maxDepth-1), true},
		"objects too deep":          {Header{Type: Ack}, nested(`{"a":`, "1", "}", maxDepth), false},
		"much, but not deep":        {Header{Type: Ack}, many, true},
		"brackets in a string":      {Header{Type: Ack}, strings.Repeat("[", 2*maxDepth), true},
		"too deep behind a bracket": {Header{Type: Ack}, nested("[", `"]]]]",[]`, "]", maxDepth-1), false},
		"binary in the depth":       {Header{Type: Ack}, []any{nested("[", "", "]", maxDepth-1), []byte{1}}, false},
	} {
		t.Run(what, func(t *testing.T) {
			payload, err := JSON{}.EncodePayload(nil, &tc.h, tc.arg)
			if (err == nil) != tc.ok {
				t.Fatalf("EncodePayload: %v", err)
			}
			if !tc.ok {
				return
			}
			if _, err := (JSON{}).DecodePayload(tc.h.Type, payload); err != nil {
				t.Errorf("DecodePayload: %v", err)
			}
		})
	}
}
