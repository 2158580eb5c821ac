package parser

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
)

// tokens stand for attachments on the way through encoding/json, which knows
// only base64 for binary: token n is a []byte that cannot be guessed, recognised
// in the JSON text by its base64 and in a decoded []byte by itself.
type tokens struct {
	secret [15]byte // a multiple of 3, so that the base64 of a token begins with that of the secret
	text   [20]byte // the base64 of secret
}

const (
	tokenLen     = 15 + 3
	tokenTextLen = 20 + 4
)

func newTokens() *tokens {
	t := new(tokens)
	rand.Read(t.secret[:])
	base64.StdEncoding.Encode(t.text[:], t.secret[:])
	return t
}

// append appends token n.
func (t *tokens) append(dst []byte, n int) []byte {
	return append(append(dst, t.secret[:]...), byte(n>>16), byte(n>>8), byte(n))
}

// appendText appends the JSON string of token n.
func (t *tokens) appendText(dst []byte, n int) []byte {
	dst = append(append(dst, '"'), t.text[:]...)
	dst = base64.StdEncoding.AppendEncode(dst, []byte{byte(n >> 16), byte(n >> 8), byte(n)})
	return append(dst, '"')
}

// in reports whether there is a token somewhere in JSON text.
func (t *tokens) in(text []byte) bool {
	return bytes.Contains(text, t.text[:])
}

// index returns which token b is.
func (t *tokens) index(b []byte) (n int, ok bool) {
	if len(b) != tokenLen || !bytes.HasPrefix(b, t.secret[:]) {
		return 0, false
	}
	return int(b[15])<<16 | int(b[16])<<8 | int(b[17]), true
}

// jsonIndex returns which token a JSON value is.
func (t *tokens) jsonIndex(text []byte) (n int, ok bool) {
	if len(text) != tokenTextLen+2 || text[0] != '"' {
		return 0, false
	}
	return t.textIndex(text[1 : len(text)-1])
}

// textIndex returns which token text, a string's content, is the base64 of.
func (t *tokens) textIndex(text []byte) (n int, ok bool) {
	if len(text) != tokenTextLen || !bytes.HasPrefix(text, t.text[:]) {
		return 0, false
	}
	var b [3]byte
	_, err := base64.StdEncoding.Decode(b[:], text[len(t.text):])
	return int(b[0])<<16 | int(b[1])<<8 | int(b[2]), err == nil
}
