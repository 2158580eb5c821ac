package parser

import (
	"bytes"
	"errors"
	"fmt"
)

var errLookalike = errors.New(`an object with "_placeholder":true would be taken for binary`)

// checkPlaceholders returns an error if text, the JSON of a packet with
// attachments, has an object that its receiver would take for a placeholder
// although it is the program's or another client's data. It names the argument.
func checkPlaceholders(text []byte, attachments int, args []any) error {
	if bytes.Count(text, []byte(`"_placeholder"`)) == attachments && !bytes.Contains(text, []byte(`\u00`)) {
		return nil // nearly always
	}
	if countPlaceholders(text) == attachments {
		return nil
	}
	for i, arg := range args {
		var w writer
		if err := w.arg(arg); err == nil && countPlaceholders(w.text) > len(w.attachments) {
			return fmt.Errorf("parser: argument %d: %w", i, errLookalike)
		}
	}
	return fmt.Errorf("parser: %w", errLookalike) // in what an argument encodes as no more than once
}

// countPlaceholders returns how many objects JSON.parse makes of JSON without
// white space that have a member _placeholder which is true.
func countPlaceholders(text []byte) (n int) {
	var marked []bool // of the open arrays and objects: by the last member of that name
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			marked = append(marked, false)
		case ']', '}':
			last := len(marked) - 1
			if marked[last] {
				n++
			}
			marked = marked[:last]
		case '"':
			end, _ := scanString(text, i)
			if end < len(text) && text[end] == ':' && isPlaceholderKey(text[i:end]) {
				marked[len(marked)-1] = bytes.HasPrefix(text[end+1:], []byte("true"))
			}
			i = end - 1
		}
	}
	return n
}

func isPlaceholderKey(text []byte) bool {
	const key = "_placeholder"
	if string(text[1:len(text)-1]) == key {
		return true
	}
	if bytes.IndexByte(text, '\\') < 0 {
		return false
	}
	var unescaped string
	return unmarshalJSON(text, &unescaped) == nil && unescaped == key
}
