// Package adapter is the seam between servers that share rooms: what they say
// to each other, and the interface to the bus that carries it.
//
// A socketio.Server given an [Adapter] in its options does the rest: rooms stay
// local, each server delivers to its own clients. The messages are those of
// the JavaScript server's cluster adapters, so that servers of both kinds can
// share a bus.
package adapter

import "context"

// An Adapter carries messages between the servers of a cluster. Its methods
// are called concurrently. The contexts of Publish and Servers have a deadline,
// 5 seconds away at most unless the program has chosen a later one; what a
// method panics with becomes an error. Package adaptertest tests an adapter.
type Adapter interface {
	// Publish sends a message to the other subscribers of its namespace, or,
	// if it names one in To, at least to that one. It is called by whoever
	// emits, so it must not wait for other servers nor for long: queue the
	// message, and fail at once while there is no connection. Messages that
	// one goroutine publishes arrive in that order. The message is not to be
	// modified.
	//
	// The offset is the message's place in the bus's log, "" where it keeps
	// none.
	Publish(ctx context.Context, m *Message) (offset string, err error)

	// Subscribe delivers the namespace's messages, until ctx ends, to the
	// server that goes by uid there. It returns when the subscription is in
	// place, and keeps it up over failures of the connection. If it does not
	// return within 5 seconds, ctx ends. After an error it is called again.
	//
	// deliver is called with one message after another, in the order in which
	// they arrive; it does not block. Messages from uid itself and messages
	// to others do no harm.
	Subscribe(ctx context.Context, namespace, uid string, deliver func(*Message)) error

	// Servers returns how many servers subscribe to a namespace, this one
	// included. A bus that does not know returns an error wrapping
	// [errors.ErrUnsupported], always; its servers then send each other
	// heartbeats.
	Servers(ctx context.Context, namespace string) (int, error)
}
