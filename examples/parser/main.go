// Command parser serves Socket.IO in CBOR instead of JSON, so that 64-bit integers stay exact, times are times and bytes
// travel beside them in the same message. The codec is cbor.go here and cbor.mjs in the client.
//
// Try it: npm install, go run ., and node client.mjs.
package main

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/goroomcast/socketio"
)

type event struct {
	ID   int64     `json:"id"` // beyond 2^53 a number of JavaScript would be another one
	At   time.Time `json:"at"`
	Seal []byte    `json:"seal"`
}

func newServer() *socketio.Server {
	io := socketio.NewServer(&socketio.Options{Parser: CBOR{}, Logger: slog.Default()})
	socketio.OnCall(io, "postpone", func(_ context.Context, s *socketio.Socket, e event) (event, error) {
		e.ID++
		e.At = e.At.AddDate(0, 0, 1)
		return e, s.Emit("postponed", e.ID)
	})
	return io
}

func main() {
	io := newServer()
	http.Handle(io.Pattern(), io)
	log.Fatal(http.ListenAndServe("localhost:3000", nil))
}
