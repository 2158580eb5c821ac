package engine

import (
	"sync"
	"sync/atomic"
)

// A Message is what a session sends as one unit: a text with the binary
// messages that belong to it, with nothing in between. It is encoded once and
// may be sent to any number of sessions, concurrently.
type Message struct {
	frame       []byte // the WebSocket frames, one after the other
	attachments *attachments
	deflated    atomic.Pointer[deflatedForms]
	start       uint8 // of the text packet within frame; 0 if there is none
	plain       bool  // never compressed
	droppable   bool  // with Options.DropOldest
	packets     uint32
}

// attachments are the binary part of a message, the one that looks different
// in each dialect.
type attachments struct {
	start  int                     // within frame, where the text packet ends
	spans  []span                  // within frame
	frames [dialects - 1]otherForm // of the whole message, in all dialects but 0
}

type span struct{ start, end int }

// otherForm is a message's frames in a dialect, made for the first receiver
// that wants them.
type otherForm struct {
	once  sync.Once
	frame []byte
}

// NewMessage encodes a text message followed by binary messages. It copies
// its arguments. A nil text means binary messages only.
func NewMessage(text []byte, binaries ...[]byte) *Message {
	size := 0
	if text != nil {
		size = frameHeaderSize(len(text)+1) + 1 + len(text)
	}
	for _, b := range binaries {
		size += frameHeaderSize(len(b)) + len(b)
	}
	m := &Message{frame: make([]byte, 0, size), packets: uint32(len(binaries)), droppable: true}
	if text != nil {
		m.packets++
		m.frame = appendFrameHeader(m.frame, opText, len(text)+1)
		m.start = uint8(len(m.frame))
		m.frame = append(m.frame, packetMessage)
		m.frame = append(m.frame, text...)
	}
	if len(binaries) > 0 {
		m.attachments = &attachments{start: len(m.frame), spans: make([]span, len(binaries))}
	}
	for i, b := range binaries {
		m.frame = dialect(0).appendBinaryFrame(m.frame, b)
		m.attachments.spans[i] = span{len(m.frame) - len(b), len(m.frame)}
	}
	return m
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
	case m.attachments == nil:
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
	if d == 0 || m.attachments == nil {
		return m.frame
	}
	form := &m.attachments.frames[d-1]
	form.once.Do(func() {
		form.frame = append(form.frame, m.frame[:m.attachments.start]...)
		for i := range m.binaries() {
			form.frame = d.appendBinaryFrame(form.frame, m.binary(i))
		}
	})
	return form.frame
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
