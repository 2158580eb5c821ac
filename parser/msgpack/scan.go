package msgpack

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goroomcast/socketio/parser"
)

var (
	errDepth   = errors.New("MessagePack nested too deeply")
	errUTF8    = errors.New("text is not UTF-8")
	errKey     = errors.New("key is not text")
	errPacket  = errors.New("packet is not a map")
	errExcess  = errors.New("more than one value")
	errTooMany = fmt.Errorf("%w: limit is %d", parser.ErrTooManyAttachments, maxBinaries)
)

// fields are those of a packet in MessagePack, nil where missing.
type fields struct {
	typ, data, nsp, id []byte
}

// scanPacket checks a message. That it is a packet is all it says of the
// fields.
func scanPacket(data []byte) (fields, error) {
	s := scanner{rest: data}
	f, err := s.packet()
	switch {
	case errors.Is(err, errTooMany):
		return fields{}, err
	case err != nil:
		return fields{}, invalid("%w at byte %d", err, len(data)-len(s.rest))
	}
	return f, nil
}

// scanner checks MessagePack in one pass and allocates nothing.
type scanner struct {
	rest     []byte // what is to be checked; with an error, the offending value and what follows it
	binaries int
	anyText  bool // also text that is not UTF-8
}

// packet checks a map and what ends with it. Unknown fields are ignored: the
// JavaScript client sends its options.
func (s *scanner) packet() (f fields, err error) {
	k, n, rest, err := readHead(s.rest)
	if err != nil {
		return f, err
	}
	if k != object {
		return f, errPacket
	}
	s.rest = rest
	for range n {
		key, err := s.key()
		if err != nil {
			return f, err
		}
		value := s.rest
		k, _, _, _ := readHead(value)
		depth := 1
		if k == array { // of arguments, as other payloads become when they are decoded
			depth = 0
		}
		if err := s.value(depth); err != nil {
			return f, err
		}
		value = value[:len(value)-len(s.rest)]
		if k == undefined || k == null { // JavaScript's and Python's way to leave a field out
			value = nil
		}
		switch string(key) {
		case "type":
			f.typ = value
		case "data":
			f.data = value
		case "nsp":
			f.nsp = value
		case "id":
			f.id = value
		}
	}
	if len(s.rest) > 0 {
		return f, errExcess
	}
	return f, nil
}

// key checks the key of a map's member.
func (s *scanner) key() ([]byte, error) {
	k, n, rest, err := readHead(s.rest)
	if err != nil {
		return nil, err
	}
	if k != text {
		return nil, errKey
	}
	key := rest[:n]
	if !s.anyText && !utf8.Valid(key) {
		return nil, errUTF8
	}
	s.rest = rest[n:]
	return key, nil
}

// value checks a value with depth arrays and maps open around it. Recursion is
// bounded by maxDepth.
func (s *scanner) value(depth int) error {
	k, n, rest, err := readHead(s.rest)
	if err != nil {
		return err
	}
	switch k {
	case text:
		if !s.anyText && !utf8.Valid(rest[:n]) {
			return errUTF8
		}
		rest = rest[n:]
	case bin:
		if s.binaries++; s.binaries > maxBinaries {
			return errTooMany
		}
		rest = rest[n:]
	case array, object:
		if depth == maxDepth {
			return errDepth
		}
	}
	s.rest = rest
	if k != array && k != object {
		return nil
	}
	for range n {
		if k == object {
			if _, err := s.key(); err != nil {
				return err
			}
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}
