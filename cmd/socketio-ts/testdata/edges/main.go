// Command edges has events with every kind of type. It prints its address.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"

	"edges/other"
	"github.com/goroomcast/socketio"
)

type server struct {
	io    *socketio.Server
	admin *socketio.Namespace
}

const renamed = "re-named"

func main() {
	s := &server{io: socketio.NewServer(nil)}
	s.admin = s.io.Of("admin")
	s.register()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	http.Handle(s.io.Pattern(), s.io)
	log.Fatal(http.Serve(listener, nil))
}

// echo is a wrapper with a type parameter.
func echo[T any](t socketio.EventTarget, event string) {
	socketio.OnCall(t, event, func(ctx context.Context, s *socketio.Socket, v T) (T, error) { return v, nil })
}

// tell is a wrapper whose callers name the event.
func (s *server) tell(room, event string, v any) { s.io.To(room).Emit(event, v) }

// tellAll passes on any number of arguments.
func tellAll(to socketio.Broadcast, event string, args ...any) { to.Emit(event, args...) }

func (s *server) register() {
	echo[Order](s.io, "order")
	echo[File](s.io, "file")
	echo[Page[Item]](s.io, "page")
	echo[Tree](s.io, "tree")
	echo[other.Item](s.io, "other item")
	echo[[]byte](s.io, "bytes")
	echo[Odd](s.io, "odd")
	echo[Status](s.io, "status")

	socketio.OnCall(s.io, "nothing", func(ctx context.Context, _ *socketio.Socket, _ struct{}) (int, error) { return 7, nil })
	socketio.OnCall(s.io, "maybe", func(ctx context.Context, _ *socketio.Socket, v *int) (bool, error) { return v != nil, nil })
	socketio.OnCall(s.io, "nil slice", func(ctx context.Context, _ *socketio.Socket, empty bool) ([]string, error) {
		if empty {
			return []string{}, nil
		}
		return nil, nil
	})
	socketio.OnCall(s.io, "fails", func(ctx context.Context, _ *socketio.Socket, class string) (int, error) {
		return 0, &socketio.Error{Message: "refused", Data: class}
	})
	socketio.On(s.io, renamed, func(ctx context.Context, _ *socketio.Socket, v Item) error {
		if v.Title == "" {
			return errors.New("no title")
		}
		return nil
	})
	socketio.On(s.io, "twice", func(ctx context.Context, _ *socketio.Socket, v Item) error { return nil })
	socketio.On(s.io, "twice", func(ctx context.Context, _ *socketio.Socket, v other.Item) error { return nil })
	s.io.On("add", func(ctx context.Context, e *socketio.Event) error {
		var first, second int
		if err := e.Decode(&first, &second); err != nil {
			return err
		}
		return e.Ack(first + second)
	})

	socketio.OnCall(s.io, "direct", func(ctx context.Context, _ *socketio.Socket, d Direct) (Receipt, error) {
		if d.To == "" {
			return Receipt{}, &socketio.Error{Message: "to whom?"}
		}
		return Receipt{Item: Item{Title: d.To + ": " + d.Text}, Urgent: d.Urgent, Extra: d.Extra}, nil
	})
	socketio.On(s.io, "ignored", func(ctx context.Context, _ *socketio.Socket, _ struct{ socketio.Args }) error { return nil })

	socketio.OnCall(s.io, "push", s.push)
	socketio.On(s.admin, "shut", func(ctx context.Context, a *socketio.Socket, _ struct{}) error {
		return a.Emit("shutting", "now")
	})
	s.admin.OnConnect(s.greet)
}

func (s *server) greet(socket *socketio.Socket) { socket.Emit("greeting", len(socket.Rooms())) }

// push sends an event of each kind, and answers with the client's replies.
func (s *server) push(ctx context.Context, socket *socketio.Socket, _ struct{}) (int, error) {
	order := &Order{Status: Open, Level: High}
	socket.Emit("pushed order", order)
	socket.Emit("pushed file", File{Name: "a", Data: []byte{1, 2}})
	socket.Emit("pushed many", 1, "two", true)
	socket.Emit("pushed many", 1, "two")
	socket.Emit("pushed either", 1)
	socket.Emit("pushed either", "one")
	s.tell(socket.ID(), "told", Item{Title: "told"})
	tellAll(socket.Broadcast().To(socket.ID()), "told all", 1, "two")
	tellAll(s.io.To(socket.ID()), "told all", 3, "four")
	//socketio:event computed
	socket.Emit("com"+suffix(), 1.5)
	if where, err := socketio.Call[Position](ctx, socket, "where", "you"); err != nil || where.Y != 2 || where.Label == nil {
		return 0, fmt.Errorf("the client is at %v, %w", where, err)
	}
	return socketio.Call[int](ctx, socket, "sum", 1, 2)
}

func suffix() string { return "puted" }
