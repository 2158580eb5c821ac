package engine

import (
	"compress/flate"
	"io"
	"sync"
)

const windowSize = 32 << 10 // of DEFLATE

// inflate decompresses a message into a buffer (RFC 7692, section 7.2.2). It
// stops as soon as the message turns out to be longer than limit.
func (d *deflate) inflate(buf *[]byte, message []byte, limit int) error {
	z := inflaters.Get().(*inflater)
	out, err := z.inflate((*buf)[:0], message, d.window, limit)
	z.source = source{}
	inflaters.Put(z)
	*buf = out
	if d.clientContext && err == nil {
		d.remember(out)
	}
	return err
}

// remember keeps the end of the received bytes, because the next message may
// refer to them.
func (d *deflate) remember(message []byte) {
	message = message[max(0, len(message)-windowSize):]
	keep := min(len(d.window), windowSize-len(message))
	copy(d.window, d.window[len(d.window)-keep:])
	d.window = append(d.window[:keep], message...)
}

// An inflater belongs to a message, not to a connection: a message refers only to
// the window.
type inflater struct {
	source source
	reader io.ReadCloser // from source; a flate.Resetter
}

var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.reader = flate.NewReader(&z.source)
	return z
}}

func (z *inflater) inflate(dst, message, window []byte, limit int) ([]byte, error) {
	z.source = source{message, ending}
	if err := z.reader.(flate.Resetter).Reset(&z.source, window); err != nil {
		return dst, err
	}
	for {
		if len(dst) == cap(dst) {
			grown := make([]byte, len(dst), min(max(2*cap(dst), readSize), limit+1))
			copy(grown, dst)
			dst = grown
		}
		n, err := z.reader.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, errMessageTooBig
		case err == io.EOF && z.source.complete():
			return dst, nil
		case err != nil:
			return dst, errDeflate
		}
	}
}

// A source is a message followed by what makes a DEFLATE stream of it. As an
// io.ByteReader it is not read beyond the stream's end.
type source struct {
	message []byte
	ending  string
}

// ending is what the sender has left out, and a last block.
const ending = flushMark + "\x01\x00\x00\xff\xff"

// complete reports whether the stream's end is the message's. A sender may
// have ended the stream itself, with an empty block afterwards (section
// 7.2.3.4).
func (s *source) complete() bool {
	return s.ending == "" || s.ending == ending && (len(s.message) == 0 || string(s.message) == "\x00")
}

func (s *source) ReadByte() (byte, error) {
	if len(s.message) > 0 { // what the time is spent with
		b := s.message[0]
		s.message = s.message[1:]
		return b, nil
	}
	var b [1]byte
	_, err := s.Read(b[:])
	return b[0], err
}

func (s *source) Read(b []byte) (n int, err error) {
	switch {
	case len(s.message) > 0:
		n = copy(b, s.message)
		s.message = s.message[n:]
	case s.ending != "":
		n = copy(b, s.ending)
		s.ending = s.ending[n:]
	default:
		err = io.EOF
	}
	return n, err
}

// inflatedPool has buffers for messages that have been decompressed.
var inflatedPool = sync.Pool{New: func() any { b := make([]byte, 0, readSize); return &b }}

const maxPooledMessage = 64 << 10

func putInflated(b *[]byte) {
	if cap(*b) <= maxPooledMessage {
		inflatedPool.Put(b)
	}
}
