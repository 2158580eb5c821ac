package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
)

// A pattern makes payloads that say who sent them and as which one, filled up
// with bytes that no other payload near it has in the same place: what is
// lost, doubled, swapped, mixed up or damaged cannot be equal to what is expected.
type pattern []byte

const patternSize = 1 << 10

var (
	letters = newPattern(func(r *rand.Rand) byte { return 'a' + byte(r.IntN(26)) })
	octets  = newPattern(func(r *rand.Rand) byte { return byte(r.Uint32()) })
)

func newPattern(next func(*rand.Rand) byte) pattern {
	r := rand.New(rand.NewPCG(1, 2))
	p := make(pattern, patternSize)
	for i := range p {
		p[i] = next(r)
	}
	return p
}

// append appends the payload of size bytes, at least 20, that a sender sends as its seq-th.
func (p pattern) append(b []byte, sender, seq, size int) []byte {
	end := len(b) + size
	b = appendDigits(b, sender, 8)
	b = append(b, '.')
	b = appendDigits(b, seq, 10)
	b = append(b, '.')
	for offset := (seq*31 + sender) % patternSize; len(b) < end; offset = 0 {
		b = append(b, p[offset:min(patternSize, offset+end-len(b))]...)
	}
	return b
}

func appendDigits(b []byte, n, width int) []byte {
	b = slices.Grow(b, width)[:len(b)+width]
	for i := len(b) - 1; width > 0; i, width = i-1, width-1 {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}

// verify compares what a client has got with what it had to get next.
func verify(c *client, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("client %d got %s, want %s", c.id, abridged(got), abridged(want))
}

// trimmed is a packet without the line feed that encoding/json puts after what
// it writes to a stream: the one difference between servers that is tolerated.
func trimmed(packet []byte) []byte { return bytes.TrimSuffix(packet, []byte("\n")) }

// withoutOffset is a packet without the last argument of an event, if that is
// the event's offset.
func (f *fleet) withoutOffset(packet []byte) ([]byte, error) {
	if !f.target.Offsets || len(packet) == 0 || packet[0] != '2' && packet[0] != '5' {
		return packet, nil
	}
	start := bytes.LastIndex(packet, []byte(`,"`))
	if start < 0 || !bytes.HasSuffix(packet, []byte(`"]`)) {
		return nil, fmt.Errorf("no offset in %s", abridged(packet))
	}
	return append(packet[:start], ']'), nil
}

func abridged(b []byte) string {
	const limit = 140
	if len(b) > limit {
		return fmt.Sprintf("%q… (%d bytes)", b[:limit/4], len(b)) // quoted, a byte may take four
	}
	return fmt.Sprintf("%q", b)
}
