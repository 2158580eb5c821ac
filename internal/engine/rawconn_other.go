//go:build !unix

package engine

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func (c *wsConn) read() error { return c.readPlain() }

func (c *wsConn) tryWrite([]byte) (int, error) { return 0, nil }
