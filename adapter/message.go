package adapter

import (
	"encoding/json"

	"github.com/goroomcast/socketio/parser"
)

// Type says what a message is for. The numbers are those of the JavaScript
// server's ClusterAdapter, socket.io-adapter 2.5.
type Type int

// The types of messages, and the fields that each has beside UID, Namespace
// and Type. Those of responses, which have a RequestID and To, end in
// Response, or are ClientCount, Ack and NoAck.
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

	// NoAck has a SocketID: that client will not acknowledge. Packet is a
	// string that says why, or without Text if the client has left. NoAck and
	// CancelCall are not known to the JavaScript server, which ignores them.
	NoAck Type = 64

	// CancelCall has the RequestID of a Broadcast of the same server, which
	// does not wait for its acknowledgements.
	CancelCall Type = 65
)

// A Message is what one server says to the others of a namespace. Which fields
// count depends on the type.
type Message struct {
	Type      Type
	UID       string // of the server that says it
	Namespace string

	// Offset is the place of a Broadcast in the log of a [Recovery], which sets
	// it. It is not part of the encoded message.
	Offset string

	// To is the UID of the server that a response is for, "" for all. It is for
	// the adapter's use and not part of the encoded message.
	To        string
	RequestID string // on both a request and its responses

	Opts  Opts
	Rooms []string
	Close bool // the connections too

	// Packet is JSON in which binary is placeholders, as in a Socket.IO packet,
	// and that binary: of a Broadcast or ServerSideEmit the array of the event's
	// name and arguments, of responses one value, without Text if there is none.
	Packet parser.Encoded

	Sockets  []Socket
	Count    int
	SocketID string // "" if the server does not say, as JavaScript's do not
}

// Opts select sockets, and say how to send to them.
type Opts struct {
	Rooms    []string // any of them; all sockets if there is none
	Except   []string
	Volatile bool
	Plain    bool // not compressed
	Timeout  int  // for acknowledgements, in milliseconds; 0 if the asker does not say
}

// A Socket is the description of a socket.
type Socket struct {
	ID        string
	Handshake json.RawMessage // the JSON of a Handshake
	Rooms     []string
	Data      json.RawMessage
}
