//go:build linux

// Server is the chat that the benchmark measures: package chat with its
// defaults, but for limits that no row reaches.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	_ "net/http/pprof" // go tool pprof http://…/debug/pprof/profile
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio"
	bus "github.com/goroomcast/socketio/adapter/postgres"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/postgres"
	"github.com/goroomcast/socketio/chat/sqlite"
	"github.com/goroomcast/socketio/chat/store"
)

func main() {
	addr := flag.String("addr", "", "where to listen")
	db := flag.String("db", "", "a file, or the address of a PostgreSQL database")
	filter := flag.Bool("filter", false, "ask a BeforePost about each post")
	flag.Parse()
	log.SetFlags(0)
	if err := serve(*addr, *db, *filter); err != nil {
		log.Fatal(err)
	}
}

func serve(addr, db string, filter bool) error {
	s, so, err := open(db)
	if err != nil {
		return err
	}
	counted := &counted{Store: s}
	so.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	io := socketio.NewServer(so)
	io.Of("/bare").OnConnect(func(*socketio.Socket) {}) // of sockets to compare followers with
	g := &gauge{store: counted}
	o := &chat.Options{
		Store: counted, Authenticate: authenticate, Limits: unlimited, Logger: so.Logger,
		Trace: chat.Trace{Committed: g.committed},
	}
	if filter {
		o.BeforePost = func(context.Context, *chat.Draft) error { return nil }
	}
	if many, is := s.(interface{ Committers() int }); is {
		o.Store = several{counted, many.Committers()}
	}
	if _, err := chat.New(io.Of("/"), o); err != nil {
		return err
	}
	http.Handle(io.Pattern(), io)
	http.Handle("/gauge", g)
	return http.ListenAndServe(addr, nil)
}

func open(db string) (store.Store, *socketio.Options, error) {
	if !strings.HasPrefix(db, "postgres://") {
		s, err := sqlite.Open(db)
		return s, new(socketio.Options), err
	}
	config, err := pgxpool.ParseConfig(db)
	if err != nil {
		return nil, nil, err
	}
	config.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, nil, err
	}
	s, err := postgres.Open(context.Background(), pool, nil)
	if err != nil {
		return nil, nil, err
	}
	a, err := bus.New(pool, nil)
	return s, &socketio.Options{Adapter: a}, err
}

func authenticate(_ context.Context, s *socketio.Socket) (chat.User, error) {
	var a struct{ User string }
	if err := s.Handshake().DecodeAuth(&a); err != nil || a.User == "" {
		return chat.User{}, errors.New("no user")
	}
	return chat.User{ID: a.User, Name: "user " + a.User}, nil
}

var unlimited = chat.Limits{
	Posts: often, RoomPosts: often, Edits: often, Reads: often, Changes: often, Directs: often,
}

var often = chat.Rate{PerSecond: 1e6, Burst: 1e6}

// A gauge says what the server has used.
type gauge struct {
	store *counted
	times times
}

func (g *gauge) committed(int, time.Duration) { g.times.add(time.Now()) }

func (g *gauge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	state := measure(r.FormValue("gc") != "")
	state.Reads, state.Commits = g.store.counts(), g.times.take()
	if err := json.NewEncoder(w).Encode(state); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
