// Command jwt lets in who has a valid JSON Web Token, and disconnects when it
// expires, unless the client sends a new one in time.
//
// Try it: go run . prints a token; in client.mjs after npm install socket.io-client:
//
//	import { io } from "socket.io-client";
//	const socket = io("http://localhost:3000", { auth: { token: process.argv[2] } });
//	socket.on("connect_error", (err) => console.error(err.message, err.data));
//	socket.on("disconnect", (reason) => console.log(reason)); // after a minute
//	console.log("I am", await socket.emitWithAck("whoami"));
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func main() {
	key := tokenKey("at least 32 bytes, in earnest from outside the program")
	token, err := key.issue("Ann", time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
	io := newServer(key)
	http.Handle(io.Pattern(), io)
	log.Fatal(http.ListenAndServe("localhost:3000", nil))
}

// A tokenKey signs and verifies tokens.
type tokenKey []byte

func (k tokenKey) issue(user string, valid time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   user,
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(valid)),
	}).SignedString([]byte(k))
}

func (k tokenKey) verify(token string) (*jwt.RegisteredClaims, error) {
	claims := new(jwt.RegisteredClaims)
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte(k), nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired())
	return claims, err
}
