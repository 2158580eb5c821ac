// Package socketio is a Socket.IO server: real-time events between Go programs
// and the stock clients, socket.io-client 3 and 4 and their relatives in other
// languages.
//
//	io := socketio.NewServer(nil)
//
//	type Message struct{ Room, Text string }
//
//	socketio.On(io, "message", func(ctx context.Context, s *socketio.Socket, m Message) error {
//		return s.To(m.Room).Emit("message", m)
//	})
//	socketio.OnCall(io, "join", func(ctx context.Context, s *socketio.Socket, room string) (int, error) {
//		s.Join(room)
//		return len(s.Rooms()), nil // what the client's emitWithAck returns
//	})
//	io.OnConnect(func(s *socketio.Socket) {
//		s.Broadcast().Emit("joined", s.ID())
//	})
//
//	http.Handle(io.Pattern(), io)
//
// # Events
//
// Arguments are JSON by the rules of encoding/json. A []byte anywhere in them
// travels as a binary attachment, like a Buffer or ArrayBuffer in JavaScript,
// and arrives as one.
//
// Handlers are registered on a [Server] or [Namespace], for all its sockets,
// or on one [Socket]. The typed forms, [On] and [OnCall], decode the event's
// first argument, or all into a struct that embeds [Args]; the dynamic form,
// Socket.On and Namespace.On, decodes what it wants by [Event.Decode].
//
// # Lost connections
//
// A client that loses its connection reconnects as a new socket. With
// Options.Recovery it comes back to its rooms, its data and the events it has
// missed; see [Socket.Recovered].
//
// # Several servers
//
// Servers that share an Options.Adapter share rooms: broadcasts, calls and
// [Broadcast.FetchSockets] reach the sockets of all of them, and
// [Namespace.ServerSideEmit] the servers themselves.
//
// # Concurrency
//
// All methods are safe for concurrent use. The events of one socket reach their
// handlers in the client's order, one at a time; sockets run in parallel. The
// handlers of OnConnect run before the socket's first event, those of
// OnDisconnecting and OnDisconnect after its last. Replies do not queue behind
// events: a handler may [Call] its own socket.
//
// Emitting never waits for a client. The server queues up to
// Options.Limits.Buffered bytes for a slow client, and then disconnects it with
// [ReasonSlowClient].
package socketio
