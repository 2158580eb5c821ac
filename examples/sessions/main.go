// Command sessions lets in who has logged in by a form: the session of
// github.com/alexedwards/scs is known by its cookie. To log out disconnects.
//
// Try it: go run ., and in client.mjs after npm install socket.io-client:
//
//	import { io } from "socket.io-client";
//	const login = await fetch("http://localhost:3000/login?user=Ann", { method: "POST" });
//	const cookie = login.headers.get("set-cookie").split(";")[0]; // browsers keep it themselves
//	const socket = io("http://localhost:3000", { extraHeaders: { cookie } });
//	console.log("I am", await socket.emitWithAck("whoami"));
package main

import (
	"context"
	"errors"
	"log"
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/goroomcast/socketio"
)

func route() http.Handler {
	sessions := scs.New()
	room := func(ctx context.Context) string { return "session " + sessions.Token(ctx) }

	io := socketio.NewServer(nil)
	io.Use(func(ctx context.Context, s *socketio.Socket) error { // ctx has the values of the request's: the session
		user := sessions.GetString(ctx, "user")
		if user == "" {
			return errors.New("please log in")
		}
		s.SetData(user)
		return nil
	})
	io.OnConnect(func(s *socketio.Socket) { s.Join(room(s.Context())) })
	socketio.OnCall(io, "whoami", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
		user, _ := socketio.Data[string](s)
		return user, nil
	})

	mux := http.NewServeMux()
	mux.Handle(io.Pattern(), io)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		_ = sessions.RenewToken(r.Context())
		sessions.Put(r.Context(), "user", r.FormValue("user")) // after a look at the password
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		for s := range io.In(room(r.Context())).Sockets() {
			s.Disconnect(true)
		}
		_ = sessions.Destroy(r.Context())
	})
	return http.NewCrossOriginProtection().Handler(sessions.LoadAndSave(mux))
}

func main() {
	log.Fatal(http.ListenAndServe("localhost:3000", route()))
}
