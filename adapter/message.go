package adapter

import (
	"github.com/goroomcast/socketio/parser"
)

// A Type is the purpose of a message. The numbers are those of the JavaScript
// server's ClusterAdapter in socket.io-adapter 2.5.
type Type int

// The types of messages, and the fields of each beside UID, Namespace and Type.
// Responses also have RequestID and To. The responses are the types that end in
// Response, ClientCount, Ack and NoAck.
//
// An adapter may drop Close, NoAck and CancelCall if its bus has nothing for
// them. Where 13 means something else, as on the bus of the JavaScript MongoDB
// adapter, it must neither send a Close nor take a 13 for a Close.
const (
	InitialHeartbeat       Type = iota + 1 // asks for the others' heartbeats
	Heartbeat                              // the server is alive
	Broadcast                              // Opts, Packet; RequestID if acknowledgements are wanted
	SocketsJoin                            // Opts, Rooms
	SocketsLeave                           // Opts, Rooms
	DisconnectSockets                      // Opts, Close
	FetchSockets                           // Opts, RequestID
	FetchSocketsResponse                   // Sockets
	ServerSideEmit                         // Packet; RequestID if replies are wanted
	ServerSideEmitResponse                 // Packet, one value
	ClientCount                            // Count: how many acknowledgements will come
	Ack                                    // Packet, one value; SocketID
	Close                                  // the server leaves

	// NoAck says that the client of SocketID will not acknowledge. Packet is a
	// string that says why, or has no Text if the client has left. The JavaScript
	// server ignores NoAck and CancelCall.
	NoAck Type = 64

	// CancelCall says that the server no longer waits for the acknowledgements of
	// its Broadcast with the same RequestID.
	CancelCall Type = 65
)

// A Message is a message from one server to the other servers of a namespace.
// Its type says which fields it uses.
type Message struct {
	Type      Type
	UID       string // of the sender
	Namespace string

	// Offset is the place of a Broadcast in the log of a [SessionStore], which sets
	// this field when it delivers the message. It is not part of the encoded
	// message.
	Offset string

	// To is the UID of the server that a response is for, or "" for all servers.
	// Only the adapter uses it; it is not part of the encoded message.
	To        string
	RequestID string // on both a request and its responses

	Opts  Selection
	Rooms []string
	Close bool // for DisconnectSockets: also close the connections

	// Packet is JSON with placeholders for binary parts, as in a Socket.IO
	// packet, and the binary parts. For Broadcast and ServerSideEmit it is an
	// array of the event's name and arguments. For responses it is one value;
	// an empty response contains no Text.
	Packet parser.Encoded

	Sockets  []Socket
	Count    int
	SocketID string // "" if the sender does not say; JavaScript servers do not
}

// A Selection selects sockets, and says how to send events to them. JavaScript
// has numbers as rooms too. Here they are their text: the room 42 of a JavaScript
// server and the room "42" are one room for this server, and it sends both as
// "42", which a JavaScript server does not take for its room 42.
type Selection struct {
	Rooms    []string // sockets in any of the rooms; if empty, all sockets
	Except   []string // but not sockets in any of these rooms
	Volatile bool
	Plain    bool // not compressed
	Timeout  int  // milliseconds to wait for acknowledgements; 0 if the sender does not say
}

// A Socket describes a socket in a FetchSocketsResponse.
type Socket struct {
	ID        string
	Handshake parser.Encoded // the JSON of a Handshake; attachments belong to its auth
	Rooms     []string
	Data      parser.Encoded // JSON with placeholders for binary parts, as in Message.Packet
}
