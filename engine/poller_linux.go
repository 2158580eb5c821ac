package engine

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// A poller has an epoll instance while there are connections for it.
type poller struct {
	mu  sync.Mutex
	set *pollSet
}

// A pollSet knows which of its connections have something to read (epoll(7)),
// so that an idle one has no goroutine.
type pollSet struct {
	poller *poller
	fd     int
	epoll  *os.File // fd, polled by the runtime itself
	crew   *crew

	// Guarded by poller.mu.
	conns []*wsConn // by descriptor
	count int
}

// A connection's readiness.
const (
	watched = 1 << iota // it is in a pollSet
	owned               // somebody reads it, or is about to
	ready               // there is something to read, or to look at
	early               // something came with the handshake
	hungUp              // the client has closed it: read to the end
	killed              // it is to end
)

const epollEdges = syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which package syscall has with the wrong sign

// A polled is a connection's part of its pollSet.
type polled struct {
	set       *pollSet // nil if the pump reads it
	fd        int
	readiness atomic.Uint32
}

// add begins to read a connection. It reports false if it can't.
func (p *poller) add(c *wsConn) bool {
	if p == nil || c.raw == nil || c.raw.Control(func(fd uintptr) { c.fd = int(fd) }) != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	set := p.set
	if set == nil {
		set = newPollSet(p)
	}
	if set == nil {
		return false
	}
	if !set.put(c) {
		if set.count == 0 {
			set.close()
		}
		return false
	}
	p.set, c.set = set, set
	c.readiness.Or(watched | owned | ready | early)
	set.crew.add(c)
	return true
}

// newPollSet returns nil if there can be none.
func newPollSet(p *poller) *pollSet {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	_ = syscall.SetNonblock(fd, true) // so that os.NewFile has it polled
	ps := &pollSet{poller: p, fd: fd, epoll: os.NewFile(uintptr(fd), "epoll"), crew: newCrew()}
	go ps.wait()
	return ps
}

// put adds a connection. poller.mu is locked.
func (ps *pollSet) put(c *wsConn) bool {
	event := syscall.EpollEvent{Events: epollEdges, Fd: int32(c.fd)}
	if syscall.EpollCtl(ps.fd, syscall.EPOLL_CTL_ADD, c.fd, &event) != nil {
		return false
	}
	for len(ps.conns) <= c.fd {
		ps.conns = append(ps.conns, nil)
	}
	ps.conns[c.fd] = c
	ps.count++
	return true
}

// remove forgets a connection that is about to be closed.
func (ps *pollSet) remove(c *wsConn) {
	ps.poller.mu.Lock()
	ps.conns[c.fd] = nil
	ps.count--
	unused := ps.count == 0
	if unused {
		ps.poller.set = nil
	}
	ps.poller.mu.Unlock()
	if unused {
		ps.close()
	}
}

// close ends wait and the crew. There are no connections, so no events.
func (ps *pollSet) close() {
	ps.crew.end()
	_ = ps.epoll.Close()
}

// wait passes on to the crew what is ready, until the epoll instance is closed.
func (ps *pollSet) wait() {
	raw, err := ps.epoll.SyscallConn()
	if err != nil {
		return
	}
	var events [128]syscall.EpollEvent
	var batch []*wsConn
	_ = raw.Read(func(epfd uintptr) bool {
		for {
			n, err := syscall.EpollWait(int(epfd), events[:], 0)
			if err != nil && err != syscall.EINTR {
				return true
			}
			if n > 0 {
				batch = ps.ready(batch[:0], events[:n])
				ps.crew.add(batch...)
				clear(batch)
			}
			if n < len(events) && err != syscall.EINTR {
				return false // an edge follows when there is more
			}
		}
	})
}

// ready marks the connections of events, and appends those to dst that nobody
// reads. An event may be of a descriptor's former connection; then its new one
// finds nothing to read.
func (ps *pollSet) ready(dst []*wsConn, events []syscall.EpollEvent) []*wsConn {
	ps.poller.mu.Lock()
	defer ps.poller.mu.Unlock()
	for _, e := range events {
		c := ps.conns[e.Fd]
		if c == nil {
			continue
		}
		news := uint32(owned | ready)
		if e.Events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
			news |= hungUp
		}
		if c.readiness.Or(news)&owned == 0 {
			dst = append(dst, c)
		}
	}
	return dst
}

// wake has a connection looked at that is to end.
func (c *wsConn) wake() {
	if c.readiness.Or(killed|owned|ready)&(watched|owned) == watched {
		c.set.crew.add(c)
	}
}

// unwatch takes a connection that is about to be closed out of its pollSet.
func (c *wsConn) unwatch() {
	if c.set != nil {
		c.set.remove(c)
	}
}

// run reads and handles what there is. What has come of it is done when
// somebody else may read on.
func (c *wsConn) run() {
	for {
		task, err := c.readReady(c.readiness.And(^uint32(ready | early | hungUp)))
		if err != nil {
			runBeside(task)
			c.end(err)
			return
		}
		if c.readiness.CompareAndSwap(watched|owned, watched) {
			if task != nil {
				task.Run()
			}
			return
		}
		runBeside(task)
	}
}

// readReady reads until nothing is there. A read that does not fill the
// buffer has emptied the socket; more would be a new edge.
func (c *wsConn) readReady(news uint32) (task Task, err error) {
	if news&early != 0 {
		task, err = c.consume()
	}
	for err == nil {
		if news&killed != 0 {
			return task, errOver
		}
		space := c.in.space(1)
		var n int
		n, err = readNow(c.fd, space)
		switch {
		case err == syscall.EINTR:
			err = nil
			continue
		case err == syscall.EAGAIN:
			c.in.idle()
			return task, nil
		case err != nil:
			return task, err
		case n == 0:
			return task, io.EOF
		}
		runBeside(task)
		c.in.filled(n)
		task, err = c.consume()
		if n < len(space) && news&hungUp == 0 {
			c.in.idle()
			return task, err
		}
	}
	return task, err
}
