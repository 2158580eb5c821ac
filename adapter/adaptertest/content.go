package adaptertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

func base64Packet(data []byte) string { return "b" + base64.StdEncoding.EncodeToString(data) }

type object = map[string]any

var (
	largeText   = strings.Repeat("0123456789abcdef", 8<<10)
	largeBinary = []byte(largeText)
)

var contents = []check{
	{"no arguments", emits("e", nil, `42["e"]`)},
	{"several arguments", emits("e", []any{1, "two", false}, `42["e",1,"two",false]`)},
	{"null", emits("e", []any{nil}, `42["e",null]`)},
	{"nested", emits("e", []any{object{"a": []any{object{"b": nil}, []any{}}}}, `42["e",{"a":[{"b":null},[]]}]`)},
	{"integers of 64 bits", emits("e", []any{uint64(1<<64 - 1), int64(-1 << 63)}, `42["e",18446744073709551615,-9223372036854775808]`)},
	{"fractions", emits("e", []any{0.1, 1e300, -2.5}, `42["e",0.1,1e+300,-2.5]`)},
	{"characters that HTML escapes", emits("e", []any{"<&>"}, `42["e","<&>"]`)},
	{"quotes and control characters", emits("e", []any{"\"\\\n\x01"}, `42["e","\"\\\n\u0001"]`)},
	{"characters of all planes", emits("e", []any{"é 漢 😀"}, `42["e","é 漢 😀"]`)},
	{"an event name with everything", emits(`é "#,[`, nil, `42["é \"#,["]`)},
	{"an empty event name", emits("", nil, `42[""]`)},
	{"what looks like a placeholder", emits("e", []any{object{"_placeholder": true, "num": 7}}, `42["e",{"_placeholder":true,"num":7}]`)},
	{"large text", emits("e", []any{largeText}, fmt.Sprintf(`42["e",%q]`, largeText))},
	{"binary", emits("e", []any{[]byte{0, 1, 0xff}}, `451-["e",{"_placeholder":true,"num":0}]`, base64Packet([]byte{0, 1, 0xff}))},
	{"empty binary", emits("e", []any{[]byte{}}, `451-["e",{"_placeholder":true,"num":0}]`, "b")},
	{"binary that looks like text", emits("e", []any{[]byte(`{"a":1}`)}, `451-["e",{"_placeholder":true,"num":0}]`, base64Packet([]byte(`{"a":1}`)))},
	{"nested binary", emits("e", []any{object{"a": []byte{1}, "b": []any{[]byte{2}, "c"}}, 3},
		`452-["e",{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1},"c"]},3]`, "bAQ==", "bAg==")},
	{"ten attachments", func(w *world) {
		args, want := []any{}, `4510-["e"`
		packets := []string{}
		for i := range 10 {
			args = append(args, []byte{byte(i)})
			want += fmt.Sprintf(`,{"_placeholder":true,"num":%d}`, i)
			packets = append(packets, base64Packet([]byte{byte(i)}))
		}
		emits("e", args, append([]string{want + "]"}, packets...)...)(w)
	}},
	{"large binary", emits("e", []any{largeBinary}, `451-["e",{"_placeholder":true,"num":0}]`, base64Packet(largeBinary))},
}

// sameJSON reports whether packets differ only in how their JSON is written, as
// they may if the bus has another format.
func sameJSON(got, want string) bool {
	gotHead, gotText, _ := strings.Cut(got, "[")
	wantHead, wantText, found := strings.Cut(want, "[")
	var gotValue, wantValue []json.RawMessage
	if !found || gotHead != wantHead || json.Unmarshal([]byte("["+gotText), &gotValue) != nil || json.Unmarshal([]byte("["+wantText), &wantValue) != nil {
		return false
	}
	return slices.EqualFunc(gotValue, wantValue, func(got, want json.RawMessage) bool {
		return string(plain(got)) == string(plain(want))
	})
}

// plain returns JSON with its strings written in one way. Numbers are as they
// were.
func plain(text json.RawMessage) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	text, _ = json.Marshal(v)
	return text
}
