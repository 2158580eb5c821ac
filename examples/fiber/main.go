// Command fiber serves Socket.IO beside a Fiber app, on a port of its own:
// fasthttp reuses the memory of requests, while a socket keeps its first one.
//
// Try it: go run ., and in client.mjs after npm install socket.io-client:
//
//	import { io } from "socket.io-client";
//	const socket = io("http://localhost:3001");
//	socket.on("announcement", (text) => console.log(text));
//	console.log(await socket.emitWithAck("echo", "hello"));
//	await fetch("http://localhost:3000/announce", { method: "POST", body: "tea is ready" });
package main

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/goroomcast/socketio"
)

func newServer() *socketio.Server {
	io := socketio.NewServer(&socketio.Options{
		CORS:   socketio.CORS{Origins: []string{"http://localhost:3000"}}, // the pages of the Fiber app
		Logger: slog.Default(),
	})
	socketio.OnCall(io, "echo", func(ctx context.Context, s *socketio.Socket, text string) (string, error) {
		return text, nil
	})
	return io
}

func newApp(io *socketio.Server) *fiber.App {
	app := fiber.New()
	app.Post("/announce", func(c fiber.Ctx) error {
		return io.Emit("announcement", string(c.Body()))
	})
	return app
}

func main() {
	io := newServer()
	server := &http.Server{Addr: "localhost:3001", Handler: io, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	go func() { log.Fatal(server.ListenAndServe()) }()
	log.Fatal(newApp(io).Listen("localhost:3000"))
}
