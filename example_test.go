package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/goroomcast/socketio"
)

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
