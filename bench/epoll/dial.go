//go:build linux

package epoll

import (
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
