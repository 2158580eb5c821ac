// Googollee is the benchmark's application on github.com/googollee/go-socket.io,
// which speaks Engine.IO 3.
package main

import (
	"log"

	socketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/parser"

	"github.com/goroomcast/socketio/bench/servers/host"
)

type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func main() {
	io := socketio.NewServer(nil)
	io.OnConnect("/", func(socketio.Conn) error { return nil })
	io.OnEvent("/", "echo", func(s socketio.Conn, text string) { s.Emit("echo", text) })
	io.OnEvent("/", "ack", func(_ socketio.Conn, text string) string { return text })
	io.OnEvent("/", "binary", func(s socketio.Conn, data *parser.Buffer) { s.Emit("binary", data) })
	io.OnEvent("/", "bcast", func(_ socketio.Conn, text string) { io.BroadcastToNamespace("/", "bcast", text) })
	io.OnEvent("/", "join", func(s socketio.Conn, room string) { s.Join(room) })
	io.OnEvent("/", "leave", func(s socketio.Conn, room string) { s.Leave(room) })
	io.OnEvent("/", "room", func(_ socketio.Conn, m message) { io.BroadcastToRoom("/", m.Room, "room", m.Text) })
	go func() { log.Fatal(io.Serve()) }()
	host.Run(io)
}
