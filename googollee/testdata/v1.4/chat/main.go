// Chat is written against go-socket.io 1.4, whose NewServer returns an error.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/googollee/go-socket.io"
)

func main() {
	server, err := socketio.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	server.OnConnect("/", func(s socketio.Conn) error {
		s.SetContext("")
		s.Join("chat")
		return nil
	})
	server.OnEvent("/", "say", func(s socketio.Conn, text string) string {
		s.SetContext(text)
		server.BroadcastToRoom("/", "chat", "said", text)
		return "ok"
	})
	server.OnError("/", func(s socketio.Conn, e error) { log.Println("error:", e) })
	server.OnDisconnect("/", func(s socketio.Conn, reason string) { log.Println("closed", reason) })
	go server.Serve()
	defer server.Close()

	http.Handle("/socket.io/", server)
	http.Handle("/", http.FileServer(http.Dir("./asset")))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
