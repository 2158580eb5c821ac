package main

import (
	"fmt"
	"log"

	"github.com/googollee/go-socket.io"
)

type user struct {
	name  string
	rooms int
}

type post struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func register(s *socketio.Server) {
	s.OnConnect("/", func(c socketio.Conn) error {
		c.SetContext(&user{name: "guest"})
		log.Println("connected:", c.ID(), c.RemoteAddr())
		return nil
	})
	s.OnEvent("/", "name", func(c socketio.Conn, name string) string {
		c.Context().(*user).name = name
		return "hello " + name
	})
	s.OnEvent("/", "join", join)
	s.OnEvent("/", "post", func(c socketio.Conn, p post) {
		server.BroadcastToRoom("/", p.Room, "posted", c.Context().(*user).name, p)
	})
	s.OnEvent("/stats", "count", func(socketio.Conn) int { return s.Count() })
	s.OnError("/", func(c socketio.Conn, err error) { log.Println("error:", err) })
	s.OnDisconnect("/", func(c socketio.Conn, reason string) { log.Println("gone:", reason) })
}

func join(c socketio.Conn, room string) (int, error) {
	if room == "" {
		return 0, fmt.Errorf("no room")
	}
	c.Join(room)
	c.Context().(*user).rooms++
	return server.RoomLen("/", room), nil
}
