package engine

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A Message is what a session sends as one unit: a text with the binary
// messages that belong to it, with nothing in between. It is encoded once and
// may be sent to any number of sessions, concurrently.
type Message struct {
	frame       []byte       // the WebSocket frames, one after the other
	attachments *attachments // nil or without spans if there are none
	deflated    atomic.Pointer[deflatedForms]
	start       uint8   // of the text packet within frame; 0 if there is none
	plain       bool    // never compressed
	droppable   bool    // with Options.DropOldest
	transient   bool    // its memory is used again
	pack        *[]byte // from gatherPool, for a message of several
	packets     uint32
}

// attachments are the binary part of a message, the one that looks different
// in each dialect.
type attachments struct {
	start int    // within frame, where the text packet ends
	spans []span // within frame
	few   [2]span
	forms atomic.Pointer[otherForms]
}

type span struct{ start, end int }

// otherForms are a message's frames in all dialects but 0, each made for the
// first receiver that wants it.
type otherForms [dialects - 1]struct {
	once  sync.Once
	frame []byte
}

// NewMessage encodes a text message followed by binary messages. It copies
// its arguments. A nil text means binary messages only.
func NewMessage(text []byte, binaries ...[]byte) *Message {
	m := new(Message)
	m.encode(text, binaries)
	return m
}

// encode makes m what NewMessage returns, in the memory that it has.
func (m *Message) encode(text []byte, binaries [][]byte) {
	size := 0
	if text != nil {
		size = frameHeaderSize(len(text)+1) + 1 + len(text)
	}
	for _, b := range binaries {
		size += frameHeaderSize(len(b)) + len(b)
	}
	m.packets, m.droppable = uint32(len(binaries)), true
	if m.frame = m.frame[:0]; cap(m.frame) < size {
		m.frame = make([]byte, 0, size)
	}
	if text != nil {
		m.packets++
		m.frame = appendFrameHeader(m.frame, opText, len(text)+1)
		m.start = uint8(len(m.frame))
		m.frame = append(m.frame, packetMessage)
		m.frame = append(m.frame, text...)
	}
	if len(binaries) > 0 {
		if m.attachments == nil {
			m.attachments = new(attachments)
		}
		m.attachments.start, m.attachments.spans = len(m.frame), m.attachments.few[:0]
	}
	for _, b := range binaries {
		m.frame = dialect(0).appendBinaryFrame(m.frame, b)
		m.attachments.spans = append(m.attachments.spans, span{len(m.frame) - len(b), len(m.frame)})
	}
}

var transients = sync.Pool{New: func() any { return new(Message) }}

// maxTransient is the largest frame whose memory is used again.
const maxTransient = 64 << 10

// NewTransientMessage is like NewMessage, but takes the message's memory from a
// pool. The message may be sent to one session at most, and then Recycle must be
// called. Sending copies bytes that cannot be written immediately.
func NewTransientMessage(text []byte, binaries ...[]byte) *Message {
	m := transients.Get().(*Message)
	m.encode(text, binaries)
	m.transient = true
	return m
}

// Recycle gives the memory of a transient message to later ones. It does nothing
// to other messages. The message must not be used after Recycle.
func (m *Message) Recycle() {
	if m.transient && cap(m.frame) <= maxTransient {
		if m.attachments != nil {
			*m.attachments = attachments{}
		}
		*m = Message{frame: m.frame, attachments: m.attachments}
		transients.Put(m)
	}
}

// lasting returns a message that may be kept.
func (m *Message) lasting() *Message {
	if !m.transient {
		return m
	}
	kept := &Message{
		frame: slices.Clone(m.frame), start: m.start, plain: m.plain, droppable: m.droppable, packets: m.packets,
	}
	if m.binaries() > 0 {
		kept.attachments = &attachments{start: m.attachments.start, spans: slices.Clone(m.attachments.spans)}
	}
	return kept
}

// Keep exempts the message from Options.DropOldest: a client that is too slow
// for it is closed. It must come before the message is sent.
func (m *Message) Keep() { m.droppable = false }

// Size is the message's length on a WebSocket of revision 4, in bytes.
func (m *Message) Size() int { return len(m.frame) }

// SetCompress decides whether the message is compressed where its size and the
// connection are fit for that, which it is by default. To be called before the
// message is sent.
func (m *Message) SetCompress(compress bool) { m.plain = !compress }

func (m *Message) text() []byte {
	switch {
	case m.start == 0:
		return nil
	case m.binaries() == 0:
		return m.frame[m.start:]
	}
	return m.frame[m.start:m.attachments.start]
}

// binaries returns how many binary messages there are.
func (m *Message) binaries() int {
	if m.attachments == nil {
		return 0
	}
	return len(m.attachments.spans)
}

func (m *Message) binary(i int) []byte {
	at := m.attachments.spans[i]
	return m.frame[at.start:at.end]
}

// frames returns the WebSocket frames in a dialect.
func (m *Message) frames(d dialect) []byte {
	if d == 0 || m.binaries() == 0 {
		return m.frame
	}
	form := &made(&m.attachments.forms)[d-1]
	form.once.Do(func() {
		form.frame = append(form.frame, m.frame[:m.attachments.start]...)
		for i := range m.binaries() {
			form.frame = d.appendBinaryFrame(form.frame, m.binary(i))
		}
	})
	return form.frame
}

// made returns the value that p points to. The first call makes that value.
func made[T any](p *atomic.Pointer[T]) *T {
	if p.Load() == nil {
		p.CompareAndSwap(nil, new(T))
	}
	return p.Load()
}

// newPacket makes a message of a packet other than MESSAGE.
func newPacket(text []byte) *Message {
	m := &Message{frame: appendFrameHeader(nil, opText, len(text)), plain: true, packets: 1}
	m.start = uint8(len(m.frame))
	m.frame = append(m.frame, text...)
	return m
}

var (
	pingPacket  = newPacket([]byte{packetPing})
	pongPacket  = newPacket([]byte{packetPong})
	probePacket = newPacket([]byte("3probe"))
)
