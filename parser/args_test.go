package parser

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// receivedArgs returns the arguments of an event with these arguments in JSON.
func receivedArgs(t testing.TB, args string) Args {
	t.Helper()
	p, err := JSON{}.NewDecoder().Text([]byte(`2["e",` + args + `]`))
	if err != nil {
		t.Fatal(err)
	}
	return p.Args
}

func TestArgsDecode(t *testing.T) {
	args := receivedArgs(t, ` "a" , {"B":[1,2]},3 ,"\u00e9", null`)
	if got := args.Len(); got != 5 {
		t.Fatalf("Len: got %d, want 5", got)
	}

	var s, escaped string
	var object struct{ B []int }
	var n int
	untouched := "as before"
	if err := args.Decode(&s, &object, &n, &escaped, &untouched); err != nil {
		t.Fatal(err)
	}
	if s != "a" || !reflect.DeepEqual(object.B, []int{1, 2}) || n != 3 || escaped != "é" || untouched != "as before" {
		t.Errorf("got %q %v %d %q %q", s, object, n, escaped, untouched)
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
		if err := args.Decode(&s, &v, &v, &v, &v, &v); !errors.Is(err, ErrTooFewArgs) || s != "as before" {
			t.Errorf("got %q, %v; want %v", s, err, ErrTooFewArgs)
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
	t.Run("error stays short", func(t *testing.T) {
		var n int
		if err := receivedArgs(t, strings.Repeat("9", 1000)).Decode(&n); err == nil || len(err.Error()) > 150 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("raw JSON is the caller's own", func(t *testing.T) {
		for range 2 {
			var raw json.RawMessage
			if err := args.Decode(&raw); err != nil || string(raw) != `"a"` {
				t.Errorf("got %s, %v", raw, err)
			}
			clear(raw)
		}
	})
	t.Run("concurrently", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var s string
				var v any
				if err := args.Decode(&s, &v); err != nil || s != "a" {
					t.Errorf("got %q, %v", s, err)
				}
			})
		}
		wg.Wait()
	})
}

// decodeTargets are made anew for each use: empty, and with something in them.
var decodeTargets = []func() any{
	func() any { return new(string) },
	func() any { return new(bool) },
	func() any { return new(int) },
	func() any { return new(int64) },
	func() any { return new(uint8) },
	func() any { return new(float64) },
	func() any { return new(json.RawMessage) },
	func() any { return new([]byte) },
	func() any { return new(any) },
	func() any { return new(*string) },
	func() any { return new(map[string]any) },
	func() any { return new([]int) },
	func() any { return new(time.Time) },
	func() any { return new(struct{ A, B string }) },
	func() any { s := "before"; return &s },
	func() any { b := true; return &b },
	func() any { n := 7; return &n },
	func() any { n := int64(7); return &n },
	func() any { f := 7.5; return &f },
	func() any { raw := json.RawMessage("before"); return &raw },
	func() any { b := []byte("before"); return &b },
	func() any { s := any(new(string)); return &s },
	func() any { return (*string)(nil) },
	func() any { return (*bool)(nil) },
	func() any { return (*int)(nil) },
	func() any { return (*int64)(nil) },
	func() any { return (*float64)(nil) },
	func() any { return (*json.RawMessage)(nil) },
	func() any { return nil },
	func() any { return 7 },
}

func checkDecodesAsEncodingJSON(t *testing.T, text string) {
	t.Helper()
	for _, target := range decodeTargets {
		got, want := target(), target()
		gotErr := receivedArgs(t, text).Decode(got)
		wantErr := json.Unmarshal([]byte(text), want)
		if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s into %T:\n got %#v, %v\nwant %#v, %v", text, got, got, gotErr, want, wantErr)
		}
	}
}

func TestArgsDecodeAsEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, `false`, `""`, `"a"`, `"\n"`, `"é"`, `"\ud800"`, `"AQID"`, `"2024-01-02T03:04:05Z"`, `"12"`, `"true"`,
		`0`, `-0`, `7`, `-12`, `255`, `256`, `1.0`, `1e2`, `1.5`, `1e400`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`,
		`[]`, `[1, 2]`, `{}`, `{"a" : "x", "B":"y"}`, `{"A":1,"B":"y"}`,
	} {
		checkDecodesAsEncodingJSON(t, text)
	}
	if math.MaxInt == math.MaxInt64 {
		var n int
		if err := receivedArgs(t, `9223372036854775807`).Decode(&n); err != nil || n != math.MaxInt {
			t.Errorf("got %d, %v", n, err)
		}
	}
}

func TestHandOver(t *testing.T) {
	d := JSON{}.NewDecoder()
	if _, err := d.Text([]byte(`51-["file",{"_placeholder":true,"num":0}]`)); err != nil {
		t.Fatal(err)
	}
	p, err := d.Binary([]byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	decode := func() (data []byte) {
		t.Helper()
		if err := p.Args.Decode(&data); err != nil || string(data) != "data" {
			t.Fatalf("got %q, %v", data, err)
		}
		return data
	}
	copied, again := decode(), decode()
	p.Args.(interface{ HandOver() }).HandOver()
	given := decode()
	if &copied[0] == &again[0] || &again[0] == &given[0] {
		t.Error("a decoded value is not the caller's alone")
	}
	if &given[0] != &decode()[0] {
		t.Error("the attachment is copied after HandOver")
	}
}
