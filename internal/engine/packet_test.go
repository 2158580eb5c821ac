package engine

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

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
			if got := encodePayload(&payload{}, m); got != c.polling {
				t.Errorf("payload %q, want %q", got, c.polling)
			}
			if got, want := encodePayload(&payload{}, newPacket([]byte("2")), m), "2\x1e"+c.polling; got != want {
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
