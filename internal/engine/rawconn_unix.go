//go:build unix

package engine

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// rawConn returns the descriptor of a connection, or nil for a connection without
// a descriptor of its own, as under TLS.
func rawConn(conn net.Conn) syscall.RawConn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// read reads and handles frames until an error. While it waits it holds no
// buffer: it takes one when the descriptor is readable.
func (c *wsConn) read() error {
	if c.raw == nil {
		return c.readPlain()
	}
	r := newReadOp(c)
	r.patient = true
	for {
		ahead, err := c.takeAhead()
		if !ahead && err == nil {
			_, err = r.read()
		}
		if err != nil {
			return err
		}
		if err := c.handle(); err != nil {
			return err
		}
	}
}

// A readOp reads a connection under the protection of its net.Conn: the descriptor
// cannot be closed until the callback returns, so a descriptor that belongs to
// another connection by now is never read. The bytes are handled outside of the
// callback, because Close of the net.Conn waits for the callback.
type readOp struct {
	c       *wsConn
	patient bool // it waits until there is something
	room    int
	n       int
	err     error
	try     func(fd uintptr) bool
}

func newReadOp(c *wsConn) *readOp {
	r := &readOp{c: c}
	r.try = r.fill
	return r
}

// read reads once into the connection's buffer. It reports whether there may
// be more, for what does not fill the buffer has emptied the socket.
func (r *readOp) read() (more bool, err error) {
	err = r.c.raw.Read(r.try)
	switch {
	case err != nil:
		return false, err
	case r.err != nil:
		return false, r.err
	case r.n == 0:
		return false, io.EOF
	}
	r.c.in.filled(r.n)
	return r.n == r.room, nil
}

func (r *readOp) fill(fd uintptr) bool {
	space := r.c.in.space(1)
	r.room = len(space)
	for {
		r.n, r.err = readNow(int(fd), space)
		switch r.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			r.c.in.idle()
			return !r.patient
		}
		return true
	}
}

// tryWrite writes what the kernel takes without waiting. A short count
// without an error means that it would have to wait.
func (c *wsConn) tryWrite(b []byte) (n int, err error) {
	if c.raw == nil {
		return 0, nil
	}
	w := writeOps.Get().(*writeOp)
	w.data = b
	if err = c.raw.Write(w.try); err == nil {
		n, err = w.n, w.err
	}
	w.data = nil
	writeOps.Put(w)
	return n, err
}

// A writeOp carries one write into a RawConn's callback and its result out,
// reused because each closure would be an allocation.
type writeOp struct {
	data []byte
	n    int
	err  error
	try  func(fd uintptr) bool
}

var writeOps = sync.Pool{New: func() any {
	w := &writeOp{}
	w.try = w.write
	return w
}}

func (w *writeOp) write(fd uintptr) bool {
	for {
		w.n, w.err = writeNow(int(fd), w.data)
		switch w.err {
		case syscall.EINTR:
			continue
		case nil:
		case syscall.EAGAIN:
			w.n, w.err = 0, nil
		default:
			w.n = 0
		}
		return true
	}
}
