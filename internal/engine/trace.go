package engine

import "net/http"

// A Trace has functions that are called as things happen, for metrics and
// logs. Any of them may be nil. They run on the goroutine at work, while it
// holds no lock, and concurrently, for one session as well; so they must be
// quick and should not send. A panic there is logged. [Stats] counts states,
// such as the bytes that wait.
type Trace struct {
	// Opened is called for each new session, before accept, and Closed once
	// for each of these when it ends. Session.Transport still tells how the
	// client was connected.
	Opened func(s *Session)
	Closed func(s *Session, reason Reason)

	// Upgraded is called when WebSocket has become a session's transport. If an
	// upgrade fails, it is called with the error; the session stays with polling.
	Upgraded func(s *Session, err error)

	// Rejected is called before a request is answered by an error. Requests for
	// other paths are not told of.
	Rejected func(r *http.Request, e Refusal)

	// Received is called with each packet of a client, heartbeats included;
	// bytes are those of its data, after decompression and decoding.
	Received func(s *Session, bytes int)

	// Sent is called before each write to a WebSocket and each answer to a
	// poll; bytes are those of the frames, compressed or not, or of the
	// payload before it is compressed.
	Sent func(s *Session, packets, bytes int)

	// Dropped is called when volatile packets are dropped because the client
	// is not ready for them, or others because of Options.DropOldest; bytes are
	// those of their frames.
	Dropped func(s *Session, packets, bytes int)
}

// sent tells of a write.
func (s *Session) sent(packets, bytes int) {
	if f := s.server.trace.Sent; f != nil {
		f(s, packets, bytes)
	}
}
