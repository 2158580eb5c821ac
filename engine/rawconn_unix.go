//go:build unix

package engine

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// rawConn returns the descriptor of a connection, or nil when it has none
// that could be used directly, as under TLS.
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
	var failure error
	err := c.raw.Read(func(fd uintptr) bool {
		// It reads until there is nothing: a read that does not fill the
		// buffer has emptied the socket, but the end of the stream may have
		// come on the same edge of the poller.
		for {
			n, err := readNow(int(fd), c.in.space(1))
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				c.in.idle()
				return false
			case err != nil:
				failure = err
				return true
			case n == 0:
				failure = io.EOF
				return true
			}
			c.in.filled(n)
			if failure = c.handle(); failure != nil {
				return true
			}
		}
	})
	if failure != nil {
		return failure
	}
	return err
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
