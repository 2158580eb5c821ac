// Command tls serves Socket.IO over HTTPS with a certificate made at the
// start. Browsers poll over HTTP/2 and open WebSockets over HTTP/1.1; net/http
// does both on one port.
//
// Try it: go run ., and in client.mjs after npm install socket.io-client:
//
//	import { io } from "socket.io-client";
//	const socket = io("https://localhost:3443", { rejectUnauthorized: false }); // in Node.js only
//	socket.on("connect_error", (err) => console.error(err.message, err.description));
//	console.log(await socket.emitWithAck("echo", "hello"));
//	socket.close();
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log"
	"math/big"
	"net/http"
	"time"

	"github.com/goroomcast/socketio"
)

func newServer() *socketio.Server {
	io := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"https://localhost:5173"}}})
	socketio.OnCall(io, "echo", func(ctx context.Context, s *socketio.Socket, text string) (string, error) {
		return text, nil
	})
	return io
}

// selfSigned makes a certificate for localhost that nobody trusts. In earnest
// use your own, by ListenAndServeTLS or golang.org/x/crypto/acme/autocert.
func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().AddDate(0, 0, 7)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, err
}

func main() {
	config, err := selfSigned()
	if err != nil {
		log.Fatal(err)
	}
	io := newServer()
	http.Handle(io.Pattern(), io)
	server := &http.Server{Addr: "localhost:3443", TLSConfig: config, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	log.Fatal(server.ListenAndServeTLS("", ""))
}
