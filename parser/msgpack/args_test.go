package msgpack

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// receivedArgs returns the arguments of an event with this one, or with more.
func receivedArgs(t testing.TB, notation string) parser.Args {
	t.Helper()
	p, err := receive(wire(t, event(notation)))
	if err != nil {
		t.Fatal(err)
	}
	return p.Args
}

func TestArgsDecode(t *testing.T) {
	p, err := receive(wire(t, packet("02", "96 a1'e' a1'a' 81a1'B' 920102 03 c40109 c0")))
	if err != nil {
		t.Fatal(err)
	}
	args := p.Args
	if got := args.Len(); got != 5 {
		t.Fatalf("Len: got %d, want 5", got)
	}

	var s string
	var object struct{ B []int }
	var n int
	var data []byte
	untouched := "as before"
	if err := args.Decode(&s, &object, &n, &data, &untouched); err != nil {
		t.Fatal(err)
	}
	if s != "a" || !reflect.DeepEqual(object.B, []int{1, 2}) || n != 3 || string(data) != "\x09" || untouched != "as before" {
		t.Errorf("got %q %v %d %q %q", s, object, n, data, untouched)
	}

	t.Run("leading arguments only", func(t *testing.T) {
		var s string
		if err := args.Decode(&s); err != nil || s != "a" {
			t.Errorf("got %q, %v", s, err)
		}
		if err := args.Decode(); err != nil {
			t.Error(err)
		}
	})
	t.Run("too few arguments", func(t *testing.T) {
		s := "as before"
		var v any
		if err := args.Decode(&s, &v, &v, &v, &v, &v); !errors.Is(err, parser.ErrTooFewArgs) || s != "as before" {
			t.Errorf("got %q, %v; want %v", s, err, parser.ErrTooFewArgs)
		}
	})
	t.Run("error says which argument", func(t *testing.T) {
		var typeError *json.UnmarshalTypeError
		var v any
		err := args.Decode(&v, &n)
		if !errors.As(err, &typeError) || !strings.HasPrefix(err.Error(), "parser: argument 1: json: cannot unmarshal object") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("binary is the caller's own", func(t *testing.T) {
		for range 2 {
			var v any
			var data []byte
			var raw json.RawMessage
			if err := args.Decode(&raw, &v, &v, &data); err != nil || string(data) != "\x09" || string(raw) != `"a"` {
				t.Errorf("got %s %x, %v", raw, data, err)
			}
			clear(data)
			clear(raw)
			var list []any
			if err := receivedArgs(t, "91 c40109").Decode(&list); err != nil || string(list[0].([]byte)) != "\x09" {
				t.Errorf("got %x, %v", list, err)
			}
			clear(list[0].([]byte))
		}
	})
	t.Run("concurrently", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var s string
				var object struct{ B any }
				if err := args.Decode(&s, &object); err != nil || s != "a" {
					t.Errorf("got %q, %v", s, err)
				}
			})
		}
		wg.Wait()
	})
}

// Decoding of what JSON has not, or not so.
func TestArgsDecodeInto(t *testing.T) {
	type file struct {
		Name string    `json:"name"`
		Data []byte    `json:"data,omitempty"`
		Any  any       `json:"any"`
		Time time.Time `json:"time"`
		N    int64
	}
	for _, tc := range []struct {
		behaviour, wire string
		into            any
		want            any // an error if nil
	}{
		{"int64 unharmed", "d38000000000000001", new(int64), int64(math.MinInt64 + 1)},
		{"uint64 unharmed", "cfffffffffffffffff", new(uint64), uint64(math.MaxUint64)},
		{"uint64 beyond int64", "cf8000000000000000", new(int64), nil},
		{"uint64 beyond int", "cf8000000000000000", new(int), nil},
		{"any number", "cf0020000000000001", new(any), float64(1 << 53)},
		{"float of an integer", "cb4014000000000000", new(int), 5},
		{"float of a large integer", "cb43f0000000000000", new(uint64), nil},
		{"float of an integer beyond 2^53", "cb43a0000000000001", new(int64), int64(1<<59 + 128)},
		{"fraction into an integer", "cb3ff8000000000000", new(int), nil},
		{"integer into a float", "05", new(float64), 5.0},
		{"not a number", "cb7ff8000000000000", new(float64), 0.0},
		{"largest float", "cb7fefffffffffffff", new(float64), math.MaxFloat64},
		{"undefined", "d40000", new(string), ""},
		{"undefined member", "82 a1'a' d40000 a1'b' c0", new(map[string]any), map[string]any{"b": nil}},
		{"undefined members only", "82 a1'a' d40000 a1'b' d40000", new(map[string]string), map[string]string{}},
		{"date", "d700 0000018df4dc5495", new(time.Time), time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC)},
		{"date as text", "d700 0000018df4dc5495", new(string), "2024-02-29T12:34:56.789Z"},
		{"date out of Go's range", "d700 000129c58a4e6400", new(time.Time), nil},
		{"binary into text", "c401'a'", new(string), nil},
		{"binary into a number", "c40101", new(int), nil},
		{"binary into raw JSON", "c40101", new(json.RawMessage), nil},
		{"text into binary is base64", "a4'AQID'", new([]byte), []byte{1, 2, 3}},
		{"bytes of any name", "91 c40101", new([]json.RawMessage), nil},
		{"list of binary", "92 c40101 c400", new([][]byte), [][]byte{{1}, {}}},
		{"binary in a struct", "85 a4'name' a1'x' a4'data' c4020102 a3'any' 91 c7010009 a4'time' d700 0000018df4dc5495 a1'n' cf0020000000000001", new(file),
			file{"x", []byte{1, 2}, []any{[]byte{9}}, time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC), 1<<53 + 1}},
		{"text with escapes", "81 a1'a' a7 220a5c1f'é<'", new(map[string]string), map[string]string{"a": "\"\n\\\x1fé<"}},
		{"key with escapes", "81 a2 220a 01", new(map[string]int), map[string]int{"\"\n": 1}},
		{"placeholder of one's own", "92 c40101 82 ac'_placeholder' c3 a3'num' 00", new([2]any), [2]any{[]byte{1}, map[string]any{"_placeholder": true, "num": 0.0}}},
		{"placeholder of one's own with a wrong number", "92 c40101 82 ac'_placeholder' c3 a3'num' 7f", new([2]any), [2]any{[]byte{1}, map[string]any{"_placeholder": true, "num": 127.0}}},
	} {
		t.Run(tc.behaviour+" "+tc.wire, func(t *testing.T) {
			err := receivedArgs(t, tc.wire).Decode(tc.into)
			got := reflect.ValueOf(tc.into).Elem().Interface()
			if tc.want == nil {
				if err == nil || !strings.HasPrefix(err.Error(), "parser: argument 0: ") {
					t.Errorf("got %v, %v; want an error", got, err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %#v, %v; want %#v", got, err, tc.want)
			}
		})
	}
}

// targets are made anew for each use: empty, and with something in them.
var targets = []func() any{
	func() any { return new(string) },
	func() any { return new(bool) },
	func() any { return new(int) },
	func() any { return new(int64) },
	func() any { return new(uint8) },
	func() any { return new(float64) },
	func() any { return new([]byte) },
	func() any { return new(any) },
	func() any { return new(*string) },
	func() any { return new(map[string]any) },
	func() any { return new(map[int]any) },
	func() any { return new([]string) },
	func() any { return new([2]any) },
	func() any { return new(time.Time) },
	func() any { return new(struct{ A, B any }) },
	func() any { s := "before"; return &s },
	func() any { n := 7; return &n },
	func() any { b := []byte("before"); return &b },
	func() any { m := map[string]any{"before": 1}; return &m },
	func() any { s := any(new(string)); return &s },
	func() any { s := any("before"); return &s },
	func() any { return (*string)(nil) },
	func() any { return (*bool)(nil) },
	func() any { return (*int)(nil) },
	func() any { return (*int64)(nil) },
	func() any { return (*float64)(nil) },
	func() any { return (*[]byte)(nil) },
	func() any { return (*any)(nil) },
	func() any { return (*map[string]any)(nil) },
	func() any { return nil },
	func() any { return 7 },
}

// checkAsJSON checks that a value arrives as it does by the JSON parser,
// whatever the target.
func checkAsJSON(t *testing.T, arg any) {
	t.Helper()
	h := parser.Header{Type: parser.Ack}
	e, err := values.Encode(nil, &h, arg)
	if err != nil {
		t.Fatal(err)
	}
	d := values.NewDecoder()
	want, err := d.Text(e.Text)
	for _, a := range e.Attachments {
		want, err = d.Binary(a)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := receive(encode(t, &h, arg))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		gotTarget, wantTarget := target(), target()
		gotErr, wantErr := got.Args.Decode(gotTarget), want.Args.Decode(wantTarget)
		if gotErr != nil && wantErr != nil {
			continue
		}
		if gotErr != nil || wantErr != nil || !reflect.DeepEqual(gotTarget, wantTarget) {
			t.Errorf("%s into %T:\n got %#v, %v\nwant %#v, %v", e.Text, gotTarget, gotTarget, gotErr, wantTarget, wantErr)
		}
	}
}

var jsonTexts = []string{
	`null`, `true`, `false`, `""`, `"a"`, `"\n"`, `"é"`, `"\ud800"`, `"AQID"`, `"2024-01-02T03:04:05Z"`, `"12"`, `"true"`,
	`0`, `7`, `-12`, `255`, `256`, `1.5`, `-1e-7`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`,
	`[]`, `[1,2]`, `[1,"a",null]`, `{}`, `{"a":"x","B":"y"}`, `{"A":1,"a":{},"A":[]}`, `{"7":[{"a":[[]]}],"":1}`, `{"_placeholder":true,"num":0}`,
}

func TestArgsDecodeAsJSON(t *testing.T) {
	for _, text := range jsonTexts {
		checkAsJSON(t, json.RawMessage(text))
	}
	for _, tc := range golden {
		for _, arg := range tc.args {
			checkAsJSON(t, arg)
		}
	}
}

// What is received is sent on as it was, but for what JSON has not.
func TestValuesOf(t *testing.T) {
	for _, tc := range []struct{ received, sent string }{
		{"91 cf1000000000000000", "91 cf1000000000000000"},
		{"91 d38000000000000000", "91 d38000000000000000"},
		{"93 82 a1'b' 01 a1'a' 02 81 a1'd' c40109 c40108", "93 82 a1'b' 01 a1'a' 02 81 a1'd' c40109 c40108"},
		{"91 cb3fb999999999999a", "91 cb3fb999999999999a"},
		{"91 82 ac'_placeholder' c3 a3'num' 00", "91 82 ac'_placeholder' c3 a3'num' 00"},
		{"92 cb4000000000000000 d40000", "92 02 c0"},
	} {
		t.Run(tc.received, func(t *testing.T) {
			p, err := receive(wire(t, packet("03", tc.received)))
			if err != nil {
				t.Fatal(err)
			}
			got := encode(t, &p.Header, parser.ValuesOf(p.Args)...)
			want, err := receive(wire(t, packet("03", tc.sent)))
			if err != nil {
				t.Fatal(err)
			}
			again, err := receive(got)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := again.Args.(*args).raw, want.Args.(*args).raw; !reflect.DeepEqual(got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
		})
	}
}
