package socketio

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A socketContext is the context of a socket. Those of package context take
// several times the memory once something depends on them, and each socket that
// has had an event keeps one.
type socketContext struct {
	first context.Context // of the connection's first request; it never ends

	mu    sync.Mutex
	done  chan struct{} // made when first asked for
	after []*func()     // to be called at the end
	ended context.Context
}

// end ends the context with a cause, once.
func (c *socketContext) end(cause error) {
	ended, cancel := context.WithCancelCause(c.first)
	cancel(cause)
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return
	}
	c.ended = ended
	if c.done != nil {
		close(c.done)
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for _, f := range after {
		(*f)()
	}
}

// state returns the context that has ended in place of this one, or nil.
func (c *socketContext) state() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Deadline implements context.Context.
func (c *socketContext) Deadline() (time.Time, bool) { return c.first.Deadline() }

// Done implements context.Context.
func (c *socketContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.ended != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *socketContext) Err() error {
	if ended := c.state(); ended != nil {
		return ended.Err()
	}
	return nil
}

// Value implements context.Context. Package context finds the cause by it.
func (c *socketContext) Value(key any) any {
	if ended := c.state(); ended != nil {
		return ended.Value(key)
	}
	return c.first.Value(key)
}

// AfterFunc is what package context calls for the contexts that depend on this
// one: f is called when it ends, and does not block.
func (c *socketContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		go f()
		return func() bool { return false }
	}
	entry := &f
	c.after = append(c.after, entry)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.Index(c.after, entry)
		if i < 0 {
			return false
		}
		if c.after = slices.Delete(c.after, i, i+1); len(c.after) == 0 {
			c.after = nil
		}
		return true
	}
}
