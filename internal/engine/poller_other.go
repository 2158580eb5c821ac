//go:build !linux

package engine

// Elsewhere than on Linux the pump reads all connections.

type (
	poller struct{}
	polled struct{}
)

func (*poller) add(*wsConn) bool { return false }

func (*wsConn) run()     {}
func (*wsConn) wake()    {}
func (*wsConn) unwatch() {}

func (*wsConn) hasLeft() bool { return false }
