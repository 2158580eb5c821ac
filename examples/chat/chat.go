package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

//go:generate go run github.com/goroomcast/socketio/cmd/socketio-ts -o web/src/events.ts .

// An app is what this program adds to a chat: who has which name, rooms that
// are found by name, forwarded messages and pictures. All the rest is package
// chat's: history, edits, reactions, read markers, presence.
type app struct {
	*chat.Chat
	album album
}

// newApp makes the chat of a server. A person may send so many messages a
// second.
func newApp(ctx context.Context, io *socketio.Server, rooms store.Store, perSecond float64) (*app, error) {
	a := new(app)
	rate := chat.Rate{PerSecond: perSecond, Burst: max(20, int(perSecond))}
	ns := io.Of("/chat")
	var err error
	a.Chat, err = chat.New(ns, &chat.Options{
		Store:        rooms,
		Authenticate: a.authenticate,
		BeforePost:   a.beforePost,
		Policy:       chat.Policy{CanJoin: a.canJoin},
		Limits:       chat.Limits{Posts: rate, RoomPosts: rate},
		Logger:       slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	socketio.OnCall(ns, "enter", explained(a.enter))
	socketio.OnCall(ns, "upload", explained(a.upload))
	socketio.OnCall(ns, "picture", explained(a.picture))
	return a, a.createRooms(ctx)
}

// explained makes a handler's errors reach the page in the form of those of the
// chat's own commands, with text and code.
func explained[T, R any](handler func(context.Context, *socketio.Socket, T) (R, error)) func(context.Context, *socketio.Socket, T) (R, error) {
	return func(ctx context.Context, s *socketio.Socket, arg T) (R, error) {
		result, err := handler(ctx, s, arg)
		var e *chat.Error
		if errors.As(err, &e) {
			err = &socketio.Error{Message: e.Text, Data: e}
		}
		return result, err
	}
}
