package socketio

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// handlers is a table of event handlers. Reading it takes no lock.
type handlers struct {
	mu    sync.Mutex // serialises changes
	table atomic.Pointer[map[string][]*Handler]
}

func (hs *handlers) get(event string) []*Handler {
	if t := hs.table.Load(); t != nil {
		return (*t)[event]
	}
	return nil
}

func (hs *handlers) add(event string, h Handler) (off func()) {
	if hint, wrong := misnamed[event]; wrong {
		panic(fmt.Sprintf("socketio: On(%q): %s", event, hint))
	}
	if h == nil {
		panic(fmt.Sprintf("socketio: On(%q): nil handler", event))
	}
	entry := &h
	hs.change(event, func(list []*Handler) []*Handler { return append(list, entry) })
	return func() {
		hs.change(event, func(list []*Handler) []*Handler {
			return slices.DeleteFunc(list, func(other *Handler) bool { return other == entry })
		})
	}
}

func (hs *handlers) change(event string, f func([]*Handler) []*Handler) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	next := make(map[string][]*Handler)
	if t := hs.table.Load(); t != nil {
		for name, list := range *t {
			next[name] = list
		}
	}
	next[event] = f(slices.Clone(next[event]))
	if len(next[event]) == 0 {
		delete(next, event)
	}
	hs.table.Store(&next)
}

// misnamed are the names under which JavaScript servers listen for what has
// methods of its own here, and those that no client may send.
var misnamed = map[string]string{
	"connection":     "use OnConnect",
	"connect":        "use OnConnect",
	"disconnect":     "use Socket.OnDisconnect",
	"disconnecting":  "use Socket.OnDisconnecting",
	"connect_error":  "the name is reserved",
	"newListener":    "the name is reserved",
	"removeListener": "the name is reserved",
}

func reserved(event string) bool {
	_, wrong := misnamed[event]
	return wrong && event != "connection"
}

func reservedError(event string) error { return fmt.Errorf("%w: %q", ErrReservedEvent, event) }

// callbacks is a list of functions of one argument.
type callbacks[F any] struct {
	mu   sync.Mutex
	list []*F
}

func (c *callbacks[F]) add(f F) (off func()) {
	if reflect.ValueOf(f).IsNil() {
		panic("socketio: nil function")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := &f
	c.list = append(slices.Clip(c.list), entry)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.list = slices.DeleteFunc(slices.Clone(c.list), func(other *F) bool { return other == entry })
	}
}

// callEach calls f with each of the functions. One that ends its goroutine
// keeps none of the others from being called.
func callEach[F any](list []*F, f func(F)) {
	if len(list) > 0 {
		defer callEach(list[1:], f)
		f(*list[0])
	}
}

// all returns the functions, in the order of registration.
func (c *callbacks[F]) all() []*F {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}
