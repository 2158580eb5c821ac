package parser

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// scanText reports whether text is one JSON value.
func scanText(text []byte) bool {
	end, err := scanValue(text, 0, 0)
	return err == nil && skipSpace(text, end) == len(text)
}

var jsonTexts = []string{
	``, ` `, `{}`, `[]`, ` { } `, "\t[\n]\r", `{"a":1}`, `{"a":1,"b":[2,{"c":null}]}`, `[1,2]`, `[[],{},[{}]]`,
	`{`, `[`, `}`, `]`, `{]`, `[}`, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `[1 2]`, `[1:2]`, `[]]`, `{}{}`, `1,2`, `{"a":[}`, `{"a":[1}]`,
	`true`, `false`, `null`, `tru`, `truex`, `True`, `nul`, `nullnull`, `fals`, `[true,false,null]`,
	`0`, `-0`, `1`, `-1`, `01`, `-01`, `00`, `1.`, `.1`, `1.5`, `-1.5e10`, `1e5`, `1E+5`, `1e-5`, `1e`, `1e+`, `1.e5`, `+1`, `-`, `--1`, `1-`, `0x1`, `1a`, `0e0`, `0.0`, `Infinity`, `NaN`, `123456789012345678901234567890`,
	`""`, `"a"`, `"`, `"a`, `"\"`, `"\""`, `"\\"`, `"\/\b\f\n\r\t"`, `"\a"`, `"\u"`, `"\u12"`, `"\u123`, `"\u1234"`, `"\uabCD"`, `"\uABCG"`, `"\u12 4"`, `"\U1234"`, `"\ud800"`, `'a'`,
	"\"\x00\"", "\"\x1f\"", "\"\x20\"", "\"\x7f\"", "\"\x80\"", "\"\xff\xfe\"", "\"é✓🎉\"", "\"1234567\n\"", "\"12345678\n\"", "\"1234567\\n\"", "\"éééé\x1fé\"",
	"\"\x21\x22", "\"!!!!!!!!\"", "\"\x5b\x5c\x5d\"", "\ufeff{}", "[1]\x00", "\v1", "[1\f]", `{"a":1 , "b":2 }`, `{"a":1}}`, `[{"a":[{"b":[]}]}]`,
	`"` + strings.Repeat("x", 1000) + `"`, nestedObjects(100), nested(maxDepth), nestedObjects(maxDepth),
}

func nestedObjects(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

func TestScanAsEncodingJSON(t *testing.T) {
	for _, text := range jsonTexts {
		t.Run(clip(text), func(t *testing.T) {
			if got, want := scanText([]byte(text)), json.Valid([]byte(text)); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestScanEnd(t *testing.T) {
	for text, want := range map[string]int{
		`1,2`: 1, ` "a" ,`: 4, `[1,[2]],3`: 7, `{"a":{}} `: 8, `true]`: 4, `1.5e3}`: 5,
	} {
		if end, err := scanValue([]byte(text), 0, 0); end != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", text, end, err, want)
		}
	}
}

func TestScanDepth(t *testing.T) {
	for _, text := range []string{nested(maxDepth + 1), nestedObjects(maxDepth + 1), strings.Repeat("[", 1e6)} {
		if end, err := scanValue([]byte(text), 0, 0); !errors.Is(err, errDepth) {
			t.Errorf("%s: got %d, %v; want %v", clip(text), end, err, errDepth)
		}
	}
	if _, err := scanValue([]byte(nested(maxDepth)), 0, 1); !errors.Is(err, errDepth) {
		t.Errorf("inside an array: got %v, want %v", err, errDepth)
	}
}
