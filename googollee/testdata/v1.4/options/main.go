// Options is written against go-socket.io 1.2, with the options of the
// module's former neighbour go-engine.io.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/googollee/go-engine.io"
	"github.com/googollee/go-engine.io/transport"
	"github.com/googollee/go-engine.io/transport/websocket"
	socketio "github.com/googollee/go-socket.io"
)

type app struct{ server *socketio.Server }

func start() (*app, error) {
	server, err := socketio.NewServer(&engineio.Options{Transports: []transport.Transport{websocket.Default}})
	if err != nil {
		return nil, fmt.Errorf("socket.io: %w", err)
	}
	server.OnError("/", func(e error) { log.Println(e) })
	server.OnEvent("/", "echo", func(c socketio.Conn, args map[string]interface{}) { c.Emit("echo", args) })
	return &app{server}, nil
}

func main() {
	a, err := start()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(":8000", a.server))
}
