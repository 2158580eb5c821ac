package chat

import (
	"context"
	"errors"

	"github.com/goroomcast/socketio/chat/store"
)

const (
	maxSearch  = 256 // bytes of what is searched for
	searchPage = 20  // messages
)

type searchArgs struct {
	Text  string `json:"text"`
	Room  string `json:"room"`
	After string `json:"after"`
	Limit int    `json:"limit"`
}

// A foundPage is the reply to search.
type foundPage struct {
	Messages []foundView `json:"messages"`
	After    string      `json:"after,omitempty"` // of the next page, if there is one
}

// A foundView is a message that was found.
type foundView struct {
	Room string `json:"room"`
	store.Message
}

func (a searchArgs) query(user string) (store.Search, error) {
	var k check
	k.plain("text", a.Text, maxSearch)
	if a.Room != "" {
		k.room(a.Room)
	}
	if k.optional("after", a.After, maxUser); a.Limit < 0 || a.Limit > maxPage {
		k.bad("limit")
	}
	limit := store.Limit{Rows: orDefault(a.Limit, searchPage), Bytes: maxFrame}
	return store.Search{User: user, Room: a.Room, Terms: store.Terms(a.Text), After: a.After, Limit: limit}, k.result()
}

// search finds messages in a room, or in all rooms that the user may read. It is
// repeated without the rooms that Policy.CanRead forbids: each time there are
// more of them, and ctx ends it.
func (d *device) search(ctx context.Context, a searchArgs) (*foundPage, error) {
	q, err := a.query(d.user.ID)
	if err == nil && a.Room != "" {
		_, err = d.readable(ctx, a.Room)
	}
	if err != nil {
		return nil, err
	}
	s, is := d.c.store.(store.Searcher)
	if !is {
		return nil, &Error{Code: store.NotFound, Text: "the store does not search"}
	}
	asked := make(map[string]bool) // rooms that Policy.CanRead allows
	for {
		page, err := s.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		forbidden, err := d.forbidden(ctx, page, asked)
		if err != nil {
			return nil, err
		}
		if len(forbidden) == 0 {
			return viewOfFound(page), nil
		}
		q.Except = append(q.Except, forbidden...)
	}
}

func viewOfFound(page *store.Found) *foundPage {
	v := &foundPage{Messages: make([]foundView, len(page.Messages)), After: page.After}
	for i, m := range page.Messages {
		v.Messages[i] = foundView{m.Room, m}
	}
	return v
}

// forbidden returns the rooms of a page that Policy.CanRead forbids, and puts the
// others into asked. A thread has the rules of its parent.
func (d *device) forbidden(ctx context.Context, page *store.Found, asked map[string]bool) (rooms []string, err error) {
	if d.c.opts.Policy.CanRead == nil {
		return nil, nil
	}
	for _, m := range page.Messages {
		home := store.Home(m.Room)
		if asked[home] {
			continue
		}
		asked[home] = true
		_, err := d.readable(ctx, home)
		switch {
		case errors.Is(err, ErrUnavailable) || ctx.Err() != nil:
			return nil, ErrUnavailable
		case err != nil:
			rooms = append(rooms, home)
		}
	}
	return rooms, nil
}
