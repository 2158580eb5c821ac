package main

import (
	"slices"
	"strings"

	"github.com/goroomcast/socketio"
)

const (
	lobby           = "lobby"
	longestRoomName = 32 // characters
	mostRooms       = 100
)

// A room of the chat is a Socket.IO room with a history.
type room struct {
	name    string
	key     string // the Socket.IO room
	history history
}

// rooms are in the order of their making, the lobby first.
type rooms []*room

func newRoom(name string) *room {
	return &room{name: name, key: "room:" + name}
}

func (all rooms) find(name string) *room {
	for _, r := range all {
		if strings.EqualFold(r.name, name) {
			return r
		}
	}
	return nil
}

// has reports whether the socket is in the room.
func (r *room) has(s *socketio.Socket) bool { return slices.Contains(s.Rooms(), r.key) }

// roomOf returns a room that the socket is in.
func (c *chat) roomOf(s *socketio.Socket, name string) (*room, error) {
	r := c.rooms.find(name)
	if r == nil || !r.has(s) {
		return nil, refuse("You are not in this room.")
	}
	return r, nil
}

// openRoom finds or makes a room.
func (c *chat) openRoom(typed string) (*room, error) {
	name, err := cleanName(typed, longestRoomName)
	if err != nil {
		return nil, err
	}
	if r := c.rooms.find(name); r != nil {
		return r, nil
	}
	if len(c.rooms) >= mostRooms {
		return nil, refuse("There are too many rooms already.")
	}
	r := newRoom(name)
	c.rooms = append(c.rooms, r)
	return r, nil
}

// rejoin puts a socket back into the rooms that its page was in.
func (c *chat) rejoin(s *socketio.Socket) {
	var who credentials
	_ = s.Handshake().DecodeAuth(&who) // admit has seen that it decodes
	for _, name := range who.Rooms[:min(len(who.Rooms), mostRooms)] {
		if r, err := c.openRoom(name); err == nil {
			s.Join(r.key)
		}
	}
}

// dropEmptyRooms forgets the rooms that nobody is in, and that nobody who has
// just gone may come back to. It reports whether there were any.
func (c *chat) dropEmptyRooms() bool {
	before := len(c.rooms)
	c.rooms = slices.DeleteFunc(c.rooms, func(r *room) bool {
		awaited := slices.ContainsFunc(c.people, func(p *person) bool { return p.left[r.key] })
		return r.name != lobby && !awaited && c.count(r) == 0
	})
	return len(c.rooms) < before
}

// count returns how many people are in a room, whatever their tabs.
func (c *chat) count(r *room) int {
	there := map[*person]bool{}
	for s := range c.io.In(r.key).Sockets() {
		there[personOf(s)] = true
	}
	return len(there)
}

type roomInfo struct {
	Name   string `json:"name"`
	People int    `json:"people"`
}

func (c *chat) roomList() []roomInfo {
	list := make([]roomInfo, len(c.rooms))
	for i, r := range c.rooms {
		list[i] = roomInfo{r.name, c.count(r)}
	}
	return list
}
