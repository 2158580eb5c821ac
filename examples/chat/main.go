// Command chat is a chat with rooms, direct messages and pictures: a Roomcast
// server with package chat, and a page in React that it serves. Start it by
// "make chat".
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
	"github.com/goroomcast/socketio/chat"
)

// flags are the flags of the command line.
type flags struct {
	addr, devOrigin, db, files, bus, peers string
	rate                                   float64
}

func main() {
	var f flags
	flag.StringVar(&f.addr, "addr", "localhost:3000", "address to listen on")
	flag.StringVar(&f.devOrigin, "dev-origin", "", "another origin that may connect, such as Vite's http://localhost:5173")
	flag.StringVar(&f.db, "db", besideProgram("chat.db"), `where messages are kept: a SQLite file, a postgres:// address, or "memory"`)
	flag.StringVar(&f.files, "files", besideProgram("chat-files"), "folder for pictures and other files")
	flag.StringVar(&f.bus, "bus", "", "with several chat servers: where this one listens for the others, host:port")
	flag.StringVar(&f.peers, "peers", "", "where others listen, separated by commas")
	flag.Float64Var(&f.rate, "rate", 5, "messages a second that a person may send")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "chat: %q is no flag; \"chat -h\" lists them\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(f); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

func run(f flags) error {
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", f.addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program; choose another address by make chat ADDR=localhost:3001", f.addr)
	case err != nil:
		return err
	}
	defer listener.Close()

	options := &socketio.Options{
		PingInterval: 4 * time.Second, // so that a page soon notices that the server is silent, by pulse.ts
		Logger:       slog.Default(),
	}
	if f.devOrigin != "" {
		options.CORS.Origins = []string{f.devOrigin}
	}
	if f.bus != "" {
		others, err := joinOthers(f.bus, f.peers)
		if err != nil {
			return err
		}
		defer others.Close()
		options.Adapter = others
	}
	if err := checkFolder(f.files); err != nil {
		return fmt.Errorf("files cannot be kept: %w", err)
	}
	rooms, end, err := openStore(interrupted, f.db)
	if err != nil {
		return fmt.Errorf("%s: %w", f.db, err)
	}
	defer end()
	io := socketio.NewServer(options)
	app, err := newApp(interrupted, io, rooms, f.rate)
	if err != nil {
		return err
	}
	fmt.Printf("The chat is on http://%s\n", f.addr)
	return app.serve(interrupted, stop, listener, io, app.Files(chat.Dir(f.files), app.visitor))
}

// serve serves the chat and its page until the program is interrupted. Then it
// lets the clients go to other servers.
func (a *app) serve(interrupted context.Context, stop func(), listener net.Listener, io *socketio.Server, files http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle(io.Pattern(), io)
	mux.Handle("/files", files)
	mux.Handle("/files/", files)
	mux.Handle("/", servePage(builtPage))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}

	stopped := make(chan error, 1)
	go func() {
		<-interrupted.Done()
		stop() // a second interrupt ends the program at once
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		err := errors.Join(io.Shutdown(ctx), server.Shutdown(ctx), a.Close()) // which writes what waits, and closes the store
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
