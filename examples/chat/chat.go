package main

import (
	"context"
	"log/slog"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

//go:generate go run github.com/goroomcast/socketio/cmd/socketio-ts -o web/src/events.ts .

// An app is what this program adds to package chat: names of people, rooms that
// are found by name, and forwarded messages. Package chat does all the rest:
// history, edits, reactions, read markers, presence, files, search.
type app struct{ *chat.Chat }

// newApp makes the chat of a server. Rate is how many messages a person may
// send per second.
func newApp(ctx context.Context, io *socketio.Server, rooms store.Store, perSecond float64) (*app, error) {
	a := new(app)
	rate := chat.Rate{PerSecond: perSecond, Burst: max(20, int(perSecond))}
	ns := io.Of("/chat")
	var err error
	a.Chat, err = chat.New(ns, &chat.Options{
		Store:        rooms,
		Authenticate: a.authenticate,
		BeforePost:   a.beforePost,
		Policy:       chat.Policy{CanJoin: a.canJoin, CanCreate: a.canCreate},
		Limits:       chat.Limits{Posts: rate, RoomPosts: rate},
		Logger:       slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	socketio.OnCall(ns, "enter", a.enter)
	return a, a.createRooms(ctx)
}
