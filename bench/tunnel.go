//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
)

// A tunnel is a process of this program that passes connections on over TLS, as
// the load generator does not speak TLS. Its costs are not the server's.

const tunnelRole = "tunnel" // the first argument of that process

func startTunnel(ctx context.Context, to netip.AddrPort) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return (&server{run: []string{program, tunnelRole, to.String()}}).start(ctx)
}

// serveTunnel serves connections from one address to another.
func serveTunnel(to, from string) error {
	l, err := net.Listen("tcp", from)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		plain, err := l.Accept()
		if err != nil {
			return err
		}
		go pass(plain, to)
	}
}

func pass(plain net.Conn, to string) {
	defer plain.Close()
	encrypted, err := tls.Dial("tcp", to, &tls.Config{InsecureSkipVerify: true}) // its certificate is of today
	if err != nil {
		return
	}
	defer encrypted.Close()
	go func() {
		defer func() { _ = encrypted.CloseWrite() }()
		_, _ = io.Copy(encrypted, plain)
	}()
	_, _ = io.Copy(plain, encrypted)
}
