// Roomcast is the benchmark's application on this library, with one of its
// features if -with names one.
package main

import (
	"context"
	"flag"
	"log"
	"net"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/bench/servers/host"
)

type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func main() {
	with := flag.String("with", "", "a feature: adapter, recovery, metrics, deflate or tls")
	flag.Parse()
	l, err := net.Listen("tcp", flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	l, o, err := feature(*with, l)
	if err != nil {
		log.Fatal(err)
	}
	io := socketio.NewServer(o)
	socketio.On(io, "echo", func(_ context.Context, s *socketio.Socket, text string) error {
		return s.Emit("echo", text)
	})
	socketio.OnCall(io, "ack", func(_ context.Context, _ *socketio.Socket, text string) (string, error) {
		return text, nil
	})
	socketio.On(io, "binary", func(_ context.Context, s *socketio.Socket, data []byte) error {
		return s.Emit("binary", data)
	})
	socketio.On(io, "bcast", func(_ context.Context, _ *socketio.Socket, text string) error {
		return io.Emit("bcast", text)
	})
	socketio.On(io, "join", func(_ context.Context, s *socketio.Socket, room string) error {
		s.Join(room)
		return nil
	})
	socketio.On(io, "leave", func(_ context.Context, s *socketio.Socket, room string) error {
		s.Leave(room)
		return nil
	})
	socketio.On(io, "room", func(_ context.Context, _ *socketio.Socket, m message) error {
		return io.To(m.Room).Emit("room", m.Text)
	})
	host.Serve(l, io)
}
