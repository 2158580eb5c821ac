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
		return r.name != lobby && !c.inUse(r) && !c.usedElsewhere(r)
	})
	return len(c.rooms) < before
}

// inUse reports whether somebody is in a room on this server, or may come back.
func (c *chat) inUse(r *room) bool {
	awaited := func(p *person) bool { return p.left[r.key] }
	return slices.ContainsFunc(c.people, awaited) || len(c.here(r)) > 0
}

func (c *chat) usedElsewhere(r *room) bool {
	for _, other := range c.others {
		if _, used := other.Rooms[r.name]; used {
			return true
		}
	}
	return false
}

// here returns the ids of the people in a room on this server, whatever their
// tabs.
func (c *chat) here(r *room) map[string]bool {
	there := map[string]bool{}
	for s := range c.io.In(r.key).Sockets() {
		there[personOf(s).ID] = true
	}
	return there
}

// count returns how many people are in a room, on all servers.
func (c *chat) count(r *room) int {
	there := c.here(r)
	for _, other := range c.others {
		for _, id := range other.Rooms[r.name] {
			there[id] = true
		}
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
