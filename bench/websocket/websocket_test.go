package websocket

import (
	"bytes"
	"errors"
	"testing"
)

func TestFrames(t *testing.T) {
	for _, size := range []int{0, 1, 3, 7, 8, 125, 126, 127, 1000, 65535, 65536, 100_000} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(i * 7)
		}
		for name, wire := range map[string][]byte{
			"server": Append(nil, Binary, payload),
			"client": AppendMasked(nil, Binary, 0x1CEB00DA, payload[:size/3], payload[size/3:]),
		} {
			for _, cut := range []int{0, 1, 2, 5, len(wire) / 2, len(wire) - 1} {
				if _, n, err := Cut(bytes.Clone(wire[:min(cut, len(wire)-1)])); n != 0 || err != nil {
					t.Errorf("%s, %d bytes: %d of them are a frame of %d: %v", name, size, cut, n, err)
				}
			}
			f, n, err := Cut(append(bytes.Clone(wire), 0x81))
			if err != nil || n != len(wire) || !f.Final || f.Opcode != Binary || !bytes.Equal(f.Payload, payload) {
				t.Errorf("%s, %d bytes: got opcode %d, %d bytes of %d: %v", name, size, f.Opcode, n, len(wire), err)
			}
		}
	}
}

func TestMaskedBytes(t *testing.T) { // RFC 6455, section 5.7
	want := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	if got := AppendMasked(nil, Text, 0x3d21fa37, []byte("Hello")); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestReservedBits(t *testing.T) {
	if _, _, err := Cut([]byte{0xA1, 0x00}); !errors.Is(err, errReserved) {
		t.Errorf("got %v", err)
	}
}

func TestAccept(t *testing.T) { // RFC 6455, section 1.3
	if got, want := Accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
