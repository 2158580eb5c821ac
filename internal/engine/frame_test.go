package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"
)

func TestParseFrameHeader(t *testing.T) {
	const mask = "\x01\x02\x03\x04"
	for _, c := range []struct {
		wire   string
		final  bool
		opcode byte
		length int
	}{
		{"\x81\x80" + mask, true, opText, 0},
		{"\x81\xfd" + mask, true, opText, 125},
		{"\x81\xfe\x00\x7e" + mask, true, opText, 126},
		{"\x82\xfe\xff\xff" + mask, true, opBinary, 65535},
		{"\x02\xff\x00\x00\x00\x00\x00\x01\x00\x00" + mask, false, opBinary, 65536},
		{"\x00\x81" + mask, false, opContinuation, 1},
		{"\x88\x82" + mask, true, opClose, 2},
		{"\x89\xfd" + mask, true, opPing, 125},
		{"\x8a\x80" + mask, true, opPong, 0},
	} {
		t.Run(fmt.Sprintf("% x", c.wire), func(t *testing.T) {
			for n := range len(c.wire) {
				if _, size, err := parseFrameHeader([]byte(c.wire[:n]), 1<<20, 0); size != 0 || err != nil {
					t.Fatalf("after %d bytes: size %d, %v", n, size, err)
				}
			}
			h, size, err := parseFrameHeader([]byte(c.wire+"payload"), 1<<20, 0)
			if err != nil || size != len(c.wire) {
				t.Fatalf("size %d, %v", size, err)
			}
			want := frameHeader{c.final, false, c.opcode, c.length, [4]byte{1, 2, 3, 4}}
			if h != want {
				t.Errorf("got %+v, want %+v", h, want)
			}
		})
	}
}

func TestParseFrameHeaderRefuses(t *testing.T) {
	for _, c := range []struct {
		wire string
		want error
	}{
		{"\xc1\x80", errReservedBits},
		{"\xa1\x80", errReservedBits},
		{"\x91\x80", errReservedBits},
		{"\x83\x80", errOpcode},
		{"\x87\x80", errOpcode},
		{"\x8b\x80", errOpcode},
		{"\x8f\x80", errOpcode},
		{"\x81\x00", errUnmasked},
		{"\x09\x80", errControl},
		{"\x89\xfe", errControl},
		{"\x88\xff", errControl},
		{"\x81\xfe\x00\x7d", errLength},
		{"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", errLength},
		{"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", errLength},
		{"\x81\xfe\x03\xe9", errMessageTooBig},
		{"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", errMessageTooBig},
	} {
		t.Run(fmt.Sprintf("% x", c.wire), func(t *testing.T) {
			if h, size, err := parseFrameHeader([]byte(c.wire), 1000, 0); !errors.Is(err, c.want) {
				t.Errorf("got %+v, size %d, %v, want %v", h, size, err, c.want)
			}
		})
	}
}

// With an extension RSV1 may be set, on the first frame of a message.
func TestParseCompressedFrameHeader(t *testing.T) {
	const mask = "\x01\x02\x03\x04"
	for wire, want := range map[string]error{
		"\xc1\x81" + mask: nil, "\x42\x81" + mask: nil,
		"\x40\x81" + mask: errReservedBits, "\xc0\x81" + mask: errReservedBits,
		"\xc8\x81" + mask: errReservedBits, "\xc9\x81" + mask: errReservedBits, "\xca\x81" + mask: errReservedBits,
		"\xe1\x81" + mask: errReservedBits, "\xd1\x81" + mask: errReservedBits,
	} {
		h, _, err := parseFrameHeader([]byte(wire), 1000, rsv1)
		if !errors.Is(err, want) || err == nil && !h.compressed {
			t.Errorf("% x: %+v, %v, want %v", wire, h, err, want)
		}
	}
}

// A control frame's length does not count against the limit, which may be
// all but used up by fragments.
func TestLimitSparesControlFrames(t *testing.T) {
	if h, _, err := parseFrameHeader([]byte("\x89\xfd...."), 0, 0); err != nil || h.length != 125 {
		t.Errorf("length %d, %v", h.length, err)
	}
}

func TestAppendFrameHeader(t *testing.T) {
	for length, want := range map[uint64]string{
		0:       "\x81\x00",
		125:     "\x81\x7d",
		126:     "\x81\x7e\x00\x7e",
		65535:   "\x81\x7e\xff\xff",
		65536:   "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
		1 << 24: "\x81\x7f\x00\x00\x00\x00\x01\x00\x00\x00",
		1 << 32: "\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00",
	} {
		if length > math.MaxInt {
			continue // on 32 bits there is none
		}
		length := int(length)
		if got := appendFrameHeader(nil, opText, length); string(got) != want || frameHeaderSize(length) != len(want) {
			t.Errorf("%d: % x, want % x", length, got, want)
		}
	}
}

func TestUnmask(t *testing.T) {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for n := range 40 {
		masked, want := make([]byte, n), make([]byte, n)
		for i := range n {
			masked[i] = byte(i)
			want[i] = byte(i) ^ mask[i%4]
		}
		if unmask(masked, mask); !bytes.Equal(masked, want) {
			t.Errorf("%d bytes: % x, want % x", n, masked, want)
		}
	}
}

func TestCloseCode(t *testing.T) {
	allowed := map[int]bool{1000: true, 1001: true, 1002: true, 1003: true, 1007: true, 1008: true, 1009: true,
		1010: true, 1011: true, 1012: true, 1013: true, 1014: true}
	for code := range 1 << 16 {
		body := binary.BigEndian.AppendUint16(nil, uint16(code))
		got, err := closeCode(body)
		if want := allowed[code] || code >= 3000 && code <= 4999; want != (err == nil) || want && got != code {
			t.Fatalf("%d: got %d, %v", code, got, err)
		}
	}
	for body, want := range map[string]error{"": nil, "\x03": errCloseFrame, "\x03\xe8\xff": errUTF8, "\x03\xe8ok": nil} {
		if _, err := closeCode([]byte(body)); !errors.Is(err, want) {
			t.Errorf("% x: %v, want %v", body, err, want)
		}
	}
	if got := appendCloseFrame(nil, closeNormal); string(got) != "\x88\x02\x03\xe8" {
		t.Errorf("close 1000 is % x", got)
	}
	if got := appendCloseFrame(nil, closeNoStatus); string(got) != "\x88\x00" {
		t.Errorf("close without a code is % x", got)
	}
}
