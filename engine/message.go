package engine

// A Message is what a session sends as one unit: a text with the binary
// messages that belong to it, with nothing in between. It is encoded once and
// may be sent to any number of sessions, concurrently.
type Message struct {
	frame      []byte // the WebSocket frames, one after the other
	start, end int    // the text packet within frame
	binaries   []span // the binary payloads within frame
}

type span struct{ start, end int }

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
		m.binaries = make([]span, len(binaries))
	}
	for i, b := range binaries {
		m.frame = appendFrameHeader(m.frame, opBinary, len(b))
		m.binaries[i].start = len(m.frame)
		m.frame = append(m.frame, b...)
		m.binaries[i].end = len(m.frame)
	}
	return m
}

// Size is the message's length on a WebSocket, in bytes.
func (m *Message) Size() int { return len(m.frame) }

func (m *Message) text() []byte {
	if m.end == 0 {
		return nil
	}
	return m.frame[m.start:m.end]
}

func (m *Message) binary(i int) []byte { return m.frame[m.binaries[i].start:m.binaries[i].end] }

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
	probePacket = newPacket([]byte("3probe"))
)
