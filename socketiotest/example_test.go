package socketiotest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/socketiotest"
)

type Message struct{ Room, Text string }

// newChat is a server to be tested.
func newChat() *socketio.Server {
	io := socketio.NewServer(nil)
	socketio.OnCall(io, "join", func(ctx context.Context, s *socketio.Socket, room string) (string, error) {
		s.Join(room)
		return "welcome to " + room, s.To(room).Emit("joined", s.ID())
	})
	socketio.On(io, "message", func(ctx context.Context, s *socketio.Socket, m Message) error {
		return io.To(m.Room).Emit("message", m)
	})
	socketio.On(io, "leave", func(ctx context.Context, s *socketio.Socket, room string) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		sure, err := socketio.Call[bool](ctx, s, "sure?", room)
		if err == nil && sure {
			s.Leave(room)
		}
		return err
	})
	io.Of("/admin").Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "s3cret" {
			return &socketio.Error{Message: "unauthorized", Data: "/login"}
		}
		return nil
	})
	return io
}

func Example() {
	t := &fakeT{} // your test's *testing.T
	defer t.end()

	srv := socketiotest.NewServer(t, newChat())
	ann, bob := srv.Connect(nil), srv.Connect(nil)

	fmt.Println(socketiotest.Call[string](ann, "join", "lobby"))
	socketiotest.Call[string](bob, "join", "lobby")
	ann.Expect("joined", bob.ID())

	bob.Emit("message", Message{Room: "lobby", Text: "hello"})
	ann.Expect("message", Message{Room: "lobby", Text: "hello"})
	fmt.Println(socketiotest.Receive[Message](bob, "message").Text)
	// Output:
	// welcome to lobby
	// hello
}

// The server's question is answered by hand, or by Answer for all that come.
func ExampleEvent_Ack() {
	t := &fakeT{} // your test's *testing.T
	defer t.end()

	ann := socketiotest.NewServer(t, newChat()).Connect(nil)
	ann.Emit("leave", "lobby")
	question := ann.Next("sure?")
	fmt.Println(question)
	question.Ack(true)

	ann.Answer("sure?", false)
	socketiotest.Call[struct{}](ann, "leave", "lobby") // returns when the handler has
	// Output: "sure?" ["lobby"]
}

func ExampleServer_Dial() {
	t := &fakeT{} // your test's *testing.T
	defer t.end()

	srv := socketiotest.NewServer(t, newChat())
	_, err := srv.Dial(&socketiotest.Options{Namespace: "/admin", Auth: map[string]string{"token": "guess"}})
	fmt.Println("refused:", err)

	admin := srv.Connect(&socketiotest.Options{Namespace: "/admin", Auth: map[string]string{"token": "s3cret"}})
	fmt.Println(len(admin.ID()) > 0)
	// Output:
	// refused: unauthorized
	// true
}
