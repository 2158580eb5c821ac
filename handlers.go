package socketio

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/goroomcast/socketio/parser"
)

// handlers is a table of event handlers of type H, a function. Reading it takes
// no lock, and adding a handler takes the same time however many there are.
type handlers[H any] struct {
	mu    sync.Mutex // serialises changes
	table atomic.Pointer[handlerTable[H]]
}

// A handlerTable has events in chains by the hash of their names. Chains grow
// at the front only, so they can be read meanwhile.
type handlerTable[H any] struct {
	chains []atomic.Pointer[handled[H]] // as many as a power of two
	len    int                          // events in them
}

// A handled is an event that has handlers, or has had some.
type handled[H any] struct {
	event string
	list  atomic.Pointer[[]*H] // what has been stored is only appended to, or replaced
	next  *handled[H]
}

var handlersSeed = maphash.MakeSeed()

func (t *handlerTable[H]) chain(event string) *atomic.Pointer[handled[H]] {
	return &t.chains[maphash.String(handlersSeed, event)&uint64(len(t.chains)-1)]
}

func (t *handlerTable[H]) find(event string) *handled[H] {
	if t != nil {
		for e := t.chain(event).Load(); e != nil; e = e.next {
			if e.event == event {
				return e
			}
		}
	}
	return nil
}

func (t *handlerTable[H]) add(event string, list *[]*H) {
	e := &handled[H]{event: event}
	e.list.Store(list)
	chain := t.chain(event)
	e.next = chain.Load()
	chain.Store(e)
	t.len++
}

// grown returns a table with room for more, without the events that have no
// handler any longer.
func (t *handlerTable[H]) grown() *handlerTable[H] {
	var living []*handled[H]
	if t != nil {
		for i := range t.chains {
			for e := t.chains[i].Load(); e != nil; e = e.next {
				if len(*e.list.Load()) > 0 {
					living = append(living, e)
				}
			}
		}
	}
	size := 4
	for size < 2*len(living) {
		size *= 2
	}
	next := &handlerTable[H]{chains: make([]atomic.Pointer[handled[H]], size)}
	for _, e := range living {
		next.add(e.event, e.list.Load())
	}
	return next
}

func (hs *handlers[H]) get(event string) []*H {
	if e := hs.table.Load().find(event); e != nil {
		return *e.list.Load()
	}
	return nil
}

func (hs *handlers[H]) add(event string, h H) (off func()) {
	if why := misnamed(event); why != "" {
		panic(fmt.Sprintf("socketio: On(%q): %s", event, why))
	}
	if reflect.ValueOf(h).IsNil() {
		panic(fmt.Sprintf("socketio: On(%q): nil handler", event))
	}
	entry := &h
	hs.mu.Lock()
	defer hs.mu.Unlock()
	t := hs.table.Load()
	if e := t.find(event); e != nil {
		list := append(*e.list.Load(), entry)
		e.list.Store(&list)
	} else {
		if t == nil || t.len == len(t.chains) {
			t = t.grown()
			defer hs.table.Store(t)
		}
		t.add(event, &[]*H{entry})
	}
	return func() { hs.remove(event, entry) }
}

func (hs *handlers[H]) remove(event string, entry *H) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if e := hs.table.Load().find(event); e != nil {
		list := slices.DeleteFunc(slices.Clone(*e.list.Load()), func(other *H) bool { return other == entry })
		e.list.Store(&list)
	}
}

// hints say what to call instead of On with a name under which JavaScript
// servers listen.
var hints = map[string]string{
	"connection":    "use OnConnect",
	"connect":       "use OnConnect",
	"disconnect":    "use Socket.OnDisconnect",
	"disconnecting": "use Socket.OnDisconnecting",
}

// misnamed returns why there can be no handler for events of a name, "" if
// there can be one.
func misnamed(event string) (why string) {
	if why = hints[event]; why == "" && parser.ReservedEvent(event) {
		why = "the name is reserved"
	}
	return why
}

func reservedError(event string) error { return fmt.Errorf("%w: %q", ErrReservedEvent, event) }

// callbacks is a list of functions of one argument.
type callbacks[F any] struct {
	mu   sync.Mutex
	list []*F // is only appended to, or replaced
}

func (c *callbacks[F]) add(f F) (off func()) {
	needs(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := &f
	c.list = append(c.list, entry)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.list = slices.DeleteFunc(slices.Clone(c.list), func(other *F) bool { return other == entry })
	}
}

// needs panics if f, a function or pattern of the program, is nil: it would do
// so later, for each client.
func needs(f any) {
	if reflect.ValueOf(f).IsNil() {
		panic(fmt.Sprintf("socketio: nil %T", f))
	}
}

// callEach calls f with each of the functions, also if one of them ends its
// goroutine.
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

// A chain is a list that takes little memory while it is short.
type chain[T any] struct{ newest *link[T] }

type link[T any] struct {
	value  T
	before *link[T]
}

func (c *chain[T]) add(v T) *link[T] {
	c.newest = &link[T]{v, c.newest}
	return c.newest
}

// drop takes a link out, and reports false if it is not there.
func (c *chain[T]) drop(l *link[T]) bool {
	for at := &c.newest; *at != nil; at = &(*at).before {
		if *at == l {
			*at = l.before
			return true
		}
	}
	return false
}

// all returns the values in the order in which they were added.
func (c *chain[T]) all() (values []*T) {
	for l := c.newest; l != nil; l = l.before {
		values = append(values, &l.value)
	}
	slices.Reverse(values)
	return values
}
