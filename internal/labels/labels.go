// Package labels makes the labels of metrics and bounds their number, however
// many names clients invent.
package labels

import (
	"sync"

	"github.com/goroomcast/socketio"
)

// Other stands for names that clients may have invented, and for names beyond
// the bound.
const Other = "other"

// Namespace returns the label of a namespace. The label of nil is Other.
func Namespace(n *socketio.Namespace) string {
	if n == nil {
		return Other
	}
	return n.Group()
}

// MaxEvents is how many names of events are labels.
const MaxEvents = 200

// Events remembers the first MaxEvents names of events.
type Events struct {
	mu    sync.RWMutex
	known map[string]bool
}

// Label returns the label of an event.
func (e *Events) Label(name string) string {
	e.mu.RLock()
	known, full := e.known[name], len(e.known) == MaxEvents
	e.mu.RUnlock()
	if !known && !full {
		known = e.add(name)
	}
	if !known {
		return Other
	}
	return name
}

// add reports whether there is room for a name.
func (e *Events) add(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = make(map[string]bool)
	}
	if len(e.known) < MaxEvents {
		e.known[name] = true
	}
	return e.known[name]
}
