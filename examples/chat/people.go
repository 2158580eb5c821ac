package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
)

const (
	longestName = 24 // characters
	shortestKey = 16 // bytes
	longestKey  = 64 // bytes
)

// credentials come with the handshake. Only the person's browser knows the key.
// By the key the server tells a second tab from a second person. A real program
// asks for more: examples/jwt and examples/sessions show how.
type credentials struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// authenticate lets in a person with a name of their own, which is the user's
// id. A new person joins the rooms that everybody is in.
func (a *app) authenticate(ctx context.Context, s *socketio.Socket) (chat.User, error) {
	var who credentials
	if err := s.Handshake().DecodeAuth(&who); err != nil {
		return chat.User{}, chat.Refuse("Please enter a name.")
	}
	user, err := a.identify(ctx, who)
	if err != nil {
		return chat.User{}, err
	}
	for _, room := range []string{lobby, everyone} {
		if err := a.Room(room).Add(ctx, user.ID, chat.Writer); err != nil {
			return chat.User{}, err
		}
	}
	s.SetData(user)
	return user, nil
}

// visitor returns the user of a request for a file. The page keeps its
// credentials in a cookie, too, because the browser fetches pictures without
// the page's headers.
func (a *app) visitor(r *http.Request) (chat.User, error) {
	cookie, err := r.Cookie("chat")
	if err != nil {
		return chat.User{}, err
	}
	text, err := url.QueryUnescape(cookie.Value)
	if err != nil {
		return chat.User{}, err
	}
	var who credentials
	if err := json.Unmarshal([]byte(text), &who); err != nil {
		return chat.User{}, err
	}
	return a.identify(r.Context(), who)
}

func (a *app) identify(ctx context.Context, who credentials) (chat.User, error) {
	name, err := cleanName(who.Name, longestName)
	if err == nil {
		name, err = a.claim(ctx, name, who.Key)
	}
	return chat.User{ID: name, Name: name}, err
}

// A claim is the message by which a name was taken.
type claim struct {
	Key string `json:"key"` // the hash of it
}

// claim takes a name, unless another person has it, and returns the name as it
// was first written. Names are messages of a room without members. There is one
// message for a name, so two people cannot take it at once, not even on two
// servers.
func (a *app) claim(ctx context.Context, name, key string) (string, error) {
	if len(key) < shortestKey || len(key) > longestKey {
		return "", refuse("The key must have %d to %d characters.", shortestKey, longestKey)
	}
	mine, err := json.Marshal(claim{hash(key)})
	if err != nil {
		return "", err
	}
	taken, err := a.Room(names).Post(ctx, server, chat.Draft{Key: hash(strings.ToLower(name)), Text: name, Data: mine})
	switch {
	case err != nil:
		return "", err
	case string(taken.Data) != string(mine):
		return "", refuse("The name %s is taken.", taken.Text)
	}
	return taken.Text, nil
}

// hash returns a short name of a text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// canCreate lets people talk to each other in private, but not to a name that
// nobody has.
func (a *app) canCreate(ctx context.Context, u chat.User, r chat.RoomInfo) error {
	if r.Kind != chat.Direct {
		return nil
	}
	other := r.Users[0]
	if other == u.ID {
		other = r.Users[1]
	}
	for room, err := range a.User(other).Rooms(ctx) {
		if err != nil || room.ID == everyone {
			return err
		}
	}
	return refuse("There is nobody called %s.", other)
}

// userOf returns the user of a socket.
func userOf(s *socketio.Socket) string { return s.Data().(chat.User).ID }

// cleanName returns a typed name without the space around it, and without
// invisible characters, because names that differ only in these look alike.
func cleanName(typed string, longest int) (string, error) {
	name := strings.Join(strings.Fields(typed), " ")
	switch {
	case name == "":
		return "", refuse("Please enter a name.")
	case utf8.RuneCountInString(name) > longest:
		return "", refuse("A name has at most %d characters.", longest)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return "", refuse("A name can't have invisible characters.")
	case !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }):
		return "", refuse("A name needs a letter or a digit.")
	}
	return name, nil
}

// refuse makes an error for the visitor to read.
func refuse(format string, args ...any) error { return chat.Refuse(fmt.Sprintf(format, args...)) }
