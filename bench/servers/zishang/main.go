// Zishang is the benchmark's application on github.com/zishang520/socket.io.
package main

import (
	"github.com/zishang520/socket.io/servers/socket/v3"

	"github.com/goroomcast/socketio/bench/servers/host"
)

func main() {
	io := socket.NewServer(nil, nil)
	check(io.On("connection", func(clients ...any) {
		s := clients[0].(*socket.Socket)
		check(s.On("echo", func(args ...any) { check(s.Emit("echo", args...)) }))
		check(s.On("ack", func(args ...any) { args[1].(socket.Ack)(args[:1], nil) }))
		check(s.On("binary", func(args ...any) { check(s.Emit("binary", args...)) }))
		check(s.On("bcast", func(args ...any) { io.Emit("bcast", args...) }))
		check(s.On("join", func(args ...any) { s.Join(socket.Room(args[0].(string))) }))
		check(s.On("leave", func(args ...any) { s.Leave(socket.Room(args[0].(string))) }))
		check(s.On("room", func(args ...any) {
			message := args[0].(map[string]any)
			check(io.To(socket.Room(message["room"].(string))).Emit("room", message["text"]))
		}))
	}))
	host.Run(io.ServeHandler(nil))
}

// check panics: what this program registers and emits cannot be refused.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
