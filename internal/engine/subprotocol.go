package engine

import (
	"cmp"
	"net/http"
	"strings"
)

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
