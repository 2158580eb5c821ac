package engine

import (
	"sync"
	"syscall"
)

// run reads and handles the waiting bytes. It runs the resulting task after it has
// let another goroutine read on.
func (c *wsConn) run() {
	for {
		task, err := c.readReady(c.readiness.And(^uint32(ready | early | hungUp)))
		if err != nil {
			c.session.runBeside(task)
			c.end(err)
			return
		}
		if c.readiness.CompareAndSwap(watched|owned, watched) {
			if task != nil {
				c.session.server.run(task)
			}
			return
		}
		c.session.runBeside(task)
	}
}

// readReady reads until nothing is there. A read that does not fill the
// buffer has emptied the socket; more would be a new edge.
func (c *wsConn) readReady(news uint32) (task Task, err error) {
	r := readOps.Get().(*readOp)
	r.c = c
	defer func() {
		r.c = nil
		readOps.Put(r)
	}()
	if news&early != 0 {
		task, err = c.consume()
	}
	for err == nil {
		if news&killed != 0 {
			return task, errOver
		}
		var more bool
		more, err = c.takeAhead()
		if !more && err == nil {
			more, err = r.read()
		}
		if err == syscall.EAGAIN {
			return task, nil
		}
		if err != nil {
			return task, err
		}
		c.session.runBeside(task)
		task, err = c.consume()
		if !more && news&hungUp == 0 && c.lookout.Load() == nil {
			c.in.idle()
			return task, err
		}
	}
	return task, err
}

var readOps = sync.Pool{New: func() any { return newReadOp(nil) }}
