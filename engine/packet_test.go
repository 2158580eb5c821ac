package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// decodePayload is what a POST's body means, on a copy of it.
func decodePayload(payload string) (packets []packet, err error) {
	rest := []byte(payload)
	for more := true; more; more = rest != nil {
		var p packet
		if p, rest, err = nextPacket(rest); err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
	return packets, nil
}

func (p packet) String() string { return fmt.Sprintf("%c%s", p.kind, p.data) }

func TestDecodePayload(t *testing.T) {
	for wire, want := range map[string][]string{
		"4":                         {"4"},
		"4hello":                    {"4hello"},
		"4€😀":                       {"4€😀"},
		"2":                         {"2"},
		"3probe":                    {"3probe"},
		"4hello\x1e2\x1e4world":     {"4hello", "2", "4world"},
		"4\x1e4":                    {"4", "4"},
		"b":                         {"b"},
		"bAQIDBA==":                 {"b\x01\x02\x03\x04"},
		"4hello\x1ebAQIDBA==\x1e4x": {"4hello", "b\x01\x02\x03\x04", "4x"},
		"4bAQIDBA==":                {"4bAQIDBA=="},
		"0\x1e1\x1e5\x1e6":          {"0", "1", "5", "6"},
	} {
		t.Run(wire, func(t *testing.T) {
			packets, err := decodePayload(wire)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range packets {
				got = append(got, p.String())
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestDecodePayloadRefuses(t *testing.T) {
	for _, wire := range []string{
		"", "7", "a", "hello", "\x1e", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b", " 4", "\x004",
		"bAQIDBA", "bAQIDBA=", "b====", "b*", "bAQ_-", "B",
	} {
		t.Run(wire, func(t *testing.T) {
			if packets, err := decodePayload(wire); err == nil {
				t.Errorf("decodes to %q", packets)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 126)
	for _, c := range []struct {
		name      string
		text      []byte
		binaries  [][]byte
		websocket string
		polling   string
	}{
		{"text", []byte("hi"), nil, "\x81\x034hi", "4hi"},
		{"empty text", []byte{}, nil, "\x81\x014", "4"},
		{"binary", nil, [][]byte{{1, 2, 3, 4}}, "\x82\x04\x01\x02\x03\x04", "bAQIDBA=="},
		{"empty binary", nil, [][]byte{{}}, "\x82\x00", "b"},
		{"both", []byte("hi"), [][]byte{{1}, {2}}, "\x81\x034hi\x82\x01\x01\x82\x01\x02", "4hi\x1ebAQ==\x1ebAg=="},
		{"long", long, nil, "\x81\x7e\x00\x7f4" + string(long), "4" + string(long)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMessage(c.text, c.binaries...)
			if got := string(m.frame); got != c.websocket {
				t.Errorf("frames %q, want %q", got, c.websocket)
			}
			if m.Size() != len(c.websocket) || cap(m.frame) != m.Size() {
				t.Errorf("size %d, capacity %d, want %d", m.Size(), cap(m.frame), len(c.websocket))
			}
			if got := string(appendPayload(nil, m)); got != c.polling {
				t.Errorf("payload %q, want %q", got, c.polling)
			}
			if got, want := string(appendPayload([]byte("2"), m)), "2\x1e"+c.polling; got != want {
				t.Errorf("payload %q, want %q", got, want)
			}
		})
	}
}

func TestOpenPacket(t *testing.T) {
	o := (&Options{PingInterval: 1500 * time.Millisecond}).withDefaults()
	got := string(openPacket("abc", []string{"websocket"}, &o))
	want := `0{"sid":"abc","upgrades":["websocket"],"pingInterval":1500,"pingTimeout":20000,"maxPayload":1000000}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := openPacket("abc", []string{}, &o); !json.Valid(got[1:]) || !bytes.Contains(got, []byte(`"upgrades":[]`)) {
		t.Errorf("got %s", got)
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if len(id) != 20 || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

// Whatever decodes is the same after it has been encoded and decoded again.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"4hello", "2probe", "4a\x1e4b", "bAQIDBA==", "4€\x1eb\x1e6", "b\n\n", "", "\x1e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		packets, err := decodePayload(payload)
		if err != nil {
			return
		}
		var encoded []byte
		for _, p := range packets {
			m := newPacket(append([]byte{p.kind}, p.data...))
			switch p.kind {
			case packetMessage:
				m = NewMessage(p.data)
			case packetBinary:
				m = NewMessage(nil, p.data)
			}
			encoded = appendPayload(encoded, m)
		}
		again, err := decodePayload(string(encoded))
		if err != nil {
			t.Fatalf("%q, from %q: %v", encoded, payload, err)
		}
		if fmt.Sprintf("%q", again) != fmt.Sprintf("%q", packets) {
			t.Errorf("%q decodes to %q, then to %q", payload, packets, again)
		}
	})
}
