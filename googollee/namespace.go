package googollee

import (
	"context"
	"errors"
	"fmt"
	"sync"

	gosocketio "github.com/googollee/go-socket.io"

	"github.com/goroomcast/socketio"
)

// A namespace has the handlers that were registered for one.
type namespace struct {
	io *socketio.Namespace

	mu       sync.Mutex
	handlers handlers
	off      map[string]func() // removes an event's handler
}

// handlers are at most one for each purpose.
type handlers struct {
	connect    func(gosocketio.Conn) error
	disconnect func(gosocketio.Conn, string)
	err        func(gosocketio.Conn, error)
}

func newNamespace(io *socketio.Namespace) *namespace {
	n := &namespace{io: io, off: make(map[string]func())}
	io.OnConnect(n.connected)
	return n
}

func (n *namespace) set(change func(*handlers)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(&n.handlers)
}

func (n *namespace) get() handlers {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handlers
}

// onEvent replaces the handler of an event.
func (n *namespace) onEvent(event string, f *function) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if off := n.off[event]; off != nil {
		off()
	}
	n.off[event] = n.io.On(event, func(_ context.Context, e *socketio.Event) error {
		return n.handle(e, f)
	})
}

func (n *namespace) handle(e *socketio.Event, f *function) error {
	c := conn{e.Socket(), n}
	return n.try(c, func() error {
		args, err := f.decode(e)
		if err != nil {
			return fmt.Errorf("arguments of %q: %w", e.Name(), err)
		}
		results, failed := f.call(c, args)
		err = e.Ack(results...)
		if err == nil || errors.Is(err, socketio.ErrDisconnected) { // the handler may have closed it
			return failed
		}
		return errors.Join(failed, err)
	})
}

func (n *namespace) connected(s *socketio.Socket) {
	c := conn{s, n}
	s.OnDisconnect(func(r socketio.Reason) {
		if f := n.get().disconnect; f != nil {
			f(c, string(r))
		}
	})
	f := n.get().connect
	if f == nil {
		return
	}
	admitted := false
	defer func() {
		if !admitted { // also after a panic
			s.Disconnect(true)
		}
	}()
	admitted = n.try(c, func() error { return f(c) }) == nil
}

// try calls users' code and tells OnError how it fails.
func (n *namespace) try(c conn, f func() error) error {
	defer func() {
		if p := recover(); p != nil {
			err, is := p.(error)
			if !is {
				err = fmt.Errorf("%v", p)
			}
			n.failed(c, err)
			panic(p) // the server logs it with its stack
		}
	}()
	err := f()
	if err != nil {
		n.failed(c, err)
	}
	return err
}

func (n *namespace) failed(c conn, err error) {
	if f := n.get().err; f != nil {
		f(c, err)
	}
}

// broadcast emits to a selection.
func (n *namespace) broadcast(to socketio.Broadcast, event string, args []any) {
	if endsInFunc(args) {
		for s := range to.Sockets() {
			conn{s, n}.Emit(event, args...)
		}
		return
	}
	if err := to.Emit(event, outgoing(args)...); err != nil {
		for s := range to.Sockets() {
			n.failed(conn{s, n}, err)
		}
	}
}
