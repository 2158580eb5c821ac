// Command nethttp serves Socket.IO on the standard library's router, with
// time-outs for HTTP and an orderly end.
//
// Try it: go run ., and in client.mjs after npm install socket.io-client:
//
//	import { io } from "socket.io-client";
//	const socket = io("http://localhost:3000");
//	socket.on("connect_error", (err) => console.error(err.message));
//	console.log(await socket.emitWithAck("echo", "hello"));
//	socket.close();
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/goroomcast/socketio"
)

func newServer() *socketio.Server {
	io := socketio.NewServer(&socketio.Options{
		CORS:   socketio.CORS{Origins: []string{"http://localhost:5173"}}, // a front end on another port
		Logger: slog.Default(),
	})
	socketio.OnCall(io, "echo", func(ctx context.Context, s *socketio.Socket, text string) (string, error) {
		return text, nil
	})
	return io
}

func route(io *socketio.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(io.Pattern(), io) // without a method: GET, POST and OPTIONS
	return mux
}

func main() {
	io := newServer()
	server := &http.Server{Addr: "localhost:3000", Handler: route(io), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { log.Println(server.ListenAndServe()); stop() }()
	<-interrupted.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(io.Shutdown(ctx), server.Shutdown(ctx)); err != nil {
		log.Fatal(err)
	}
}
