package parser

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScan compares the scanner with encoding/json's, which knows no limit of
// depth that matters here.
func FuzzScan(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := scanValue(text, 0, 0)
		if got, want := scanText(text), json.Valid(text); got != want && !errors.Is(err, errDepth) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	})
}

// FuzzDecode gives a decoder messages, separated by bytes 0xff: texts, or after
// 0xfe binaries. Whatever comes out is a packet of the protocol, and whatever
// goes wrong is an error of the package.
func FuzzDecode(f *testing.F) {
	for _, p := range packets {
		f.Add([]byte(strings.Join(append([]string{p.wire}, asStrings(p.attachments)...), "\xff\xfe")))
	}
	f.Add([]byte("51-[\"a\",{\"num\":0,\"_placeholder\":true}]\xff\xfex\xff2[1]\xff0/a?b=c"))
	f.Add([]byte(`2["a",6E55555]`))
	f.Add([]byte("52-[\"a\",[{\"_placeholder\":true,\"num\":1}],{\"a\":{}}]\xff\xfe\xff\xfe\xff\xfe"))
	f.Fuzz(func(t *testing.T, messages []byte) {
		d := JSON{}.NewDecoder()
		for message := range bytes.SplitSeq(messages, []byte{0xff}) {
			receiveMessage := d.Text
			if len(message) > 0 && message[0] == 0xfe {
				message, receiveMessage = message[1:], d.Binary
			}
			p, err := receiveMessage(message)
			if err != nil {
				if p != nil || !errors.Is(err, ErrInvalidPacket) && !errors.Is(err, ErrTooManyAttachments) {
					t.Errorf("%q: packet %v with error %v", message, p, err)
				}
				continue
			}
			if p != nil {
				checkPacket(t, p)
			}
		}
	})
}

func asStrings(attachments [][]byte) []string {
	var all []string
	for _, a := range attachments {
		all = append(all, string(a))
	}
	return all
}

// checkPacket checks that a packet is valid and can be encoded and decoded
// again.
func checkPacket(t *testing.T, p *Packet) {
	t.Helper()
	if p.Check() != nil {
		t.Errorf("invalid packet %+v", p)
	}
	checkSentOn(t, p)
	args, err := decodeAny(p)
	if typeError := new(json.UnmarshalTypeError); errors.As(err, &typeError) {
		return // a number beyond float64
	}
	if err != nil {
		t.Fatalf("%+v: %v", p, err)
	}
	e, err := JSON{MaxAttachments: 1 << 20}.Encode(nil, &p.Header, args...)
	if err != nil {
		t.Fatalf("%+v with %v: %v", p, args, err)
	}
	again, err := receive(t, JSON{MaxAttachments: 1 << 20}.NewDecoder(), string(e.Text), e.Attachments...)
	if err != nil {
		t.Fatalf("%s: %v", e.Text, err)
	}
	if again.Header != p.Header || !reflect.DeepEqual(decodeAll(t, again), args) {
		t.Errorf("%s: got %+v, want %+v", e.Text, again, p)
	}
}

// FuzzRoundTrip encodes what encoding/json can, with binary in it, and wants it
// back.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(0), false, "", "message", "hello", []byte("x"), int64(1), 1.5)
	f.Add(uint64(456), true, "admin", "é\u2028\"\\\n", "<&>🎉", []byte{}, int64(-1), 1e300)
	f.Fuzz(func(t *testing.T, id uint64, hasID bool, namespace, event, text string, data []byte, n int64, x float64) {
		namespace = "/" + strings.ReplaceAll(namespace, ",", "")
		for _, s := range []string{namespace, event, text} {
			if !utf8.ValidString(s) {
				t.Skip()
			}
		}
		if len(namespace) > MaxNamespace || len(event) > MaxEventName || ReservedEvent(event) || math.IsNaN(x) || math.IsInf(x, 0) {
			t.Skip()
		}
		type value struct {
			Text string
			Data []byte
			Any  any
			List []float64
		}
		h := Header{Type: Event, Namespace: namespace, HasID: hasID, Event: event}
		if hasID {
			h.ID = id % (MaxID + 1)
		}
		want := value{text, data, map[string]any{text: []any{data, text, x, nil}}, []float64{x}}

		e, err := JSON{}.Encode(nil, &h, text, n, x, data, want)
		if err != nil {
			t.Fatal(err)
		}
		p, err := receive(t, JSON{}.NewDecoder(), string(e.Text), e.Attachments...)
		if err != nil {
			t.Fatalf("%s: %v", e.Text, err)
		}
		if p.Header != h {
			t.Errorf("header: got %+v, want %+v", p.Header, h)
		}
		var gotText string
		var gotN int64
		var gotX float64
		var gotData []byte
		var got value
		if err := p.Args.Decode(&gotText, &gotN, &gotX, &gotData, &got); err != nil {
			t.Fatalf("%s: %v", e.Text, err)
		}
		if gotText != text || gotN != n || gotX != x || !bytes.Equal(gotData, data) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q %d %g %q %+v", e.Text, gotText, gotN, gotX, gotData, got)
		}
	})
}

// FuzzArgsDecode compares Args with encoding/json for one JSON text and many
// targets.
func FuzzArgsDecode(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !scanText([]byte(text)) || !utf8.ValidString(text) || len(text) > 200 {
			t.Skip()
		}
		checkDecodesAsEncodingJSON(t, strings.Trim(text, " \t\r\n"))
	})
}
