package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const octetStream = "application/octet-stream"

// A poll is a GET that waits for messages.
type poll struct {
	ready chan struct{}
	woken bool
}

func (p *poll) wake() {
	if !p.woken {
		p.woken = true
		close(p.ready)
	}
}

// servePoll answers a GET with the queued packets, or waits until a packet is
// queued, however short the time-outs of the http.Server are.
func (s *Session) servePoll(w http.ResponseWriter, r *http.Request, query query) {
	s.mu.Lock()
	switch {
	case s.ws != nil:
	case s.poll != nil:
		s.mu.Unlock()
		s.refuseSecond(w, r)
		return
	case s.lifecycle() == stateClosed:
		s.mu.Unlock()
		s.server.serveUnknown(w, r, query)
		return
	case s.held.Load(): // a PONG may wait for the end of a POST
		s.server.heart.sign(&s.beat)
	}
	late := s.refused // a poll that began after the refusal
	if s.ws == nil && (s.lifecycle() == stateOpen || late) && s.out.empty() {
		p := s.beginPoll()
		s.mu.Unlock()
		hungUp := p.wait(w, r)
		s.mu.Lock()
		s.poll = nil
		if hungUp && s.ws == nil {
			s.mu.Unlock()
			s.abort(ReasonTransportClose)
			return
		}
	}
	if late {
		s.mu.Unlock()
		s.server.serveUnknown(w, r, query)
		return
	}
	if s.ws != nil {
		s.mu.Unlock()
		s.server.reject(w, r, codeBadRequest, CauseMismatch, Polling)
		return
	}
	p := newPayload(s.dialect, query)
	farewell := s.fill(&p)
	s.answering, p.made = true, s.answered
	s.mu.Unlock()

	s.sent(p.packets, len(p.body))
	err := s.server.writePayload(w, r, query, &p)
	s.took()
	if err != nil || farewell {
		s.abort(ReasonTransportClose)
	}
}

// beginPoll makes a GET the poll that waits. s.mu is locked.
func (s *Session) beginPoll() *poll {
	s.poll = &poll{ready: make(chan struct{})}
	if s.probed {
		s.server.probed.add(s)
	}
	return s.poll
}

// wait returns when there is an answer for the poll, and reports whether the
// client has hung up.
func (p *poll) wait(w http.ResponseWriter, r *http.Request) (hungUp bool) {
	// Under HTTP/2 a WriteTimeout would end the stream while it waits.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	select {
	case <-p.ready:
	case <-beforeDeadline(r):
	case <-r.Context().Done():
	}
	return errors.Is(r.Context().Err(), context.Canceled)
}

// beforeDeadline returns a channel that delivers while there is still time for
// an answer to a request with a deadline, as a router's time limit sets it. It
// is nil for other requests.
func beforeDeadline(r *http.Request) <-chan time.Time {
	deadline, limited := r.Context().Deadline()
	if !limited {
		return nil
	}
	left := time.Until(deadline)
	return time.After(left - min(left/10, time.Second))
}

// newPayload returns an empty payload for the answer to a request.
func newPayload(d dialect, query query) payload {
	if query.Has(jsonp) {
		d |= textOnly
	}
	return payload{dialect: d}
}

// fill empties the outbox into a payload and reports whether it is the last.
// The last payload of a session that closes is its CLOSE packet alone:
// socket.io-client handles CLOSE at once but messages a tick later, so it would
// lose messages in the same payload. s.mu is locked.
func (s *Session) fill(p *payload) (farewell bool) {
	if s.lifecycle() == stateClosed {
		p.addText([]byte{s.last})
		return true
	}
	p.octets = p.dialect == revision3 && s.out.holdsBinary()
	p.plain = true
	var batch [batchSize]*Message
	for n := s.out.take(batch[:]); n > 0; n = s.out.take(batch[:]) {
		for _, m := range batch[:n] {
			p.add(m)
			p.plain = p.plain && m.plain
		}
	}
	s.out.bytes = 0
	switch {
	case len(p.body) > 0:
		return false
	case s.lifecycle() == stateClosing:
		p.addText([]byte{s.last})
		return true
	}
	p.addText([]byte{packetNoop})
	return false
}

// answered notes that it is the client's turn to take the answer to its poll.
func (s *Session) answered() {
	s.mu.Lock()
	s.answering = false
	s.out.turn.moved()
	s.mu.Unlock()
}

// writePayload answers a poll. The client has Options.PingTimeout to take the
// answer.
func (srv *Server) writePayload(w http.ResponseWriter, r *http.Request, query query, p *payload) error {
	h := w.Header()
	body, contentType := p.body, "text/plain; charset=UTF-8"
	switch {
	case query.Has(jsonp):
		body, contentType = appendScript(nil, query.Get(jsonp), body), "text/javascript; charset=UTF-8"
	case p.octets:
		contentType = octetStream
	}
	if threshold := srv.opts.HTTPCompressionThreshold; threshold >= 0 && len(body) >= threshold && !p.plain {
		body = encodeContent(h, r.Header, body)
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if p.made != nil {
		p.made()
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(srv.opts.PingTimeout))
	w.WriteHeader(http.StatusOK) // Echo's Gzip withdraws the length at this call only
	if _, err := w.Write(body); err != nil {
		return err
	}
	err := rc.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		err = nil
	}
	_ = rc.SetWriteDeadline(time.Time{})
	return err
}

// servePost takes the packets of a POST.
func (s *Session) servePost(w http.ResponseWriter, r *http.Request, query query) {
	if !s.inlet.TryLock() {
		if s.Transport() == Polling {
			s.refuseSecond(w, r)
		} else {
			s.server.reject(w, r, codeBadRequest, CauseMismatch, Polling)
		}
		return
	}
	defer s.inlet.Unlock()
	if s.Transport() != Polling {
		s.server.reject(w, r, codeBadRequest, CauseMismatch, Polling)
		return
	}
	if s.isRefused() {
		s.server.serveUnknown(w, r, query)
		return
	}
	octets := strings.HasPrefix(r.Header.Get("Content-Type"), octetStream)
	if octets && !s.dialect.has(revision3) {
		s.server.boundBody(w, r)
		s.rejectAndEnd(w, r, ReasonTransportError, "binary")
		return
	}
	body, err := s.readBody(w, r)
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		s.refuseAndEnd(w, r, ReasonTransportError,
			Refusal{Cause: CauseTooLarge, Status: http.StatusRequestEntityTooLarge, Code: noCode})
		_, _ = io.CopyN(io.Discard, r.Body, int64(s.mostOfPost())) // a connection closed before would lose the answer
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && s.lifecycle() != stateClosed {
		const status = http.StatusRequestTimeout
		s.refuseAndEnd(w, r, ReasonTransportError,
			Refusal{Cause: CauseTimeout, Status: status, Code: noCode, Message: http.StatusText(status)})
		return
	}
	if err != nil {
		s.rejectAndEnd(w, r, ReasonTransportClose, err.Error())
		return
	}
	if query.Has(jsonp) {
		body = formPayload(body)
	}
	if !octets && !utf8.Valid(body) || !s.receivePayload(r.Context(), body, s.dialect.cutter(octets)) {
		s.rejectAndEnd(w, r, ReasonParseError, errPacket.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK) // a router may have another status in mind
	_, _ = io.WriteString(w, "ok")
}

// readBody reads a POST's body within the limits, those of the http.Server
// aside, and gives up when the session ends.
func (s *Session) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.server.opts.MaxPayload
	most := s.mostOfPost()
	if r.ContentLength > int64(most) {
		return nil, &http.MaxBytesError{Limit: int64(limit)}
	}
	s.mu.Lock()
	over := s.lifecycle() == stateClosed
	s.post = http.NewResponseController(w)
	deadline := time.Now().Add(s.server.opts.PingTimeout)
	if over {
		deadline = longAgo // net/http would read the rest
	}
	_ = s.post.SetReadDeadline(deadline)
	_ = s.post.SetWriteDeadline(time.Time{}) // the body may be slow, and the receiver in Hold for long
	s.mu.Unlock()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	s.mu.Lock()
	if err == nil {
		_ = s.post.SetReadDeadline(time.Time{}) // or net/http would take it for the client's end
	}
	s.post = nil
	s.mu.Unlock()
	if err == nil && len(body) > limit && longestPacket(body) > limit {
		err = &http.MaxBytesError{Limit: int64(limit)}
	}
	return body, err
}

// mostOfPost is how long the body of a POST may be. Stock clients fill it up
// to MaxPayload, but take base64 for a little shorter than it is; where they
// do so, several packets may be 1 % longer in all.
func (s *Session) mostOfPost() int {
	limit := s.server.opts.MaxPayload
	if s.dialect.has(revision3) {
		return limit
	}
	return limit + min(limit/100, math.MaxInt-limit)
}

// longestPacket returns the length of a body's longest packet, in revision 4.
func longestPacket(body []byte) (longest int) {
	for packet := range bytes.SplitSeq(body, []byte{payloadSeparator}) {
		longest = max(longest, len(packet))
	}
	return longest
}

// receivePayload delivers the packets of a payload, in order. At a malformed
// packet it stops and reports false.
func (s *Session) receivePayload(ctx context.Context, body []byte, cut cutter) bool {
	s.request, s.fresh = ctx, true
	s.delivering.Store(true)
	defer func() {
		s.runBeside(s.endBatch())
		s.request = nil
	}()
	for more := true; more; more = body != nil {
		p, rest, err := cut(body)
		if err != nil {
			return false
		}
		if !s.receive(p) {
			return true
		}
		body = rest
	}
	return true
}

// refuseSecond answers a request that comes while another of its kind is
// under way, which ends the session.
func (s *Session) refuseSecond(w http.ResponseWriter, r *http.Request) {
	s.answerError(w, r, protocolError(codeBadRequest, CauseConcurrent, r.Method))
	s.abort(ReasonTransportError)
}

// rejectAndEnd refuses a POST that can't be read, which ends the session.
func (s *Session) rejectAndEnd(w http.ResponseWriter, r *http.Request, reason Reason, context string) {
	s.answerError(w, r, protocolError(codeBadRequest, CausePayload, context))
	s.abort(reason)
}

// refuseAndEnd refuses a POST over a limit, which ends the session.
func (s *Session) refuseAndEnd(w http.ResponseWriter, r *http.Request, reason Reason, e Refusal) {
	s.answerError(w, r, e)
	s.endRefused(reason)
}

// answerError sends an error before the session ends, or else the client
// would not see what was wrong. Options.PingTimeout bounds the wait for the
// rest of a body and the wait for the client to take the answer.
func (s *Session) answerError(w http.ResponseWriter, r *http.Request, e Refusal) {
	rc, patience := http.NewResponseController(w), s.server.opts.PingTimeout
	_ = rc.SetWriteDeadline(time.Now().Add(patience).Add(patience))
	s.server.refuse(w, r, e)
	_ = rc.Flush()
	_ = rc.SetWriteDeadline(time.Time{})
}

func (s *Session) isRefused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// endRefused ends a session whose POST is over a limit. The answers of a POST
// and of a poll come over two connections: the client learns of the end by
// its polls only after a second, when it has seen the POST's answer.
func (s *Session) endRefused(reason Reason) {
	s.mu.Lock()
	if s.lifecycle() != stateOpen {
		s.mu.Unlock()
		s.abort(reason)
		return
	}
	receiver := s.leave(stateClosing, reason)
	s.refused = true
	s.out = outbox{}
	s.endProbe()
	s.linger = time.AfterFunc(time.Second, func() { s.abort(reason) })
	s.mu.Unlock()
	s.ended(receiver, reason)
}
