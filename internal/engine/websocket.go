package engine

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"
)

// A wsConn is one WebSocket connection (RFC 6455, server side). The goroutine
// that reads it, a pump or one of the crew, owns it and alone closes it, because
// a descriptor can't be closed while a read waits on it.
type wsConn struct {
	session  *Session
	dialect  dialect
	conn     net.Conn
	raw      syscall.RawConn // nil where there is no descriptor to try
	deadline *time.Timer     // of an upgrade

	polled

	active  bool // it is the session's transport
	lookout atomic.Pointer[lookout]
	peer    int // the code of the client's close frame
	in      inbound
	message []byte // the fragments so far
	kind    byte   // opcode of the fragmented message, or 0
	packed  bool   // the fragmented message is compressed
	deflate *deflate
}

// attach gives the connection its descriptor. s.mu is locked.
func (c *wsConn) attach(conn net.Conn) {
	c.conn, c.raw = conn, rawConn(conn)
}

// kill makes the pump and all writing end. s.mu is locked.
func (c *wsConn) kill() {
	if c.conn != nil {
		_ = c.conn.SetDeadline(longAgo)
		c.wake()
	}
}

// start begins to read. Net/http's goroutine can go then, with its buffers.
func (c *wsConn) start() {
	if !c.session.server.poller.add(c) {
		go c.pump()
	}
}

// pump reads until the connection or the session is over.
func (c *wsConn) pump() {
	err := c.handle() // what came with the handshake
	if err == nil {
		err = c.read()
	}
	c.end(err)
}

// end closes the connection after an error.
func (c *wsConn) end(err error) {
	_, _ = c.takeAhead()
	c.in.release()
	c.hangUp(err)
	c.unwatch()
	c.conn.Close()
}

// readPlain reads and handles frames of a connection without a descriptor.
func (c *wsConn) readPlain() error {
	for {
		ahead, err := c.takeAhead()
		n := 0
		if !ahead && err == nil {
			n, err = c.conn.Read(c.in.space(1))
			c.in.filled(n)
		}
		if n > 0 || ahead {
			if err := c.handle(); err != nil {
				return err
			}
			c.in.idle()
		}
		if err != nil {
			return err
		}
	}
}

// hangUp tells client and session why reading ended.
func (c *wsConn) hangUp(err error) {
	s := c.session
	reason, code := ReasonTransportClose, 0
	var breach *closeError
	switch {
	case errors.As(err, &breach):
		reason, code = ReasonTransportError, breach.code
		if breach == errMessageTooBig {
			s.server.logTooLarge(s.publicID, WebSocket)
		} else {
			s.server.log.Debug("closing a WebSocket", "conn", s.publicID, "err", err)
		}
	case errors.Is(err, errPacket):
		s.server.log.Debug("closing a WebSocket", "conn", s.publicID, "err", err)
		reason, code = ReasonParseError, closeNormal
	case errors.Is(err, errPeerClosed):
		code = c.peer
	}
	if !c.active {
		c.deadline.Stop()
		c.lastWords(code)
		s.abandon(c, err)
		return
	}
	if code != 0 && s.lifecycle() == stateOpen {
		s.close(reason, code)
		c.hearOut()
	}
	s.abort(reason)
}

// lastWords tries to send a close frame to a probe. No other goroutine writes to a
// probe.
func (c *wsConn) lastWords(code int) {
	if code != 0 {
		_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.conn.Write(appendCloseFrame(nil, code))
	}
}

// hearOut lets the close frame get to the client, for a second at most: until
// all is written if the client has sent its own, or else until it hangs up,
// because closing a connection that has unread bytes destroys what is on its
// way.
func (c *wsConn) hearOut() {
	s := c.session
	s.mu.Lock()
	s.out.closeWhenEmpty = c.peer != 0
	over := s.lifecycle() == stateClosed || s.out.closeWhenEmpty && !s.out.draining
	if !over {
		_ = c.conn.SetReadDeadline(time.Now().Add(time.Second))
	}
	s.mu.Unlock()
	if !over {
		_, _ = io.Copy(io.Discard, c.conn)
	}
}

var (
	errPeerClosed = errors.New("engine: websocket: closed by the peer")
	errOver       = errors.New("engine: session over")

	errUpgradeTimeout = errors.New("socketio: upgrade not done within Options.UpgradeTimeout")
)

// handle is consume by a goroutine that has to go on reading.
func (c *wsConn) handle() error {
	task, err := c.consume()
	c.session.runBeside(task)
	return err
}

// consume handles the received frames, and keeps an incomplete one. It returns
// the resulting work.
func (c *wsConn) consume() (task Task, err error) {
	if c.active {
		c.session.delivering.Store(true)
		c.session.fresh = true
	}
	err = c.consumeFrames()
	if c.active {
		task = c.session.endBatch()
	}
	return task, err
}

func (c *wsConn) consumeFrames() error {
	limit := c.session.server.opts.MaxPayload
	for {
		b := c.in.unread()
		h, size, err := parseFrameHeader(b, limit-len(c.message), c.deflate.extension())
		if err != nil {
			return err
		}
		if size == 0 || len(b) < size+h.length {
			c.in.expect(max(size+h.length, maxHeaderSize))
			return nil
		}
		payload := b[size : size+h.length]
		unmask(payload, h.mask)
		if err := c.frame(h, payload); err != nil {
			return err
		}
		c.in.consumed(size + h.length)
	}
}

// frame handles one frame (RFC 6455 sections 5.4 and 5.5).
func (c *wsConn) frame(h frameHeader, payload []byte) error {
	switch h.opcode {
	case opPing:
		return c.pong(payload)
	case opPong:
		return nil
	case opClose:
		code, err := closeCode(payload)
		if err != nil {
			return err
		}
		c.peer = code
		return errPeerClosed
	case opContinuation:
		if c.kind == 0 {
			return errContinuation
		}
		c.message = append(c.message, payload...)
		if !h.final {
			return nil
		}
		kind, message := c.kind, c.message
		c.kind, c.message = 0, nil
		return c.complete(kind, c.packed, message)
	}
	if c.kind != 0 {
		return errInterleaved
	}
	if !h.final {
		c.kind, c.packed = h.opcode, h.compressed
		c.message = append([]byte(nil), payload...)
		return nil
	}
	return c.complete(h.opcode, h.compressed, payload)
}

// pong answers a WebSocket ping.
func (c *wsConn) pong(payload []byte) error {
	frame := append(appendFrameHeader(nil, opPong, len(payload)), payload...)
	if c.active {
		_ = c.session.Send(&Message{frame: frame}) // none is owed after a close frame
		return nil
	}
	_, err := c.conn.Write(frame)
	return err
}

// complete handles one message as it arrived.
func (c *wsConn) complete(kind byte, compressed bool, message []byte) error {
	if !compressed {
		return c.deliver(kind, message)
	}
	buf := inflatedPool.Get().(*[]byte)
	defer putInflated(buf)
	if err := c.deflate.inflate(buf, message, c.session.server.opts.MaxPayload); err != nil {
		return err
	}
	return c.deliver(kind, *buf)
}

// deliver handles one message.
func (c *wsConn) deliver(kind byte, message []byte) error {
	var p packet
	var err error
	switch {
	case kind == opBinary:
		p, err = c.dialect.decodeBinary(message)
	case !utf8.Valid(message):
		err = errUTF8
	default:
		p, err = c.dialect.decodeText(message)
	}
	if err != nil {
		return err
	}
	if !c.active {
		return c.deliverProbe(p)
	}
	c.session.receive(p)
	if c.session.lifecycle() == stateClosed {
		return errOver
	}
	return nil // while closing, only the peer's close frame matters
}

// deliverProbe handles a packet of a WebSocket that is not yet the transport.
func (c *wsConn) deliverProbe(p packet) error {
	switch {
	case p.kind == packetPing && string(p.data) == "probe":
		if !c.session.answerProbe(c) {
			return errOver
		}
		_, err := c.conn.Write(probePacket.frame)
		return err
	case p.kind == packetUpgrade:
		if !c.session.upgrade(c) {
			return errOver
		}
		c.deadline.Stop()
		c.active = true
		c.session.delivering.Store(true)
		return nil
	}
	return errPacket
}
