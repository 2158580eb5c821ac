// Command echo serves Socket.IO on an Echo router, behind its usual
// middleware.
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
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
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
	e := echo.New()
	e.Use(middleware.RequestLogger(), middleware.Recover(), middleware.Gzip())
	e.Any("/socket.io/*", echo.WrapHandler(io)) // e.GET would lose POST and OPTIONS
	e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, "hello") })
	return e
}

func main() {
	server := &http.Server{Addr: "localhost:3000", Handler: route(newServer()), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	log.Fatal(server.ListenAndServe())
}
