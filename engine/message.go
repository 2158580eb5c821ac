package engine

import "sync"

// A Message is what a session sends as one unit: a text with the binary
// messages that belong to it, with nothing in between. It is encoded once and
// may be sent to any number of sessions, concurrently.
type Message struct {
	frame       []byte // the WebSocket frames, one after the other
	start, end  int    // the text packet within frame
	attachments *attachments
}

// attachments are the binary part of a message, the one that looks different
// in each dialect.
type attachments struct {
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
	m := &Message{frame: make([]byte, 0, size)}
	if text != nil {
		m.frame = appendFrameHeader(m.frame, opText, len(text)+1)
		m.start = len(m.frame)
		m.frame = append(m.frame, packetMessage)
		m.frame = append(m.frame, text...)
		m.end = len(m.frame)
	}
	if len(binaries) > 0 {
		m.attachments = &attachments{spans: make([]span, len(binaries))}
	}
	for i, b := range binaries {
		m.frame = dialect(0).appendBinaryFrame(m.frame, b)
		m.attachments.spans[i] = span{len(m.frame) - len(b), len(m.frame)}
	}
	return m
}

// Size is the message's length on a WebSocket of revision 4, in bytes.
func (m *Message) Size() int { return len(m.frame) }

func (m *Message) text() []byte {
	if m.end == 0 {
		return nil
	}
	return m.frame[m.start:m.end]
}

// binaries returns how many binary messages there are.
func (m *Message) binaries() int {
	if m.attachments == nil {
		return 0
	}
	return len(m.attachments.spans)
}

// packets returns how many packets it is; the control frames of a WebSocket
// are none.
func (m *Message) packets() int {
	if m.end == 0 {
		return m.binaries()
	}
	return 1 + m.binaries()
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
		form.frame = append(form.frame, m.frame[:m.end]...)
		for i := range m.binaries() {
			form.frame = d.appendBinaryFrame(form.frame, m.binary(i))
		}
	})
	return form.frame
}

// newPacket makes a message of a packet other than MESSAGE.
func newPacket(text []byte) *Message {
	m := &Message{frame: appendFrameHeader(nil, opText, len(text))}
	m.start = len(m.frame)
	m.frame = append(m.frame, text...)
	m.end = len(m.frame)
	return m
}

var (
	pingPacket  = newPacket([]byte{packetPing})
	pongPacket  = newPacket([]byte{packetPong})
	probePacket = newPacket([]byte("3probe"))
)
