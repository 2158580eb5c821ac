// Package adapter connects servers that share rooms. It defines their messages
// and the interface to the bus that carries the messages.
//
// A socketio.Server with an [Adapter] in its options does the rest: rooms stay
// local, and each server delivers to its own clients. The messages are those of
// the JavaScript server's cluster adapters, so that servers of both kinds can
// share a bus.
//
// # The part of the server, and that of an adapter
//
// The server has a queue in front of the adapter. Emit puts a message into this
// queue and returns. One goroutine of the server takes the messages out and
// calls [Adapter.Publish] with all that have waited, so Publish may wait for
// the bus, and an adapter needs no queue and no goroutine for sending. The
// queue is bounded. While Publish fails, the server drops messages, counts
// them, and logs one line at the beginning and one at the end. It delivers
// every event to its own clients all the same.
//
// The server also collects the answers of other servers, sends heartbeats on a
// bus that cannot count its servers, recognises its own messages, and bounds
// each call of the adapter in time. A panic of a method becomes an error.
//
// An adapter translates messages into those of its bus and back. It keeps the
// subscriptions in place when its connection comes back: first it subscribes,
// then it publishes. It never gives up, and it never ends the process.
//
// Package adaptertest tests an adapter.
package adapter

import (
	"context"
	"errors"
	"time"
)

// An Adapter carries messages between the servers of a cluster. Several
// goroutines may call its methods at once. The contexts of Publish and Servers
// have a deadline, at most 5 seconds away unless the program has chosen a later
// one.
type Adapter interface {
	// Publish sends messages to the other subscribers of their namespaces. All
	// are of one server, but they may be of several namespaces. If a message
	// names a receiver in To, Publish must send it at least to that one. Messages
	// must arrive in the order of the batch, and after those of earlier batches; the
	// server does not call Publish while another of its calls is under way. Publish should send a batch in one round
	// trip, and fail at once while there is no connection. It must not modify the
	// messages.
	//
	// Publish returns nil if all messages have been sent. Otherwise it returns an
	// error or nil for each message, in the order of the batch. If it is not known
	// whether a message has been sent, that is an error. Publish must not send a
	// message again after it has returned.
	Publish(ctx context.Context, batch []*Message) []error

	// Subscribe has a server get the messages of its namespace until ctx ends. It
	// returns when the subscription is in place, and restores it after failures of
	// the connection. If it does not return within 5 seconds, its ctx ends. After
	// an error the server calls Subscribe again, with the same subscriber.
	//
	// A server subscribes only to namespaces that it has. If ctx ends and the
	// server subscribes to the same namespace again, the second subscription must
	// be in place when Subscribe returns, even if the first is still being ended.
	Subscribe(ctx context.Context, s Subscriber) error

	// Servers returns the number of servers that subscribe to a namespace, this
	// server included. For a bus that cannot count them it always returns a
	// [*NoCount]; the servers then send each other heartbeats.
	Servers(ctx context.Context, namespace string) (int, error)
}

// A Subscriber is a namespace of one server, as adapters see it. Its methods do
// not block and may be called at any time, also after the subscription has
// ended.
type Subscriber interface {
	// Namespace returns the name of the namespace.
	Namespace() string

	// UID returns the id of this server in the namespace. The other servers know
	// it by this id: it is the UID of its messages, and the To of answers to it.
	UID() string

	// Deliver takes a message. The adapter must call it with one message after
	// another, in the order of arrival. It ignores messages for others, and those
	// of this server except the Broadcasts of a [SessionStore]. A message without
	// Namespace is one of the subscriber's namespace: some versions of the
	// JavaScript adapters name it only in the channel. The message and its bytes
	// then belong to the server.
	Deliver(m *Message)

	// Rooms returns the names of the rooms that have a socket on this server. The
	// id of each socket is one of them.
	Rooms() []string

	// Sockets returns the ids of this server's sockets in any of the rooms,
	// without any rooms of all its sockets.
	Sockets(rooms ...string) []string

	// WatchRooms calls f for each room that Rooms returns, and from then on when
	// a room gets its first socket and when its last socket has left. The id of a
	// socket is a private room. Clients that may come back to this server keep
	// their rooms until then, so that the server gets the events for them. The
	// calls come one at a time, in the order of the changes. A socket that joins a
	// room may wait for f, so f must return at once. The calls end when the server
	// leaves the namespace. A further call of WatchRooms replaces f.
	WatchRooms(f func(room string, private, exists bool))
}

// NoCount is the error of Servers on a bus that cannot count its servers. It
// says how they tell each other that they are alive.
type NoCount struct {
	// HeartbeatInterval is the pause between two heartbeats. Defaults to 5 s.
	HeartbeatInterval time.Duration

	// HeartbeatTimeout is the time after which a silent server counts as dead.
	// Defaults to 10 s.
	HeartbeatTimeout time.Duration
}

func (*NoCount) Error() string { return "adapter: the bus cannot count its servers" }

// Unwrap returns errors.ErrUnsupported.
func (*NoCount) Unwrap() error { return errors.ErrUnsupported }

// Each publishes the messages of a batch one by one, for adapters on a bus that
// does not wait. Its result is that of Publish.
func Each(batch []*Message, publish func(m *Message) error) (errs []error) {
	for i, m := range batch {
		if err := publish(m); err != nil {
			if errs == nil {
				errs = make([]error, len(batch))
			}
			errs[i] = err
		}
	}
	return errs
}
