package nats

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

func TestTokens(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "=",
		"chat-1_B":               "chat-1_B",
		"/":                      "=2F",
		"a.b*>":                  "a=2Eb=2A=3E",
		"=":                      "=3D",
		"é \n":                   "=C3=A9=20=0A",
		strings.Repeat("a", 512): strings.Repeat("a", 512),
		strings.Repeat("a", 513): "==AkJcD1sNq_PSuRFfP3cjoCrYvPsVNKDSMWFP1CuBiPY",
	} {
		if got := token(name); got != want {
			t.Errorf("token(%.20q) = %q, want %q", name, got, want)
		}
	}
	if token(strings.Repeat("é", 300)) == token(strings.Repeat("é", 301)) {
		t.Error("two long names have one token")
	}
}

func TestPrefixes(t *testing.T) {
	for prefix, valid := range map[string]bool{
		"socketio": true, "prod.chat": true, "a b": false, "a..b": false, ".": false, "*": false, "a.>": false, "a\n": false,
		strings.Repeat("a", 513): false,
	} {
		if validPrefix(prefix) != valid {
			t.Errorf("prefix %.20q: valid is %v", prefix, !valid)
		}
	}
}

func TestNewRefusesAPrefix(t *testing.T) {
	if _, err := New("nats://127.0.0.1:1", &Options{Prefix: "a b"}); err == nil {
		t.Error("no error")
	}
}

// send packs a message, splits it, and puts it together again.
func send(t *testing.T, to *assembler, m parser.Encoded, limit int) (got parser.Encoded, parts int) {
	t.Helper()
	all, err := split(pack(m), limit)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range all {
		if len(part) > limit {
			t.Errorf("a part of %d bytes, want %d at most", len(part), limit)
		}
		packed, err := to.add(part)
		if err != nil || (packed != nil) != (i == len(all)-1) {
			t.Fatalf("part %d of %d: %d bytes, %v", i, len(all), len(packed), err)
		}
		if packed != nil {
			if got, err = unpack(packed); err != nil {
				t.Fatal(err)
			}
		}
	}
	return got, len(all)
}

func TestMessagesArriveAsTheyWere(t *testing.T) {
	text := []byte(`{"type":3}`)
	for name, m := range map[string]parser.Encoded{
		"text":              {Text: text},
		"binary":            {Text: text, Attachments: [][]byte{{1, 2}, {3}}},
		"empty attachments": {Text: text, Attachments: [][]byte{{}, {}}},
		"long":              {Text: bytes.Repeat([]byte("{"), 5000), Attachments: [][]byte{bytes.Repeat([]byte{7}, 3000)}},
	} {
		t.Run(name, func(t *testing.T) {
			var a assembler
			for _, limit := range []int{100, 1000, 1 << 20} {
				got, parts := send(t, &a, m, limit)
				if !reflect.DeepEqual(got, m) {
					t.Errorf("in %d parts: %.80v, want %.80v", parts, got, m)
				}
				if size := len(pack(m)); (parts > 1) != (size > limit) {
					t.Errorf("%d bytes in %d parts of %d", size, parts, limit)
				}
			}
			if len(a.partial) > 0 {
				t.Errorf("%d messages are kept", len(a.partial))
			}
		})
	}
}

func TestMessagesOfEachLength(t *testing.T) {
	var a assembler
	for size := 1; size < 300; size++ {
		m := parser.Encoded{Text: bytes.Repeat([]byte("{"), size)}
		if got, parts := send(t, &a, m, 60); !reflect.DeepEqual(got, m) {
			t.Errorf("%d bytes in %d parts: got %d bytes", size, parts, len(got.Text))
		}
	}
}

func TestLostParts(t *testing.T) {
	m := parser.Encoded{Text: bytes.Repeat([]byte("{"), 500)}
	var a assembler
	for lost := range 6 {
		parts, err := split(pack(m), 100+partHead)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range parts {
			if i == lost {
				continue
			}
			if packed, err := a.add(part); (packed != nil) != (lost >= len(parts) && i == len(parts)-1) || err != nil {
				t.Errorf("without part %d: %d bytes after part %d, %v", lost, len(packed), i, err)
			}
		}
	}
	for range 100 { // only first parts
		parts, err := split(pack(m), 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.add(parts[0]); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.partial) > maxPartial {
		t.Errorf("%d incomplete messages are kept", len(a.partial))
	}
}

func TestTooLargeToSend(t *testing.T) {
	if _, err := split(make([]byte, maxMessage+1), 1<<20); err == nil {
		t.Error("no error")
	}
}

// FuzzReceive has the bus deliver anything.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"type":3}`), []byte{})
	f.Add([]byte{withBinary, 2, '{', '}', 1, 7}, []byte{})
	f.Add([]byte("\x02aaaaaaaa\x00\x02abcdefghijklmnopqrstuvw"), []byte("\x02aaaaaaaa\x01\x02abcdefghijklmnopqrstuvw"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a assembler
		for _, data := range [][]byte{first, second, first} {
			packed, err := a.add(data)
			if err != nil || packed == nil {
				continue
			}
			if m, err := unpack(packed); err == nil && len(m.Text) > len(packed) {
				t.Error("more bytes than there were")
			}
		}
	})
}
