//go:build unix

// Server is one of two servers of the benchmark of clusters, or a NATS server.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/nats"
	"github.com/goroomcast/socketio/adapter/nats/embedded"
	"github.com/goroomcast/socketio/adapter/postgres"
	"github.com/goroomcast/socketio/adapter/redis"
)

func main() {
	bus := flag.String("bus", "", "the adapter, or nats-server")
	url := flag.String("url", "", "of the bus; for embedded where this server listens, then where another does; a folder for nats-server")
	addr := flag.String("addr", "", "where to listen")
	flag.Parse()
	log.SetFlags(0)
	if *bus == "nats-server" {
		log.Fatal(serveNATS(*addr, *url))
	}
	a, err := connect(*bus, *url)
	if err != nil {
		log.Fatal(err)
	}
	o := &socketio.Options{Adapter: a}
	if _, keepsLog := a.(adapter.SessionStore); keepsLog {
		o.Recovery = &socketio.Recovery{}
	}
	io := socketio.NewServer(o)
	io.OnConnect(func(s *socketio.Socket) { s.Join("room") })
	io.OnServerSide("hello", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	http.Handle(io.Pattern(), io)
	http.HandleFunc("/servers", func(w http.ResponseWriter, r *http.Request) { reply(w, countOthers(r.Context(), io)) })
	http.HandleFunc("/cpu", func(w http.ResponseWriter, _ *http.Request) { reply(w, cpu().Microseconds()) })
	http.HandleFunc("/emit", func(_ http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		pause, _ := time.ParseDuration(r.FormValue("pause"))
		emit(io, n, pause)
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}

func reply(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func serveNATS(addr, folder string) error {
	host, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	s, err := natsserver.NewServer(&natsserver.Options{Host: host, Port: number, JetStream: true, StoreDir: folder, NoLog: true})
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return nil
}

func connect(bus, url string) (adapter.Adapter, error) {
	switch kind, _, _ := strings.Cut(bus, "-"); kind {
	case "redis":
		o, err := rueidis.ParseURL(url)
		if err != nil {
			return nil, err
		}
		client, err := rueidis.NewClient(o)
		if err != nil {
			return nil, err
		}
		switch bus {
		case "redis-streams":
			return redis.NewStreams(client, nil), nil
		case "redis-sharded":
			return redis.NewSharded(client, nil), nil
		}
		return redis.NewClassic(client, nil), nil
	case "postgres":
		pool, err := pgxpool.New(context.Background(), url)
		if err != nil {
			return nil, err
		}
		return postgres.New(pool, nil)
	case "nats":
		return nats.New(url, nil)
	case "jetstream":
		return nats.NewJetStream(url, &nats.JetStreamOptions{Memory: true})
	case "embedded":
		own, other, _ := strings.Cut(url, ",")
		return embedded.New(&embedded.Options{Listen: own, Routes: []string{other}, Secret: "of the benchmark"})
	}
	return nil, fmt.Errorf("no bus %q", bus)
}

// countOthers returns how many other servers answer.
func countOthers(ctx context.Context, io *socketio.Server) (n int) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, err := range io.ServerSideCall(ctx, "hello") {
		if err == nil {
			n++
		}
	}
	return n
}

// emit emits events with the time, in milliseconds since 1970.
func emit(io *socketio.Server, n int, pause time.Duration) {
	for range n {
		_ = io.To("room").Emit("e", float64(time.Now().UnixMicro())/1000, "a text of some length, as in a chat")
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// cpu returns the time that this process has used in user and kernel.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
