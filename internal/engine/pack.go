package engine

// A pack is a message of several that a session has been sent while it is
// corked. Its buffer is written as it is, so each reply to what has arrived
// together costs a copy.

// pack adds a transient message to the session's pack, and reports whether it
// did. It packs only messages without another message in between, and packs
// nothing for a client that is behind, because half empty buffers would wait for
// that client. s.mu is locked.
func (s *Session) pack(m *Message) bool {
	o := &s.out
	if !m.transient || o.cork == 0 || o.draining || s.ws == nil || s.ws.deflate != nil || s.server.opts.DropOldest ||
		!o.admits(m, s.server.opts.MaxBuffered) {
		return false
	}
	frames := m.frames(s.ws.dialect)
	var last *Message
	if !o.empty() {
		last = o.queue[len(o.queue)-1]
	}
	switch {
	case last != nil && last.pack == nil, len(frames) > maxGather/4:
		return false
	case last == nil, len(last.frame)+len(frames) > maxGather:
		buf := gatherPool.Get().(*[]byte)
		last = &Message{frame: (*buf)[:0], pack: buf}
		o.push(last)
	}
	last.frame = append(last.frame, frames...)
	last.packets += m.packets
	o.bytes += len(frames)
	return true
}
