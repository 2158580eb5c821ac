package adapter

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"

	"github.com/goroomcast/socketio/parser"
)

// Each socket of a FetchSocketsResponse numbers its attachments on its own. In
// the JSON of the message they are numbered together, in their order.

// joinSockets returns the JSON of sockets, and their attachments.
func joinSockets(sockets []Socket) (joined []socket, attachments [][]byte) {
	joined = make([]socket, len(sockets))
	join := func(e parser.Encoded) json.RawMessage {
		return renumber(e.Text, func(n int) int {
			if n >= len(e.Attachments) {
				return -1
			}
			attachments = append(attachments, e.Attachments[n])
			return len(attachments) - 1
		})
	}
	for i, s := range sockets {
		joined[i] = socket{s.ID, join(s.Handshake), s.Rooms, join(s.Data)}
	}
	return joined, attachments
}

// splitSockets is the inverse of joinSockets.
func splitSockets(joined []socket, attachments [][]byte) ([]Socket, error) {
	sockets := make([]Socket, len(joined))
	missing := false
	split := func(text json.RawMessage) (e parser.Encoded) {
		if len(attachments) == 0 {
			return parser.Encoded{Text: text}
		}
		e.Text = renumber(text, func(n int) int {
			if n >= len(attachments) {
				missing = true
				return -1
			}
			e.Attachments = append(e.Attachments, attachments[n])
			return len(e.Attachments) - 1
		})
		return e
	}
	for i, s := range joined {
		sockets[i] = Socket{s.ID, split(s.Handshake), s.Rooms, split(s.Data)}
	}
	if missing {
		return nil, errors.New("an attachment is missing")
	}
	return sockets, nil
}

// placeholder matches a placeholder as package parser writes it. In valid JSON
// no string contains it, because its quotes would be escaped.
var placeholder = regexp.MustCompile(`\{"_placeholder":true,"num":(\d{1,9})\}`)

// renumber gives each placeholder another number. For a negative one, what looks
// like a placeholder is text, and gets a form that does not match.
func renumber(text []byte, number func(n int) int) []byte {
	places := placeholder.FindAllSubmatchIndex(text, -1)
	if places == nil {
		return text
	}
	var renumbered []byte
	from := 0
	for _, at := range places {
		old, _ := strconv.Atoi(string(text[at[2]:at[3]]))
		if n := number(old); n < 0 {
			renumbered = append(renumbered, text[from:at[0]]...)
			renumbered = append(renumbered, `{"\u005f`...) // for the underscore
			from = at[0] + len(`{"_`)
		} else {
			renumbered = append(renumbered, text[from:at[2]]...)
			renumbered = strconv.AppendInt(renumbered, int64(n), 10)
			from = at[3]
		}
	}
	return append(renumbered, text[from:]...)
}
