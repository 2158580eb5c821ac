package engine

import "sync"

// A crew reads and handles the connections that are ready, and runs tasks, on
// as few goroutines as keep up. While one of them works and more waits, another
// is on its way, so a goroutine that blocks delays nothing else. Goroutines
// without work wait for the next time, because their stacks have grown already.
type crew struct {
	server *Server

	mu     sync.Mutex
	call   sync.Cond
	queue  []errand
	head   int
	idle   int  // for something to do
	waking bool // somebody is called or new, and will look at the queue
	open   bool // there are sessions: goroutines without work wait
}

// An errand is a connection that is ready, or else a task.
type errand struct {
	conn *wsConn
	task Task
}

// maxIdle is how many goroutines of a crew may wait.
const maxIdle = 8

func newCrew(server *Server) *crew {
	c := &crew{server: server}
	c.call.L = &c.mu
	return c
}

// add queues errands.
func (c *crew) add(errands ...errand) {
	c.mu.Lock()
	c.queue = append(c.queue, errands...)
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

// begin lets goroutines without work wait, until end.
func (c *crew) begin() {
	c.mu.Lock()
	c.open = true
	c.mu.Unlock()
}

// end lets the idle goroutines return once the queue is empty.
func (c *crew) end() {
	c.mu.Lock()
	c.open = false
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
			if next.conn != nil {
				next.conn.run()
			} else {
				c.server.run(next.task)
			}
			c.mu.Lock()
		}
		if !c.open || c.idle == maxIdle {
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
func (c *crew) take() errand {
	next := c.queue[c.head]
	c.queue[c.head] = errand{}
	c.head++
	if c.head == len(c.queue) {
		c.queue, c.head = c.queue[:0], 0
	}
	return next
}
