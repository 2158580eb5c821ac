package parser

import "bytes"

// keep sets the text of the arguments to a copy of text. In a packet with
// attachments, the placeholders {"_placeholder":true,"num":n} become tokens in
// it. Named is a false for each attachment.
func (a *jsonArgs) keep(text []byte, named []bool, tokens *tokens) error {
	if len(named) == 0 {
		a.text = bytes.Clone(text)
		return nil
	}
	s := substitution{in: text, out: a.text, tokens: tokens, named: named}
	if len(text) > cap(s.out) {
		s.out = make([]byte, 0, len(text))
	}
	for s.i < len(s.in) {
		if !s.value() {
			return invalid("illegal attachments")
		}
		s.pass() // the comma
	}
	a.text, a.tokens = s.out, tokens
	return nil
}

// substitution copies JSON that has been checked, with tokens for placeholders.
type substitution struct {
	in     []byte
	i      int // what is before in[i] has been copied
	out    []byte
	tokens *tokens
	named  []bool // the attachments that have had their placeholder
}

// pass copies one byte of punctuation, and drops the white space around it.
func (s *substitution) pass() {
	s.i = skipSpace(s.in, s.i)
	if s.i < len(s.in) {
		s.out = append(s.out, s.in[s.i])
		s.i = skipSpace(s.in, s.i+1)
	}
}

// value copies a value; it reports whether the placeholders in it are right.
// Recursion is bounded by maxDepth.
func (s *substitution) value() bool {
	switch s.in[s.i] {
	case '{':
		return s.object()
	case '[':
		return s.array()
	default:
		s.scalar()
		return true
	}
}

// scalar copies a string, number or literal, and returns it.
func (s *substitution) scalar() []byte {
	end, _ := scanValue(s.in, s.i, 0)
	text := s.in[s.i:end]
	s.out = append(s.out, text...)
	s.i = skipSpace(s.in, end)
	return text
}

func (s *substitution) array() bool {
	s.pass()
	for s.in[s.i] != ']' {
		if !s.value() {
			return false
		}
		if s.in[s.i] == ',' {
			s.pass()
		}
	}
	s.pass()
	return true
}

// object copies an object, or a token if it turns out to be a placeholder: as
// in JavaScript, the last member of a name counts, and further members do not
// matter. Each attachment has one placeholder, so that a packet that is encoded
// again contains no more bytes than were received.
func (s *substitution) object() bool {
	if num, end := s.usual(); num != nil {
		s.i = end
		return s.token(num)
	}
	start := len(s.out)
	placeholder := false
	var num []byte
	s.pass()
	for s.in[s.i] != '}' {
		key := s.scalar()
		s.pass() // the colon
		from := s.i
		if !s.value() {
			return false
		}
		switch string(key) {
		case `"_placeholder"`:
			placeholder = bytes.HasPrefix(s.in[from:], []byte("true"))
		case `"num"`:
			num = s.in[from:s.i]
		}
		if s.in[s.i] == ',' {
			s.pass()
		}
	}
	s.pass()
	if !placeholder {
		return true
	}
	s.out = s.out[:start]
	return s.token(num)
}

// usual returns the number of a placeholder in the form in which stock parsers
// write it, and the end of that placeholder. For any other object it returns a
// nil number.
func (s *substitution) usual() (num []byte, end int) {
	const head = `{"_placeholder":true,"num":`
	rest := s.in[s.i:]
	if len(rest) < len(head) || string(rest[:len(head)]) != head {
		return nil, 0
	}
	rest = rest[len(head):]
	_, size := leadingInteger(rest)
	if size == 0 || rest[size] != '}' {
		return nil, 0
	}
	return rest[:size], skipSpace(s.in, s.i+len(head)+size+1)
}

// token writes the token for a placeholder's number.
func (s *substitution) token(num []byte) bool {
	n, size := leadingInteger(num)
	if size == 0 || skipSpace(num, size) < len(num) || n >= uint64(len(s.named)) || s.named[n] {
		return false
	}
	s.named[n] = true
	s.out = s.tokens.appendText(s.out, int(n))
	return true
}
