package engine

import "sync"

const (
	readSize      = 8 << 10 // of a pooled buffer
	maxHeaderSize = 14      // of a frame
)

// inbound contains the bytes of a connection that have been read and not yet
// handled. It owns a buffer only while it contains bytes: one from a pool, or for
// a longer message one that grows with the bytes that really arrive.
type inbound struct {
	pooled     *[]byte
	buf        []byte
	start, end int // unread bytes
	want       int // bytes that the next frame needs in all
}

var readPool = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}

func (in *inbound) unread() []byte { return in.buf[in.start:in.end] }

func (in *inbound) consumed(n int) { in.start += n }

// expect notes that the next frame needs n bytes in all.
func (in *inbound) expect(n int) { in.want = n }

// idle gives the buffer back if nothing is left in it.
func (in *inbound) idle() {
	if in.start == in.end {
		in.release()
	}
}

// space returns where to read to: at least n bytes.
func (in *inbound) space(n int) []byte {
	if in.buf == nil {
		in.pooled = readPool.Get().(*[]byte)
		in.buf = *in.pooled
	}
	if len(in.buf)-in.start < max(in.want, in.end-in.start+n) && in.start > 0 {
		in.end = copy(in.buf, in.unread())
		in.start = 0
	}
	if len(in.buf)-in.end < n {
		grown := make([]byte, max(min(2*len(in.buf), in.want), in.end+n))
		end := copy(grown, in.unread())
		in.release()
		in.buf, in.end = grown, end
	}
	return in.buf[in.end:]
}

// append adds what has been read elsewhere.
func (in *inbound) append(data []byte) {
	n := copy(in.space(len(data)), data)
	in.filled(n)
}

func (in *inbound) filled(n int) { in.end += n }

func (in *inbound) release() {
	if in.pooled != nil {
		readPool.Put(in.pooled)
	}
	*in = inbound{}
}
