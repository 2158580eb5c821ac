// Rooms is a chat with rooms, as people write it against go-socket.io 1.7: the
// server is a global variable, handlers are in a file of their own.
package main

import (
	"log"
	"net/http"
	"os"

	socketio "github.com/googollee/go-socket.io"
)

var server *socketio.Server

func main() {
	server = socketio.NewServer(nil)
	register(server)
	go func() {
		if err := server.Serve(); err != nil {
			log.Println("serving:", err)
		}
	}()
	defer server.Close()

	http.Handle("/socket.io/", server)
	log.Println("listening")
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
