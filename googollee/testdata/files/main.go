// Files has the options of the transports, binary data and a server that is a
// field of the program's own type.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	gosio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/polling"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"
	"github.com/googollee/go-socket.io/parser"
)

type store struct {
	io    *gosio.Server
	files map[string][]byte
}

func newStore() *store {
	anyOrigin := func(*http.Request) bool { return true }
	s := &store{files: make(map[string][]byte)}
	s.io = gosio.NewServer(&engineio.Options{
		PingInterval: 10 * time.Second,
		PingTimeout:  5 * time.Second,
		Transports: []transport.Transport{
			&polling.Transport{CheckOrigin: anyOrigin},
			&websocket.Transport{CheckOrigin: anyOrigin},
		},
	})
	s.io.OnEvent("/", "put", s.put)
	s.io.OnEvent("/", "get", s.get)
	return s
}

func (s *store) put(c gosio.Conn, name string, content parser.Buffer) bool {
	s.files[name] = content.Data
	s.io.ForEach("/", "watchers", func(w gosio.Conn) { w.Emit("changed", name) })
	return true
}

func (s *store) get(_ gosio.Conn, name string) *parser.Buffer {
	return &parser.Buffer{Data: s.files[name]}
}

func main() {
	s := newStore()
	if len(os.Args) > 1 {
		if _, err := s.io.Adapter(&gosio.RedisAdapterOptions{Addr: os.Args[1]}); err != nil {
			log.Fatal("redis: ", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s.io)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
