// Package adapter connects servers that share rooms. It defines their messages
// and the interface to the bus that carries the messages.
//
// A socketio.Server with an [Adapter] in its options does the rest: rooms stay
// local, and each server delivers to its own clients. The messages are those of
// the JavaScript server's cluster adapters, so that servers of both kinds can
// share a bus.
package adapter

import "context"

// An Adapter carries messages between the servers of a cluster. Several
// goroutines may call its methods at once. The contexts of Publish and Servers
// have a deadline, at most 5 seconds away unless the program has chosen a later
// one. A panic of a method becomes an error. Package adaptertest tests an
// adapter.
type Adapter interface {
	// Publish sends a message to the other subscribers of its namespace. If the
	// message names a receiver in To, Publish must send it at least to that one.
	// The goroutine that emits calls Publish, so Publish must not wait for other
	// servers and must return quickly: it should queue the message, and fail at
	// once while there is no connection. Messages that one goroutine publishes
	// must arrive in that order. Publish must not modify the message.
	//
	// The returned offset is the message's place in the log of the bus, or "" if
	// the bus keeps no log.
	Publish(ctx context.Context, m *Message) (offset string, err error)

	// Subscribe delivers the messages of a namespace, until ctx ends, to the
	// server that has the id uid there. Subscribe returns when the subscription
	// is in place, and restores it after failures of the connection. If it does
	// not return within 5 seconds, its ctx ends. After an error the server calls
	// Subscribe again.
	//
	// The adapter must call deliver with one message after another, in the order
	// of arrival. deliver does not block. It ignores messages from uid itself and
	// messages to others.
	Subscribe(ctx context.Context, namespace, uid string, deliver func(*Message)) error

	// Servers returns the number of servers that subscribe to a namespace, this
	// server included. A bus that cannot count them always returns an error that
	// wraps [errors.ErrUnsupported]; its servers then send each other heartbeats.
	Servers(ctx context.Context, namespace string) (int, error)
}
