package parser

import (
	"bytes"
	"fmt"
	"strconv"
)

// jsonArgs are arguments in JSON, checked already.
type jsonArgs struct {
	text        []byte // the arguments and the commas between them
	n           int
	attachments [][]byte
	tokens      *tokens // stand in text for the attachments; nil without attachments
	given       bool    // attachments belong to the next caller of Decode
}

func (a *jsonArgs) Len() int { return a.n }

// HandOver makes the next Decode hand the attachments over instead of copies.
// The arguments must not be decoded again after it.
func (a *jsonArgs) HandOver() { a.given = true }

func (a *jsonArgs) Decode(into ...any) error {
	if len(into) > a.n {
		return fmt.Errorf("%w: %d instead of %d", ErrTooFewArgs, a.n, len(into))
	}
	r := restoration{args: a, copies: make([][]byte, len(a.attachments))}
	start := 0
	for i, target := range into {
		end := len(a.text)
		if i < a.n-1 {
			end, _ = scanValue(a.text, start, 0)
		}
		if err := r.decode(a.text[start:end], target); err != nil {
			return &argError{index: i, err: err}
		}
		if i < a.n-1 {
			comma := skipSpace(a.text, end)
			start = skipSpace(a.text, comma+1)
		}
	}
	return nil
}

// decodeJSON is unmarshalJSON with a shorter way for the commonest types.
func decodeJSON(text []byte, target any) error {
	if decodeSimple(text, target) {
		return nil
	}
	return unmarshalJSON(text, target)
}

// decodeSimple does what encoding/json does for the commonest types, if it is
// simple.
func decodeSimple(text []byte, target any) bool {
	switch p := target.(type) {
	case *string:
		if p != nil && text[0] == '"' && bytes.IndexByte(text, '\\') < 0 {
			*p = string(text[1 : len(text)-1])
			return true
		}
	case *bool:
		if p != nil && (text[0] == 't' || text[0] == 'f') {
			*p = text[0] == 't'
			return true
		}
	case *int:
		if n, err := strconv.Atoi(string(text)); err == nil && p != nil {
			*p = n
			return true
		}
	case *int64:
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && p != nil {
			*p = n
			return true
		}
	case *float64:
		if f, err := strconv.ParseFloat(string(text), 64); err == nil && p != nil {
			*p = f
			return true
		}
	case *rawJSON:
		if p != nil {
			*p = append((*p)[:0], text...)
			return true
		}
	}
	return false
}

// argError says which argument of a packet could not be decoded, in few words
// whatever the client sent.
type argError struct {
	index int
	err   error
}

func (e *argError) Error() string {
	const limit = 120
	s := e.err.Error()
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return fmt.Sprintf("parser: argument %d: %s", e.index, s)
}

func (e *argError) Unwrap() error { return e.err }
