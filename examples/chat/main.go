// Command chat is a chat with rooms, direct messages and pictures: a Roomcast
// server, and a page in React that it serves. Start it by "make chat".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/goroomcast/socketio"
)

func main() {
	addr := flag.String("addr", "localhost:3000", "address to listen on")
	devOrigin := flag.String("dev-origin", "", "another origin that may connect, such as Vite's http://localhost:5173")
	bus := flag.String("bus", "", "with several chat servers: where this one listens for the others, host:port")
	peers := flag.String("peers", "", "where others listen, separated by commas")
	flag.Parse()
	if err := run(*addr, *devOrigin, *bus, *peers); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

func run(addr, devOrigin, bus, peers string) error {
	options := &socketio.Options{
		PingInterval: 4 * time.Second,                    // so that a page soon notices that the server is silent, by pulse.ts
		Limits:       socketio.Limits{Buffered: 4 << 20}, // so that a welcome with a full inbox never counts as too slow
		Logger:       slog.Default(),
	}
	if devOrigin != "" {
		options.CORS.Origins = []string{devOrigin}
	}
	if bus != "" {
		others, err := joinOthers(bus, peers)
		if err != nil {
			return err
		}
		defer others.Close()
		options.Adapter = others
	}
	io := socketio.NewServer(options)
	chat := newChat(io)

	mux := http.NewServeMux()
	mux.Handle(io.Pattern(), io)
	mux.Handle("/", servePage(builtPage))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program; choose another address by make chat ADDR=localhost:3001", addr)
	case err != nil:
		return err
	}
	fmt.Printf("The chat is on http://%s\n", addr)
	if bus != "" {
		go chat.follow(interrupted)
	}

	stopped := make(chan error, 1)
	go func() {
		<-interrupted.Done()
		stop() // a second interrupt ends the program at once
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		err := errors.Join(io.Shutdown(ctx), server.Shutdown(ctx))
		if errors.Is(err, context.DeadlineExceeded) {
			slog.Warn("cut off the clients that took too long to leave")
			err = nil
		}
		stopped <- err
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
