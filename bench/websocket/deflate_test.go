package websocket

import (
	"bytes"
	"testing"
)

func TestDeflater(t *testing.T) {
	var d Deflater
	for _, message := range []string{"", "a", string(bytes.Repeat([]byte("many times "), 10_000)), "in the end"} {
		wire := AppendMasked(nil, Text|Compressed, 1, d.Deflate([]byte(message[:len(message)/2]), []byte(message[len(message)/2:])))
		f, n, err := Cut(wire)
		if err != nil || n != len(wire) || !f.Compressed || f.Opcode != Text {
			t.Fatalf("%d bytes: frame %+v, %v", len(message), f.Opcode, err)
		}
		if got, err := d.Inflate(nil, f.Payload); err != nil || string(got) != message {
			t.Errorf("%d bytes: got %d, %v", len(message), len(got), err)
		}
	}
	if _, err := d.Inflate(nil, []byte{0xFF, 0xFF}); err == nil {
		t.Error("no error for what is not compressed")
	}
	// "Hello" as in RFC 7692, section 7.2.3.1
	if got, err := d.Inflate(nil, []byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}); err != nil || string(got) != "Hello" {
		t.Errorf("got %q, %v", got, err)
	}
}
