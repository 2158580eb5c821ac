//go:build linux

package epoll

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// A Stream is one connection of a Loop.
type Stream struct {
	// Received gets what has arrived and is not yet used, and returns how
	// much of it is used now. The bytes are valid during the call.
	Received func(data []byte) (used int, err error)
	// Ended is called when the other side has closed the connection, or it
	// failed; what it returns ends the Loop's Run.
	Ended func(err error) error

	loop   *Loop
	fd     int
	rest   []byte // arrived and not yet used
	out    []byte // appended and not yet taken by the kernel
	events uint32

	receiving bool // Received is running
	dirty     bool // in the loop's list of those to be flushed
	closed    bool
}

// Add makes a stream of a connected, non-blocking descriptor, which it owns.
func (l *Loop) Add(fd int) (*Stream, error) {
	// What is measured are small messages: none may wait for an acknowledgement.
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("TCP_NODELAY: %w", err)
	}
	s := &Stream{loop: l, fd: fd, events: syscall.EPOLLIN}
	for len(l.streams) <= fd {
		l.streams = append(l.streams, nil)
	}
	if err := l.control(syscall.EPOLL_CTL_ADD, fd, s.events); err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	l.streams[fd] = s
	l.open++
	return s, nil
}

func (s *Stream) read() error {
	buf := s.loop.buf
	n := copy(buf, s.rest)
	if n == len(buf) { // a unit larger than the buffer
		s.loop.buf = append(buf, make([]byte, len(buf))...)
		buf = s.loop.buf
	}
	m, err := syscall.Read(s.fd, buf[n:])
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		return nil
	case err != nil:
		return s.end(fmt.Errorf("read: %w", err))
	case m == 0:
		return s.end(io.EOF)
	}
	s.receiving = true
	used, err := s.Received(buf[:n+m])
	s.receiving = false
	if err != nil || s.closed {
		return err
	}
	s.rest = append(s.rest[:0], buf[used:n+m]...)
	if len(s.rest) == 0 && cap(s.rest) > 4096 {
		s.rest = nil
	}
	if s.dirty {
		return nil
	}
	return s.Flush()
}

func (s *Stream) end(err error) error {
	s.Close()
	return s.Ended(err)
}

// Out returns the buffer of what is to be sent, to be appended to and handed
// to Send or SendLater.
func (s *Stream) Out() []byte { return s.out }

// Send takes the buffer of Out with what has been appended to it. That leaves
// now, or, when this is within Received, together with all that is sent there.
func (s *Stream) Send(out []byte) error {
	s.out = out
	if s.receiving {
		return nil
	}
	return s.Flush()
}

// SendLater is Send, but all that is sent while the events at hand are handled
// leaves together.
func (s *Stream) SendLater(out []byte) {
	s.out = out
	if !s.dirty && !s.closed {
		s.dirty = true
		s.loop.dirty = append(s.loop.dirty, s)
	}
}

// Flush sends what waits, as far as the kernel takes it.
func (s *Stream) Flush() error {
	if s.closed {
		return nil
	}
	for len(s.out) > 0 {
		n, err := syscall.Write(s.fd, s.out)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			return s.end(fmt.Errorf("write: %w", err))
		}
		s.out = s.out[:copy(s.out, s.out[n:])]
	}
	want := s.events &^ syscall.EPOLLOUT
	if len(s.out) > 0 {
		want |= syscall.EPOLLOUT
	}
	return s.wait(want)
}

// Stall stops reading, so that the other side's data piles up there.
func (s *Stream) Stall() error { return s.wait(s.events &^ syscall.EPOLLIN) }

func (s *Stream) wait(events uint32) error {
	if s.events == events {
		return nil
	}
	s.events = events
	return s.loop.control(syscall.EPOLL_CTL_MOD, s.fd, events)
}

// Close closes the connection. Ended is not called.
func (s *Stream) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.rest, s.out = nil, nil
	s.loop.streams[s.fd] = nil
	s.loop.open--
	_ = syscall.Close(s.fd)
}
