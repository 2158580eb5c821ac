package socketio_test

import (
	"context"
	"fmt"
	"time"

	"github.com/goroomcast/socketio"
)

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
