package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"syscall"
	"time"

	"github.com/goroomcast/socketio"
)

// In JavaScript: io("https://example.com/admin"). A namespace has handlers,
// middleware and rooms of its own, and the client's connection in common with
// the others.
func ExampleServer_Of() {
	io := socketio.NewServer(nil)
	defer io.Close()
	admin := io.Of("/admin")
	admin.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Password string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Password != "open sesame" {
			return errors.New("wrong password")
		}
		return nil
	})
	socketio.OnCall(admin, "stop", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
		io.Emit("notice", "maintenance") // to "/", not to "/admin"
		return "done", nil
	})

	user := connectJS(io, "/", nil)
	defer user.leave()
	stranger := connectJS(io, "/admin", nil)
	defer stranger.leave()
	operator := connectJS(io, "/admin", map[string]string{"password": "open sesame"})
	defer operator.leave()
	fmt.Println(stranger.refusal)
	fmt.Println(operator.call("stop"))
	fmt.Println(user.next())
	// Output:
	// {"message":"wrong password"}
	// ["done"]
	// ["notice","maintenance"]
}

// Clients that have lost their connection come back to where they were. In
// JavaScript nothing is to be done: socket.recovered says what has happened.
func ExampleRecovery() {
	io := socketio.NewServer(&socketio.Options{
		Recovery: &socketio.Recovery{MaxAge: 5 * time.Minute},
	})
	io.OnConnect(func(s *socketio.Socket) {
		if s.Recovered() {
			return // to its rooms, and the events it has missed are on their way
		}
		s.Join("news")
		s.Emit("welcome", "here is all that has happened so far")
	})
	http.Handle(io.Pattern(), io)
}

// Pages of other origins, with cookies and a header of their own. In
// JavaScript: io("https://live.example.com", { withCredentials: true }).
func ExampleCORS() {
	http.Handle("/socket.io/", socketio.NewServer(&socketio.Options{
		CORS: socketio.CORS{
			Origins:     []string{"https://example.com", "https://*.example.com", "http://localhost:5173"},
			Credentials: true,
			Headers:     []string{"X-Tenant"},
			MaxAge:      10 * time.Minute,
		},
	}))
}

// In JavaScript: io.engine.use(…), io.engine.on("headers", …) and
// on("initial_headers", …). What comes before the server is any http.Handler;
// the first request of a connection is the one without a sid.
func ExampleServer_ServeHTTP() {
	io := socketio.NewServer(nil)
	defer io.Close()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff") // on each answer, a WebSocket's 101 too
		if !r.URL.Query().Has("sid") {
			w.Header().Set("X-Served-By", "server-7") // on the first
		}
		io.ServeHTTP(w, r)
	})

	for _, query := range []string{"EIO=4&transport=polling", "EIO=4&transport=polling&sid=from-the-first"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/socket.io/?"+query, nil))
		fmt.Println(w.Header().Get("X-Content-Type-Options"), w.Header().Get("X-Served-By"))
	}
	// Output:
	// nosniff server-7
	// nosniff
}

// An orderly end at Ctrl-C, docker stop or a new deployment: clients get what
// was sent to them and connect to the next server.
func ExampleServer_Shutdown() {
	io := socketio.NewServer(nil)
	mux := http.NewServeMux()
	mux.Handle(io.Pattern(), io)
	server := &http.Server{Addr: "localhost:3000", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	interrupted, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-interrupted.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(io.Shutdown(ctx), server.Shutdown(ctx)); err != nil {
		log.Print("cut off some clients: ", err)
	}
}

// In JavaScript: io.engine.on("connection_error", …). A Trace is told of much
// more; metrics/prometheus and metrics/otel are made of it.
func ExampleTrace() {
	io := socketio.NewServer(&socketio.Options{Trace: &socketio.Trace{
		Rejected: func(r *http.Request, why socketio.Refusal) {
			fmt.Printf("refused: %s %q, code %d\n", why.Cause, why.Context, why.Code)
		},
		Handle: func(ctx context.Context, e *socketio.Event) (context.Context, func(error)) {
			start := time.Now()
			return ctx, func(err error) {
				if took := time.Since(start); err != nil || took > time.Minute {
					fmt.Printf("event: %s: %v\n", e.Name(), err)
				}
			}
		},
	}})
	defer io.Close()
	io.On("order", func(context.Context, *socketio.Event) error { return errors.New("sold out") })
	socketio.OnCall(io, "ping", func(context.Context, *socketio.Socket, struct{}) (string, error) { return "pong", nil })

	io.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/socket.io/?transport=telegraph", nil))
	client := connectJS(io, "/", nil)
	defer client.leave()
	client.emit("order")
	client.emit("ordr")
	fmt.Println(client.call("ping"))
	// Output:
	// refused: unknown transport "telegraph", code 0
	// event: order: sold out
	// event: ordr: socketio: no handler for the event
	// ["pong"]
}
