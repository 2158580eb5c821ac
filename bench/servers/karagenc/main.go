// Karagenc is the benchmark's application on github.com/karagenc/socket.io-go.
package main

import (
	"log"

	sio "github.com/karagenc/socket.io-go"

	"github.com/goroomcast/socketio/bench/servers/host"
)

type message struct {
	Room sio.Room `json:"room"`
	Text string   `json:"text"`
}

func main() {
	io := sio.NewServer(nil)
	io.OnConnection(func(s sio.ServerSocket) {
		s.OnEvent("echo", func(text string) { s.Emit("echo", text) })
		s.OnEvent("ack", func(text string, reply func(string)) { reply(text) })
		s.OnEvent("binary", func(data sio.Binary) { s.Emit("binary", data) })
		s.OnEvent("bcast", func(text string) { io.Emit("bcast", text) })
		s.OnEvent("join", func(room sio.Room) { s.Join(room) })
		s.OnEvent("leave", func(room sio.Room) { s.Leave(room) })
		s.OnEvent("room", func(m message) { io.To(m.Room).Emit("room", m.Text) })
	})
	if err := io.Run(); err != nil {
		log.Fatal(err)
	}
	host.Run(io)
}
