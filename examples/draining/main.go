// Command draining ends on SIGTERM so that nobody notices: as one of several
// servers behind a load balancer, which are restarted one after the other.
//
// Try it: run it twice, with -addr localhost:3000 and -addr localhost:3001, put
// a load balancer with sticky sessions in front that asks /readyz, and kill -TERM
// one of them. In Kubernetes /readyz is the readinessProbe, and
// terminationGracePeriodSeconds has to be more than -notice, -spread and 15 s
// together.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/goroomcast/socketio"
)

func main() {
	addr := flag.String("addr", "localhost:3000", "where to listen")
	notice := flag.Duration("notice", 5*time.Second, "how long the load balancer takes to see that the server is not ready")
	spread := flag.Duration("spread", 10*time.Second, "over which time the clients are sent to other servers")
	flag.Parse()

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	io := newServer(listener.Addr().String(), *spread)
	ready := new(atomic.Bool)
	ready.Store(true)
	server := &http.Server{Handler: route(io, ready), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	terminated, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	log.Print("listening on ", listener.Addr())
	<-terminated.Done()
	stop() // a second signal ends the program at once

	// First new clients must go elsewhere: who is told to reconnect would
	// otherwise come back.
	ready.Store(false)
	<-time.After(*notice)

	// Then those who are here go. The port stays open, because polling clients
	// need it until their turn.
	ctx, cancel := context.WithTimeout(context.Background(), *spread+15*time.Second)
	defer cancel()
	err = io.Shutdown(ctx)

	// At last the port is closed, and what else is under way on it ends.
	if err := errors.Join(err, server.Shutdown(ctx)); err != nil {
		log.Fatal(err)
	}
}

// newServer returns a server that says its name.
func newServer(name string, spread time.Duration) *socketio.Server {
	io := socketio.NewServer(&socketio.Options{ShutdownSpread: spread})
	socketio.OnCall(io, "name", func(context.Context, *socketio.Socket, struct{}) (string, error) { return name, nil })
	return io
}

func route(io http.Handler, ready *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if !ready.Load() {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		}
	})
	return mux
}
