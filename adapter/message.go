package adapter

import (
	"encoding/json"

	"github.com/goroomcast/socketio/parser"
)

// Type says what a message is for. The numbers are those of the JavaScript
// server's ClusterAdapter, socket.io-adapter 2.5.
type Type int

// The types of messages, and the fields of each beside UID, Namespace and Type.
// Responses also have RequestID and To. The responses are the types that end in
// Response, ClientCount, Ack and NoAck.
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

// A Message is a message of one server to the others of a namespace. Its type
// says which fields count.
type Message struct {
	Type      Type
	UID       string // of the sender
	Namespace string

	// Offset is the place of a Broadcast in the log of a [SessionStore], which sets
	// this field. It is not part of the encoded message.
	Offset string

	// To is the UID of the server that a response is for, or "" for all servers.
	// Only the adapter uses it; it is not part of the encoded message.
	To        string
	RequestID string // on both a request and its responses

	Opts  Selection
	Rooms []string
	Close bool // the connections too

	// Packet is JSON with placeholders for binary, as in a Socket.IO packet, and
	// that binary. For Broadcast and ServerSideEmit it is the array of the event's
	// name and arguments. For responses it is one value, or has no Text if the
	// response is empty.
	Packet parser.Encoded

	Sockets  []Socket
	Count    int
	SocketID string // "" if the sender does not say; JavaScript servers do not
}

// A Selection selects sockets, and says how to send events to them.
type Selection struct {
	Rooms    []string // sockets in any of the rooms; if empty, all sockets
	Except   []string
	Volatile bool
	Plain    bool // not compressed
	Timeout  int  // for acknowledgements, in milliseconds; 0 if the sender does not say
}

// A Socket is the description of a socket.
type Socket struct {
	ID        string
	Handshake json.RawMessage // the JSON of a Handshake
	Rooms     []string
	Data      json.RawMessage
}
