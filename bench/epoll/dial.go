//go:build linux

package epoll

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
)

// ipBindAddressNoPort lets the kernel choose the port when it knows both
// addresses, so that each source address has all ports for each server: see ip(7).
const ipBindAddressNoPort = 24

// Dial connects from a local address to a server on this machine.
func (l *Loop) Dial(from netip.Addr, to netip.AddrPort) (*Stream, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = connect(fd, from, to)
	if err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("%v to %v: %w", from, to, err)
	}
	return l.Add(fd)
}

func connect(fd int, from netip.Addr, to netip.AddrPort) error {
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: from.As4()}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	// The kernel answers for a listening server, so this does not wait for it.
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	return os.NewSyscallError("fcntl", syscall.SetNonblock(fd, true))
}

// Listen makes a stream of each connection made to an address, and calls
// accept with it.
func (l *Loop) Listen(at netip.AddrPort, accept func(*Stream)) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	l.listen, l.accept = fd, accept
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := syscall.Listen(fd, syscall.SOMAXCONN); err != nil {
		return os.NewSyscallError("listen", err)
	}
	return l.control(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN)
}

func (l *Loop) acceptAll() error {
	for {
		fd, _, err := syscall.Accept4(l.listen, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return nil
		case errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EINTR):
		case err != nil:
			return os.NewSyscallError("accept4", err)
		default:
			s, err := l.Add(fd)
			if err != nil {
				return err
			}
			l.accept(s)
		}
	}
}
