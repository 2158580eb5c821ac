package parser

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// receive gives a packet to a decoder, message by message. Those before the
// last must yield nothing.
func receive(t *testing.T, d Decoder, text string, attachments ...[]byte) (*Packet, error) {
	t.Helper()
	buf := []byte(text) // overwritten after each call: a decoder may keep nothing of it
	p, err := d.Text(buf)
	clear(buf)
	for _, a := range attachments {
		if p != nil || err != nil {
			t.Fatalf("%s: got %v, %v before the last attachment", text, p, err)
		}
		buf = append(buf[:0], a...)
		p, err = d.Binary(buf)
		clear(buf)
	}
	return p, err
}

// decodeAny decodes all arguments into empty interfaces.
func decodeAny(p *Packet) ([]any, error) {
	if p.Args == nil {
		return nil, nil
	}
	values := make([]any, p.Args.Len())
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	return values, p.Args.Decode(into...)
}

// decodeAll is decodeAny for arguments that are right.
func decodeAll(t *testing.T, p *Packet) []any {
	t.Helper()
	values, err := decodeAny(p)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestDecode(t *testing.T) {
	d := JSON{}.NewDecoder()
	for _, tc := range packets {
		t.Run(tc.behaviour+" "+tc.wire, func(t *testing.T) {
			p, err := receive(t, d, tc.wire, tc.attachments...)
			if err != nil {
				t.Fatal(err)
			}
			if p.Header != tc.header {
				t.Errorf("header: got %+v, want %+v", p.Header, tc.header)
			}
			for range 2 { // it can be repeated
				if got := decodeAll(t, p); !reflect.DeepEqual(got, tc.args) {
					t.Errorf("arguments: got %v, want %v", got, tc.args)
				}
			}
		})
	}
}

// What no encoder writes and a decoder has to know all the same.
func TestDecodeOnly(t *testing.T) {
	long := "/" + strings.Repeat("n", MaxNamespace-1)
	for _, tc := range []struct {
		behaviour, wire string
		want            Header
		args            []any
	}{
		{"namespace to the end", `0/admin`, Header{Namespace: "/admin"}, nil},
		{"main namespace by name", `0/,{}`, Header{Namespace: "/"}, []any{map[string]any{}}},
		{"longest namespace", `0` + long, Header{Namespace: long}, nil},
		{"integer as event name", `2[1,"a"]`, Header{Type: Event, Namespace: "/", Event: "1"}, []any{"a"}},
		{"number as event name", `2[-1.5e3]`, Header{Type: Event, Namespace: "/", Event: "-1.5e3"}, nil},
		{"escaped event name", `2["\u00e9\/"]`, Header{Type: Event, Namespace: "/", Event: "é/"}, nil},
		{"long event name", `2["` + strings.Repeat("a", 99) + `"]`, Header{Type: Event, Namespace: "/", Event: strings.Repeat("a", 99)}, nil},
		{"longest event name", `2["\u00e9` + strings.Repeat("a", MaxEventName-2) + `"]`, Header{Type: Event, Namespace: "/", Event: "é" + strings.Repeat("a", MaxEventName-2)}, nil},
		{"ack id with zeros", `2007["a"]`, Header{Type: Event, Namespace: "/", ID: 7, HasID: true, Event: "a"}, nil},
		{"ack id of a disconnection", `112`, Header{Type: Disconnect, Namespace: "/", ID: 12, HasID: true}, nil},
		{"ack without id", `3[1]`, Header{Type: Ack, Namespace: "/"}, []any{1.0}},
		{"white space", "2 [ \"a\" ,\t1 , [ ] ] \r\n", Header{Type: Event, Namespace: "/", Event: "a"}, []any{1.0, []any{}}},
		{"empty array with white space", `3[ ]`, Header{Type: Ack, Namespace: "/"}, nil},
		{"deepest nesting", `2["a",` + nested(maxDepth-1) + `]`, Header{Type: Event, Namespace: "/", Event: "a"}, []any{nestedValue(maxDepth - 1)}},
	} {
		t.Run(tc.behaviour+" "+clip(tc.wire), func(t *testing.T) {
			p, err := receive(t, JSON{}.NewDecoder(), tc.wire)
			if err != nil {
				t.Fatal(err)
			}
			if p.Header != tc.want {
				t.Errorf("header: got %+v, want %+v", p.Header, tc.want)
			}
			if got := decodeAll(t, p); !reflect.DeepEqual(got, tc.args) {
				t.Errorf("arguments: got %v, want %v", got, tc.args)
			}
		})
	}
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func nestedValue(depth int) any {
	v := []any{}
	for range depth - 1 {
		v = []any{v}
	}
	return v
}

func clip(s string) string {
	return s[:min(len(s), 40)]
}

func TestDecodeInvalid(t *testing.T) {
	for behaviour, wires := range map[string][]string{
		"unknown type":                  {``, `7`, `9["a"]`, `x`, `-1`, " 2[\"a\"]", "\x00"},
		"bad JSON":                      {`0{`, `2x`, `2["a"`, `2["a",`, `2["a",]`, `2[,]`, `2["a"]]`, `2["a"] x`, `2["a" "b"]`, `2["a"}`, `0{} x`, `0{"a":01}`, "2[\x00]", "3[1\x01]"},
		"CONNECT payload no object":     {`0""`, `0[]`, `0null`, `0true`, `0 `},
		"DISCONNECT with a payload":     {`1{}`, `1"x"`, `1/admin,x`, `1 `},
		"EVENT payload no array":        {`2`, `2 `, `2{}`, `2"a"`, `2null`, `2-1["a"]`, `2/a["b"]`},
		"EVENT without a name":          {`2[]`, `2[ ]`},
		"event name of the wrong type":  {`2[true]`, `2[null]`, `2[{}]`, `2[["a"]]`},
		"reserved event name":           {`2["connect"]`, `2["connect_error"]`, `2["disconnect"]`, `2["disconnecting"]`, `2["newListener"]`, `2["removeListener"]`, `2["\u0063onnect",1]`},
		"ACK payload no array":          {`3`, `312`, `312{}`, `312"a"`},
		"CONNECT_ERROR payload":         {`4`, `41`, `4[]`, `4null`, `42["a"]`},
		"bad binary packet":             {`5`, `6`},
		"illegal attachment count":      {`5-`, `5["a"]`, `51["a"]`, `51`, `50-["a"]`, `60-[]`, `5a-["a"]`, `5-1-["a"]`, `5+1-["a"]`, `5 1-["a"]`, `51.0-["a"]`, `51e0-["a"]`},
		"binary packet without payload": {`51-`, `61-/admin,12`},
		"binary packet of bad JSON":     {`51-{}`, `51-["a",{"_placeholder":true,"num":0}`},
		"ack id beyond 2^53-1":          {`29007199254740992["a"]`, `299999999999999999999999["a"]`},
		"namespace too long":            {`0/` + strings.Repeat("n", MaxNamespace), `1/` + strings.Repeat("n", MaxNamespace) + `,`},
		"event name too long":           {`2["` + strings.Repeat("a", MaxEventName+1) + `"]`, `2["\u00e9` + strings.Repeat("a", MaxEventName-1) + `"]`, `2[1` + strings.Repeat("0", MaxEventName) + `]`},
		"nesting too deep":              {`2["a",` + nested(maxDepth) + `]`, `0{"a":` + nested(maxDepth) + `}`, `3` + strings.Repeat(`[{"a":`, 1e5)},
		"not UTF-8":                     {"2[\"\xff\"]", "0/\xc0,", "2[\"a\",\"\xed\xa0\x80\"]"},
	} {
		for _, wire := range wires {
			t.Run(behaviour+" "+clip(wire), func(t *testing.T) {
				d := JSON{}.NewDecoder()
				p, err := d.Text([]byte(wire))
				if p != nil || !errors.Is(err, ErrInvalidPacket) {
					t.Fatalf("got %+v, %v; want %v", p, err, ErrInvalidPacket)
				}
				if len(err.Error()) > 100 {
					t.Errorf("long error: %v", err)
				}
				if p, err := receive(t, d, `2["a"]`); err != nil || p.Event != "a" {
					t.Errorf("next packet: %v, %v", p, err)
				}
			})
		}
	}
}

func TestDecodeInvalidPlaceholder(t *testing.T) {
	for _, placeholder := range []string{
		`{"_placeholder":true,"num":"0"}`,
		`{"_placeholder":true,"num":1}`,
		`{"_placeholder":true,"num":-1}`,
		`{"_placeholder":true,"num":0.5}`,
		`{"_placeholder":true,"num":0.0}`,
		`{"_placeholder":true,"num":0e0}`,
		`{"_placeholder":true,"num":1e400}`,
		`{"_placeholder":true,"num":99999999999999999999}`,
		`{"_placeholder":true,"num":null}`,
		`{"_placeholder":true,"num":[0]}`,
		`{"_placeholder":true,"num":{"_placeholder":true,"num":0}}`,
		`{"_placeholder":true}`,
		`{"_placeholder":true,"num":0,"num":1}`,
		`[{"a":{"_placeholder":true,"num":1}}]`,
	} {
		t.Run(placeholder, func(t *testing.T) {
			d := JSON{}.NewDecoder()
			p, err := d.Text([]byte(`51-["a",` + placeholder + `]`))
			if p != nil || !errors.Is(err, ErrInvalidPacket) || !strings.Contains(err.Error(), "illegal attachments") {
				t.Errorf("got %+v, %v; want illegal attachments", p, err)
			}
		})
	}
}

func TestDecodeTooManyAttachments(t *testing.T) {
	for _, tc := range []struct {
		max  int
		wire string
	}{
		{0, `511-["a"]`}, {0, `599999999999999999999999-["a"]`}, {2, `53-["a"]`}, {2, `63-[]`},
	} {
		t.Run(tc.wire, func(t *testing.T) {
			p, err := JSON{tc.max}.NewDecoder().Text([]byte(tc.wire))
			if p != nil || !errors.Is(err, ErrTooManyAttachments) {
				t.Errorf("got %+v, %v; want %v", p, err, ErrTooManyAttachments)
			}
		})
	}
	if p, err := (JSON{300}).NewDecoder().Text([]byte(`5300-["a"]`)); p != nil || err != nil {
		t.Errorf("300 of 300: got %+v, %v; want to wait", p, err)
	}
}

func TestDecodeOutOfOrder(t *testing.T) {
	d := JSON{}.NewDecoder()
	attachment := []byte{1}

	t.Run("attachment without header", func(t *testing.T) {
		if p, err := d.Binary(attachment); p != nil || !errors.Is(err, ErrInvalidPacket) {
			t.Errorf("got %v, %v", p, err)
		}
	})
	t.Run("text while attachments are awaited", func(t *testing.T) {
		receive(t, d, `52-["a"]`, attachment)
		if p, err := d.Text([]byte(`2["b"]`)); p != nil || !errors.Is(err, ErrInvalidPacket) {
			t.Errorf("got %v, %v", p, err)
		}
	})
	t.Run("attachment after an error", func(t *testing.T) {
		if p, err := d.Binary(attachment); p != nil || !errors.Is(err, ErrInvalidPacket) {
			t.Errorf("got %v, %v", p, err)
		}
	})
	t.Run("attachment too many", func(t *testing.T) {
		if p, err := receive(t, d, `51-["a",1]`, attachment); err != nil || p.Event != "a" {
			t.Errorf("got %v, %v", p, err)
		}
		if p, err := d.Binary(attachment); p != nil || !errors.Is(err, ErrInvalidPacket) {
			t.Errorf("got %v, %v", p, err)
		}
	})
	t.Run("decoding resumes", func(t *testing.T) {
		p, err := receive(t, d, `51-["a",{"_placeholder":true,"num":0}]`, attachment)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decodeAll(t, p), []any{attachment}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Each packet keeps its own namespace and name, though the decoder uses them
// again.
func TestDecodeRepeatedNames(t *testing.T) {
	d := JSON{}.NewDecoder()
	var got []string
	for _, wire := range []string{`2/a,["x"]`, `2/a,["x"]`, `2/b,["x"]`, `2["y"]`, `2/b,["y"]`} {
		p, err := receive(t, d, wire)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Namespace+" "+p.Event)
	}
	if want := []string{"/a x", "/a x", "/b x", "/ y", "/b y"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
