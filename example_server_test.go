package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"strings"
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

// A chat: whoever joins a room gets what is said in it.
func Example() {
	io := socketio.NewServer(&socketio.Options{
		CORS: socketio.CORS{Origins: []string{"http://localhost:5173"}}, // the front end in development
	})
	type Message struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	socketio.On(io, "join", func(ctx context.Context, s *socketio.Socket, room string) error {
		s.Join(room)
		return s.To(room).Emit("joined", s.ID())
	})
	socketio.On(io, "message", func(ctx context.Context, s *socketio.Socket, m Message) error {
		return io.To(m.Room).Emit("message", m)
	})
	http.Handle(io.Pattern(), io)
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", nil))
}

// What handlers return is logged; the client's ack, if it wants one, follows
// a nil error.
func ExampleOn() {
	io := socketio.NewServer(nil)
	type Stroke struct{ X, Y int }
	socketio.On(io, "draw", func(ctx context.Context, s *socketio.Socket, stroke Stroke) error {
		return s.Broadcast().Emit("draw", stroke)
	})
	io.OnConnect(func(s *socketio.Socket) { // or on one socket
		socketio.On(s, "undo", func(ctx context.Context, s *socketio.Socket, _ struct{}) error {
			return s.Broadcast().Emit("undo", s.ID())
		})
	})
}

// In JavaScript: const reply = await socket.emitWithAck("search", "go").
func ExampleOnCall() {
	io := socketio.NewServer(nil)
	defer io.Close()
	socketio.OnCall(io, "search", func(ctx context.Context, s *socketio.Socket, text string) ([]string, error) {
		if text == "" {
			return nil, &socketio.Error{Message: "nothing to search for"}
		}
		return strings.Fields(text), nil
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.call("search", "go fish"))
	fmt.Println(client.call("search", ""))
	// Output:
	// [["go","fish"]]
	// [{"error":"nothing to search for"}]
}

// In JavaScript: socket.on("sure?", (file, reply) => reply(true)).
func ExampleCall() {
	io := socketio.NewServer(nil)
	defer io.Close()
	socketio.On(io, "delete", func(ctx context.Context, s *socketio.Socket, file string) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		sure, err := socketio.Call[bool](ctx, s, "sure?", file)
		if err != nil || !sure {
			return err
		}
		return s.Emit("deleted", file)
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	client.emit("delete", "diary.txt")
	fmt.Println(client.confirm(true))
	fmt.Println(client.next())
	// Output:
	// ["sure?","diary.txt"]
	// ["deleted","diary.txt"]
}

func ExampleBroadcast_Call() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.OnConnect(func(s *socketio.Socket) { s.Join("parliament") })
	for _, aye := range []bool{true, false, true} {
		member := connectJS(io, "/", nil)
		defer member.leave()
		go member.confirm(aye)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	votes := 0
	for reply, err := range io.To("parliament").Call(ctx, "vote", "more tea") {
		var aye bool
		if err == nil {
			err = reply.Decode(&aye)
		}
		if err != nil {
			fmt.Println(reply.SocketID(), "does not vote:", err)
		} else if aye {
			votes++
		}
	}
	fmt.Println(votes, "votes")
	// Output: 2 votes
}

// In JavaScript: io({auth: {token: "…"}}).
func ExampleNamespace_Use() {
	users := map[string]string{"t0ken": "Ann"}
	io := socketio.NewServer(nil)
	defer io.Close()
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return errors.New("bad auth")
		}
		user, known := users[auth.Token]
		if !known {
			return &socketio.Error{Message: "unauthorized", Data: map[string]string{"login": "/login"}}
		}
		s.SetData(user)
		return nil
	})
	io.OnConnect(func(s *socketio.Socket) { s.Emit("welcome", s.Data()) })

	ann := connectJS(io, "/", map[string]string{"token": "t0ken"})
	defer ann.leave()
	fmt.Println(ann.next())
	eve := connectJS(io, "/", map[string]string{"token": "stolen"})
	defer eve.leave()
	fmt.Println(eve.refusal)
	// Output:
	// ["welcome","Ann"]
	// {"message":"unauthorized","data":{"login":"/login"}}
}

func ExampleSocket_OnDisconnect() {
	io := socketio.NewServer(nil)
	io.OnConnect(func(s *socketio.Socket) {
		s.OnDisconnect(func(r socketio.Reason) {
			if r != socketio.ReasonServerShutdown {
				io.Emit("left", s.ID())
			}
		})
	})
}
