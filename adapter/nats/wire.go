package nats

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/goroomcast/socketio/parser"
)

// A NATS message contains one of three forms. Its first byte tells which:
//
//	{           the JSON of an adapter.Message, without binary
//	1           the same with binary: the length of the JSON, the JSON, then the
//	            length and the bytes of each attachment
//	2           a part of a larger message: 8 bytes that the parts share, the
//	            number of the part from 0 on, the number of parts, then the bytes
//
// Lengths and numbers are those of encoding/binary's AppendUvarint.
const (
	withBinary = 1
	onePart    = 2
)

// maxMessage bounds what is put together of parts.
const maxMessage = 64 << 20

var (
	errMalformed = errors.New("malformed message")
	errTooLarge  = errors.New("message of more than 64 MiB")
)

// pack returns the bytes of a message.
func pack(m parser.Encoded) []byte {
	if len(m.Attachments) == 0 {
		return m.Text
	}
	size := 1 + binary.MaxVarintLen64 + len(m.Text)
	for _, a := range m.Attachments {
		size += binary.MaxVarintLen64 + len(a)
	}
	packed := append(make([]byte, 0, size), withBinary)
	packed = appendBytes(packed, m.Text)
	for _, a := range m.Attachments {
		packed = appendBytes(packed, a)
	}
	return packed
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// unpack is the inverse of pack. The result shares the bytes.
func unpack(packed []byte) (parser.Encoded, error) {
	switch {
	case len(packed) == 0:
		return parser.Encoded{}, errMalformed
	case packed[0] != withBinary:
		return parser.Encoded{Text: packed}, nil
	}
	text, rest, ok := cutBytes(packed[1:])
	if !ok {
		return parser.Encoded{}, errMalformed
	}
	m := parser.Encoded{Text: text}
	for len(rest) > 0 {
		var a []byte
		if a, rest, ok = cutBytes(rest); !ok {
			return parser.Encoded{}, errMalformed
		}
		m.Attachments = append(m.Attachments, a)
	}
	return m, nil
}

func cutBytes(from []byte) (b, rest []byte, ok bool) {
	size, n := binary.Uvarint(from)
	if n <= 0 || size > uint64(len(from)-n) {
		return nil, nil, false
	}
	from = from[n:]
	return from[:size:size], from[size:], true
}

// partHead is how many bytes a part needs beside its share of the message.
const partHead = 1 + 8 + 2*binary.MaxVarintLen64

// split returns a message in parts of at most limit bytes; the message itself
// if it fits.
func split(packed []byte, limit int) ([][]byte, error) {
	switch {
	case len(packed) <= limit:
		return [][]byte{packed}, nil
	case len(packed) > maxMessage, limit <= partHead:
		return nil, errTooLarge
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	shares := slices.Collect(slices.Chunk(packed, limit-partHead))
	parts := make([][]byte, len(shares))
	for i, share := range shares {
		part := append(make([]byte, 0, limit), onePart)
		part = append(part, id[:]...)
		part = binary.AppendUvarint(part, uint64(i))
		part = binary.AppendUvarint(part, uint64(len(shares)))
		parts[i] = append(part, share...)
	}
	return parts, nil
}

// maxPartial is how many messages may be incomplete at a time. The parts of
// one server follow each other, so there are more only if parts got lost.
const maxPartial = 16

// An assembler puts parts together. Its zero value is ready to use.
type assembler struct {
	partial []*partial // oldest first
}

type partial struct {
	id    [8]byte
	next  uint64 // the number of the part that must follow
	bytes []byte
}

// add takes what NATS delivers and returns the message that is complete with
// it, or nil.
func (a *assembler) add(data []byte) (packed []byte, err error) {
	if len(data) == 0 || data[0] != onePart {
		return data, nil
	}
	if len(data) < 9 {
		return nil, errMalformed
	}
	id := [8]byte(data[1:9])
	index, n := binary.Uvarint(data[9:])
	if n <= 0 {
		return nil, errMalformed
	}
	count, m := binary.Uvarint(data[9+n:])
	if m <= 0 || index >= count {
		return nil, errMalformed
	}
	p := a.find(id, index)
	if p == nil {
		return nil, nil // an earlier part got lost
	}
	p.bytes = append(p.bytes, data[9+n+m:]...)
	if p.next++; p.next < count && len(p.bytes) <= maxMessage {
		return nil, nil
	}
	a.partial = slices.DeleteFunc(a.partial, func(other *partial) bool { return other == p })
	if p.next < count {
		return nil, errTooLarge
	}
	return p.bytes, nil
}

// find returns the message that a part belongs to, a new one for the first
// part.
func (a *assembler) find(id [8]byte, index uint64) *partial {
	at := slices.IndexFunc(a.partial, func(p *partial) bool { return p.id == id })
	switch {
	case at >= 0 && a.partial[at].next == index:
		return a.partial[at]
	case at >= 0:
		a.partial = slices.Delete(a.partial, at, at+1)
		return nil
	case index != 0:
		return nil
	case len(a.partial) == maxPartial:
		a.partial = slices.Delete(a.partial, 0, 1)
	}
	p := &partial{id: id}
	a.partial = append(a.partial, p)
	return p
}
