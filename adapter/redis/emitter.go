package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// An Emitter sends events to the clients of a cluster, and to its servers, from
// a program that is not a server: a worker, a cron job. On a [Classic] adapter
// it does what npm's @socket.io/redis-emitter does; it works on the other
// adapters of this package, too.
//
// An Emitter is a value: To, Except and the other modifiers return a modified
// copy. It can be kept and is safe for concurrent use. Each call that sends
// waits for Redis, but not for the servers; an error says that the message was
// not sent, or that this is not known.
type Emitter struct {
	adapter   adapter.Adapter
	namespace string
	selection adapter.Selection
}

// emitterUID is the id of all emitters.
const emitterUID = "emitter"

// NewEmitter returns an emitter for the main namespace of the servers that use
// adapters with the same options as a. The emitter only publishes by a.
func NewEmitter(a adapter.Adapter) Emitter {
	return Emitter{adapter: a, namespace: "/"}
}

// Of returns an emitter for another namespace.
func (e Emitter) Of(namespace string) Emitter {
	if !strings.HasPrefix(namespace, "/") {
		namespace = "/" + namespace
	}
	return Emitter{adapter: e.adapter, namespace: namespace}
}

// To adds rooms to the selection, which contains each socket that is in any of
// the rooms. Without rooms all sockets of the namespace are selected. The id of a
// socket is a room too.
func (e Emitter) To(rooms ...string) Emitter {
	e.selection.Rooms = add(e.selection.Rooms, rooms)
	return e
}

// In is the same as To.
func (e Emitter) In(rooms ...string) Emitter { return e.To(rooms...) }

// Except excludes the sockets in any of the rooms.
func (e Emitter) Except(rooms ...string) Emitter {
	e.selection.Except = add(e.selection.Except, rooms)
	return e
}

// add returns a set with more rooms. It does not modify the set.
func add(set, more []string) []string {
	set = slices.Clip(set)
	for _, room := range more {
		if !slices.Contains(set, room) {
			set = append(set, room)
		}
	}
	return set
}

// Volatile makes servers drop an event for clients that are not ready to receive
// it.
func (e Emitter) Volatile() Emitter {
	e.selection.Volatile = true
	return e
}

// Compress says whether servers compress an event for clients whose connections
// compress. Defaults to true.
func (e Emitter) Compress(compress bool) Emitter {
	e.selection.Plain = !compress
	return e
}

// Emit sends an event to the selected sockets. A []byte among or within the
// arguments is binary.
func (e Emitter) Emit(ctx context.Context, event string, args ...any) error {
	encoded, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	return e.publish(ctx, adapter.Message{Type: adapter.Broadcast, Packet: encoded})
}

// SocketsJoin makes the selected sockets join rooms.
func (e Emitter) SocketsJoin(ctx context.Context, rooms ...string) error {
	return e.publish(ctx, adapter.Message{Type: adapter.SocketsJoin, Rooms: rooms})
}

// SocketsLeave makes the selected sockets leave rooms.
func (e Emitter) SocketsLeave(ctx context.Context, rooms ...string) error {
	return e.publish(ctx, adapter.Message{Type: adapter.SocketsLeave, Rooms: rooms})
}

// DisconnectSockets disconnects the selected sockets from the namespace. If
// close is true, it also closes their connections.
func (e Emitter) DisconnectSockets(ctx context.Context, close bool) error {
	return e.publish(ctx, adapter.Message{Type: adapter.DisconnectSockets, Close: close})
}

// ServerSideEmit sends an event to the servers themselves. There are no replies.
func (e Emitter) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	encoded, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	return e.publish(ctx, adapter.Message{Type: adapter.ServerSideEmit, Packet: encoded})
}

// maxAttachments is how many binary values an event may have.
const maxAttachments = 1 << 16

func encodeEvent(event string, args []any) (parser.Encoded, error) {
	if parser.ReservedEvent(event) {
		return parser.Encoded{}, fmt.Errorf("redis: %q is a reserved event name", event)
	}
	h := parser.Header{Type: parser.Event, Event: event}
	return parser.JSON{MaxAttachments: maxAttachments}.EncodePayload(nil, &h, args...)
}

func (e Emitter) publish(ctx context.Context, m adapter.Message) error {
	m.UID, m.Namespace, m.Opts = emitterUID, e.namespace, e.selection
	for _, err := range e.adapter.Publish(ctx, []*adapter.Message{&m}) {
		return err
	}
	return nil
}
