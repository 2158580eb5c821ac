package msgpack

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/goroomcast/socketio/parser"
)

// FuzzDecode wants a packet of the protocol or an error of the package out of
// any message, for memory in proportion to it.
func FuzzDecode(f *testing.F) {
	for _, message := range goldenMessages(f) {
		f.Add(message)
	}
	for _, arg := range []string{"dd 00000002 8090", "da 0001 61", "c9 00000001 00 07", "ca 7f800000", "83 a0c0 a0d40000 a0 80", "92 c400 82 ac'_placeholder' c3 a3'num' 00"} {
		f.Add(wire(f, event(arg)))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var p *parser.Packet
		var err error
		limit := 64<<10 + 3*uint64(len(message))
		if n := allocated(func() { p, err = receive(message) }); n > limit {
			t.Errorf("%d bytes allocated for %d received", n, len(message))
		}
		if err != nil {
			if p != nil || !errors.Is(err, parser.ErrInvalidPacket) && !errors.Is(err, parser.ErrTooManyAttachments) {
				t.Errorf("packet %v with error %v", p, err)
			}
			return
		}
		checkPacket(t, p, 64<<10+200*uint64(len(message)))
	})
}

// checkPacket checks that a packet is valid, that both ways of decoding agree
// and take limited memory, and that it can be encoded and decoded again.
func checkPacket(t *testing.T, p *parser.Packet, limit uint64) {
	t.Helper()
	if p.Type > parser.ConnectError || p.Check() != nil {
		t.Errorf("invalid packet %+v", p)
	}
	var values []any
	var err error
	if n := allocated(func() { values, err = decodeAny(p.Args) }); n > limit {
		t.Errorf("%d bytes allocated to decode, limit is %d", n, limit)
	}
	if err != nil {
		t.Fatalf("%+v: %v", p, err)
	}
	if p.Args != nil {
		raw := p.Args.(*args)
		asJSON, err := raw.asJSON(raw.n)
		if err != nil {
			t.Fatalf("%x as JSON: %v", raw.raw, err)
		}
		if byJSON, err := decodeAny(asJSON); err != nil || !reflect.DeepEqual(byJSON, values) {
			t.Errorf("%x: got %v by JSON, %v; want %v", raw.raw, byJSON, err, values)
		}
	}
	if looksLikePlaceholder(values) {
		return
	}
	if p.Args != nil {
		on, err := receive(encode(t, &p.Header, parser.ValuesOf(p.Args)...))
		if err != nil {
			t.Fatalf("sent on: %v", err)
		}
		if got := decodeAll(t, on); !reflect.DeepEqual(got, values) {
			t.Errorf("sent on: got %v, want %v", got, values)
		}
	}
	message := encode(t, &p.Header, values...)
	again, err := receive(message)
	if err != nil {
		t.Fatalf("%x: %v", message, err)
	}
	if again.Header != p.Header || !reflect.DeepEqual(decodeAll(t, again), values) {
		t.Errorf("%x: got %+v, want %+v", message, again, p)
	}
}

// looksLikePlaceholder reports whether there is a map in v that is refused
// beside binary.
func looksLikePlaceholder(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, elem := range v {
			if looksLikePlaceholder(elem) {
				return true
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return true
		}
		for _, elem := range v {
			if looksLikePlaceholder(elem) {
				return true
			}
		}
	}
	return false
}

// FuzzRoundTrip encodes what JSON can, with binary in it, and wants it back.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(0), false, "", "message", "hello", []byte("x"), int64(1), 1.5)
	f.Add(uint64(456), true, "admin,b", "é\u2028\"\\\n", "<&>🎉", []byte{}, int64(math.MinInt64), 1e300)
	f.Fuzz(func(t *testing.T, id uint64, hasID bool, namespace, event, text string, data []byte, n int64, x float64) {
		namespace = "/" + namespace
		for _, s := range []string{namespace, event, text} {
			if !utf8.ValidString(s) {
				t.Skip()
			}
		}
		if (&parser.Packet{Header: parser.Header{Type: parser.Event, Namespace: namespace, Event: event}}).Check() != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			t.Skip()
		}
		type value struct {
			Text string
			Data []byte
			Any  any
			List []float64
			N    uint64 `json:"n,omitempty"`
		}
		h := parser.Header{Type: parser.Event, Namespace: namespace, HasID: hasID, Event: event}
		if hasID {
			h.ID = id % (parser.MaxID + 1)
		}
		want := value{text, data, map[string]any{text: []any{data, text, x, nil}}, []float64{x}, id}

		message := encode(t, &h, text, n, x, data, want)
		p, err := receive(message)
		if err != nil {
			t.Fatalf("%x: %v", message, err)
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
			t.Fatalf("%x: %v", message, err)
		}
		if gotText != text || gotN != n || gotX != x || !bytes.Equal(gotData, data) || !reflect.DeepEqual(got, want) {
			t.Errorf("%x: got %q %d %g %q %+v", message, gotText, gotN, gotX, gotData, got)
		}
	})
}

// FuzzArgsDecode compares this parser with the JSON parser for one value and
// many targets.
func FuzzArgsDecode(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if len(text) > 200 || json.Unmarshal([]byte(text), &v) != nil {
			t.Skip()
		}
		if x, ok := v.(float64); ok && (math.Abs(x) >= 1<<63 || x == 0 && math.Signbit(x)) {
			t.Skip() // the digits of JSON may be beyond an int64 though the number is not, and -0 is no unsigned integer
		}
		checkAsJSON(t, v) // rather than text: MessagePack does not tell 10 from 1e1
	})
}
