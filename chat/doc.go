// Package chat is a chat on a namespace of a Socket.IO server. A user may have
// many devices, a store keeps the rooms, and each client knows whether it has
// missed something.
//
//	io := socketio.NewServer(nil)
//	c, err := chat.New(io.Of("/chat"), &chat.Options{
//		Store: store,
//		Authenticate: func(ctx context.Context, s *socketio.Socket) (chat.User, error) {
//			return userOf(s.Handshake())
//		},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer c.Close()
//	err = c.Room("general").Create(ctx, chat.RoomInfo{Kind: chat.Open})
//
// Clients are the stock socket.io-client 4 with the options retries: Infinity
// and ackTimeout: 10_000. docs/chat-protocol.md describes the commands and events.
//
// # Guarantees
//
// All clients see the messages of a room in the same order. An acknowledged
// post is in the store. A post that is sent again, with its cid, is not added
// again, not after days and not on another server. A client that comes back
// gets all changes that it has missed, edits and deletions included, or is told
// to load the room anew. A user that was removed from a room gets no later
// change.
package chat
