package socketio

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/goroomcast/socketio/parser"
)

// A Broadcast is a selection of a namespace's sockets and a way of sending to
// them. It is a value: each modifier returns a new one, and any may be kept
// and shared between goroutines.
type Broadcast struct {
	namespace *Namespace
	self      *Socket // the one addressed until a room is named
	rooms     []string
	except    []string
	volatile  bool
}

// To adds rooms to the selection. Without any it is the whole namespace. A
// socket in several of them is still addressed once. A room named like a
// socket's id is that socket.
func (b Broadcast) To(rooms ...string) Broadcast {
	if b.self != nil {
		b = b.Except(b.self.id)
		b.self = nil
	}
	b.rooms = append(slices.Clip(b.rooms), rooms...)
	return b
}

// In is To, the name that reads better before Sockets.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except takes the sockets in any of the rooms out of the selection.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.except = append(slices.Clip(b.except), rooms...)
	return b
}

// Volatile makes Emit skip the sockets for which something is still waiting to
// be sent, and those between two polls.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Emit sends an event to the selected sockets. It is encoded once, and waits
// for no client. The error is about the event: a reserved name, or arguments
// that cannot be encoded.
func (b Broadcast) Emit(event string, args ...any) error {
	out, err := b.namespace.outgoing(event, parser.Header{}, args)
	if err != nil {
		return err
	}
	targets := b.targets()
	later := len(*targets) > maxDirect
	for _, s := range *targets {
		if s.connected() {
			_ = s.deliver(out.message(s), b.volatile, later) // who is gone gets nothing
		}
	}
	putTargets(targets)
	return nil
}

// maxDirect is the fan-out up to which the emitting goroutine does the writing.
const maxDirect = 16

// Sockets returns the selected sockets that are connected to this server.
func (b Broadcast) Sockets() iter.Seq[*Socket] {
	return func(yield func(*Socket) bool) {
		targets := b.targets()
		defer putTargets(targets)
		for _, s := range *targets {
			if s.connected() && !yield(s) {
				return
			}
		}
	}
}

// A Reply is one socket's answer to a Broadcast.Call.
type Reply struct {
	socketID string
	args     parser.Args
}

// SocketID returns the id of the socket that replied, or failed to.
func (r *Reply) SocketID() string { return r.socketID }

// Len returns the number of values in the reply.
func (r *Reply) Len() int {
	if r.args == nil {
		return 0
	}
	return r.args.Len()
}

// Decode decodes the reply's values into the pointers given. Fewer values
// than pointers are an error.
func (r *Reply) Decode(into ...any) error { return decodeArgs(r.args, into) }

// Call emits an event to the selected sockets and yields each one's reply as
// it arrives. A socket that disconnects yields [ErrDisconnected]; when ctx
// ends, each that has not replied yields the context's cause. If the event
// cannot be sent at all, the only pair is a nil Reply and the error. The event
// is sent anew each time the sequence is ranged over.
func (b Broadcast) Call(ctx context.Context, event string, args ...any) iter.Seq2[*Reply, error] {
	return func(yield func(*Reply, error) bool) {
		id := b.namespace.nextID()
		out, err := b.namespace.outgoing(event, parser.Header{ID: id, HasID: true}, args)
		if err != nil {
			yield(nil, err)
			return
		}
		targets := b.targets()
		defer putTargets(targets)
		results := make(chan result, len(*targets))
		missing := make(map[string]*Socket, len(*targets))
		for _, s := range *targets {
			if s.awaitAck(id, results) {
				missing[s.id] = s
				_ = s.deliver(out.message(s), false, false) // if it is gone, its result says so
			}
		}
		defer func() {
			for _, s := range missing {
				s.forgetAck(id)
			}
		}()
		for len(missing) > 0 {
			select {
			case r := <-results:
				delete(missing, r.socket.id)
				if !yield(&Reply{r.socket.id, r.args}, r.err) {
					return
				}
			case <-ctx.Done():
				for socketID := range missing {
					if !yield(&Reply{socketID: socketID}, context.Cause(ctx)) {
						return
					}
				}
				return
			}
		}
	}
}

// targets returns the selected sockets, connected or not, in a slice to be
// given back by putTargets.
func (b Broadcast) targets() *[]*Socket {
	t := targetsPool.Get().(*[]*Socket)
	if b.self != nil {
		*t = append(*t, b.self)
		return t
	}
	for _, n := range b.namespace.audience() {
		*t = n.rooms.match(*t, b.rooms, b.except)
	}
	return t
}

func putTargets(t *[]*Socket) {
	clear(*t)
	*t = (*t)[:0]
	targetsPool.Put(t)
}

var targetsPool = sync.Pool{New: func() any { return new([]*Socket) }}
