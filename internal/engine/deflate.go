package engine

import (
	"compress/flate"
	"sync"
)

// A deflate is what a connection with permessage-deflate has beside its
// WebSocket. Whoever drains the outbox uses the fields for sending, the pump
// those for receiving.
type deflate struct {
	threshold     int
	serverContext bool
	clientContext bool
	compressor    *compressor // with serverContext, made for the first message
	window        []byte      // with clientContext, the end of what has been received
}

// extension is the reserved bit that frames may have set.
func (d *deflate) extension() byte {
	if d == nil {
		return 0
	}
	return rsv1
}

// deflatedForms are a message as clients without server context get it, in
// each dialect: made for the first and shared by all, of other servers too.
type deflatedForms [dialects]struct {
	once    sync.Once
	message *Message
}

// compress compresses the messages taken from the outbox for this client, and
// corrects the bytes that will be counted as written.
func (w *writer) compress() {
	ws := w.s.ws
	for i, m := range w.batch[:w.end] {
		deflated := ws.deflate.message(m, ws.dialect)
		w.written += m.Size() - deflated.Size()
		w.batch[i] = deflated
	}
}

// message returns the compressed form of a message, or the message itself if
// it is to stay as it is.
func (d *deflate) message(m *Message, as dialect) *Message {
	if m.plain || len(m.frames(as)) < d.threshold {
		return m
	}
	if d.serverContext {
		if d.compressor == nil {
			d.compressor = newCompressor(contextLevel)
		}
		return d.compressor.message(m, as, d.threshold)
	}
	form := &made(&m.deflated)[as]
	form.once.Do(func() {
		c := compressors.Get().(*compressor)
		form.message = c.message(m, as, d.threshold)
		compressors.Put(c)
		if form.message.Size() >= len(m.frames(as)) {
			form.message = m
		}
	})
	return form.message
}

// A compressor writes frames with compressed payloads.
type compressor struct {
	w     *flate.Writer
	fresh bool   // each payload is compressed for itself
	out   []byte // what w writes to
}

// contextLevel is for messages that refer to others: flate.BestSpeed forgets
// them at each short one, and takes half as much again of memory.
const contextLevel = 3

func newCompressor(level int) *compressor {
	c := new(compressor)
	c.w, _ = flate.NewWriter(c, level) // fails for levels that do not exist
	return c
}

// compressors are for messages that refer to no others.
var compressors = sync.Pool{New: func() any {
	c := newCompressor(flate.BestSpeed)
	c.fresh = true
	return c
}}

func (c *compressor) Write(b []byte) (int, error) {
	c.out = append(c.out, b...)
	return len(b), nil
}

func (c *compressor) message(m *Message, as dialect, threshold int) *Message {
	frames := m.frames(as)
	c.out = make([]byte, 0, len(frames)/2)
	for len(frames) > 0 {
		frame, payload := cutOwnFrame(frames)
		if frame[0]&0x8 == 0 && len(payload) >= threshold { // control frames are not compressed
			c.append(frame[0], payload)
		} else {
			c.out = append(c.out, frame...)
		}
		frames = frames[len(frame):]
	}
	deflated := &Message{frame: c.out, packets: m.packets}
	c.out = nil
	return deflated
}

// append appends the frame of a compressed message (RFC 7692, section 7.2.1).
// Its header, of a length that is not known before, is written last.
func (c *compressor) append(head byte, payload []byte) {
	if c.fresh {
		c.w.Reset(c)
	}
	start := len(c.out)
	c.out = append(c.out, make([]byte, maxOwnHeaderSize)...)
	_, _ = c.w.Write(payload) // fails as c.Write does
	_ = c.w.Flush()
	compressed := c.out[start+maxOwnHeaderSize : len(c.out)-len(flushMark)]
	c.out = append(appendFrameHeader(c.out[:start], head|rsv1, len(compressed)), compressed...)
}

// flushMark is the end of a flushed block, which is not sent.
const flushMark = "\x00\x00\xff\xff"
