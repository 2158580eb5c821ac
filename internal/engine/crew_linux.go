package engine

import (
	"sync"
	"syscall"
)

// A crew reads and handles the connections that are ready, on as few goroutines
// as keep up. While one of them works and more connections are ready, another is
// on its way, so a goroutine that blocks delays no other connection. Goroutines
// without work wait for the next time, because their stacks have grown already.
type crew struct {
	mu     sync.Mutex
	call   sync.Cond
	queue  []*wsConn
	head   int
	idle   int  // for something to do
	waking bool // somebody is called or new, and will look at the queue
	over   bool
}

// maxIdle is how many goroutines of a crew may wait.
const maxIdle = 8

func newCrew() *crew {
	c := &crew{}
	c.call.L = &c.mu
	return c
}

// add queues connections.
func (c *crew) add(conns ...*wsConn) {
	c.mu.Lock()
	c.queue = append(c.queue, conns...)
	c.wakeWorker()
	c.mu.Unlock()
}

// wakeWorker makes a worker look at the queue if that is necessary. c.mu is locked.
func (c *crew) wakeWorker() {
	switch {
	case c.waking || c.head == len(c.queue):
		return
	case c.idle > 0:
		c.call.Signal()
	default:
		go c.work()
	}
	c.waking = true
}

// end lets the idle goroutines return once the queue is empty.
func (c *crew) end() {
	c.mu.Lock()
	c.over = true
	c.call.Broadcast()
	c.mu.Unlock()
}

func (c *crew) work() {
	c.mu.Lock()
	for c.waking = false; ; {
		for c.head < len(c.queue) {
			next := c.take()
			c.wakeWorker()
			c.mu.Unlock()
			next.run()
			c.mu.Lock()
		}
		if c.over || c.idle == maxIdle {
			break
		}
		c.idle++
		c.call.Wait()
		c.idle--
		c.waking = false
	}
	c.mu.Unlock()
}

// take returns the first of the queue. c.mu is locked.
func (c *crew) take() *wsConn {
	next := c.queue[c.head]
	c.queue[c.head] = nil
	c.head++
	if c.head == len(c.queue) {
		c.queue, c.head = c.queue[:0], 0
	}
	return next
}

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
				c.session.run(task)
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
