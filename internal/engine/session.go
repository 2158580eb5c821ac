package engine

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Session is the connection with one client, whatever the transport. Its
// methods are safe for concurrent use.
type Session struct {
	server   *Server
	id       string
	publicID string
	receiver Receiver // nil while accept runs
	dialect  dialect
	shard    uint32
	beat     beat

	admission admission

	// inlet is held by the goroutine that delivers the client's messages: by a
	// POST for its duration, by a WebSocket from the upgrade on. A second POST
	// finds it held, and that is the error that the protocol asks for.
	inlet      sync.Mutex
	delivering atomic.Bool     // the receiver is at work
	batch      bool            // it has been given messages since its last EndBatch
	fresh      bool            // something has arrived since its last Hold
	held       atomic.Bool     // the receiver is in Hold
	request    context.Context // of the POST being delivered
	catchingUp bool            // no PONG has come since Hold: messages that were held up are before it

	mu      sync.Mutex
	state   atomic.Uint32 // a state; written with mu locked
	probed  bool          // the probe has been answered: polls end soon
	refused bool          // a POST was over a limit, and the session lingers
	told    bool          // the receiver has been told of the end
	moved   bool          // from polling to WebSocket
	last    byte          // the type of the packet that ends its last poll
	out     outbox
	ws      *wsConn                  // the transport, or nil for polling
	probe   *wsConn                  // a WebSocket that may become the transport
	poll    *poll                    // the GET that waits for messages
	post    *http.ResponseController // of the POST under way
	reason  Reason                   // why the session has ended
	linger  *time.Timer              // bounds stateClosing

	answering bool          // the answer to a poll is being made
	heldUntil chan struct{} // closed at the end of a session in Hold
	onUpgrade []*func()
}

// longAgo is a deadline that ends all reading and writing.
var longAgo = time.Unix(1, 0)

const (
	stateOpen    = iota
	stateClosing // what is queued is still sent
	stateClosed
)

// ID returns the session's id, the sid of the protocol. Whoever knows it can
// take part in the session: keep it secret.
func (s *Session) ID() string { return s.id }

// PublicID returns a random id of the session that says nothing about ID: it
// is no secret. Log lines name sessions by it, as "conn".
func (s *Session) PublicID() string { return s.publicID }

// Protocol returns the Engine.IO protocol revision that the client speaks: 4,
// or 3 with Options.AllowEIO3.
func (s *Session) Protocol() int {
	if s.dialect.has(revision3) {
		return 3
	}
	return Protocol
}

// Transport returns the name of the current transport.
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ws != nil {
		return WebSocket
	}
	return Polling
}

// Close ends the session with ReasonForcedClose after sending what is queued.
// It does not wait for that.
func (s *Session) Close() { s.close(ReasonForcedClose, closeNormal) }

// close ends the session gracefully: the client still gets what is queued,
// unless it takes too long. The code is for a WebSocket's close frame.
func (s *Session) close(reason Reason, code int) {
	s.mu.Lock()
	if s.lifecycle() != stateOpen {
		s.mu.Unlock()
		return
	}
	receiver := s.leave(stateClosing, reason)
	if !s.probed { // or else the client may have stopped polling
		s.endProbe()
	}
	s.linger = time.AfterFunc(s.server.opts.UpgradeTimeout, func() { s.abort(reason) })
	if s.ws != nil {
		s.out.push(&Message{frame: appendCloseFrame(nil, code)})
	} else if s.poll != nil {
		s.poll.wake()
	}
	s.out.cork = 0
	next := s.wake(false)
	s.mu.Unlock()
	s.do(next)
	s.ended(receiver, reason)
}

// depart ends a session that its client has closed. A WebSocket still has its
// close frames to exchange; polling is over, but for a poll that the client
// sent before and that comes later.
func (s *Session) depart() {
	s.mu.Lock()
	overWebSocket := s.ws != nil
	if !overWebSocket && s.poll == nil {
		s.server.departed.add(s)
	}
	s.mu.Unlock()
	if overWebSocket {
		s.close(ReasonTransportClose, closeNormal)
	} else {
		s.abort(ReasonTransportClose)
	}
}

// abort ends the session at once. Queued packets are lost.
func (s *Session) abort(reason Reason) {
	s.mu.Lock()
	was := s.lifecycle()
	if was == stateClosed {
		s.mu.Unlock()
		return
	}
	receiver := s.leave(stateClosed, reason)
	s.out = outbox{}
	s.endProbe()
	if s.linger != nil {
		s.linger.Stop()
	}
	if s.poll != nil {
		s.poll.wake()
	}
	if s.post != nil {
		_ = s.post.SetReadDeadline(longAgo)
	}
	if s.ws != nil {
		s.ws.kill()
	}
	s.mu.Unlock()

	if was == stateOpen {
		s.ended(receiver, reason)
	} else {
		s.forgetOnceTold()
	}
}

// leave gives up stateOpen or stateClosing. s.mu is locked.
func (s *Session) leave(to uint32, reason Reason) Receiver {
	if s.lifecycle() == stateOpen {
		s.reason, s.last = reason, packetClose
		if reason == ReasonTransportClose {
			s.last = packetNoop // the client knows
		}
	}
	if s.heldUntil != nil {
		close(s.heldUntil)
		s.heldUntil = nil
	}
	s.state.Store(to)
	return s.receiver
}

// ended tells the receiver. If accept has not returned one yet, begin will.
func (s *Session) ended(receiver Receiver, reason Reason) {
	s.server.heart.remove(&s.beat)
	if receiver != nil {
		s.tell(receiver, reason)
	}
	if f := s.server.trace.Closed; f != nil {
		f(s, reason)
	}
	s.mu.Lock()
	s.told = true
	s.mu.Unlock()
	s.forgetOnceTold()
}

// forgetOnceTold removes a session that is over from the server, but not
// before its receiver knows and has returned, because Shutdown waits for all.
func (s *Session) forgetOnceTold() {
	s.mu.Lock()
	over := s.told && s.lifecycle() == stateClosed && !s.delivering.Load()
	s.mu.Unlock()
	if over {
		s.server.forget(s)
	}
}

// endProbe abandons an upgrade under way. s.mu is locked.
func (s *Session) endProbe() {
	if s.probe != nil {
		s.probe.kill()
		s.probe, s.probed = nil, false
	}
}

func (s *Session) lifecycle() uint32 { return s.state.Load() }

// receive handles one packet of the client, and reports whether to go on. While
// the session is closing it handles only CLOSE. The caller holds s.inlet.
func (s *Session) receive(p packet) bool {
	if state := s.lifecycle(); state == stateClosed || state == stateClosing && p.kind != packetClose {
		return state == stateClosing
	}
	if f := s.server.trace.Received; f != nil {
		f(s, len(p.data))
	}
	if s.catchingUp {
		s.server.heart.sign(&s.beat)
	}
	var err error
	switch p.kind {
	case packetMessage:
		s.batch = true
		err = s.deliver(s.receiver.Text, p.data)
	case packetBinary:
		s.batch = true
		err = s.deliver(s.receiver.Binary, p.data)
	case packetPing, packetPong:
		s.heartbeat(p.kind)
	case packetClose:
		s.depart()
	}
	if err != nil {
		s.server.log.Debug("closing a session", "conn", s.publicID, "err", err)
		s.Close()
	}
	return s.lifecycle() != stateClosed
}

// deliver gives the receiver a message.
func (s *Session) deliver(to func([]byte) error, data []byte) (err error) {
	defer s.server.recovered("Receiver", &err)
	return to(data)
}

// tell tells the receiver of the session's end.
func (s *Session) tell(receiver Receiver, reason Reason) {
	defer s.server.recovered("Receiver.Closed", nil)
	receiver.Closed(reason)
}

// heartbeat takes a client's answer to a PING, or in revision 3, where it is
// the client that pings, its PING.
func (s *Session) heartbeat(kind byte) {
	clientPings := s.dialect.has(revision3)
	if clientPings != (kind == packetPing) {
		s.abort(ReasonTransportError)
		return
	}
	s.catchingUp = false
	s.server.heart.heard(&s.beat)
	if clientPings {
		_ = s.Send(pongPacket)
		s.Flush() // a cork may be there for long
	}
}

// endBatch follows the last packet of those that arrived together.
func (s *Session) endBatch() (task Task) {
	if s.batch {
		s.batch = false
		_ = s.server.guard("Receiver.EndBatch", func() error { task = s.receiver.EndBatch(); return nil })
	}
	s.delivering.Store(false)
	if s.lifecycle() == stateClosed {
		s.forgetOnceTold()
	}
	return task
}

// runBeside runs the task that endBatch returned, for callers that must go on.
func (s *Session) runBeside(task Task) {
	if task != nil {
		s.server.crew.add(errand{task: task})
	}
}

// serveUpgrade opens a second connection for a polling session.
func (s *Session) serveUpgrade(w http.ResponseWriter, r *http.Request, query query) {
	ws := &wsConn{session: s, dialect: dialectOf(query, s.dialect&revision3)}
	s.mu.Lock()
	busy := s.ws != nil || s.probe != nil || s.lifecycle() != stateOpen
	if !busy {
		s.probe = ws
	}
	s.mu.Unlock()
	conn := ws.open(w, r)
	if busy && conn != nil { // as the reference implementation refuses it
		s.server.log.Debug("upgrade refused: the session has a WebSocket already, or is over", "conn", s.publicID, "address", r.RemoteAddr)
		ws.conn = conn
		ws.lastWords(closeProtocolError)
		conn.Close()
		return
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case conn == nil && s.probe == ws:
		s.probe = nil
	case conn == nil:
	case s.probe != ws: // the session has ended meanwhile
		conn.Close()
	default:
		ws.attach(conn)
		ws.deadline = time.AfterFunc(s.server.opts.UpgradeTimeout, func() { s.abandon(ws, errUpgradeTimeout) })
		ws.start()
	}
}

// abandon gives an upgrade up; the session goes on over polling.
func (s *Session) abandon(ws *wsConn, err error) {
	s.mu.Lock()
	under := s.probe == ws
	if under {
		s.endProbe()
	}
	s.mu.Unlock()
	if !under {
		return
	}
	s.server.log.Debug("upgrade failed; the session stays with polling", "conn", s.publicID, "err", err)
	if f := s.server.trace.Upgraded; f != nil {
		f(s, err)
	}
}
