package main

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
)

// Rooms that exist from the beginning. Ids of other rooms have no upper case.
const (
	lobby     = "lobby"
	everyone  = "everyone"
	directory = "Rooms" // the list of rooms: a message is a room, and pages read it as any other history
	names     = "Names" // who has which name
)

const (
	server          = "server" // the author of what the program writes
	longestRoomName = 32       // characters
	mostRooms       = 100
)

func (a *app) createRooms(ctx context.Context) error {
	for room, kind := range map[string]chat.Kind{lobby: chat.Open, everyone: chat.Open, directory: chat.Open, names: chat.Closed} {
		if err := a.Room(room).Create(ctx, chat.RoomInfo{Kind: kind}); err != nil { // nothing, if it exists
			return err
		}
	}
	return nil
}

// canJoin lets people join open rooms, except the list of rooms.
func (a *app) canJoin(_ context.Context, _ chat.User, r chat.RoomInfo) (chat.Role, error) {
	if r.ID == directory || r.Kind != chat.Open {
		return "", chat.ErrForbidden
	}
	return chat.Writer, nil
}

type enterArgs struct {
	Name string `json:"name"`
}

// An entry is the reply to enter, and the data of a message in the list of
// rooms. The message's text is the name.
type entry struct {
	Room string `json:"room"` // id
}

// enter answers a page. Its errors have the form of those of the chat's own
// commands, with text and code.
func (a *app) enter(ctx context.Context, s *socketio.Socket, arg enterArgs) (entry, error) {
	room, err := a.enterRoom(ctx, userOf(s), arg.Name)
	var e *chat.Error
	if errors.As(err, &e) {
		err = &socketio.Error{Message: e.Text, Data: e}
	}
	return entry{room}, err
}

// enterRoom makes a user a member of the room of a name, and makes the room if
// there is none. It returns the room's id.
func (a *app) enterRoom(ctx context.Context, user, typed string) (string, error) {
	name, err := cleanName(typed, longestRoomName)
	if err != nil {
		return "", err
	}
	room := a.Room(roomID(name))
	if _, err := room.Info(ctx); err != nil {
		if err := a.list(ctx, room.ID(), name); err != nil {
			return "", err
		}
	}
	return room.ID(), room.Add(ctx, user, chat.Writer)
}

// list makes a room, and adds it to the list of rooms.
func (a *app) list(ctx context.Context, room, name string) error {
	last, err := a.Room(directory).History(ctx, 0, 1)
	if err != nil {
		return err
	}
	if len(last) > 0 && last[0].Seq >= mostRooms {
		return refuse("There are too many rooms already.")
	}
	info, err := json.Marshal(name)
	if err != nil {
		return err
	}
	if err := a.Room(room).Create(ctx, chat.RoomInfo{Kind: chat.Open, Info: info}); err != nil {
		return err
	}
	at, err := json.Marshal(entry{room})
	if err != nil {
		return err
	}
	_, err = a.Room(directory).Post(ctx, server, chat.Draft{Key: hash(room), Text: name, Data: at})
	return err
}

var plain = regexp.MustCompile("^[a-z0-9][a-z0-9-]*$")

// roomID returns the id of the room of a name: rooms whose names differ in upper
// and lower case only are the same.
func roomID(name string) string {
	id := strings.ReplaceAll(strings.ToLower(name), " ", "-")
	if plain.MatchString(id) {
		return id // to be read in the page's address
	}
	return hash(id)
}
