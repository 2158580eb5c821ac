package store

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"unicode"
)

// A Searcher is a Store that finds messages by the words of their texts. A word
// consists of letters and digits; upper and lower case are the same. Texts are
// not normalized: an accent after its letter differs from a letter that
// contains the accent.
type Searcher interface {
	Store
	// Search returns messages in the rooms that a user may read at the time of
	// the call, and in the threads of messages that the user may read. The
	// newest messages come first. Search does not find words that were edited
	// or deleted.
	Search(ctx context.Context, s Search) (*Found, error)
}

// A Search asks for messages.
type Search struct {
	User   string
	Room   string   // search this room and its threads, or this thread; "" means all rooms
	Except []string // leave out these rooms and their threads
	Terms  []Term   // a message must contain all of them; without terms, Search finds no message
	After  string   // Found.After of the page before
	Limit  Limit
}

// A Term is a sequence of words.
type Term struct {
	Words  []string // of letters and digits
	Prefix bool     // the last word is the beginning of a word
}

// Found is a page of messages.
type Found struct {
	Messages []Message
	After    string // Search.After of the next page, or "" if there is no next page; only the store can read it
}

// A Hit is a message that was found, with the Found.After of a page that ends
// with it.
type Hit struct {
	Message Message
	After   string
}

// Collect returns a page of hits.
func Collect(hits iter.Seq2[Hit, error], l Limit) (*Found, error) {
	f := new(Found)
	last, bytes := "", 0
	for h, err := range hits {
		if err != nil {
			return nil, err
		}
		if len(f.Messages) >= l.Rows || bytes >= l.Bytes {
			f.After = last
			break
		}
		f.Messages = append(f.Messages, h.Message)
		last = h.After
		bytes += h.Message.Size()
	}
	return f, nil
}

// Terms returns the terms of a text that a user searches for: each word is a
// term, and so is each sequence of words between quotation marks. The last word
// is the beginning of a word, unless a quotation mark ends it. All other
// characters separate words.
func Terms(text string) (terms []Term) {
	parts := strings.Split(text, `"`)
	for i, part := range parts {
		if i%2 == 1 {
			terms = append(terms, phrase(part)...)
			continue
		}
		for _, word := range strings.Fields(part) {
			terms = append(terms, phrase(word)...)
		}
	}
	open := len(parts)%2 == 0 || len(words(parts[len(parts)-1])) > 0
	if open && len(terms) > 0 {
		terms[len(terms)-1].Prefix = true
	}
	return terms
}

// phrase returns the term that a text is, if it has words.
func phrase(text string) []Term {
	if w := words(text); len(w) > 0 {
		return []Term{{Words: w}}
	}
	return nil
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return !unicode.In(c, unicode.L, unicode.N, unicode.M, unicode.Co) })
}

// in reports whether a text, as words in lower case, contains the term.
func (t Term) in(text []string) bool {
	for first := range text {
		if t.at(text[first:]) {
			return true
		}
	}
	return false
}

// at reports whether words begin with those of the term.
func (t Term) at(text []string) bool {
	if len(text) < len(t.Words) {
		return false
	}
	for i, word := range t.Words {
		word = strings.ToLower(word)
		if last := i == len(t.Words)-1; text[i] != word && !(last && t.Prefix && strings.HasPrefix(text[i], word)) {
			return false
		}
	}
	return true
}

// A Place is the place of a message among others, the newest first. It is the
// content of a Found.After.
type Place struct {
	At, Seq int64
	Room    string
}

// PlaceOf returns the place of a message.
func PlaceOf(m *Message) Place { return Place{m.At, m.Seq, m.Room} }

func (p Place) String() string { return fmt.Sprintf("%d %d %s", p.At, p.Seq, p.Room) }

// ParsePlace is the opposite of Place.String. The place "" is before all
// messages.
func ParsePlace(after string) (p Place, err error) {
	if after == "" {
		return Place{At: 1<<63 - 1}, nil
	}
	if n, err := fmt.Sscanf(after, "%d %d %s", &p.At, &p.Seq, &p.Room); n < 3 || err != nil || p.String() != after {
		return p, badField("after")
	}
	return p, nil
}

// compare orders places.
func (p Place) compare(o Place) int {
	return cmp.Or(cmp.Compare(o.At, p.At), cmp.Compare(p.Room, o.Room), cmp.Compare(o.Seq, p.Seq))
}
