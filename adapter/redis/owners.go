package redis

import (
	"context"
	"errors"
	"sync"

	"github.com/goroomcast/socketio/adapter"
)

// errShared is the error for the second server that uses an adapter. Redis
// counts connections and would count one server.
var errShared = errors.New("redis: the adapter belongs to another server already; each server needs one of its own")

// owners are the servers that use an adapter, by namespace. An adapter should
// have only one server.
type owners struct {
	mu      sync.Mutex
	members map[string]ownership
}

type ownership struct {
	uid string
	ctx context.Context // of the subscription
}

// enter notes the server of a namespace until ctx ends, and reports false if
// another server has the namespace.
func (o *owners) enter(ctx context.Context, s adapter.Subscriber) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, has := o.members[s.Namespace()]; has && old.uid != s.UID() && old.ctx.Err() == nil {
		return false
	}
	if o.members == nil {
		o.members = make(map[string]ownership)
	}
	o.members[s.Namespace()] = ownership{s.UID(), ctx}
	context.AfterFunc(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.members[s.Namespace()].ctx == ctx {
			delete(o.members, s.Namespace())
		}
	})
	return true
}
