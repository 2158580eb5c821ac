package websocket

import (
	"bytes"
	"compress/flate"
	"io"
)

// Offer is a client's extension: each message is compressed by itself.
const Offer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"

// A Deflater compresses and decompresses messages, one at a time.
type Deflater struct {
	out bytes.Buffer
	w   *flate.Writer
	in  bytes.Reader
	r   io.ReadCloser
}

// tail is what RFC 7692 cuts off, and an empty last block.
var tail = []byte{0, 0, 0xFF, 0xFF, 1, 0, 0, 0xFF, 0xFF}

// Deflate compresses a message. The result is valid until the next call.
func (d *Deflater) Deflate(parts ...[]byte) []byte {
	d.out.Reset()
	if d.w == nil {
		d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // the level is valid
	} else {
		d.w.Reset(&d.out)
	}
	for _, p := range parts {
		_, _ = d.w.Write(p) // a bytes.Buffer does not fail
	}
	_ = d.w.Flush()
	return d.out.Bytes()[:d.out.Len()-4]
}

// Inflate appends the decompressed message to b.
func (d *Deflater) Inflate(b, message []byte) ([]byte, error) {
	d.in.Reset(append(message[:len(message):len(message)], tail...))
	if d.r == nil {
		d.r = flate.NewReader(&d.in)
	} else if err := d.r.(flate.Resetter).Reset(&d.in, nil); err != nil {
		return b, err
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := d.r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		} else if err != nil {
			return b, err
		}
	}
}
