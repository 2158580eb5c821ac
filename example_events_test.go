package socketio_test

import (
	"context"
	"fmt"
	"time"

	"github.com/goroomcast/socketio"
)

// To one client: as many arguments as there are, of any type that is JSON, and
// []byte.
func ExampleSocket_Emit() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.OnConnect(func(s *socketio.Socket) {
		s.Emit("hello", "world", 42, map[string]bool{"fine": true})
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.next())
	// Output: ["hello","world",42,{"fine":true}]
}

// To all clients, those in a room, those not in one. The sender is among them,
// unless it is the socket that sends.
func ExampleBroadcast_Emit() {
	io := socketio.NewServer(nil)
	defer io.Close()
	socketio.On(io, "join", func(ctx context.Context, s *socketio.Socket, room string) error {
		s.Join(room)
		return nil
	})
	socketio.On(io, "bell", func(ctx context.Context, s *socketio.Socket, _ struct{}) error {
		io.Emit("bell", "for all")
		io.To("tea", "coffee").Emit("bell", "for two rooms")
		io.Except("tea").Emit("bell", "for all but a room")
		s.Broadcast().Emit("bell", "for the others")
		return s.To("tea").Emit("bell", "for the others in a room")
	})

	ann, bob := connectJS(io, "/", nil), connectJS(io, "/", nil)
	defer ann.leave()
	defer bob.leave()
	ann.call("join", "tea")
	bob.call("join", "coffee")
	bob.emit("bell")
	for range 4 {
		fmt.Println("Ann", ann.next())
	}
	for range 3 {
		fmt.Println("Bob", bob.next())
	}
	// Output:
	// Ann ["bell","for all"]
	// Ann ["bell","for two rooms"]
	// Ann ["bell","for the others"]
	// Ann ["bell","for the others in a room"]
	// Bob ["bell","for all"]
	// Bob ["bell","for two rooms"]
	// Bob ["bell","for all but a room"]
}

// What is worth nothing when it is late: a client that still has something to
// take misses it.
func ExampleBroadcast_Volatile() {
	io := socketio.NewServer(nil)
	socketio.On(io, "steer", func(ctx context.Context, s *socketio.Socket, angle float64) error {
		return s.To("race").Volatile().Emit("position", s.ID(), angle)
	})
}

// A room for each user reaches all their tabs and devices: direct messages.
func ExampleSocket_Join() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ User string } // in earnest: a token; see examples/jwt
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return err
		}
		s.SetData(auth.User)
		return nil
	})
	io.OnConnect(func(s *socketio.Socket) { s.Join("user " + s.Data().(string)) })
	type Direct struct{ To, Text string }
	socketio.On(io, "direct", func(ctx context.Context, s *socketio.Socket, m Direct) error {
		return io.To("user "+m.To).Emit("direct", s.Data(), m.Text)
	})

	ann := connectJS(io, "/", map[string]string{"user": "Ann"})
	bobsPhone := connectJS(io, "/", map[string]string{"user": "Bob"})
	bobsLaptop := connectJS(io, "/", map[string]string{"user": "Bob"})
	defer ann.leave()
	defer bobsPhone.leave()
	defer bobsLaptop.leave()
	ann.emit("direct", Direct{To: "Bob", Text: "tea?"})
	fmt.Println(bobsPhone.next())
	fmt.Println(bobsLaptop.next())
	// Output:
	// ["direct","Ann","tea?"]
	// ["direct","Ann","tea?"]
}

// A client need not reply.
func ExampleCall_timeout() {
	io := socketio.NewServer(nil)
	defer io.Close()
	socketio.On(io, "delete", func(ctx context.Context, s *socketio.Socket, file string) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		sure, err := socketio.Call[bool](ctx, s, "sure?", file)
		return s.Emit("answer", sure, fmt.Sprint(err))
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	client.emit("delete", "diary.txt")
	client.next() // ["sure?", "diary.txt"], and no reply
	fmt.Println(client.next())
	// Output: ["answer",false,"context deadline exceeded"]
}

// The dynamic form decodes several arguments, here of
// socket.emitWithAck("move", "e2", "e4"), and may reply with several.
func ExampleNamespace_On() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.On("move", func(ctx context.Context, e *socketio.Event) error {
		var from, to string
		if err := e.Decode(&from, &to); err != nil {
			return err
		}
		return e.Ack("from "+from, "to "+to)
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.call("move", "e2", "e4"))
	// Output: ["from e2","to e4"]
}

// The arguments of socket.emit("direct", "ann", "hello", true) are the fields of
// a struct, of which the last may be missing.
func ExampleArgs() {
	io := socketio.NewServer(nil)
	defer io.Close()
	type direct struct {
		socketio.Args
		To     string
		Text   string
		Urgent *bool
	}
	socketio.OnCall(io, "direct", func(ctx context.Context, s *socketio.Socket, d direct) (string, error) {
		return fmt.Sprintf("%q to %s, urgent: %t", d.Text, d.To, d.Urgent != nil && *d.Urgent), nil
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.call("direct", "ann", "hello", true))
	fmt.Println(client.call("direct", "ann", "hello"))
	// Output:
	// ["\"hello\" to ann, urgent: true"]
	// ["\"hello\" to ann, urgent: false"]
}

// A []byte is a Buffer, ArrayBuffer, Blob or typed array in JavaScript, also
// inside of objects.
func ExampleOnCall_binary() {
	io := socketio.NewServer(nil)
	defer io.Close()
	socketio.OnCall(io, "upload", func(ctx context.Context, s *socketio.Socket, file []byte) (int, error) {
		return len(file), nil
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.call("upload", []byte("GIF89a")))
	// Output: [6]
}

// Handlers of one socket share what they need without a lock: its events are
// handled one at a time.
func ExampleSocket_On() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.OnConnect(func(s *socketio.Socket) {
		strokes := 0
		s.On("draw", func(ctx context.Context, e *socketio.Event) error {
			strokes++
			return e.Ack(strokes)
		})
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.call("draw"))
	fmt.Println(client.call("draw"))
	// Output:
	// [1]
	// [2]
}

// The reply may come later; the handler does not keep the next events waiting.
func ExampleEvent_Ack() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.On("brew", func(ctx context.Context, e *socketio.Event) error {
		time.AfterFunc(time.Millisecond, func() { _ = e.Ack("tea is ready") })
		return nil
	})

	client := connectJS(io, "/", nil)
	defer client.leave()
	fmt.Println(client.call("brew"))
	// Output: ["tea is ready"]
}

// In JavaScript: socket.handshake.headers, .query and .auth.
func ExampleSocket_Handshake() {
	io := socketio.NewServer(nil)
	defer io.Close()
	io.OnConnect(func(s *socketio.Socket) {
		var auth struct{ Language string }
		_ = s.Handshake().DecodeAuth(&auth)
		s.Emit("hello", auth.Language, s.Handshake().Query().Get("transport"), s.Handshake().Header.Get("Origin"))
	})

	client := connectJS(io, "/", map[string]string{"language": "fr"})
	defer client.leave()
	fmt.Println(client.next())
	// Output: ["hello","fr","websocket",""]
}
