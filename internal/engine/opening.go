package engine

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// accept takes over the connection of an opening handshake (RFC 6455 section 4.2)
// and returns it with the answer, which must be sent first. It returns nil if it
// has answered with an error itself.
func (c *wsConn) accept(w http.ResponseWriter, r *http.Request) (net.Conn, string) {
	key := only(r.Header, "Sec-WebSocket-Key")
	if nonce, err := base64.StdEncoding.DecodeString(key); err != nil || len(nonce) != 16 {
		c.session.server.reject(w, r, codeBadRequest, CauseHandshake, "Sec-WebSocket-Key")
		return nil, ""
	}
	if only(r.Header, "Sec-WebSocket-Version") != "13" {
		h := w.Header()
		h.Set("Sec-WebSocket-Version", "13")
		h.Set("Upgrade", "websocket") // RFC 9110, section 15.5.22
		h.Set("Connection", "Upgrade")
		c.session.server.refuse(w, r, Refusal{Cause: CauseHandshake, Status: http.StatusUpgradeRequired, Code: noCode,
			Message: "WebSocket version 13 is spoken here", Context: "Sec-WebSocket-Version"})
		return nil, ""
	}
	if r.ContentLength != 0 { // the bytes of a body are no frames
		c.session.server.reject(w, r, codeBadRequest, CauseHandshake, "Content-Length or Transfer-Encoding")
		return nil, ""
	}
	protocol, ok := subprotocol(r.Header)
	if !ok {
		c.session.server.reject(w, r, codeBadRequest, CauseHandshake, "Sec-WebSocket-Protocol")
		return nil, ""
	}
	conn, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		c.session.server.refuse(w, r, Refusal{Cause: CauseHandshake, Status: http.StatusNotImplemented, Code: noCode,
			Message: "WebSocket is not possible here: " + err.Error(), Context: err.Error()})
		return nil, ""
	}
	if n := brw.Reader.Buffered(); n > 0 { // sent before the answer was there
		early, _ := brw.Reader.Peek(n)
		copy(c.in.space(n), early)
		c.in.filled(n)
	}
	return conn, c.answer(w, r, key, protocol)
}

// answer returns the answer to an opening handshake, and decides about
// compression.
func (c *wsConn) answer(w http.ResponseWriter, r *http.Request, key, protocol string) string {
	var answer strings.Builder
	answer.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	answer.WriteString(acceptKey(key))
	answer.WriteString("\r\n")
	if deflate, extension := c.session.server.opts.PerMessageDeflate.negotiate(r.Header); deflate != nil {
		c.deflate = deflate
		answer.WriteString("Sec-WebSocket-Extensions: " + extension + "\r\n")
	}
	if protocol != "" && w.Header().Get("Sec-WebSocket-Protocol") == "" {
		answer.WriteString("Sec-WebSocket-Protocol: " + protocol + "\r\n")
	}
	if c.active {
		c.session.setCookie(w)
	}
	_ = w.Header().Write(&answer) // what wrapping handlers have set
	answer.WriteString("\r\n")
	return answer.String()
}

// open is accept with the answer sent.
func (c *wsConn) open(w http.ResponseWriter, r *http.Request) net.Conn {
	conn, answer := c.accept(w, r)
	if conn == nil {
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(c.session.server.opts.UpgradeTimeout))
	if _, err := io.WriteString(conn, answer); err != nil {
		conn.Close()
		return nil
	}
	_ = conn.SetDeadline(time.Time{})
	return conn
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// noUpgrade is the Context of a CauseHandshake where isWebSocket is false.
const noUpgrade = "no upgrade"

// isWebSocket reports whether a request asks for a WebSocket (RFC 6455
// section 4.2.1).
func isWebSocket(r *http.Request) bool {
	return r.ProtoAtLeast(1, 1) && headerHas(r.Header, "Connection", "upgrade") && headerHas(r.Header, "Upgrade", "websocket")
}

// subprotocol returns the first of the protocols that a client offers, with
// which it goes on only if one of them is chosen (RFC 6455 section 4.1). It
// reports false for an offer that is malformed.
func subprotocol(h http.Header) (first string, ok bool) {
	offered := make(map[string]bool)
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.Trim(name, " \t")
			if name == "" || strings.ContainsFunc(name, notInToken) || offered[name] {
				return "", false
			}
			offered[name] = true
			first = cmp.Or(first, name)
		}
	}
	return first, true
}

// notInToken reports whether a token can't contain a character (RFC 9110
// section 5.6.2).
func notInToken(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func headerHas(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// only returns the value of a header field that must not be there twice, or "".
func only(h http.Header, name string) string {
	if lines := h.Values(name); len(lines) == 1 {
		return lines[0]
	}
	return ""
}
