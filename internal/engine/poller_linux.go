package engine

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
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
	conns    []*wsConn // by descriptor
	count    int
	swept    int // conns before are done in this round
	sweeping []*wsConn
	sweeper  *time.Timer
}

// A connection's readiness.
const (
	watched = 1 << iota // it is in a pollSet
	owned               // somebody reads it, or is about to
	ready               // there is something to read, or to look at
	early               // something came with the handshake
	hungUp              // the client has closed it: read to the end
	killed              // it is to end
	left                // hungUp, for good
)

const epollEdges = syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which package syscall has with the wrong sign

// A polled is a connection's part of its pollSet.
type polled struct {
	set       *pollSet // nil if the pump reads it
	fd        int      // its place in the set; somebody else's when the program has closed the connection
	readiness atomic.Uint32
}

// add begins to read a connection. It reports false if it can't.
func (p *poller) add(c *wsConn) bool {
	if p == nil || c.raw == nil {
		return false
	}
	added := false
	err := c.raw.Control(func(fd uintptr) { added = p.put(c, int(fd)) })
	return err == nil && added
}

// put is add while the descriptor can't be closed.
func (p *poller) put(c *wsConn, fd int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := p.set
	if set == nil {
		set = newPollSet(p, c.session.server.crew)
	}
	if set == nil {
		return false
	}
	if !set.put(c, fd) {
		if set.count == 0 {
			set.close()
		}
		return false
	}
	p.set = set
	set.crew.add(errand{conn: c})
	return true
}

// newPollSet returns nil if the system cannot make an epoll set.
func newPollSet(p *poller, crew *crew) *pollSet {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	_ = syscall.SetNonblock(fd, true) // so that os.NewFile has it polled
	ps := &pollSet{poller: p, fd: fd, epoll: os.NewFile(uintptr(fd), "epoll"), crew: crew}
	ps.sweeper = time.AfterFunc(sweepTime, ps.sweep)
	go ps.wait()
	return ps
}

// put adds a connection. Whoever had its descriptor before has been closed by
// the program. poller.mu is locked.
func (ps *pollSet) put(c *wsConn, fd int) bool {
	event := syscall.EpollEvent{Events: epollEdges, Fd: int32(fd)}
	if syscall.EpollCtl(ps.fd, syscall.EPOLL_CTL_ADD, fd, &event) != nil {
		return false
	}
	for len(ps.conns) <= fd {
		ps.conns = append(ps.conns, nil)
	}
	if former := ps.conns[fd]; former != nil {
		former.look()
	} else {
		ps.count++
	}
	c.set, c.fd = ps, fd
	ps.conns[fd] = c
	c.readiness.Or(watched | owned | ready | early)
	return true
}

// remove forgets a connection that is about to be closed, unless another has
// its descriptor by now.
func (ps *pollSet) remove(c *wsConn) {
	ps.poller.mu.Lock()
	unused := false
	if ps.conns[c.fd] == c {
		ps.conns[c.fd] = nil
		ps.count--
		unused = ps.count == 0
	}
	if unused {
		ps.poller.set = nil
	}
	ps.poller.mu.Unlock()
	if unused {
		ps.close()
	}
}

// close ends wait. There are no connections, so no events.
func (ps *pollSet) close() {
	ps.sweeper.Stop()
	_ = ps.epoll.Close()
}

// sweep finds connections that the program itself has closed. Epoll does not
// report these, because it forgets a descriptor that is closed. A call looks at
// some of the connections, and the calls of a second at all of them.
func (ps *pollSet) sweep() {
	ps.poller.mu.Lock()
	if ps.poller.set != ps {
		ps.poller.mu.Unlock()
		return
	}
	if ps.swept >= len(ps.conns) {
		ps.swept = 0
	}
	end := min(ps.swept+max(sweepSize, int(int64(len(ps.conns))*int64(sweepTime)/int64(time.Second))), len(ps.conns))
	batch := append(ps.sweeping[:0], ps.conns[ps.swept:end]...)
	ps.swept = end
	ps.poller.mu.Unlock()
	for _, c := range batch {
		if c != nil && c.raw.Control(func(uintptr) {}) != nil {
			c.look()
		}
	}
	clear(batch)

	ps.poller.mu.Lock()
	defer ps.poller.mu.Unlock()
	ps.sweeping = batch
	if ps.poller.set == ps {
		ps.sweeper.Reset(sweepTime)
	}
}

const (
	sweepTime = 100 * time.Millisecond
	sweepSize = 1024 // descriptors at least
)

// wait passes on to the crew what is ready, until the epoll instance is closed.
func (ps *pollSet) wait() {
	raw, err := ps.epoll.SyscallConn()
	if err != nil {
		return
	}
	var events [128]syscall.EpollEvent
	var batch []errand
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

// ready marks the connections of events, and appends to dst those that no
// goroutine reads yet. An event may concern a descriptor's former connection;
// then the new one finds nothing to read.
func (ps *pollSet) ready(dst []errand, events []syscall.EpollEvent) []errand {
	ps.poller.mu.Lock()
	defer ps.poller.mu.Unlock()
	for _, e := range events {
		c := ps.conns[e.Fd]
		if c == nil {
			continue
		}
		news := uint32(owned | ready)
		if e.Events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
			news |= hungUp | left
			if l := c.lookout.Load(); l != nil {
				go l.hangUp()
			}
		}
		if c.readiness.Or(news)&owned == 0 {
			dst = append(dst, errand{conn: c})
		}
	}
	return dst
}

// look has a connection looked at.
func (c *wsConn) look() {
	if c.readiness.Or(owned|ready)&owned == 0 {
		c.set.crew.add(errand{conn: c})
	}
}

// wake makes a goroutine look at a connection that must end.
func (c *wsConn) wake() {
	if c.readiness.Or(killed|owned|ready)&(watched|owned) == watched {
		c.set.crew.add(errand{conn: c})
	}
}

// hasLeft reports whether the client is known to have hung up.
func (c *wsConn) hasLeft() bool { return c.readiness.Load()&left != 0 }

// unwatch takes a connection that is about to be closed out of its pollSet.
func (c *wsConn) unwatch() {
	if c.set != nil {
		c.set.remove(c)
	}
}
