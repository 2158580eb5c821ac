package main

import "slices"

const remembered = 50 // messages of a history

// A history holds the last messages of a room or a person.
type history []Message

func (h *history) add(m Message) {
	*h = append(*h, m)
	if len(*h) > remembered {
		*h = slices.Delete(*h, 0, 1)
	}
}

func (h history) find(id string) (Message, bool) {
	for _, m := range h {
		if m.ID == id {
			return m, true
		}
	}
	return Message{}, false
}

// all returns a copy, never nil: JavaScript expects a list.
func (h history) all() []Message { return append([]Message{}, h...) }
