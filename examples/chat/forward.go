package main

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/goroomcast/socketio/chat"
)

// An extra is the data of a message, besides its text.
type extra struct {
	Author  string  `json:"author,omitempty"`  // of a forwarded message
	Forward *origin `json:"forward,omitempty"` // asks to forward a message
}

// An origin is the place of a message that a user forwards.
type origin struct {
	Room string `json:"room"`
	Seq  int64  `json:"seq"`
}

// beforePost fills in the forwarded message. The server looks the message up,
// so that a user cannot forge the words of another.
func (a *app) beforePost(ctx context.Context, d *chat.Draft) error {
	if d.Data == nil {
		return nil
	}
	var e extra
	if err := json.Unmarshal(d.Data, &e); err != nil {
		return chat.Refuse("This message can't be read.")
	}
	e.Author = ""
	if e.Forward != nil {
		original, err := a.original(ctx, d.Author, *e.Forward)
		if err != nil {
			return err
		}
		var before extra
		_ = json.Unmarshal(original.Data, &before) // it may have none
		d.Text = original.Text
		e = extra{Author: cmp.Or(before.Author, original.Author)}
	}
	var err error
	d.Data, err = json.Marshal(e)
	return err
}

// original returns a message that a user may read.
func (a *app) original(ctx context.Context, user string, from origin) (chat.Message, error) {
	gone := chat.Refuse("This message is no longer here.")
	if !a.mayRead(ctx, user, from.Room) {
		return chat.Message{}, gone
	}
	m, err := a.Room(from.Room).Message(ctx, from.Seq)
	if err != nil || m.Deleted != nil || m.Text == "" { // a file belongs to one message
		return chat.Message{}, gone
	}
	return m, nil
}

func (a *app) mayRead(ctx context.Context, user, room string) bool {
	if info, err := a.Room(room).Info(ctx); err == nil && info.Kind == chat.Open {
		return true
	}
	for m, err := range a.Room(room).Members(ctx) {
		if err == nil && m.User == user {
			return true
		}
	}
	return false
}
