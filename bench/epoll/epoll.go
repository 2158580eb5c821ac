//go:build linux

// Package epoll drives any number of TCP connections from one goroutine. It is
// what both the load generator and the bare server, the floor, stand on.
package epoll

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// readSize is how much is taken from a connection at once.
const readSize = 256 << 10

// A Loop waits for all its streams at once. Only one goroutine may use it and
// its streams.
type Loop struct {
	// Now is when the loop last had something to do: a clock for callbacks
	// that costs them nothing.
	Now time.Time

	fd      int
	streams []*Stream // by descriptor
	open    int
	dirty   []*Stream // to be flushed after the events at hand
	events  [1024]syscall.EpollEvent
	buf     []byte
	accept  func(*Stream)
	listen  int
}

// New returns a loop without streams.
func New() (*Loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &Loop{fd: fd, listen: -1, buf: make([]byte, readSize), Now: time.Now()}, nil
}

// Open returns how many streams there are.
func (l *Loop) Open() int { return l.open }

// Run handles events until done, which is asked after each round of them and
// at least every 20 ms, says so. An error of any callback ends it.
func (l *Loop) Run(done func() bool) error {
	for !done() {
		n, err := syscall.EpollWait(l.fd, l.events[:], 20)
		l.Now = time.Now()
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			if err := l.handle(int(l.events[i].Fd), l.events[i].Events); err != nil {
				return err
			}
		}
		for _, s := range l.dirty {
			s.dirty = false
			if err := s.Flush(); err != nil {
				return err
			}
		}
		l.dirty = l.dirty[:0]
	}
	return nil
}

// Wait is Run until done says so, or until a time is over, which is an error, as
// are those of done.
func (l *Loop) Wait(what string, limit time.Duration, done func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	var failed error
	err := l.Run(func() bool {
		ok, err := done()
		if err == nil && !ok && time.Now().After(deadline) {
			err = fmt.Errorf("still waiting after %v: %s", limit, what)
		}
		failed = err
		return ok || err != nil
	})
	return errors.Join(err, failed)
}

func (l *Loop) handle(fd int, events uint32) error {
	if fd == l.listen {
		return l.acceptAll()
	}
	s := l.streams[fd]
	if s == nil { // closed by an event before this one
		return nil
	}
	if events&syscall.EPOLLOUT != 0 {
		if err := s.Flush(); err != nil {
			return err
		}
	}
	if events&^syscall.EPOLLOUT != 0 && !s.closed {
		return s.read()
	}
	return nil
}

func (l *Loop) control(op, fd int, events uint32) error {
	if err := syscall.EpollCtl(l.fd, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// Close closes all streams and the loop.
func (l *Loop) Close() {
	for _, s := range l.streams {
		if s != nil {
			s.Close()
		}
	}
	if l.listen >= 0 {
		_ = syscall.Close(l.listen)
	}
	_ = syscall.Close(l.fd)
}
