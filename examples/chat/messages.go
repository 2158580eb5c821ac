package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goroomcast/socketio"
)

const (
	longestID      = 64   // bytes
	longestText    = 2000 // characters
	largestPicture = 512 << 10
)

// A draft is a message as its sender makes it. Who sends it, the server knows.
type draft struct {
	ID      string `json:"id"` // of the page's making, to send a message again but not twice
	Text    string `json:"text"`
	Picture []byte `json:"picture,omitempty"`
	place
}

// A Message is what pages get.
type Message struct {
	ID      string   `json:"id"` // the sender's id and the draft's
	From    Profile  `json:"from"`
	Room    string   `json:"room,omitempty"`
	To      *Profile `json:"to,omitempty"` // neither Room nor To: an announcement
	Text    string   `json:"text"`
	Picture string   `json:"picture,omitempty"` // to be asked for by this id
	Author  *Profile `json:"author,omitempty"`  // of a forwarded message
	At      int64    `json:"at"`                // milliseconds since 1970
}

// fill takes over what a draft says. The picture goes to the album, from where
// each page fetches it when it shows it, one after another: so a slow page
// never has more than it can take.
func (c *chat) fill(m *Message, d draft) error {
	m.Text = strings.TrimSpace(d.Text)
	switch {
	case m.Text == "" && len(d.Picture) == 0:
		return refuse("There is nothing to send.")
	case utf8.RuneCountInString(m.Text) > longestText:
		return refuse("A message has at most %d characters.", longestText)
	case len(d.Picture) > largestPicture:
		return refuse("A picture has at most %d KiB.", largestPicture>>10)
	case len(d.Picture) > 0 && !isPicture(d.Picture):
		return refuse("This is not a picture.")
	}
	if len(d.Picture) > 0 {
		m.Picture = rand.Text()
		c.album.add(m.Picture, d.Picture)
	}
	return nil
}

func isPicture(data []byte) bool {
	return strings.HasPrefix(http.DetectContentType(data), "image/")
}

// cleanName makes a name out of what somebody typed: without space around it,
// and without characters that can't be seen, by which names could look alike.
func cleanName(typed string, longest int) (string, error) {
	name := strings.Join(strings.Fields(typed), " ")
	switch {
	case name == "":
		return "", refuse("Please enter a name.")
	case utf8.RuneCountInString(name) > longest:
		return "", refuse("A name has at most %d characters.", longest)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return "", refuse("A name can't have invisible characters.")
	}
	return name, nil
}

// refuse makes an error for the visitor to read.
func refuse(format string, args ...any) error {
	return &socketio.Error{Message: fmt.Sprintf(format, args...)}
}
